import pytest

from session import TOROIDAL_DOT
from training import Laboratory
from training.checkpoints.writer import save_checkpoint
from training.steps import WorldModelOptimizers


@pytest.mark.parametrize("is_read_only", [False, True])
def test_what_a_robot_learned_last_is_in_use_when_it_is_first_shown(tmp_path, is_read_only):
    before = Laboratory(tmp_path, "cpu").workshop_of(TOROIDAL_DOT)
    assert not before.shared.weights["predictor"].is_trained
    save_checkpoint(tmp_path / "checkpoints" / "toroidal_dot", WorldModelOptimizers(before.shared.model))
    laboratory = Laboratory(tmp_path, "cpu", is_read_only)
    weights = laboratory.workshop_of(TOROIDAL_DOT).shared.weights
    assert {used.file for used in weights.values()} == {"toroidal_dot/autoencoder.pth", "toroidal_dot/predictor_0.pth"}


def test_a_file_that_cannot_be_loaded_leaves_the_network_untrained(tmp_path):
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    folder.mkdir(parents=True)
    (folder / "autoencoder.pth").write_bytes(b"nothing that could be loaded")
    weights = Laboratory(tmp_path, "cpu").workshop_of(TOROIDAL_DOT).shared.weights
    assert not any(used.is_trained for used in weights.values())
