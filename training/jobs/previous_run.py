"""The newest run of a robot's folder if another program runs it, or was interrupted in it.

Turns the newest log (`run_reader.py`) into the snapshot that the page shows.
"""

import os
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from models import NETWORKS
from training.checkpoints.errors import CheckpointError
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES
from training.jobs.lock import FolderLock
from training.jobs.run_log import LIVE, RECIPE, RUNS_FOLDER
from training.jobs.run_reader import RecordedRun, RunCurves, log_names, log_path, newest_log, read_curves, read_run
from training.jobs.snapshot import JobSnapshot
from training.values import is_number

LIVE_LOOP = "live loop"
MAX_GATE = 1e6
CHECK_EVERY_S = 1.0  # the state of another program is checked this often
CURVES_EVERY_S = 5.0  # and its curves are read, which takes up to a tenth of a second


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
        self._growing = "", 0.0, RunCurves()  # a run in progress, the time of its last reading, and its curves

    def newest(self) -> PreviousRun | None:
        """The newest run, or None if there is none or it ended and cannot be continued."""
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
            names = log_names(self._directory, (*NETWORKS, LIVE))
            self._folder_time, self._name = folder_time, next(iter(names), None)
        return self._name

    def _check(self, name: str, read_at: tuple[int, ...]) -> None:
        is_changed = read_at != self._read_at
        # By its label: a program that only saves has the lock as well, for a moment.
        run = read_run(self._directory, name) if is_changed or self._newest is not None else None
        is_running = run is not None and run.status is None and self._folder_lock.holder() == run.info.label
        if is_changed or is_running != self._is_running:
            self._newest = self._previous(run, is_running) if run is not None and _is_shown(run, is_running) else None
        self._read_at, self._is_running = read_at, is_running

    def _previous(self, run: RecordedRun, is_running: bool) -> PreviousRun:
        if is_running and LIVE in run.config:
            snapshot = _live_snapshot(run, read_curves(self._directory, run.name))
        elif is_running:
            reached = f"Another program has reached {run.progress} ({_beginning(run)})"
            message = f"{reached}. Wait, or stop it where it was started."
            snapshot = _snapshot(run, self._growing_curves(run), "elsewhere", message, "")
        else:
            status = "stopped" if run.status == "stopped" else "interrupted"
            message = f"{run.network.capitalize()} training on {run.info.subject} was {status} at step {run.step:,} "
            curves = read_curves(self._directory, run.name)
            snapshot = _snapshot(run, curves, status, f"{message}({_beginning(run)}).", _saved(run, self._directory))
        return PreviousRun(snapshot, log_path(self._directory, run.name))

    def _growing_curves(self, run: RecordedRun) -> RunCurves:
        """The curves of a run in progress, as they were up to some seconds ago."""
        name, read_at, _ = self._growing
        if name != run.name or time.monotonic() - read_at > CURVES_EVERY_S:
            curves = read_curves(self._directory, run.name)
            self._growing = run.name, time.monotonic(), curves
        return self._growing[2]


def recorded_run(directory: Path, name: str | None = None) -> JobSnapshot | None:
    """The run of a log, by default of the newest one in a robot's folder, whatever its end; None if there is none."""
    name = name or newest_log(directory)
    run = read_run(directory, name) if name else None
    if run is None:
        return None
    status = run.status or "interrupted"
    message = f"{run.network.capitalize()} training on {run.info.subject}: {status} at step {run.step:,}"
    saved = _saved(run, directory).partition(";")[0]  # without what to do next
    return _snapshot(run, read_curves(directory, run.name), status, f"{message} ({_beginning(run)}).", saved)


def _live_snapshot(run: RecordedRun, curves: RunCurves) -> JobSnapshot:
    gates = {name: run.config[LIVE].get(f"{name}_gate") for name in ("reconstruction", "prediction")}
    known = {name: float(gate) for name, gate in gates.items() if is_number(gate) and 0 < gate <= MAX_GATE}
    message = (
        f"The live loop has reached {run.progress}. On every new frame it trains each network until its loss is below "
        "its gate. Stop it where it was started."
    )
    return replace(_snapshot(run, curves, "elsewhere", message, ""), network=LIVE_LOOP, gates=known)


def _is_shown(run: RecordedRun, is_running: bool) -> bool:
    """True for a run in progress or interrupted, and for a stopped one that can be continued."""
    if LIVE in run.config:
        return is_running and isinstance(run.config[LIVE], dict)
    return not run.has_ended or (run.status == "stopped" and RECIPE in run.config)


def _beginning(run: RecordedRun) -> str:
    began = datetime.fromisoformat(run.info.began)
    by = f" by {run.info.started_by}," if run.info.started_by else ""
    return f"started{by} {began.day} {began:%b %H:%M}"


def _saved(run: RecordedRun, directory: Path) -> str:
    step = run.saved_step
    if run.saving_step is not None and run.saving_step == _step_in(directory / FILES[run.network], run):
        step = run.saving_step  # killed between a save and the line about it
    if not step:
        return ""
    names, pronoun = [FILES["autoencoder"]], "it"
    if run.network == "predictor":
        names, pronoun = [*names, FILES["predictor"]], "them"
    todo = "press Resume to continue" if RECIPE in run.config else f"load {pronoun} under Models to continue"
    return f"{' and '.join(names)} at step {step:,}; {todo}"


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
        is_recipe=RECIPE in run.config,
        measures={name: curve.points() for name, curve in curves.measures.items()},
        references=curves.references,
        log=run.name,
    )
