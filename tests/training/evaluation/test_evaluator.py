import itertools
import shutil
import threading

import numpy as np
import pytest
import torch

from models import NotFinite, WeightsSource, weights_digest
from session import FrameOutOfRange, HistoryLengthError, load_session
from tests.session.session_files import write_session
from tests.training.tiny import evaluate_all, shared_model, until
from training import (
    CheckpointError,
    EvaluationJob,
    EvaluationRequest,
    EvaluationRunning,
    EvaluationStore,
    Evaluator,
    NothingToCancel,
    load_checkpoint,
)
from training.evaluation import evaluator as evaluator_module
from training.evaluation.evaluate import evaluate_frames
from training.evaluation.request import copy_model

FRAMES = 12
SESSION = "toroidal_dot/session_1"


@pytest.fixture
def shared():
    return shared_model()


@pytest.fixture
def evaluation_request(recording):
    return EvaluationRequest(SESSION, recording, 3, "Ada")


@pytest.fixture
def small_batches(monkeypatch):
    """Batches of two; the fixture lists the first frame of each computed batch."""
    computed = []

    def evaluate(model, recording, length, start=0):
        for batch in evaluate_frames(model, recording, length, start, batch_size=2):
            computed.append(batch.first)
            yield batch

    monkeypatch.setattr(evaluator_module, "evaluate_frames", evaluate)
    return computed


class Gate:
    """Admits batches one by one: a job waits after each for `admit`."""

    def __init__(self, monkeypatch):
        self._may_go, self.reached = threading.Semaphore(0), []

        def evaluate(model, recording, length, start=0):
            for batch in evaluate_frames(model, recording, length, start, batch_size=2):
                self.reached.append(batch.first)
                assert self._may_go.acquire(timeout=20)
                yield batch

        monkeypatch.setattr(evaluator_module, "evaluate_frames", evaluate)

    def admit(self, batches):
        for _ in range(batches):
            self._may_go.release()


@pytest.fixture
def gate(monkeypatch):
    new = Gate(monkeypatch)
    yield new
    new.admit(100)


def finish(evaluator, shared, evaluation_request):
    evaluator.start(shared, evaluation_request)
    assert evaluator.wait(30)
    return evaluator.snapshot()


def assert_same(track, expected):
    assert track.evaluated == expected.evaluated
    for name in ("reconstruction", "prediction"):
        np.testing.assert_allclose(track.of(name), expected.of(name), rtol=1e-5)
    assert np.array_equal(track.context, expected.context)


def test_a_recording_is_evaluated_and_the_result_stored(shared, evaluation_request, tmp_path):
    evaluator = Evaluator(EvaluationStore(tmp_path))
    assert evaluator.snapshot() is None and evaluator.kept(SESSION, evaluation_request.recording.version) == []
    end = finish(evaluator, shared, evaluation_request)
    assert (end.status, end.done, end.total, end.is_active, end.seconds_left) == ("finished", 12, 12, False, None)
    assert end.message.startswith("Evaluated 12 frames in ") and end.frames_per_s > 0
    assert_same(end.errors.track, evaluate_all(shared.model, evaluation_request.recording, 3))
    assert end.errors.digests == shared.digests() and end.errors.when.tzinfo is not None
    assert end.weights == end.errors.weights == {"autoencoder": "untrained", "predictor": "untrained"}
    for store in (evaluator, EvaluationStore(tmp_path)):
        (kept,) = store.kept(SESSION, evaluation_request.recording.version)
        assert kept.key == end.errors.key
        assert_same(kept.track, end.errors.track)


def test_a_complete_stored_result_is_not_computed_again(shared, evaluation_request, tmp_path, small_batches):
    finish(Evaluator(EvaluationStore(tmp_path)), shared, evaluation_request)
    assert len(small_batches) == 6
    again = Evaluator(EvaluationStore(tmp_path)).start(shared, evaluation_request)
    assert again.status == "finished" and again.done == 12 and again.errors.track.is_complete
    assert "before" in again.message and len(small_batches) == 6


