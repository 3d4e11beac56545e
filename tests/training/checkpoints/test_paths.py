import os

import pytest

from tests.app.traversals import Canaries, traversals
from tests.cases import every_case
from training import CheckpointNotFound, checkpoint_path, default_checkpoints, list_checkpoints


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "data" / "checkpoints"
    (root / "wheels").mkdir(parents=True)
    (root / "wheels" / "autoencoder.pth").write_bytes(b"x")
    (root / "wheels" / "state.pkl").write_bytes(b"x")
    (root / "wheels" / "folder.pth").mkdir()
    (tmp_path / "outside.pth").write_bytes(b"x")
    (tmp_path / "data" / "checkpoints_of_others").mkdir()
    (tmp_path / "data" / "checkpoints_of_others" / "a.pth").write_bytes(b"x")
    (root / "wheels" / "link_out.pth").symlink_to(tmp_path / "outside.pth")
    (root / "wheels" / "link_in.pth").symlink_to("autoencoder.pth")
    (root / "wheels" / "loop.pth").symlink_to("loop.pth")
    (root / "away").symlink_to(tmp_path)
    os.mkfifo(root / "wheels" / "fifo.pth")
    return root


@every_case(
    "typed",
    [
        "wheels/autoencoder.pth",
        "  wheels/autoencoder.pth\n",
        "./wheels//autoencoder.pth",
        "saved/checkpoints/wheels/autoencoder.pth",
        "wheels/link_in.pth",
    ],
)
def test_a_file_is_found_as_the_page_shows_it(root, typed):
    assert checkpoint_path(root, typed) == root / "wheels" / "autoencoder.pth"


def test_an_absolute_path_inside_is_found(root):
    inside = root / "wheels" / "autoencoder.pth"
    assert checkpoint_path(root, str(inside)) == inside


def test_another_prefix_can_be_shown(root):
    assert checkpoint_path(root, "weights/wheels/autoencoder.pth", shown_prefix="weights").name == "autoencoder.pth"
    with pytest.raises(CheckpointNotFound, match="choose one under weights"):
        checkpoint_path(root, "saved/checkpoints/wheels/autoencoder.pth", shown_prefix="weights")


FORBIDDEN = [
    "", " ", ".", "..", "/", "wheels", "wheels/", "wheels/state.pkl", "wheels/folder.pth", "wheels/fifo.pth",
    "../../outside.pth", "wheels/../../../outside.pth", "saved/checkpoints/../../../outside.pth",
    "saved/checkpoints/../checkpoints/wheels/autoencoder.pth/../../../../outside.pth",
    "../checkpoints_of_others/a.pth", "wheels/link_out.pth", "away/outside.pth", "wheels/loop.pth",
    "/etc/passwd", "/etc/passwd.pth", "/dev/zero", "//etc/passwd.pth", "/proc/self/environ", "~/x.pth", "~root/x.pth",
    "wheels/autoencoder.pth\0", "wheels/\0.pth", "\0", "\ud800.pth", "wheels/" + "a" * 300 + ".pth",
    "a/" * 5000 + "b.pth",
    "file:///etc/passwd.pth", "wheels\\..\\..\\..\\outside.pth", "..\\..\\outside.pth", "C:\\windows\\x.pth",
    "%2e%2e/%2e%2e/outside.pth", "..%2f..%2foutside.pth", "....//....//outside.pth", "wheels/autoencoder.pth/x.pth",
    "../../outside.pth\n", "wheels/.../outside.pth", "\u2025/\u2025/outside.pth", "$HOME/x.pth", "-.pth",
    "<script>alert(1)</script>.pth", "\x1b[31mred.pth",
]  # fmt: skip


@every_case("typed", FORBIDDEN)
def test_what_is_forbidden_and_what_is_absent_get_the_same_words(root, typed):
    with pytest.raises(CheckpointNotFound) as caught:
        checkpoint_path(root, typed)
    message = str(caught.value)
    before, after = "There is no checkpoint at ", "; choose one under saved/checkpoints."
    assert message.startswith(before) and message.endswith(after)
    assert message.isprintable() and len(message) < 160
    assert str(root.parent) not in message


@pytest.mark.parametrize("start", ["{outside}", "wheels/../../..", "../..", "saved/checkpoints/../.."])
def test_a_path_outside_is_not_even_read(root, monkeypatch, start):
    looked = []
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path, **options: looked.append(str(path)) or real(path, **options))
    with pytest.raises(CheckpointNotFound):
        checkpoint_path(root, f"{start.format(outside=root.parent.parent)}/outside.pth")
    assert not any(path.endswith("outside.pth") for path in looked)


@pytest.mark.promise("nobody leaves the data folder")
def test_no_way_to_write_a_path_opens_anything_outside(root, tmp_path, figure):
    links = ("wheels/link_out.pth", "away/outside.pth")
    strings = [*traversals("../../outside.pth", str(tmp_path / "outside.pth")), *links]
    folders = [*traversals("../../..", str(tmp_path)), "away", "../checkpoints_of_others"]
    with Canaries([tmp_path, tmp_path / "outside.pth", *(root.parent / "checkpoints_of_others").iterdir()]) as canaries:
        for typed in strings:
            with pytest.raises(CheckpointNotFound, match=r"(?s)^There is no checkpoint at .*; choose one under saved"):
                checkpoint_path(root, typed)
        assert [name for folder in folders for name in list_checkpoints(root, folder)] == []
        paths = canaries.looked_at()
    figure(f"{len(strings)} paths and {len(folders)} folders of checkpoints: {len(paths)} opened outside")
    assert paths == set()


def test_checkpoints_are_listed_in_the_order_of_a_search(root):
    for name in ("predictor_10", "predictor_2", "predictor_0", "predictor_0_backup", "autoencoder_backup", "mine"):
        (root / "wheels" / f"{name}.pth").write_bytes(b"x")
    assert list_checkpoints(root, "wheels") == [
        "wheels/autoencoder.pth",
        "wheels/predictor_0.pth",
        "wheels/predictor_2.pth",
        "wheels/predictor_10.pth",
        "wheels/link_in.pth",
        "wheels/mine.pth",
        "wheels/autoencoder_backup.pth",
        "wheels/predictor_0_backup.pth",
    ]


def test_everything_listed_can_be_typed(root):
    for name in list_checkpoints(root, "wheels"):
        assert checkpoint_path(root, name).is_file()


@every_case("robot", ["nobody", "..", ".", "", "/", "wheels/..", "../checkpoints_of_others", "a\0b", "away"])
def test_a_robot_without_a_folder_has_no_checkpoints(root, robot):
    assert list_checkpoints(root, robot) == []


def test_defaults_are_the_first_of_each_network(root):
    assert default_checkpoints(root, "wheels") == ("wheels/autoencoder.pth", "wheels/predictor_0.pth")
    (root / "wheels" / "predictor_3.pth").write_bytes(b"x")
    (root / "wheels" / "predictor_1_backup.pth").write_bytes(b"x")
    assert default_checkpoints(root, "wheels")[1] == "wheels/predictor_3.pth"
    assert default_checkpoints(root, "nobody") == ("nobody/autoencoder.pth", "nobody/predictor_0.pth")
