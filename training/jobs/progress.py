"""The progress of a run: written by its loop, read by others as immutable snapshots."""

import threading
import time
from dataclasses import replace

from training.jobs.snapshot import Curve, JobSnapshot
from training.phase import Phase
from training.rate import Rate
from training.steps import StepMetrics

RATE_OVER = 20  # steps over which the rate is averaged: many enough to be steady, few enough to follow a change


class Progress:
    """Step, losses, curves and rate of one run, from `first` on."""

    def __init__(self, first: JobSnapshot) -> None:
        self._lock = threading.Lock()
        self._now = first
        self._first_step = first.step
        self._curves: dict[str, Curve] = {}
        self._action_shares = Curve()
        self._rate = Rate(RATE_OVER)
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
            return replace(self._now, curves=curves, action_shares=self._action_shares.points())

    def update(self, **changes: object) -> None:
        """Replace fields of the snapshot."""
        with self._lock:
            self._now = replace(self._now, **changes)

    def begin(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def begin_phase(self, phase: Phase, parameter_share: float | None) -> None:
        """Begin new curves: losses of one phase cannot be compared with those of another."""
        with self._lock:
            self._curves, self._action_shares = {}, Curve()
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
            )

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
            seconds, rate = now - self._began, self._rate.per_second
            self._now = replace(self._now, step=step, seconds=seconds, steps_per_s=rate, message="Training.")
        return _numbers(metrics, rate, seconds)

    def add_loss(self, name: str, loss: float) -> None:
        """Add a loss in evaluation mode; "evaluated" is the one of the stop condition."""
        with self._lock:
            now = self._now
            self._curves.setdefault(name, Curve()).add(now.step, loss)
            if name == "evaluated":
                first = loss if now.first_loss is None else now.first_loss
                self._now = replace(now, loss=loss, first_loss=first, evaluated_at=now.step)

    def skip_pause(self, seconds: float) -> None:
        """Leave a pause out of the rate and of the seconds."""
        with self._lock:
            self._began += seconds
            self._rate.skip(seconds)
            self._now = replace(self._now, status="running", message="Training.")


def _numbers(metrics: StepMetrics, rate: float, seconds: float) -> dict[str, float]:
    numbers = {f"training/{name}": value for name, value in metrics.losses.items()}
    numbers |= {f"lr/{name}": value for name, value in metrics.lrs.items()}
    if metrics.action_gradient_share is not None:
        numbers["gradient_share/action"] = metrics.action_gradient_share
    return {**numbers, "grad_norm": metrics.grad_norm, "steps_per_s": rate, "seconds": seconds}
