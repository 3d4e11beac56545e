"""`python -m training.evaluate`: errors of whole recordings, stored where the page finds them."""

import signal

import pytest

from session import record_demo
from tests.app.conftest import write_checkpoints
from tests.app.narrow import NarrowWorldModels
from training import Backend, evaluate
from training.evaluation.evaluator import EvaluationJob


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Two recordings of a JetBot with checkpoints; commands have the narrow networks, and leave signals alone."""
    for seed in (1, 2):
        record_demo(tmp_path / "sessions", "jetbot_sim", 9, seed=seed)
    write_checkpoints(tmp_path / "checkpoints" / "jetbot", action_channels=3)
    monkeypatch.setattr("training.backend.WorldModels", NarrowWorldModels)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return tmp_path


def test_all_recordings_of_a_robot_are_evaluated_once(data, capsys, monkeypatch):
    command = ["--robot", "jetbot", "--data", str(data)]
    assert evaluate.main(command) == 0
    table = capsys.readouterr().out
    backend = Backend(data, "cpu")
    ids = backend.session_ids("jetbot")
    for session_id in ids:
        recording = backend.sessions.get(session_id)
        (kept,) = backend.evaluator.kept(session_id, recording.version)  # as the page asks for them
        assert kept.track.is_complete and kept.track.frame_count == 9
        line = next(line for line in table.splitlines() if line.startswith(session_id))
        assert f"{kept.track.reconstruction.mean():.3e}" in line and line.count("%") == 3
        assert line.endswith(("learns the mean", "untrained", "sees", "predicts", "uses the actions"))
    monkeypatch.setattr(EvaluationJob, "start", lambda *_: pytest.fail("evaluated again"))
    assert evaluate.main(["--session", *ids, "--data", str(data)]) == 0
    assert capsys.readouterr().out == table


def test_an_end_keeps_what_is_done_and_the_next_goes_on(data, capsys, monkeypatch):
    monkeypatch.setattr("training.evaluation.evaluate.BATCH_ON_CPU", 2)
    real = EvaluationJob._add

    class Stop:
        is_made = False

        def __init__(self, is_impatient): ...

    def add(job, batch):
        real(job, batch)
        Stop.is_made = True
        job.cancel()

    monkeypatch.setattr(evaluate, "StopRequest", Stop)
    with monkeypatch.context() as patch:
        patch.setattr(EvaluationJob, "_add", add)
        assert evaluate.main(["--robot", "jetbot", "--data", str(data)]) == 1
    assert "Cancelled after 2 of 9 frames; the next evaluation goes on from there." in capsys.readouterr().out
    Stop.is_made = False
    batches = []
    monkeypatch.setattr(EvaluationJob, "_add", lambda job, batch: (batches.append(batch.first), real(job, batch)))
    assert evaluate.main(["--robot", "jetbot", "--data", str(data)]) == 0
    assert batches == [2, 4, 6, 8, 0, 2, 4, 6, 8]


def test_what_cannot_be_evaluated_is_told(data, capsys):
    for given, code, told in (
        (["--robot", "rover"], 2, "There is no recording with frames to evaluate"),
        (["--session", "jetbot/none"], 2, "There is no session of that name"),
        (["--robot", "jetbot", "--history-length", "9"], 2, "must be a whole number from 2 to 8"),
        (["--robot", "jetbot", "--predictor", str(data / "none.pth")], 1, "There is no checkpoint"),
    ):
        assert evaluate.main([*given, "--data", str(data)]) == code
        assert told in capsys.readouterr().err