@pytest.mark.parametrize("what", ["history", "weights"])
def test_another_history_or_other_weights_are_computed_anew(shared, evaluation_request, small_batches, what):
    evaluator = Evaluator(EvaluationStore(None))
    first = finish(evaluator, shared, evaluation_request)
    if what == "weights":
        with shared.lock, torch.no_grad():
            shared.model.predictor.future_query.add_(0.5)
            shared.set_weights_source({"predictor": WeightsSource(None, 5)})
    other = EvaluationRequest(SESSION, evaluation_request.recording, 3 if what == "weights" else 4)
    second = finish(evaluator, shared, other)
    assert len(small_batches) == 12 and second.errors.key != first.errors.key
    assert len(evaluator.kept(SESSION, evaluation_request.recording.version)) == 2


def test_snapshots_show_progress_and_never_change(shared, evaluation_request, gate):
    evaluator = Evaluator(EvaluationStore(None))
    first = evaluator.start(shared, evaluation_request)
    assert first.is_active and first.errors is None and first.done == 0 and first.seconds_left is None
    gate.admit(2)
    until(lambda: evaluator.snapshot().done == 4)
    now = evaluator.snapshot()
    assert now.is_active and now.seconds_left == pytest.approx(8 / now.frames_per_s)
    assert now.errors.track.evaluated == 4 and evaluator.snapshot().errors is now.errors
    gate.admit(10)
    assert evaluator.wait(30) and evaluator.snapshot().done == 12
    assert now.errors.track.evaluated == 4 and np.isnan(now.errors.track.reconstruction[4:]).all()


def test_a_cancelled_evaluation_is_stored_and_a_later_one_continues_from_there(
    shared, evaluation_request, gate, tmp_path
):
    evaluator = Evaluator(EvaluationStore(tmp_path))
    evaluator.start(shared, evaluation_request)
    gate.admit(2)
    until(lambda: evaluator.snapshot().done == 4)
    evaluator.cancel()
    gate.admit(1)  # the batch in progress
    assert evaluator.wait(30)
    end = evaluator.snapshot()
    assert end.status == "cancelled" and end.message.startswith(f"Cancelled after {end.done} of 12 frames")
    assert end.done in (4, 6) and end.errors.track.evaluated == end.done

    gate.reached.clear()
    later = Evaluator(EvaluationStore(tmp_path))
    first = later.start(shared, evaluation_request)
    assert first.done == end.done and first.errors.track.evaluated == end.done
    gate.admit(10)
    assert later.wait(30) and gate.reached[0] == end.done
    now = later.snapshot()
    assert now.status == "finished" and now.seconds > end.seconds
    assert_same(now.errors.track, evaluate_all(shared.model, evaluation_request.recording, 3))
    assert len(later.kept(SESSION, evaluation_request.recording.version)) == 1


def test_a_running_evaluation_is_stored_at_intervals(shared, evaluation_request, small_batches):
    class CountingStore(EvaluationStore):
        def __init__(self):
            super().__init__(None)
            self.puts = []

        def put(self, errors, is_for_disk=True):
            self.puts.append(errors.track.evaluated)
            return super().put(errors, is_for_disk)

    store, ticks = CountingStore(), itertools.count(step=5)
    job = EvaluationJob(evaluation_request, copy_model(shared, {}), store, clock=lambda: next(ticks))
    job.start()
    assert job.wait(30)
    # The clock is read once at the start and twice a batch, 5 s apart: 30 s are over after each third batch of two.
    assert store.puts == [6, 12]
    assert job.snapshot().seconds > 0


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_result_that_is_not_for_the_disk_stays_in_memory(shared, recording, tmp_path, is_kept):
    evaluation_request = EvaluationRequest(SESSION, recording, 3, "Ada", is_kept=is_kept)
    evaluator = Evaluator(EvaluationStore(tmp_path))
    assert evaluator.start(shared, evaluation_request).is_kept is is_kept
    assert evaluator.wait(30)
    assert len(evaluator.kept(SESSION, recording.version)) == 1
    assert len(list(tmp_path.rglob("*.npz"))) == is_kept


