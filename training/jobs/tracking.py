"""Where the numbers of a run go: a JSON-lines file beside the checkpoints, and Weights & Biases where it is asked for.

A tracker never stops training: what fails is logged once and the run goes on without it. wandb is imported only when a
project is named.
"""

import contextlib
import json
import logging
import math
import queue
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np

logger = logging.getLogger(__name__)

RUNS_FOLDER = "runs"
MAX_IN_A_SECOND = 1_000
MAX_WAITING = 10_000
FINISH_S = 30.0


class Tracker(Protocol):
    """Takes what a run reports."""

    def log(self, step: int, numbers: dict[str, float]) -> None:
        """Numbers of one step."""

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """A picture, uint8 (H, W, 3)."""

    def finish(self, message: str) -> None:
        """The run has ended."""


class JsonLinesTracker:
    """One JSON object a line: first the configuration, then each step's numbers, at last how the run ended."""

    def __init__(self, path: Path, config: dict[str, object]) -> None:
        self.path = path
        self._is_broken = False
        self._write({"config": config})

    def log(self, step: int, numbers: dict[str, float]) -> None:
        # JSON knows no NaN: a number that is not finite is written as null.
        known = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        self._write({"step": step, **known})

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None: ...

    def finish(self, message: str) -> None:
        self._write({"ended": message})

    def _write(self, content: dict[str, object]) -> None:
        if self._is_broken:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(content) + "\n")
        except OSError as problem:
            self._is_broken = True
            logger.warning("the numbers of this run are no longer written: %s", problem.strerror)


class WandbTracker:
    """A Weights & Biases run, in a thread of its own: whatever wandb does, wait or fail, training does not feel it.

    Without a network wandb's own setting WANDB_MODE=offline keeps the run on disk, in `directory`.
    """

    def __init__(self, project: str, config: dict[str, object], directory: Path) -> None:
        self._waiting: queue.Queue[Callable[[object], object] | None] = queue.Queue(MAX_WAITING)
        self._has_warned = False
        self._thread = threading.Thread(target=self._work, args=(project, config, directory), name="wandb", daemon=True)
        self._thread.start()

    def _work(self, project: str, config: dict[str, object], directory: Path) -> None:
        import wandb  # takes half a second and starts a process: only for those who track there

        run = wandb.init(project=project, config=config, dir=str(directory))
        while (command := self._waiting.get()) is not None:
            command(run)
        run.finish()

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
    """Hands everything to each of `trackers`."""

    def __init__(self, trackers: list[Tracker]) -> None:
        self._trackers = trackers

    def log(self, step: int, numbers: dict[str, float]) -> None:
        for tracker in self._trackers:
            tracker.log(step, numbers)

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        for tracker in self._trackers:
            tracker.picture(step, name, pixels)

    def finish(self, message: str) -> None:
        for tracker in self._trackers:
            tracker.finish(message)


def open_run_log(
    directory: Path, network: str, config: dict[str, object], wandb_project: str | None
) -> tuple[Path, Tracker]:
    """A tracker for a run that begins now, and the file of its numbers in a robot's folder."""
    path = unique_path(directory / RUNS_FOLDER / f"{datetime.now():%Y%m%d_%H%M%S}_{network}.jsonl")
    trackers: list[Tracker] = [JsonLinesTracker(path, config)]
    if wandb_project:
        trackers.append(WandbTracker(wandb_project, config, directory))
    return path, SeveralTrackers(trackers)


def unique_path(path: Path) -> Path:
    """A new file for one run alone: of this name, or with a number behind its stem where another run has it.

    The name alone where nothing can be written: the tracker will say so.
    """
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, MAX_IN_A_SECOND):
            candidate = path if number == 1 else path.with_stem(f"{path.stem}_{number}")
            # Made and taken in one: between a look and a write, another program could begin its run.
            with contextlib.suppress(FileExistsError):
                candidate.open("x").close()
                return candidate
    return path
