"""Evaluating a whole recording in the background: a thread that computes an error track, and what others may know and
ask of it.

It works on a copy of the networks of its own, so nobody waits for it and nobody changes its numbers. What it has is
kept now and then and at the end; the next job with the same key goes on from there. A server has one job at a time: two
would share the same processor and end no sooner.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from models import Network, NotFinite, SharedWorldModel
from session import SessionError
from training.evaluation.evaluate import BatchErrors, FrameErrorsBuilder, evaluate_frames
from training.evaluation.request import EvaluationRequest, ModelCopy, private_networks
from training.evaluation.results import EvaluationResult
from training.evaluation.store import EvaluationStore
from training.failures import describe_evaluation_failure, is_out_of_memory
from training.rate import Rate

logger = logging.getLogger(__name__)

EvaluationStatus = Literal["running", "finished", "cancelled", "failed"]
SAVE_EVERY_S = 30.0
RATE_OVER = 10  # batches over which the rate is averaged


class EvaluationRunning(Exception):
    """An evaluation is in progress; the message says whose, of what, and how far it is."""


class NothingToCancel(Exception):
    """No evaluation is in progress."""


@dataclass(frozen=True, eq=False)
class EvaluationSnapshot:
    """Where an evaluation stands: `done` of `total` frames. `errors` is what there is so far, None before the first
    batch; `seconds` includes those of earlier jobs that this one went on from; `is_kept`: the result goes to the disk.
    """

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
        """Seconds until the last frame, None where nothing can be said yet."""
        return (self.total - self.done) / self.frames_per_s if self.is_active and self.frames_per_s else None


class EvaluationJob:
    """Evaluates until the last frame, until it is cancelled, or until something fails. `start` returns at once."""

    def __init__(
        self,
        order: EvaluationRequest,
        networks: ModelCopy,
        store: EvaluationStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._order, self._store, self._clock = order, store, clock
        self._networks: ModelCopy | None = networks  # let go of at the end
        self._key = networks.key(order)
        earlier = store.find(self._key)
        # A complete one had frames that could not be read: their files may be back.
        earlier = None if earlier is None or earlier.track.is_complete else earlier
        self._is_cancelled = threading.Event()
        self._lock = threading.Lock()  # guards what follows
        self._builder = FrameErrorsBuilder(order.recording.frame_count, earlier.track if earlier else None)
        self._kept_at = self._builder.evaluated
        self._rate = Rate(RATE_OVER)
        self._now = _first_snapshot(order, networks, earlier)
        self._thread = threading.Thread(target=self._run, name="evaluate a recording", daemon=True)

    def start(self) -> None:
        """Begin in a thread of its own."""
        self._thread.start()

    def cancel(self) -> None:
        """End before the next batch; what was evaluated is kept."""
        self._is_cancelled.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the job has ended; False where it has not within `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def snapshot(self) -> EvaluationSnapshot:
        """Where the job stands now; never changes afterwards."""
        with self._lock:
            shown = self._now.errors.track.evaluated if self._now.errors else 0
            if shown != self._builder.evaluated:
                self._now = replace(self._now, errors=self._errors())
            return self._now

    def _run(self) -> None:
        """The job's outer boundary: whatever goes wrong ends as a message, and what was evaluated is kept."""
        status: EvaluationStatus = "failed"
        message = "The evaluation stopped by an unexpected problem; the server's log tells more."
        try:
            status = self._evaluate()
            message = self._outcome(status)
        except (SessionError, NotFinite) as problem:
            message = str(problem)
        except (RuntimeError, OSError, MemoryError) as problem:
            if not is_out_of_memory(problem):
                logger.exception("an evaluation failed")
            message = describe_evaluation_failure(problem)
        finally:
            self._end(status, message)

    def _evaluate(self) -> EvaluationStatus:
        order, start = self._order, self._builder.evaluated
        last_kept = self._clock()
        self._batch_ended_at = last_kept
        self._rate.add(last_kept, start)
        passed = evaluate_frames(self._networks.model, order.recording, order.history_length, start)
        with contextlib.closing(passed) as batches:
            while self._builder.evaluated < order.recording.frame_count:
                if self._is_cancelled.is_set():
                    return "cancelled"
                self._add(next(batches))
                if self._clock() - last_kept >= SAVE_EVERY_S:
                    self._keep()
                    last_kept = self._clock()
        return "finished"

    def _add(self, batch: BatchErrors) -> None:
        with self._lock:
            self._builder.add(batch)
            now, done = self._clock(), self._builder.evaluated
            self._rate.add(now, done)
            spent = self._now.seconds + now - self._batch_ended_at
            self._batch_ended_at = now
            rate = self._rate.per_second
            self._now = replace(self._now, done=done, seconds=spent, frames_per_s=rate, message="Evaluating.")

    def _keep(self) -> str:
        """Put what there is into the store; returns what is to be said."""
        now = self.snapshot()
        if now.errors is None or now.done == self._kept_at:
            return ""
        self._kept_at = now.done
        return self._store.put(now.errors, self._order.is_kept)

    def _errors(self) -> EvaluationResult:
        made_at = datetime.now().astimezone().isoformat()
        return EvaluationResult(self._key, self._now.weights, made_at, self._now.seconds, self._builder.track())

    def _outcome(self, status: EvaluationStatus) -> str:
        now = self.snapshot()
        unreadable = now.errors.track.unreadable if now.errors else 0
        lost = f" {_frames(unreadable)} could not be read." if unreadable else ""
        if status == "cancelled":
            return (
                f"Cancelled after {now.done:,} of {_frames(now.total)}; the next evaluation goes on from there.{lost}"
            )
        return f"Evaluated {_frames(now.total)} in {now.seconds:.1f} s.{lost}"

    def _end(self, status: EvaluationStatus, message: str) -> None:
        told = ""
        try:
            told = self._keep()
        finally:
            self._networks = None
            with self._lock:
                self._now = replace(self._now, status=status, message=f"{message} {told}".rstrip())


