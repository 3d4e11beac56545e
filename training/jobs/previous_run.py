"""The newest run of a robot's folder if another program runs it, or was interrupted in it.

Turns the newest log (`run_reader.py`) into the snapshot that the page shows.
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
from training.jobs.run_log import RUNS_FOLDER
from training.jobs.run_reader import RecordedRun, RunCurves, log_path, newest_log, read_curves, read_run
from training.jobs.snapshot import JobSnapshot

CHECK_EVERY_S = 1.0  # the state of another program is checked this often


@dataclass(frozen=True, eq=False)
class PreviousRun:
    """A run of another program: its progress, and the file of its numbers."""

    snapshot: JobSnapshot
    log: Path | None


class PreviousRuns:
    """Finds the newest run of one folder. Called twice a second by every visible page: it reads what has changed."""

    def __init__(self, directory: Path, lock: FolderLock) -> None:
        self._directory, self._folder_lock = directory, lock
        self._lock = threading.Lock()
        self._folder_time = -1
        self._name: str | None = None
        self._read_at: tuple[int, ...] = ()  # time and size of the log when it was read
        self._checked_at = 0.0
        self._is_running = False
        self._newest: PreviousRun | None = None

    def newest(self) -> PreviousRun | None:
        """The newest run, or None if there is none or it ended without an interruption."""
        with self._lock:
            name = self._newest_log()
            if name is None:
                return None
            try:
                status = os.lstat(self._directory / RUNS_FOLDER / name)
            except OSError:
                return None
            read_at, now = (status.st_mtime_ns, status.st_ino, status.st_size), time.monotonic()
            if read_at != self._read_at or now - self._checked_at > CHECK_EVERY_S:
                self._check(name, read_at)
                self._checked_at = now
            return self._newest

    def progress_of(self, label: str) -> str:
        """The progress of the run with this label in the folder's lock, or an empty text if it is unknown."""
        name = newest_log(self._directory)
        run = read_run(self._directory, name) if name else None
        is_its_run = run is not None and run.status is None and run.info.label == label
        return f", {run.progress}" if is_its_run else ""

    def _newest_log(self) -> str | None:
        try:
            folder_time = os.stat(self._directory / RUNS_FOLDER).st_mtime_ns
        except OSError:
            return None
        if folder_time != self._folder_time:
            self._folder_time, self._name = folder_time, newest_log(self._directory)
        return self._name

    def _check(self, name: str, read_at: tuple[int, ...]) -> None:
        is_changed = read_at != self._read_at
        # By its label: a program that only saves has the lock as well, for a moment.
        run = read_run(self._directory, name) if is_changed or self._newest is not None else None
        is_running = run is not None and run.status is None and self._folder_lock.holder() == run.info.label
        if is_changed or is_running != self._is_running:
            self._newest = None if run is None or run.has_ended else self._previous(run, is_running)
        self._read_at, self._is_running = read_at, is_running

    def _previous(self, run: RecordedRun, is_running: bool) -> PreviousRun:
        if is_running:
            # Its curves would be read again every second.
            message = (
                f"Another program has trained to {run.progress}. Wait until it ends, or end it where it was begun."
            )
            snapshot = _snapshot(run, RunCurves(), "elsewhere", message, "")
        else:
            message = f"Training of the {run.network} on {run.info.subject} was interrupted at step {run.step:,} "
            curves = read_curves(self._directory, run.name)
            snapshot = _snapshot(
                run, curves, "interrupted", f"{message}({_beginning(run)}).", _saved(run, self._directory)
            )
        return PreviousRun(snapshot, log_path(self._directory, run.name))


def _beginning(run: RecordedRun) -> str:
    began = datetime.fromisoformat(run.info.began)
    by = f" by {run.info.started_by}," if run.info.started_by else ""
    return f"begun{by} {began.day} {began:%b %H:%M}"


def _saved(run: RecordedRun, directory: Path) -> str:
    step = run.saved_step
    if run.saving_step is not None and run.saving_step == _step_in(directory / FILES[run.network], run):
        step = run.saving_step  # killed between a save and the line about it
    if not step:
        return ""
    names, pronoun = [FILES["autoencoder"]], "it"
    if run.network == "predictor":
        names, pronoun = [*names, FILES["predictor"]], "them"
    return f"{' and '.join(names)} at step {step:,}; load {pronoun} under Models to train on"


def _step_in(checkpoint: Path, run: RecordedRun) -> int | None:
    """The step of the run at which a checkpoint was saved, or None."""
    try:
        saved = read_checkpoint(checkpoint).step
    except CheckpointError:
        return None
    return None if saved is None else saved - run.offset


def _snapshot(run: RecordedRun, curves: RunCurves, status: str, message: str, saved: str) -> JobSnapshot:
    return JobSnapshot(
        network=run.network,
        phase=run.phase,
        subject=run.info.subject,
        started_by=run.info.started_by,
        status=status,
        step=run.step,
        max_steps=run.info.max_steps,
        threshold=run.threshold or None,
        first_loss=curves.first_loss,
        loss=curves.loss,
        evaluated_at=curves.evaluated_at,
        steps_per_s=0.0,
        seconds=run.seconds,
        message=message,
        curves={name: curve.points() for name, curve in curves.curves.items()},
        comparison=None,
        saved=saved,
        action_shares=curves.shares.points(),
        action_parameter_share=None,
    )
