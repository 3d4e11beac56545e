"""The runs in a robot's folder as visitors compare them: names and notes, and the evaluated losses of earlier ones.

A name is kept in a file of its own beside the log: naming a run that another program has in progress cannot damage its
log.
"""

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from models import NETWORKS
from session.files import describe, open_file, read_at_most, replace_file
from training.jobs.run_log import LIVE, RUNS_FOLDER
from training.jobs.run_reader import NAME, RecordedRun, log_names, log_path, read_curves, read_run
from training.jobs.snapshot import Points, RunTitle
from training.values import InvalidValue, typed_line

MAX_LISTED = 20
MAX_NAME, MAX_NOTE = 60, 400  # letters
MAX_BYTES = 1 << 14
NO_TITLE = RunTitle()


class RunNotNamed(Exception):
    """A run that cannot be named; the message says why, and what to do."""


def typed_title(name: object, note: object) -> RunTitle:
    """A title of typed texts: one line each, cut if it is long; raises InvalidValue."""
    return RunTitle(typed_line(name, "The name of a run", MAX_NAME), typed_line(note, "The note of a run", MAX_NOTE))


class RunTitles:
    """The titles of the runs of one folder, by the names of their logs. A file is read again when it has changed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._known: dict[str, tuple[tuple[int, ...], RunTitle]] = {}  # with time and size of the file

    def of(self, log: str) -> RunTitle:
        """The title of a run, empty without one. Called once a second for every page: it opens no known file."""
        if not NAME.fullmatch(log):
            return NO_TITLE
        path = self._path(log)
        try:
            status = os.lstat(path)
        except OSError:
            return NO_TITLE
        read_at = (status.st_mtime_ns, status.st_ino, status.st_size)
        with self._lock:
            known = self._known.get(log)
            if known is None or known[0] != read_at:
                known = self._known[log] = read_at, _read_title(path)
        return known[1]

    def set(self, log: str, title: RunTitle) -> None:
        """Name a run; an empty title takes its name away. Raises RunNotNamed."""
        if log_path(self._directory, log) is None:
            raise RunNotNamed("There is no such run; choose one in the list.")
        try:
            if title == NO_TITLE:
                self._path(log).unlink(missing_ok=True)
            else:
                content = json.dumps(asdict(title), ensure_ascii=False).encode()
                replace_file(self._path(log), content, is_synced=False)
        except OSError as problem:
            reason = f"The name was not saved ({describe(problem)}); mend that and save again."
            raise RunNotNamed(reason) from problem

    def copy(self, earlier: str, log: str) -> None:
        """Give a run the title of the run that it continues, if that has one; raises RunNotNamed."""
        title = self.of(earlier)
        if title != NO_TITLE:
            self.set(log, title)

    def _path(self, log: str) -> Path:
        return self._directory / RUNS_FOLDER / Path(log).with_suffix(".json").name


def _read_title(path: Path) -> RunTitle:
    """The title in a file of unknown origin; empty if it holds none."""
    try:
        file = open_file(path)
        try:
            content = json.loads(read_at_most(file, MAX_BYTES))
        finally:
            os.close(file)
    except (OSError, ValueError, RecursionError):
        return NO_TITLE
    if not isinstance(content, dict):
        return NO_TITLE
    try:
        return typed_title(content.get("name"), content.get("note"))
    except InvalidValue:
        return NO_TITLE


class EarlierRuns:
    """Ended runs of one folder, also of the live loop. Their logs do not change any more, so each is read once."""

    def __init__(self, directory: Path, titles: RunTitles) -> None:
        self._directory, self._titles = directory, titles
        self._lock = threading.Lock()
        self._runs: dict[str, RecordedRun | None] = {}
        self._losses: dict[str, Points] = {}

    def listed(self) -> list[tuple[str, str]]:
        """The newest of them, newest first: label and name of the log."""
        with self._lock:
            runs = [self._run(name) for name in self._names()]
            return [(self._label(run), run.name) for run in runs if run is not None]

    def losses(self, names: Iterable[str]) -> dict[str, Points]:
        """The evaluated loss of runs by label: of held-out frames if there were any; of a live loop that of
        predictions."""
        with self._lock:
            known = set(self._names())
            runs = [self._run(name) for name in names if name in known]
            return {self._label(run): self._loss(run.name) for run in runs if run is not None}

    def _names(self) -> list[str]:
        return log_names(self._directory, (*NETWORKS, LIVE))[:MAX_LISTED]

    def _run(self, name: str) -> RecordedRun | None:
        """The run of a log, or None if it is in progress or cannot be read."""
        if self._runs.get(name) is None:
            run = read_run(self._directory, name)
            self._runs[name] = run if run is not None and run.status is not None else None
        return self._runs[name]

    def _loss(self, name: str) -> Points:
        if name not in self._losses:
            curves = read_curves(self._directory, name).curves
            curve = next((curves[one] for one in ("held out", "evaluated", "prediction") if one in curves), None)
            self._losses[name] = curve.points() if curve else ()
        return self._losses[name]

    def _label(self, run: RecordedRun) -> str:
        """Text: "dot, lr 1e-3 · 25 Nov 14:02:11, predictor, 500 steps"."""
        began, name = datetime.fromisoformat(run.info.began), self._titles.of(run.name).name
        what = "live loop" if LIVE in run.config else f"{run.phase} {run.network}".strip()
        label = f"{began.day} {began:%b %H:%M:%S}, {what}, {run.step:,} steps"
        return f"{name} · {label}" if name else label
