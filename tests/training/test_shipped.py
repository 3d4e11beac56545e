"""The demo pair in `saved/` and the recordings beside it: what a first visitor sees must be true."""

from pathlib import Path

import pytest

from models import AdaptiveWorldModelConfig, SharedWorldModel, choose_device
from session import load_session
from training.checkpoints.validate import load_checkpoint
from training.evaluation.accuracy import measure_truth
from training.evaluation.imagination import apply_command

SAVED = Path(__file__).parents[2] / "saved"
CHECKPOINTS = SAVED / "checkpoints" / "toroidal_dot"
PAIR = {"autoencoder": CHECKPOINTS / "autoencoder.pth", "predictor": CHECKPOINTS / "predictor_0.pth"}
LEARNED_ROW = "toroidal_dot/session_20261123_231857"  # the pair learned this row of the picture, in other recordings
RECORDINGS = (LEARNED_ROW, *(f"toroidal_dot/session_20261123_{end}" for end in ("231854", "231855")))
JETBOT = "jetbot/session_20261123_231856"
MOVE = 1


@pytest.fixture(scope="module")
def shared():
    made = SharedWorldModel(AdaptiveWorldModelConfig(1), choose_device("cpu"))
    for network, path in PAIR.items():
        load_checkpoint(path, made.network(network))
    return made


def test_predictions_are_within_two_pixels_of_the_simulator(shared):
    recording = load_session(SAVED / "sessions" / LEARNED_ROW)
    truth = measure_truth(shared, recording, LEARNED_ROW, 3, frames=20)
    assert truth.shares().pairs == 40
    assert min(truth.shares(candidate).near for candidate in (0, 1)) >= 0.95


def test_ten_imagined_moves_are_those_of_the_simulator(shared):
    recording, dream = load_session(SAVED / "sessions" / LEARNED_ROW), None
    for _ in range(10):
        dream = apply_command(shared, recording, dream, 3, MOVE, "latents", 3)
    assert dream.steps[-1].known == 10 and dream.steps[-1].near >= 9


def test_all_of_it_is_small(shared):
    sessions = [SAVED / "sessions" / name for name in (*RECORDINGS, JETBOT)]
    files = [*PAIR.values(), *(file for folder in sessions for file in folder.rglob("*") if file.is_file())]
    assert all(load_session(folder).frame_count == 61 for folder in sessions)
    assert sum(file.stat().st_size for file in files) <= 25e6
