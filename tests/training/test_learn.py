import json

import pytest
import torch

import models
from session import record_demo
from tests.training.tiny import shared_model
from training import learn
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.validate import load_checkpoint

SHORT = [
    "--autoencoder-steps",
    "3",
    "--predictor-steps",
    "4",
    "--dream-steps",
    "2",
    "--kept-patches",
    "6",
    "--predictor-batch",
    "2",
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command on a folder with a recording, with small networks."""

    class Small(models.WorldModels):
        def get(self, key, action_channels):
            return shared_model()

    monkeypatch.setattr(learn, "WorldModels", Small)
    record_demo(tmp_path / "sessions", "toroidal_dot", 30, seed=1)
    return lambda *arguments: learn.main(["--data", str(tmp_path), *SHORT, *arguments])


def test_the_pair_is_written_as_checkpoints_that_load(run, tmp_path):
    assert run("--measure-every", "4") == 0
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    fresh = shared_model()
    for network, file, step in (("autoencoder", "autoencoder.pth", 3), ("predictor", "predictor_0.pth", 6)):
        assert load_checkpoint(folder / file, fresh.network(network)).step == step
        assert all(value.dtype == torch.float32 for value in read_checkpoint(folder / file).tensors.values())
    told = json.loads((folder / learn.CURVE_FILE).read_text())
    assert told["config"]["predictor_steps"] == 4
    assert [point["part"] for point in told["curve"]] == ["see", "foresee", "dream"]


def test_half_precision_halves_the_files_and_changes_next_to_nothing(run, tmp_path):
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    assert run() == 0
    whole = read_checkpoint(folder / "predictor_0.pth").tensors
    size = (folder / "predictor_0.pth").stat().st_size
    assert run("--half") == 0
    half = read_checkpoint(folder / "predictor_0.pth").tensors
    assert {value.dtype for value in half.values()} == {torch.float16}
    assert max((half[key].float() - whole[key]).abs().max().item() for key in whole) < 2e-3
    assert (folder / "predictor_0.pth").stat().st_size < 0.8 * size


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--robot", "nobody"], "no recording of nobody"),
        (["--predictor-lr", "nan"], "predictor learning rate"),
        (["--history-length", "1"], "history length"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(run, tmp_path, capsys, arguments, told):
    assert run(*arguments) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "checkpoints").exists()


def test_an_autoencoder_is_taken_over_as_it_is(run, tmp_path):
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    assert run() == 0
    before = read_checkpoint(folder / "autoencoder.pth")
    other = tmp_path / "other.pth"
    (folder / "autoencoder.pth").rename(other)
    assert run("--autoencoder", str(other), "--autoencoder-steps", "9", "--seed", "5") == 0
    after = read_checkpoint(folder / "autoencoder.pth")
    assert after.step == before.step == 3
    assert all(torch.equal(after.tensors[key], value) for key, value in before.tensors.items())
    told = json.loads((folder / learn.CURVE_FILE).read_text())
    assert {point["part"] for point in told["curve"]} == {"foresee", "dream"}


def test_an_autoencoder_that_is_none_is_refused(run, tmp_path, capsys):
    assert run("--autoencoder", str(tmp_path / "nowhere.pth")) == 2
    assert "There is no checkpoint nowhere.pth" in capsys.readouterr().err


def test_a_predictor_taken_over_learns_to_dream_alone(run, tmp_path):
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    assert run() == 0
    taken = [tmp_path / "autoencoder.pth", tmp_path / "predictor.pth"]
    for file, name in zip(taken, ("autoencoder.pth", "predictor_0.pth"), strict=True):
        (folder / name).rename(file)
    assert run("--autoencoder", str(taken[0]), "--predictor", str(taken[1])) == 0
    assert read_checkpoint(folder / "predictor_0.pth").step == 8
    told = json.loads((folder / learn.CURVE_FILE).read_text())
    assert {point["part"] for point in told["curve"]} == {"dream"}
