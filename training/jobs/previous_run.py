"""What a folder tells of a run that is not this program's own: interrupted with its program, or running elsewhere.

Makes of the record (`run_log.py`) and of the run's numbers the snapshot that the page knows how to show.
"""

import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from training.checkpoints.errors import CheckpointError
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES
from training.jobs.lock import FolderLock
from training.jobs.run_log import RECORD_FILE, RunNumbers, RunRecord, numbers_path, read_numbers, read_record
from training.jobs.snapshot import JobSnapshot
from training.values import printable

LOOK_EVERY_S = 1.0  # how long it is believed that another program still runs, or does not


@dataclass(frozen=True, eq=False)
class PreviousRun:
    """A run of another program: where it stands or ended, and the file of its numbers."""

    snapshot: JobSnapshot
    numbers: Path | None


class PreviousRuns:
    """Looks at the record of one folder. Asked twice a second by every visible page: it reads what has changed."""

    def __init__(self, directory: Path, lock: FolderLock) -> None:
        self._directory, self._folder_lock = directory, lock
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()  # which file this was said of
        self._looked_at = 0.0
        self._is_running = False
        self._found: PreviousRun | None = None

    def look(self) -> PreviousRun | None:
        """The run that the record tells of; None where there is no record."""
        try:
            about = os.lstat(self._directory / RECORD_FILE)
        except OSError:
            return None
        seen, now = (about.st_mtime_ns, about.st_ino, about.st_size), time.monotonic()
        with self._lock:
            if seen != self._seen or now - self._looked_at > LOOK_EVERY_S:
                self._look_again(seen)
                self._looked_at = now
            return self._found

    def progress_of(self, word: str) -> str:
        """How far the run is that the holder of the folder's lock tells of; empty where nothing is known."""
        record = read_record(self._directory)
        is_its = record is not None and not record.is_interrupted and printable(record.word) == word
        return f", {record.progress}" if is_its else ""

    def _look_again(self, seen: tuple[int, ...]) -> None:
        record = read_record(self._directory)
        # By its word: a program that only saves has the lock as well, for a moment.
        is_open = record is not None and not record.is_interrupted
        is_running = is_open and self._folder_lock.holder() == printable(record.word)
        if seen != self._seen or is_running != self._is_running:
            self._found = None if record is None else self._told(record, is_running)
        self._seen, self._is_running = seen, is_running

    def _told(self, record: RunRecord, is_running: bool) -> PreviousRun:
        # The curves of a run that goes on would be read again every second.
        numbers = RunNumbers() if is_running else read_numbers(self._directory, record.numbers)
        snapshot = _elsewhere(record) if is_running else _interrupted(record, numbers, self._directory)
        return PreviousRun(snapshot, numbers_path(self._directory, record.numbers))


def _elsewhere(record: RunRecord) -> JobSnapshot:
    message = f"Another program has trained to {record.progress}. Wait until it ends, or end it where it was begun."
    return _snapshot(record, RunNumbers(), "elsewhere", message, "")


def _interrupted(record: RunRecord, numbers: RunNumbers, directory: Path) -> JobSnapshot:
    # Every step has a line of its own there; the record is up to a second old.
    step = min(max(record.step, numbers.last_step), record.max_steps)
    message = (
        f"Training of the {record.network} on {record.subject} was interrupted at step {step:,} ({_begun(record)})."
    )
    return _snapshot(record, numbers, "interrupted", message, _saved(record, directory), step)


def _begun(record: RunRecord) -> str:
    began = datetime.fromisoformat(record.began)
    by = f" by {record.started_by}," if record.started_by else ""
    return f"begun{by} {began.day} {began:%b %H:%M}"


def _saved(record: RunRecord, directory: Path) -> str:
    step = record.saved_step
    if record.saving_step is not None and _step_in(directory / FILES[record.network], record) == record.saving_step:
        step = record.saving_step  # killed between a save and the word of it
    if not step:
        return ""
    names, which = [FILES["autoencoder"]], "it"
    if record.network == "predictor":
        names, which = [*names, FILES["predictor"]], "them"
    return f"{' and '.join(names)} at step {step:,}; load {which} under Models to train on"


def _step_in(checkpoint: Path, record: RunRecord) -> int | None:
    """The step of the run whose weights a checkpoint holds."""
    try:
        saved = read_checkpoint(checkpoint).step
    except CheckpointError:
        return None
    return None if saved is None else saved - record.first_step


def _snapshot(
    record: RunRecord, numbers: RunNumbers, status: str, message: str, saved: str, step: int | None = None
) -> JobSnapshot:
    curves = {name: curve.points() for name, curve in numbers.curves.items()}
    return JobSnapshot(
        network=record.network,
        subject=record.subject,
        started_by=record.started_by,
        status=status,
        step=record.step if step is None else step,
        max_steps=record.max_steps,
        threshold=record.threshold or None,
        first_loss=numbers.first_loss,
        loss=numbers.loss,
        evaluated_at=numbers.evaluated_at,
        steps_per_s=0.0,
        seconds=record.seconds,
        message=message,
        curves=curves,
        comparison=None,
        saved=saved,
        action_shares=numbers.shares.points(),
        action_parameter_share=None,
    )
