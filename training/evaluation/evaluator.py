"""Evaluation of a whole recording in the background: a thread that computes frame errors, and snapshots of it.

It works on its own copy of the networks, so others neither wait for it nor change its numbers. The errors so far are
stored at intervals and at the end; the next job with the same key continues from there. A server runs one job at a
time: two would share the same processor and end no sooner.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from models import Network, NotFinite, SharedWorldModel
from session import SessionError
from training.distributed import ALONE, Group, OtherProcessFailed, ProcessLost
from training.evaluation.divided import SharedStore, evaluate_divided
from training.evaluation.evaluate import BatchErrors, FrameErrorsBuilder, evaluate_frames
from training.evaluation.request import EvaluationRequest, ModelCopy, copy_model
from training.evaluation.results import EvaluationResult
from training.evaluation.store import EvaluationStore
from training.failures import describe_evaluation_failure, is_out_of_memory
from training.rate import Rate
from training.values import duration_text

logger = logging.getLogger(__name__)

EvaluationStatus = Literal["running", "finished", "cancelled", "failed"]
SAVE_EVERY_S = 30.0
RATE_OVER = 10  # batches over which the rate is averaged


class EvaluationRunning(Exception):
    """An evaluation is in progress; the message names who started it, its recording and its progress."""


class NothingToCancel(Exception):
    """No evaluation is in progress."""


@dataclass(frozen=True, eq=False)
class EvaluationSnapshot:
    """State of an evaluation: `done` of `total` frames. `errors` is the result so far, None before the first batch;
    `seconds` includes those of earlier jobs that this one continues; `is_kept`: the result is stored on disk."""

    session_id: str
    history_length: int
    weights: Mapping[Network, str]
    status: EvaluationStatus
    done: int
    total: int
    frames_per_s: float
    seconds: float
    message: str
    started_by: str
    is_kept: bool
    errors: EvaluationResult | None

    @property
    def is_active(self) -> bool:
        return self.status == "running"

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the last frame, or None if no estimate is possible yet."""
        return (self.total - self.done) / self.frames_per_s if self.is_active and self.frames_per_s else None


