from training.checkpoints.paths import checkpoint_menu


def test_each_network_is_offered_the_files_that_may_be_its_own(tmp_path):
    folder = tmp_path / "jetbot"
    folder.mkdir()
    for name in ("autoencoder.pth", "predictor_0.pth", "predictor_10.pth", "best.pth", "notes.txt"):
        (folder / name).write_bytes(b"")
    (autoencoders, usual), (predictors, first) = checkpoint_menu(tmp_path, "jetbot", "saved/checkpoints")
    assert autoencoders == ["saved/checkpoints/jetbot/autoencoder.pth", "saved/checkpoints/jetbot/best.pth"]
    assert usual == "saved/checkpoints/jetbot/autoencoder.pth"
    assert [name.rpartition("/")[2] for name in predictors] == ["predictor_0.pth", "predictor_10.pth", "best.pth"]
    assert first == "saved/checkpoints/jetbot/predictor_0.pth"


def test_no_file_is_offered_that_does_not_exist(tmp_path):
    assert checkpoint_menu(tmp_path, "toroidal_dot", "saved/checkpoints") == [([], ""), ([], "")]
    (tmp_path / "toroidal_dot").mkdir()
    (tmp_path / "toroidal_dot" / "best.pth").write_bytes(b"")
    assert checkpoint_menu(tmp_path, "toroidal_dot", "saved/checkpoints")[0] == (
        ["saved/checkpoints/toroidal_dot/best.pth"],
        "",
    )
