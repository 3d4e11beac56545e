"""Trackers: receivers of a run's numbers. The run's own log is one (`run_log.py`), Weights & Biases another.

A tracker never stops training: a failure is logged once, and the run goes on without the tracker. wandb is imported
only if a project is named.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from training.recipe.phase import Phase

logger = logging.getLogger(__name__)

MAX_WAITING = 10_000
FINISH_S = 30.0


class Tracker(Protocol):
    """A receiver of the reports of a run."""

    def begin_phase(self, phase: Phase, step: int, network_step: int) -> None:
        """Begin a phase at a step of the run, which is `network_step` of its network."""

    def log(self, step: int, numbers: dict[str, float]) -> None:
        """Add the numbers of one step."""

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Add a picture, uint8 (H, W, 3)."""

    def finish(self, message: str) -> None:
        """End the run."""


class WandbTracker:
    """A Weights & Biases run, in a thread of its own: if wandb blocks or fails, training goes on.

    Without a network wandb's own setting WANDB_MODE=offline keeps the run on disk, in `directory`.
    """

    def __init__(self, project: str, config: dict[str, object], directory: Path) -> None:
        self._waiting: queue.Queue[Callable[[object], object] | None] = queue.Queue(MAX_WAITING)
        self._has_warned = False
        self._thread = threading.Thread(target=self._work, args=(project, config, directory), name="wandb", daemon=True)
        self._thread.start()

    def _work(self, project: str, config: dict[str, object], directory: Path) -> None:
        import wandb  # takes half a second and starts a process: only if a project is named

        run = wandb.init(project=project, config=config, dir=str(directory))
        while (command := self._waiting.get()) is not None:
            command(run)
        run.finish()

    def begin_phase(self, phase: Phase, step: int, network_step: int) -> None:
        self._send(lambda run: run.summary.update({"phase": phase.name or phase.objective.network}))

    def log(self, step: int, numbers: dict[str, float]) -> None:
        self._send(lambda run: run.log(numbers, step=step))

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        self._send(lambda run: run.log({name: _image(pixels)}, step=step))

    def finish(self, message: str) -> None:
        self._send(lambda run: run.summary.update({"ended": message}))
        self._send(None)
        self._thread.join(FINISH_S)

    def _send(self, command: Callable[[object], object] | None) -> None:
        if self._thread.is_alive():
            # A full queue means that wandb hangs: its numbers are lost, those in the file are not.
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(command)
        elif not self._has_warned:
            self._has_warned = True
            logger.warning("Weights & Biases has failed; training goes on without it.")


def _image(pixels: np.ndarray) -> object:
    import wandb

    return wandb.Image(pixels)


class SeveralTrackers:
    """Passes everything on to each of `trackers`."""

    def __init__(self, trackers: list[Tracker]) -> None:
        self._trackers = trackers

    def begin_phase(self, phase: Phase, step: int, network_step: int) -> None:
        for tracker in self._trackers:
            tracker.begin_phase(phase, step, network_step)

    def log(self, step: int, numbers: dict[str, float]) -> None:
        for tracker in self._trackers:
            tracker.log(step, numbers)

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        for tracker in self._trackers:
            tracker.picture(step, name, pixels)

    def finish(self, message: str) -> None:
        for tracker in self._trackers:
            tracker.finish(message)


def start_trackers(log: Tracker, directory: Path, config: dict[str, object], wandb_project: str | None) -> Tracker:
    """The trackers of a run: its log, and Weights & Biases if a project is named."""
    return SeveralTrackers([log, WandbTracker(wandb_project, config, directory)]) if wandb_project else log
