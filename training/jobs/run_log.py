"""The log of a run: JSON lines in `runs/` beside the checkpoints. The only record of a run and its progress.

The first line holds the run and its configuration, further ones the phases, the numbers of each step, and the
saves; the last one holds the end of the run. If it is missing, the run is in progress, or was killed.
"""

import contextlib
import json
import logging
import math
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from models import Network
from training.jobs.snapshot import Status
from training.recipe.phase import Phase

logger = logging.getLogger(__name__)

RUNS_FOLDER = "runs"
RECIPE = "recipe"  # the entry of a recipe in the configuration of its run
LIVE = "live"  # that of a run of the live loop, and the name of its log in place of a network's
MAX_IN_A_SECOND = 1_000


@dataclass(frozen=True)
class RunInfo:
    """A run at its beginning. `label` is the text of the folder's lock: starter, network and subject."""

    label: str
    subject: str
    started_by: str
    began: str  # ISO 8601, local time
    max_steps: int


def run_label(started_by: str, network: str, subject: str) -> str:
    """Text: "the command line: predictor on frame 12 of session_…"."""
    return f"{started_by or 'a program'}: {network} on {subject}"


class RunLog:
    """Writes the log of one run; a tracker, and the record of its saves.

    Not synced to the disk: a kill costs at most the line in progress. If the log cannot be written, training goes on.
    """

    def __init__(self, path: Path, run: RunInfo, config: dict[str, object], saved_step: int | None = None) -> None:
        self.path = path
        self._lock = threading.Lock()  # visitors save while the run trains
        self._is_broken = False
        self._network: Network | None = None
        self._offset = 0  # steps of that network's life at the run's step 0
        self._saved_step = saved_step  # of a run that goes on: what its earlier part has saved
        self._write({"run": asdict(run), "config": config})
        if saved_step is not None:
            self._write({"saved": saved_step})

    def begin_phase(self, phase: Phase, step: int, network_step: int) -> None:
        """Log a phase; from here on saves are counted in steps of its network."""
        with self._lock:
            self._network, self._offset = phase.objective.network, network_step - step
            content = {"phase": phase.name, "network": self._network, "offset": self._offset, "step": step}
            self._write({**content, "threshold": phase.threshold})

    def log(self, step: int, numbers: dict[str, float]) -> None:
        """Log the numbers of a step. JSON has no NaN: a number that is not finite is written as null."""
        finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        with self._lock:
            saved = {} if self._saved_step is None else {"saved": self._saved_step}
            self._write({"step": step, **finite, **saved})

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Pictures are not logged."""

    def record_saving(self, steps: Mapping[Network, int]) -> None:
        """Log that the weights at these steps of the networks are about to be written."""
        with self._lock:
            if self._network in steps:
                self._write({"saving": steps[self._network] - self._offset})

    def record_saved(self, steps: Mapping[Network, int]) -> None:
        """Log that they are on disk."""
        with self._lock:
            if self._network not in steps:
                return
            step = steps[self._network] - self._offset
            if step >= (self._saved_step or 0):  # two saves at once may end in another order than they began
                self._saved_step = step
                self._write({"saved": step})

    def finish(self, message: str) -> None:
        """The last line is written by `end`, while the folder is still locked."""

    def end(self, message: str, status: Status) -> None:
        """Write the last line."""
        with self._lock:
            self._write({"ended": message, "status": status})

    def _write(self, content: dict[str, object]) -> None:
        if self._is_broken:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(content) + "\n")
        except OSError as problem:
            self._is_broken = True
            logger.warning("the log of this run is no longer written: %s", problem.strerror)


def unique_path(directory: Path, name: str) -> Path:
    """A new file for one run alone in a robot's folder, with the time in its name: such names sort by age.

    If it cannot be created, only its path is returned, and the log reports the problem.
    """
    path = directory / RUNS_FOLDER / f"{datetime.now():%Y%m%d_%H%M%S}_{name}.jsonl"
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, MAX_IN_A_SECOND):
            candidate = path if number == 1 else path.with_stem(f"{path.stem}_{number}")
            # Checked and created in one call: between the two, another program could begin its run.
            with contextlib.suppress(FileExistsError):
                candidate.open("x").close()
                return candidate
    return path