class EvaluationJob:
    """Evaluates until the last frame, until it is cancelled, or until something fails. `start` returns at once."""

    def __init__(
        self,
        request: EvaluationRequest,
        networks: ModelCopy,
        store: EvaluationStore | SharedStore,
        clock: Callable[[], float] = time.monotonic,
        group: Group = ALONE.group,
    ) -> None:
        self._request, self._store, self._clock, self._group = request, store, clock, group
        group.wish(None)
        self._networks: ModelCopy | None = networks  # released at the end
        self._key = networks.key(request)
        earlier = store.find(self._key)
        # A complete result had unreadable frames: their files may be back.
        earlier = None if earlier is None or earlier.track.is_complete else earlier
        self._is_cancelled = threading.Event()
        self._lock = threading.Lock()  # guards what follows
        self._builder = FrameErrorsBuilder(request.recording.frame_count, earlier.track if earlier else None)
        self._stored_frames = self._builder.evaluated
        self._rate = Rate(RATE_OVER)
        self._batch_began = 0.0
        self._now = _first_snapshot(request, networks, earlier)
        self._thread = threading.Thread(target=self._run, name="evaluate a recording", daemon=True)

    def start(self) -> None:
        """Begin in a new thread."""
        self._thread.start()

    def cancel(self) -> None:
        """End before the next batch, or of several processes the next block; the errors so far are stored."""
        self._is_cancelled.set()
        self._group.wish("cancelled")

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the job has ended; returns False if it has not within `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def snapshot(self) -> EvaluationSnapshot:
        """The current state; never changes afterwards."""
        with self._lock:
            evaluated = self._now.errors.track.evaluated if self._now.errors else 0
            if evaluated != self._builder.evaluated:
                self._now = replace(self._now, errors=self._result())
            return self._now

    def _run(self) -> None:
        """Outer boundary of the job: any problem ends as a message, and the errors so far are stored."""
        status: EvaluationStatus = "failed"
        message = "The evaluation failed unexpectedly. See the server's log."
        try:
            with self._group.together():
                reached = self._evaluate()
            status, message = reached, self._outcome(reached)
        except (SessionError, NotFinite, OtherProcessFailed, ProcessLost) as problem:
            message = str(problem)
        except (RuntimeError, OSError, MemoryError) as problem:
            if not is_out_of_memory(problem):
                logger.exception("an evaluation failed")
            message = describe_evaluation_failure(problem)
        finally:
            self._end(status, message)

    def _evaluate(self) -> EvaluationStatus:
        request, start = self._request, self._builder.evaluated
        stored_at = self._batch_began = self._clock()
        self._rate.add(stored_at, start)
        with contextlib.closing(self._batches(start)) as batches:
            while self._builder.evaluated < request.recording.frame_count:
                if self._group.agreed("cancelled" if self._is_cancelled.is_set() else None):
                    return "cancelled"
                batch = next(batches, None)
                if batch is None:  # some have not completed their blocks
                    return "cancelled"
                self._add(batch)
                if self._clock() - stored_at >= SAVE_EVERY_S:
                    self._save()
                    stored_at = self._clock()
        return "finished"

    def _batches(self, start: int) -> Iterator[BatchErrors]:
        """The errors of the frames from `start` on."""
        what = self._networks.model, self._request.recording, self._request.history_length, start
        if self._group.size == 1:
            return evaluate_frames(*what)
        return evaluate_divided(self._group, *what, self._is_cancelled.is_set)

    def _add(self, batch: BatchErrors) -> None:
        with self._lock:
            self._builder.add(batch)
            now, done = self._clock(), self._builder.evaluated
            self._rate.add(now, done)
            seconds = self._now.seconds + now - self._batch_began
            self._batch_began = now
            rate = self._rate.per_second
            self._now = replace(self._now, done=done, seconds=seconds, frames_per_s=rate, message="Evaluating.")

    def _save(self) -> str:
        """Store the errors so far; returns "", or a sentence if they could not be written."""
        now = self.snapshot()
        if now.errors is None or now.done == self._stored_frames:
            return ""
        self._stored_frames = now.done
        return self._store.put(now.errors, self._request.is_kept)

    def _result(self) -> EvaluationResult:
        made_at = datetime.now().astimezone().isoformat()
        return EvaluationResult(self._key, self._now.weights, made_at, self._now.seconds, self._builder.build())

    def _outcome(self, status: EvaluationStatus) -> str:
        now = self.snapshot()
        unreadable = now.errors.track.unreadable if now.errors else 0
        lost = f" {_frames(unreadable)} could not be read." if unreadable else ""
        if status == "cancelled":
            return (
                f"Cancelled after {now.done:,} of {_frames(now.total)}; the next evaluation goes on from there.{lost}"
            )
        return f"Evaluated {_frames(now.total)} in {duration_text(now.seconds)}.{lost}"

    def _end(self, status: EvaluationStatus, message: str) -> None:
        warning = ""
        try:
            warning = self._save()
        finally:
            self._networks = None
            with self._lock:
                self._now = replace(self._now, status=status, message=f"{message} {warning}".rstrip())


class Evaluator:
    """The evaluations of a server: at most one in progress, and all stored results.

    The processes of a `group` share the frames of each, and request the same ones in the same order.
    """

    def __init__(self, store: EvaluationStore, group: Group = ALONE.group) -> None:
        self._store = store if group.size == 1 else SharedStore(store, group)
        self._group = group
        self._lock = threading.Lock()
        self._job: EvaluationJob | None = None
        self._stored: EvaluationSnapshot | None = None  # of the last request, if its result was in the store

    def start(self, shared: SharedWorldModel, request: EvaluationRequest) -> EvaluationSnapshot:
        """Start a job, or return the finished result if it is in the store; raises EvaluationRunning, CheckpointError
        or SessionError."""
        with self._group.together():
            request.check()
            networks = copy_model(shared, request.files)
        result = self._store.find(networks.key(request))
        with self._lock:
            if result is not None and _is_final(result):
                message = "These frames were evaluated with these weights before: this is the result."
                first = _first_snapshot(request, networks, result)
                self._stored = replace(first, status="finished", message=message)
                return self._stored
            self._require_idle()
            self._stored, self._job = None, EvaluationJob(request, networks, self._store, group=self._group)
            self._job.start()
            return self._job.snapshot()

    def cancel(self) -> None:
        """Cancel the evaluation in progress; raises NothingToCancel."""
        job = self._job
        if job is None or not job.snapshot().is_active:
            raise NothingToCancel("No evaluation is in progress.")
        job.cancel()

    def snapshot(self) -> EvaluationSnapshot | None:
        """The evaluation in progress, or the last requested one, or None before the first."""
        now = self._job.snapshot() if self._job else None
        return now if now and now.is_active else self._stored or now

    def wait(self, timeout_s: float) -> bool:
        """Wait until the job, if there is one, has ended; returns False if it has not within `timeout_s`."""
        job = self._job
        return job is None or job.wait(timeout_s)

    def close(self, timeout_s: float) -> None:
        """Cancel the job in progress and wait until it has stored its errors."""
        with contextlib.suppress(NothingToCancel):
            self.cancel()
        self.wait(timeout_s)

    def kept(self, session_id: str, version: str) -> list[EvaluationResult]:
        """All results of a recording in this version, newest first, including unfinished ones."""
        return self._store.kept(session_id, version)

    def _require_idle(self) -> None:
        now = self.snapshot()
        if now is not None and now.is_active:
            who = f"{now.started_by[0].upper()}{now.started_by[1:]}" if now.started_by else "Somebody"
            raise EvaluationRunning(
                f"{who} evaluates {now.session_id} with a history of {now.history_length}: {now.done:,} of "
                f"{_frames(now.total)} are done. Wait, or press Cancel."
            )


def _is_final(result: EvaluationResult) -> bool:
    """True if evaluating again would gain nothing: all frames are evaluated and could be read."""
    return result.track.is_complete and not result.track.unreadable


def _first_snapshot(
    request: EvaluationRequest, networks: ModelCopy, earlier: EvaluationResult | None
) -> EvaluationSnapshot:
    return EvaluationSnapshot(
        session_id=request.session_id,
        history_length=request.history_length,
        weights=networks.weights,
        status="running",
        done=earlier.track.evaluated if earlier else 0,
        total=request.recording.frame_count,
        frames_per_s=0.0,
        seconds=earlier.seconds if earlier else 0.0,
        message="Starting.",
        started_by=request.started_by,
        is_kept=request.is_kept,
        errors=earlier,
    )


def _frames(count: int) -> str:
    return f"{count:,} frame{'' if count == 1 else 's'}"
