"""The runs of a robot that have ended, for comparison with the newest: their labels and their evaluated losses."""

import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from training.jobs.run_reader import RecordedRun, log_names, read_curves, read_run
from training.jobs.snapshot import Points

MAX_LISTED = 20


class EarlierRuns:
    """Ended runs of one folder. Their logs do not change any more, so each is read once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._runs: dict[str, RecordedRun | None] = {}
        self._losses: dict[str, Points] = {}

    def listed(self) -> list[tuple[str, str]]:
        """The newest of them, newest first: label and name of the log."""
        with self._lock:
            runs = [self._run(name) for name in log_names(self._directory)[:MAX_LISTED]]
            return [(_label(run), run.name) for run in runs if run is not None]

    def losses(self, names: Iterable[str]) -> dict[str, Points]:
        """The evaluated loss of runs by label: of held-out frames if there were any."""
        with self._lock:
            known = set(log_names(self._directory)[:MAX_LISTED])
            runs = [self._run(name) for name in names if name in known]
            return {_label(run): self._loss(run.name) for run in runs if run is not None}

    def _run(self, name: str) -> RecordedRun | None:
        """The run of a log, or None if it is in progress or cannot be read."""
        if self._runs.get(name) is None:
            run = read_run(self._directory, name)
            self._runs[name] = run if run is not None and run.status is not None else None
        return self._runs[name]

    def _loss(self, name: str) -> Points:
        if name not in self._losses:
            curves = read_curves(self._directory, name).curves
            curve = curves.get("held out") or curves.get("evaluated")
            self._losses[name] = curve.points() if curve else ()
        return self._losses[name]


def _label(run: RecordedRun) -> str:
    began = datetime.fromisoformat(run.info.began)
    what = f"{run.phase} " if run.phase else ""
    return f"{began.day} {began:%b %H:%M:%S}, {what}{run.network}, {run.step:,} steps"