class Evaluator:
    """The evaluations of a server: at most one in progress, and all results that are kept."""

    def __init__(self, store: EvaluationStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._job: EvaluationJob | None = None
        self._found: EvaluationSnapshot | None = None  # what was last asked for, where it was kept

    def start(self, shared: SharedWorldModel, order: EvaluationRequest) -> EvaluationSnapshot:
        """Start a job, or return the finished result where it is kept; raises EvaluationRunning, CheckpointError or
        SessionError."""
        order.check()
        networks = private_networks(shared, order.files)
        kept = self._store.find(networks.key(order))
        with self._lock:
            if kept is not None and _is_final(kept):
                message = "These frames were evaluated with these weights before: this is the result."
                self._found = replace(_first_snapshot(order, networks, kept), status="finished", message=message)
                return self._found
            self._require_idle()
            self._found, self._job = None, EvaluationJob(order, networks, self._store)
            self._job.start()
            return self._job.snapshot()

    def cancel(self) -> None:
        """Cancel the evaluation in progress; raises NothingToCancel."""
        job = self._job
        if job is None or not job.snapshot().is_active:
            raise NothingToCancel("No evaluation is in progress.")
        job.cancel()

    def snapshot(self) -> EvaluationSnapshot | None:
        """The evaluation in progress, or the last one that was asked for; None before the first."""
        now = self._job.snapshot() if self._job else None
        return now if now and now.is_active else self._found or now

    def wait(self, timeout_s: float) -> bool:
        """Wait until the job, if there is one, has ended; False where it has not within `timeout_s`."""
        job = self._job
        return job is None or job.wait(timeout_s)

    def close(self, timeout_s: float) -> None:
        """Cancel the job in progress and wait until it has kept what it has."""
        with contextlib.suppress(NothingToCancel):
            self.cancel()
        self.wait(timeout_s)

    def kept(self, session_id: str, version: str) -> list[EvaluationResult]:
        """All results of a recording in this version, newest first; unfinished ones too."""
        return self._store.kept(session_id, version)

    def _require_idle(self) -> None:
        now = self.snapshot()
        if now is not None and now.is_active:
            who = f"{now.started_by[0].upper()}{now.started_by[1:]}" if now.started_by else "Somebody"
            raise EvaluationRunning(
                f"{who} evaluates {now.session_id} with a history of {now.history_length}: {now.done:,} of "
                f"{_frames(now.total)} are done. Wait until it ends, or press Cancel."
            )


def _is_final(errors: EvaluationResult) -> bool:
    """Whether nothing would be gained by computing a result again: every frame is in it, and could be read."""
    return errors.track.is_complete and not errors.track.unreadable


def _first_snapshot(
    order: EvaluationRequest, networks: ModelCopy, earlier: EvaluationResult | None
) -> EvaluationSnapshot:
    return EvaluationSnapshot(
        session_id=order.session_id,
        history_length=order.history_length,
        weights=networks.weights,
        status="running",
        done=earlier.track.evaluated if earlier else 0,
        total=order.recording.frame_count,
        frames_per_s=0.0,
        seconds=earlier.seconds if earlier else 0.0,
        message="Starting.",
        started_by=order.started_by,
        is_kept=order.is_kept,
        errors=earlier,
    )


def _frames(count: int) -> str:
    return f"{count:,} frame{'' if count == 1 else 's'}"