def test_the_rate_is_that_of_the_last_batches(shared, evaluation_request, small_batches):
    ticks = itertools.count(step=5)
    job = EvaluationJob(evaluation_request, copy_model(shared, {}), EvaluationStore(None), clock=lambda: next(ticks))
    job.start()
    assert job.wait(30)
    # Batches of 2 end 5, 15, 25 s after the start, and 5 s later for the save after the third: 40, 50 and 60.
    assert job.snapshot().frames_per_s == pytest.approx(12 / 60) and job.snapshot().seconds == 60


def test_a_second_request_is_refused_with_name_recording_and_progress(shared, evaluation_request, gate):
    evaluator = Evaluator(EvaluationStore(None))
    evaluator.start(shared, evaluation_request)
    gate.admit(1)
    until(lambda: evaluator.snapshot().done == 2)
    with pytest.raises(EvaluationRunning) as refused:
        evaluator.start(shared, EvaluationRequest("jetbot/other", evaluation_request.recording, 4))
    assert str(refused.value) == (
        "Ada evaluates toroidal_dot/session_1 with a history of 3: 2 of 12 frames are done. Wait, or press Cancel."
    )


def test_a_stored_result_is_returned_even_while_another_evaluation_runs(shared, evaluation_request, gate):
    evaluator = Evaluator(EvaluationStore(None))
    gate.admit(6)
    finish(evaluator, shared, evaluation_request)
    evaluator.start(shared, EvaluationRequest(SESSION, evaluation_request.recording, 4))
    assert evaluator.start(shared, evaluation_request).errors.track.is_complete
    assert evaluator.snapshot().history_length == 4 and evaluator.snapshot().is_active


def test_there_is_nothing_to_cancel_if_nothing_runs(shared, evaluation_request):
    evaluator = Evaluator(EvaluationStore(None))
    with pytest.raises(NothingToCancel):
        evaluator.cancel()
    finish(evaluator, shared, evaluation_request)
    with pytest.raises(NothingToCancel):
        evaluator.cancel()
    evaluator.close(1)


def test_closing_cancels_and_stores_the_errors_so_far(shared, evaluation_request, gate, tmp_path):
    evaluator = Evaluator(EvaluationStore(tmp_path))
    evaluator.start(shared, evaluation_request)
    gate.admit(1)
    until(lambda: evaluator.snapshot().done == 2)
    closing = threading.Thread(target=evaluator.close, args=(20,))
    closing.start()
    gate.admit(1)
    closing.join(20)
    assert evaluator.snapshot().status == "cancelled"
    assert EvaluationStore(tmp_path).kept(SESSION, evaluation_request.recording.version)[0].track.evaluated in (2, 4)


def test_simultaneous_training_neither_waits_nor_changes_the_numbers(shared, evaluation_request, gate):
    expected, digests = evaluate_all(shared.model, evaluation_request.recording, 3), shared.digests()
    evaluator = Evaluator(EvaluationStore(None))
    evaluator.start(shared, evaluation_request)
    gate.admit(1)
    until(lambda: evaluator.snapshot().done == 2)
    assert shared.lock.acquire(timeout=5)  # as in a step
    with torch.no_grad():
        for parameter in shared.model.parameters():
            parameter.zero_()
    shared.set_weights_source({"predictor": WeightsSource(None, 1)})
    gate.admit(10)
    assert evaluator.wait(30)
    shared.lock.release()
    end = evaluator.snapshot()
    assert_same(end.errors.track, expected)
    assert end.errors.digests == digests and end.weights["predictor"] == "untrained"


def test_checkpoints_that_are_not_in_use_can_be_evaluated(shared, evaluation_request, tmp_path):
    other = shared_model()
    other.model.reset_weights(torch.Generator().manual_seed(3))
    path = tmp_path / "toroidal_dot" / "predictor_7.pth"
    path.parent.mkdir()
    torch.save({"model_state_dict": other.model.predictor.state_dict(), "step": 40}, path)
    before = shared.digests()
    end = finish(
        Evaluator(EvaluationStore(None)),
        shared,
        EvaluationRequest(SESSION, evaluation_request.recording, 3, "", {"predictor": path}),
    )
    assert end.errors.digests == {
        "autoencoder": before["autoencoder"],
        "predictor": weights_digest(other.model.predictor),
    }
    assert end.weights["predictor"].startswith("toroidal_dot/predictor_7.pth")
    assert end.weights["autoencoder"] == "untrained"
    assert weights_digest(shared.model.predictor) == before["predictor"]
    load_checkpoint(path, shared.model.predictor)
    assert_same(end.errors.track, evaluate_all(shared.model, evaluation_request.recording, 3))


