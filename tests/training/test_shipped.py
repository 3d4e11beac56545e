"""The demo networks in `saved/` and the recordings beside them: what a first visitor sees must be true."""

from pathlib import Path

import pytest

from models import SharedWorldModel
from session import load_session
from training import Backend
from training.checkpoints.writer import FILES
from training.evaluation.accuracy import measure_truth
from training.evaluation.rollouts.imagination import apply_command

SAVED = Path(__file__).parents[2] / "saved"
DOT = "toroidal_dot/session_20261123_231857"
RECORDINGS = (DOT, *(f"toroidal_dot/session_20261123_{end}" for end in ("231854", "231855")))
LEARNED_ROOM = "jetbot/session_20261127_234947"  # a room that the pair learned, in another recording
OTHER_ROOM = "jetbot/session_20261123_231856"
MOVE, TURN = 1, 1


@pytest.fixture(scope="module")
def backend() -> Backend:
    return Backend(SAVED, "cpu", is_read_only=True)


def shared_for(backend: Backend, session_id: str) -> SharedWorldModel:
    """The networks that a visitor of a recording gets."""
    shared = backend.loaded_manager(backend.sessions.get(session_id).profile).shared
    assert all(source.is_trained for source in shared.weights.values())
    return shared


@pytest.mark.parametrize(("session_id", "history_length"), list(zip(RECORDINGS, (3, 8, 2), strict=True)))
def test_predictions_are_within_two_pixels_of_the_simulator(backend, session_id, history_length):
    """With histories of any length; two of the three rows are in no recording that was learned from."""
    recording, shared = load_session(SAVED / "sessions" / session_id), shared_for(backend, session_id)
    truth = measure_truth(shared, recording, session_id, history_length, frames=4)
    assert truth.shares().pairs == 8
    assert [truth.shares(candidate).near for candidate in (0, MOVE)] == [1, 1]


@pytest.mark.parametrize("session_id", [LEARNED_ROOM, OTHER_ROOM])
def test_a_camera_robot_turns_to_the_heading_of_the_simulator(backend, session_id):
    """In the room that was learned and, because pixels are copied, in any other."""
    shared, recording = shared_for(backend, session_id), backend.sessions.get(session_id)
    truth = measure_truth(shared, recording, session_id, 3, frames=4)
    assert [truth.shares(candidate).near for candidate in (0, TURN)] == [1, 1]


def test_ten_imagined_moves_are_those_of_the_simulator(backend):
    recording, shared, dream = load_session(SAVED / "sessions" / DOT), shared_for(backend, DOT), None
    for _ in range(10):  # once around the torus, and on
        dream = apply_command(shared, recording, dream, 3, MOVE, "pictures", 3)
    assert dream.steps[-1].known == dream.steps[-1].near == 10


def test_a_room_turns_on_when_nothing_of_the_first_picture_is_left(backend):
    recording, shared, dream = backend.sessions.get(LEARNED_ROOM), shared_for(backend, LEARNED_ROOM), None
    for _ in range(13):
        dream = apply_command(shared, recording, dream, 3, TURN, "latents", 3)
    last = dream.steps[-1]
    assert last.known == 13 and last.near >= 12 and last.mse < last.repeat_mse / 5


def test_all_of_it_is_small():
    sessions = [SAVED / "sessions" / name for name in (*RECORDINGS, LEARNED_ROOM, OTHER_ROOM)]
    pairs = [SAVED / "checkpoints" / robot / file for robot in ("toroidal_dot", "jetbot") for file in FILES.values()]
    files = [*pairs, *(file for folder in sessions for file in folder.rglob("*") if file.is_file())]
    assert all(load_session(folder).frame_count == 61 for folder in sessions)
    assert sum(file.stat().st_size for file in files) <= 60e6
