"""Immutable snapshot of a training job, with its curves, and pictures of its effect."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from training.rate import PhasePace, seconds_left

# The last two are of a run of another program: one that ended with its program, and one in progress there.
Status = Literal["running", "paused", "finished", "stopped", "failed", "interrupted", "elsewhere"]
Points = tuple[tuple[float, float], ...]
MAX_POINTS = 400
SKILL, UNCERTAINTY = "skill", "uncertainty"


@dataclass(frozen=True, eq=False)
class BeforeAfter:
    """Pictures of one target, uint8 (H, W, 3): as recorded, and the output of the network before and after, with
    the MSE of each."""

    frame: int
    actual: np.ndarray
    before: np.ndarray
    after: np.ndarray
    before_mse: float
    after_mse: float


@dataclass(frozen=True)
class RunTitle:
    """The name and the note that visitors gave a run, each one printable line; empty if there is none."""

    name: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class JobSnapshot:
    """The progress of a run. `network` and `phase` (empty in a plain run) are those in training now.

    `loss` was evaluated at step `evaluated_at`, `first_loss` before the first step; curves are points (step, value) by
    name; seconds do not count pauses. `action_shares` are points (step, share of the predictor's squared gradient on
    its action parameters), and `action_parameter_share` is their share of its parameters; empty and None for the
    autoencoder. `is_recipe`: the phases are those of a recipe, which can be continued after its end. `paces` are those
    of all phases. `measures` are curves of shares by name, "skill" among them, and `references` the MSE of trivial
    guesses by name: the first one is what skill 0 stands for. `gates`: the losses that a live loop trains to, by the
    name of their curve. `log` is the name of the run's log.
    """

    network: str
    phase: str
    subject: str
    started_by: str
    status: Status
    step: int
    max_steps: int
    threshold: float | None
    first_loss: float | None
    loss: float | None
    evaluated_at: int
    steps_per_s: float
    seconds: float
    message: str
    curves: dict[str, Points]
    comparison: BeforeAfter | None
    saved: str
    action_shares: Points
    action_parameter_share: float | None
    is_recipe: bool = False
    paces: tuple[PhasePace, ...] = ()
    measures: dict[str, Points] = field(default_factory=dict)
    references: dict[str, float] = field(default_factory=dict)
    gates: dict[str, float] = field(default_factory=dict)
    log: str = ""
    title: RunTitle = RunTitle()

    @property
    def is_resumable(self) -> bool:
        """True if the run has ended before its last step, and can be continued with what it has saved."""
        return self.is_recipe and self.status in ("stopped", "interrupted", "failed") and bool(self.saved)

    @property
    def saved_sentence(self) -> str:
        """`saved` as a sentence; the reason why nothing was saved is one already."""
        if not self.saved:
            return "Nothing was saved."
        return self.saved if self.saved.endswith(".") else f"Saved: {self.saved}."

    @property
    def is_active(self) -> bool:
        """True if the job changes weights, or will after a pause."""
        return self.status in ("running", "paused")

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the last step of all phases, or None if unknown."""
        return (seconds_left(self.paces) or None) if self.is_active else None


class Curve:
    """Points (step, value) in the order of their steps. When there are too many, neighbours become their mean."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []
        self._open: list[tuple[float, float]] = []
        self._per_point = 1

    def add(self, step: int, value: float) -> None:
        """Append a value; steps must not go back."""
        self._open.append((step, value))
        if len(self._open) == self._per_point:
            self._points.append(_mean(self._open))
            self._open = []
        if len(self._points) >= 2 * MAX_POINTS:
            self._points = [_mean(self._points[i : i + 2]) for i in range(0, len(self._points), 2)]
            self._per_point *= 2

    def points(self) -> tuple[tuple[float, float], ...]:
        """An immutable copy, the newest values included."""
        return (*self._points, _mean(self._open)) if self._open else tuple(self._points)


def _mean(points: list[tuple[float, float]]) -> tuple[float, float]:
    return sum(step for step, _ in points) / len(points), sum(value for _, value in points) / len(points)
