"""A training job: a thread that takes one step at a time, and what others may know and ask of it.

Commands in, snapshots out: `pause`, `resume` and `stop` only set what the loop reads before its next step, and
`snapshot` gives an immutable picture of where it stands. The loop knows no page and no command line. It belongs to the
server: whoever started it may leave.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from models.inference import to_uint8
from training.checkpoints.errors import CheckpointError
from training.config import LossThreshold, StopCondition
from training.dataset import FrameDataset
from training.failures import describe_failure, is_expected, may_have_corrupted_weights
from training.gradient_share import action_parameter_share
from training.jobs.snapshot import BeforeAfter, Curve, JobSnapshot, Status
from training.jobs.tracking import Tracker
from training.steps import Evaluation, LossNotFinite, StepMetrics, Trainer

logger = logging.getLogger(__name__)

RATE_OVER = 20  # steps over which the rate is averaged: long enough to be calm, short enough to follow a change


@dataclass(frozen=True)
class JobHooks:
    """What a job asks of those who own the weights: the lock to hold in a step, how to save, what to note after a
    step, where its numbers go, what to note of where it stands (without curves), and what to do when it has saved for
    the last time and is about to end as the status says."""

    lock: AbstractContextManager
    save: Callable[[], str]
    note_step: Callable[[], None]
    tracker: Tracker
    note_progress: Callable[[JobSnapshot], None] = lambda now: None
    note_end: Callable[[Status], None] = lambda status: None


class TrainingJob:
    """Trains until a stop condition holds, it is told to stop, or a step fails. `start` returns at once."""

    def __init__(
        self, trainer: Trainer, frames: FrameDataset, condition: StopCondition, hooks: JobHooks, started_by: str = ""
    ) -> None:
        self._trainer, self._frames, self._condition, self._hooks = trainer, frames, condition, hooks
        self._config = trainer.optimizers.config
        self._state = threading.Condition()  # guards what follows; notified when a command arrives
        self._is_paused = False
        self._told_to_end: Status | None = None  # "stopped" or "interrupted", whichever was said first
        self._curves: dict[str, Curve] = {}
        self._action_shares = Curve()
        self._step_ends: list[float] = []
        self._began = 0.0  # later than the true start by all pauses
        self._actual: Tensor | None = None  # the first target
        self._looks: list[Evaluation] = []  # at it, before training and lately
        self._now = JobSnapshot(
            network=trainer.name,
            subject=frames.describe(),
            started_by=started_by,
            status="running",
            step=0,
            max_steps=condition.max_steps,
            threshold=_threshold(condition),
            first_loss=None,
            loss=None,
            evaluated_at=-1,
            steps_per_s=0.0,
            seconds=0.0,
            message="Starting.",
            curves={},
            comparison=None,
            saved="",
            action_shares=(),
            action_parameter_share=_parameter_share(trainer),
        )
        self._thread = threading.Thread(target=self._run, name=f"train {trainer.name}", daemon=True)

    def start(self) -> None:
        """Begin in a thread of its own."""
        self._thread.start()

    def pause(self) -> None:
        """Hold before the next step."""
        self._command(is_paused=True)

    def resume(self) -> None:
        """Go on after a pause."""
        self._command(is_paused=False)

    def stop(self) -> None:
        """End before the next step; what was learned is kept and saved."""
        self._command(end_as="stopped")

    def interrupt(self) -> None:
        """The same because the program ends, which nobody who watches the job has asked for."""
        self._command(end_as="interrupted")

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the job has ended; False where it has not within `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def snapshot(self) -> JobSnapshot:
        """Where the job stands now; never changes afterwards."""
        with self._state:
            curves = {name: curve.points() for name, curve in self._curves.items()}
            return replace(self._now, curves=curves, action_shares=self._action_shares.points())

    def _command(self, is_paused: bool | None = None, end_as: Status | None = None) -> None:
        with self._state:
            self._is_paused = self._is_paused if is_paused is None else is_paused
            self._told_to_end = self._told_to_end or end_as
            self._state.notify_all()

    def _run(self) -> None:
        """The job's outer boundary: whatever goes wrong ends as a message, with the weights of the last whole step."""
        status: Status = "failed"
        is_worth_saving = True
        try:
            status = self._train()
            message = self._outcome(status)
        except Exception as problem:
            if not is_expected(problem):
                logger.exception("training failed")
            message, is_worth_saving = describe_failure(problem), not may_have_corrupted_weights(problem)
        saved = self._save() if self._now.step and is_worth_saving else ""
        comparison = self._compared_or_none()
        try:
            self._hooks.note_end(status)
        finally:
            with self._state:
                self._now = replace(self._now, status=status, message=message, saved=saved, comparison=comparison)
        self._hooks.tracker.finish(message)

    def _train(self) -> Status:
        self._began = time.monotonic()
        status = self._take_steps()
        # Who stops must not wait: evaluating 16 frames of a recording and as many held out takes as long as many steps.
        is_quick = status == "finished" or len(self._frames.targets) == 1
        if self._now.evaluated_at != self._now.step and is_quick:
            self._evaluate(self._now.step)
        if self._now.step:
            self._show_picture()
        return status

    def _take_steps(self) -> Status:
        """Train until the condition holds or somebody tells the job to end."""
        if not self._evaluate(0):
            return self._told_to_end
        self._hooks.tracker.picture(0, "actual", to_uint8(self._actual))
        self._show_picture()
        while not self._is_reached(self._now.loss) and self._now.step < self._condition.max_steps:
            if not self._may_go_on():
                return self._told_to_end
            step = self._take_step()
            if step % self._config.evaluate_every == 0:
                self._evaluate(step)
            if step % self._config.save_every == 0:
                self._save()
        return "finished"

    def _may_go_on(self) -> bool:
        """Wait out a pause; False when told to end."""
        paused_at = time.monotonic()
        with self._state:
            if self._is_paused and not self._told_to_end:
                # Said only now: between the command and here, a step may still have ended.
                self._now = replace(self._now, status="paused", message="Paused.")
                self._state.wait_for(lambda: self._told_to_end or not self._is_paused)
                self._now = replace(self._now, status="running", message="Training.")
                gap = time.monotonic() - paused_at
                self._began += gap
                self._step_ends = [end + gap for end in self._step_ends]
            return not self._told_to_end

    def _take_step(self) -> int:
        batch = self._frames.draw(self._trainer.optimizers.generator)
        with self._hooks.lock:
            metrics = self._trainer.step(batch)
            self._hooks.note_step()
        with self._state:
            step = self._now.step + 1
            for name, value in metrics.losses.items():
                self._curves.setdefault(f"training {name}", Curve()).add(step, value)
            if metrics.action_gradient_share is not None:
                self._action_shares.add(step, metrics.action_gradient_share)
            self._step_ends = [*self._step_ends[-RATE_OVER:], time.monotonic()]
            spent = time.monotonic() - self._began
            self._now = replace(self._now, step=step, seconds=spent, steps_per_s=self._rate(), message="Training.")
        self._hooks.tracker.log(step, _numbers(metrics, self._now.steps_per_s))
        self._hooks.note_progress(self._now)
        return step

    def _rate(self) -> float:
        ends = self._step_ends
        return (len(ends) - 1) / (ends[-1] - ends[0]) if len(ends) > 1 and ends[-1] > ends[0] else 0.0

    def _evaluate(self, step: int) -> bool:
        """Take the evaluated loss, and that of the frames held out; False where told to end meanwhile."""
        found = self._mean_loss("evaluated", self._frames.targets, step)
        if found is None:
            return False
        if not math.isfinite(found):
            raise LossNotFinite
        with self._state:
            first = found if self._now.first_loss is None else self._now.first_loss
            self._now = replace(self._now, loss=found, first_loss=first, evaluated_at=step)
        return not self._frames.held_out or self._mean_loss("held out", self._frames.held_out, step) is not None

    def _mean_loss(self, name: str, targets: tuple[int, ...], step: int) -> float | None:
        """The mean over targets; None where told to end before the last of them."""
        batches, looks = self._frames.evaluated(targets), []
        for batch in batches:
            if looks and self._told_to_end:
                return None
            with self._hooks.lock:
                looks.append(self._trainer.evaluate(batch))
        loss = float(np.mean([look.loss for look in looks]))
        explained = float(np.mean([look.explained_variance for look in looks]))
        if name == "evaluated":
            self._actual = batches[0].target[0]
            self._looks = [*self._looks[:1], looks[0]]
        with self._state:
            self._curves.setdefault(name, Curve()).add(step, loss)
        self._hooks.tracker.log(step, {f"{name}/loss": loss, f"{name}/explained_variance": explained})
        return loss

    def _show_picture(self) -> None:
        """Send what the network makes of the first target now to where the run's numbers go."""
        self._hooks.tracker.picture(self._now.step, self._now.network, to_uint8(self._looks[-1].picture))

    def _is_reached(self, loss: float) -> bool:
        return isinstance(self._condition, LossThreshold) and loss <= self._condition.threshold

    def _outcome(self, status: Status) -> str:
        now = self._now
        took = f"after {now.step} step{'' if now.step == 1 else 's'} and {now.seconds:.1f} s"
        if status == "stopped":
            return f"Stopped {took}."
        if status == "interrupted":
            return f"Interrupted {took}: the program was told to end."
        if now.threshold is None:
            return f"Done {took}."
        reached = "reached" if self._is_reached(now.loss) else "not reached"
        return f"Threshold {now.threshold:g} {reached} {took}."

    def _save(self) -> str:
        try:
            return self._hooks.save()
        except CheckpointError as problem:
            return str(problem)
        except Exception as problem:  # no memory for the copies, for example: the job must end all the same
            logger.exception("saving failed")
            return f"The checkpoint was not saved ({type(problem).__name__}); the one saved before is still there."

    def _compared_or_none(self) -> BeforeAfter | None:
        try:
            return self._compared()
        except (RuntimeError, MemoryError):  # no memory for pictures: the job must end all the same
            logger.exception("no pictures of before and after")
            return None

    def _compared(self) -> BeforeAfter | None:
        if self._now.evaluated_at < 1:
            return None  # nothing is known yet of what the steps have changed
        before, after = self._looks
        pictures = (to_uint8(picture) for picture in (self._actual, before.picture, after.picture))
        return BeforeAfter(self._frames.targets[0], *pictures, before.loss, after.loss)


def _threshold(condition: StopCondition) -> float | None:
    return condition.threshold if isinstance(condition, LossThreshold) else None


def _parameter_share(trainer: Trainer) -> float | None:
    return action_parameter_share(trainer.optimizers.model.predictor) if trainer.name == "predictor" else None


def _numbers(metrics: StepMetrics, steps_per_s: float) -> dict[str, float]:
    numbers = {f"training/{name}": value for name, value in metrics.losses.items()}
    numbers |= {f"lr/{name}": value for name, value in metrics.lrs.items()}
    if metrics.action_gradient_share is not None:
        numbers["gradient_share/action"] = metrics.action_gradient_share
    return {**numbers, "grad_norm": metrics.grad_norm, "steps_per_s": steps_per_s}