def test_a_bad_checkpoint_is_refused_before_a_job_starts(shared, evaluation_request, tmp_path):
    evaluator = Evaluator(EvaluationStore(None))
    with pytest.raises(CheckpointError):
        evaluator.start(
            shared,
            EvaluationRequest(SESSION, evaluation_request.recording, 3, "", {"autoencoder": tmp_path / "no.pth"}),
        )
    assert evaluator.snapshot() is None


def test_a_bad_history_length_or_an_empty_recording_is_refused_before_a_job_starts(
    shared, evaluation_request, tmp_path
):
    evaluator = Evaluator(EvaluationStore(None))
    with pytest.raises(HistoryLengthError):
        evaluator.start(shared, EvaluationRequest(SESSION, evaluation_request.recording, 9))
    empty = load_session(write_session(tmp_path / "jetbot" / "session_1", []))
    with pytest.raises(FrameOutOfRange):
        evaluator.start(shared, EvaluationRequest("jetbot/session_1", empty, 3))
    assert evaluator.snapshot() is None


def test_weights_with_outputs_that_are_not_finite_end_the_job_with_a_message(shared, evaluation_request):
    with torch.no_grad():
        shared.model.predictor.future_query.fill_(float("inf"))
    end = finish(Evaluator(EvaluationStore(None)), shared, evaluation_request)
    assert end.status == "failed" and end.message == str(NotFinite("predictor")) and end.errors is None


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (MemoryError(), "Out of memory"),
        (torch.OutOfMemoryError(), "Out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "Out of memory"),
        (RuntimeError("something"), "failed unexpectedly (RuntimeError)"),
        (OSError("something"), "failed unexpectedly (OSError)"),
    ],
)
def test_a_failure_ends_with_a_message_and_stores_the_frames_before(
    shared, evaluation_request, monkeypatch, problem, words
):
    def evaluate(model, recording, length, start=0):
        yield next(evaluate_frames(model, recording, length, start, batch_size=2))
        raise problem

    monkeypatch.setattr(evaluator_module, "evaluate_frames", evaluate)
    evaluator = Evaluator(EvaluationStore(None))
    end = finish(evaluator, shared, evaluation_request)
    assert end.status == "failed" and words in end.message and end.done == 2
    assert evaluator.kept(SESSION, evaluation_request.recording.version)[0].track.evaluated == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_even_a_programming_error_ends_the_job(shared, evaluation_request, monkeypatch):
    def evaluate(model, recording, length, start=0):
        raise AssertionError
        yield

    monkeypatch.setattr(evaluator_module, "evaluate_frames", evaluate)
    end = finish(Evaluator(EvaluationStore(None)), shared, evaluation_request)
    assert end.status == "failed" and "See the server's log" in end.message


def test_frames_that_cannot_be_read_are_counted(shared, tmp_path, recording):
    folder = tmp_path / "session_1"
    shutil.copytree(recording.folder, folder)
    copied = load_session(folder)
    (folder / copied.frame_names[4]).unlink()
    end = finish(Evaluator(EvaluationStore(None)), shared, EvaluationRequest(SESSION, copied, 3))
    assert end.status == "finished" and end.message.endswith(" 1 frame could not be read.")


def test_a_result_that_cannot_be_written_is_reported(shared, evaluation_request, tmp_path):
    (tmp_path / "file").write_text("")
    end = finish(Evaluator(EvaluationStore(tmp_path / "file")), shared, evaluation_request)
    assert end.status == "finished" and "kept only until the server ends" in end.message


def test_the_model_is_copied_under_its_lock(shared):
    class Filling:
        """A lock; all parameters are 1 only while it is held."""

        def __enter__(self):
            fill(1)

        def __exit__(self, *_):
            fill(0)

    @torch.no_grad()
    def fill(value):
        for parameter in shared.model.parameters():
            parameter.fill_(value)

    shared.lock = Filling()
    assert all((parameter == 1).all() for parameter in copy_model(shared, {}).model.parameters())
