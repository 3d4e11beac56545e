"""The progress of a run: written by its loop, read by others as immutable snapshots."""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace

from training.jobs.snapshot import Curve, JobSnapshot
from training.rate import MEASURED_AFTER, Rate
from training.recipe.phase import Phase
from training.steps import StepMetrics

RATE_OVER = 20  # steps over which the rate is averaged: many enough to be steady, few enough to follow a change
PACE_OVER = 200  # the same for the time that is left, which evaluations and saves must not move up and down


class Progress:
    """Step, losses, curves and rate of one run, from `first` on."""

    def __init__(self, first: JobSnapshot) -> None:
        self._lock = threading.Lock()
        self._now = first
        self._first_step = first.step
        self._curves: dict[str, Curve] = {}
        self._action_shares = Curve()
        self._measures: dict[str, Curve] = {}
        self._rate, self._pace = Rate(RATE_OVER), Rate(PACE_OVER)
        self._phase_taken = self._phase_steps = 0
        self._began = time.monotonic()  # later than the true start by all pauses

    @property
    def step(self) -> int:
        """Steps of the run so far, including those before it was resumed."""
        return self._now.step

    @property
    def steps_taken(self) -> int:
        """Steps that this program has taken."""
        return self._now.step - self._first_step

    @property
    def loss(self) -> float | None:
        """The evaluated loss, or None before the first evaluation."""
        return self._now.loss

    @property
    def is_evaluated(self) -> bool:
        """True if the loss belongs to the weights of the last step."""
        return self._now.evaluated_at == self._now.step

    def snapshot(self) -> JobSnapshot:
        """The progress at this moment; never changes afterwards."""
        with self._lock:
            curves = {name: curve.points() for name, curve in self._curves.items()}
            measures = {name: curve.points() for name, curve in self._measures.items()}
            shares = self._action_shares.points()
            return replace(self._now, curves=curves, measures=measures, action_shares=shares)

    def update(self, **changes: object) -> None:
        """Replace fields of the snapshot."""
        with self._lock:
            self._now = replace(self._now, **changes)

    def begin(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def begin_phase(self, phase: Phase, parameter_share: float | None, taken: int = 0) -> None:
        """Begin new curves: losses of one phase cannot be compared with those of another.

        `taken`: steps of the phase before this program.
        """
        with self._lock:
            self._curves, self._measures, self._action_shares = {}, {}, Curve()
            self._rate, self._pace = Rate(RATE_OVER), Rate(PACE_OVER)
            self._phase_taken, self._phase_steps = taken, 0  # in all, and by this program
            self._now = replace(
                self._now,
                network=phase.objective.network,
                phase=phase.name,
                subject=phase.dataset.describe(),
                threshold=phase.threshold,
                first_loss=None,
                loss=None,
                evaluated_at=-1,
                action_parameter_share=parameter_share,
                references={},
            )
            self._set_pace(phase.label)

    def add_step(self, metrics: StepMetrics) -> dict[str, float]:
        """Count a step; returns its numbers by the names under which they are recorded."""
        with self._lock:
            step = self._now.step + 1
            for name, value in metrics.losses.items():
                self._curves.setdefault(f"training {name}", Curve()).add(step, value)
            if metrics.action_gradient_share is not None:
                self._action_shares.add(step, metrics.action_gradient_share)
            now = time.monotonic()
            self._rate.add(now, step)
            self._pace.add(now, step)
            seconds, rate = now - self._began, self._rate.per_second
            self._now = replace(self._now, step=step, seconds=seconds, steps_per_s=rate, message="Training.")
            self._phase_taken, self._phase_steps = self._phase_taken + 1, self._phase_steps + 1
            self._set_pace(self._now.phase or self._now.network)
        return _numbers(metrics, rate, seconds)

    def add_loss(self, name: str, loss: float) -> None:
        """Add a loss in evaluation mode; "evaluated" is the one of the stop condition."""
        with self._lock:
            now = self._now
            self._curves.setdefault(name, Curve()).add(now.step, loss)
            if name == "evaluated":
                first = loss if now.first_loss is None else now.first_loss
                self._now = replace(now, loss=loss, first_loss=first, evaluated_at=now.step)

    def add_measures(self, shares: Mapping[str, float]) -> None:
        """Add figures of the present step, by name, each at most 1."""
        with self._lock:
            for name, share in shares.items():
                self._measures.setdefault(name, Curve()).add(self._now.step, share)

    def skip_pause(self, seconds: float) -> None:
        """Leave a pause out of the rate and of the seconds."""
        with self._lock:
            self._began += seconds
            self._rate.skip(seconds)
            self._pace.skip(seconds)
            self._now = replace(self._now, status="running", message="Training.")

    def _set_pace(self, phase: str) -> None:
        """Update the steps taken of a phase, and after some steps its measured pace."""
        rate = self._pace.per_second if self._phase_steps >= MEASURED_AFTER else 0.0
        measured_s = 1 / rate if rate else None
        paces = [
            replace(one, taken=self._phase_taken, measured_s=measured_s) if one.name == phase else one
            for one in self._now.paces
        ]
        self._now = replace(self._now, paces=tuple(paces))


def _numbers(metrics: StepMetrics, rate: float, seconds: float) -> dict[str, float]:
    numbers = {f"training/{name}": value for name, value in metrics.losses.items()}
    numbers |= {f"lr/{name}": value for name, value in metrics.lrs.items()}
    if metrics.action_gradient_share is not None:
        numbers["gradient_share/action"] = metrics.action_gradient_share
    return {**numbers, "grad_norm": metrics.grad_norm, "steps_per_s": rate, "seconds": seconds}
