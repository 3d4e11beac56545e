"""The training loop: phases, their steps, evaluations and saves. Page and commands run this one alone.

It runs in the thread of its caller. Commands come from a `Control`; results go to a `Progress` and a tracker.
"""

import logging
import math
from collections.abc import Sequence

import numpy as np

from models.inference import to_uint8
from session.batch import Batch
from training.checkpoints.errors import CheckpointError
from training.gradient_share import action_parameter_share
from training.jobs.control import Control
from training.jobs.progress import Progress
from training.jobs.snapshot import BeforeAfter, Status
from training.jobs.tracking import Tracker
from training.jobs.trainer import WorldModelTrainer
from training.phase import Phase
from training.steps import Evaluation, LossNotFinite

logger = logging.getLogger(__name__)


class TrainingLoop:
    """Runs phases with a trainer, one after the other. A phase that was interrupted continues at its step."""

    def __init__(self, trainer: WorldModelTrainer, progress: Progress, tracker: Tracker) -> None:
        self._trainer, self._progress, self._tracker = trainer, progress, tracker
        self._phase: Phase | None = None
        self._taken = 0  # steps of the phase
        self._shown_batch: Batch | None = None
        self._shown: list[Evaluation] = []  # of it, before the phase and the latest

    def run(self, phases: list[Phase], control: Control) -> Status:
        """Take the steps of all phases; returns "finished", or how a command ended the run.

        Raises SessionError, LossNotFinite, PartialUpdate, and what else a step raises.
        """
        self._progress.begin()
        for phase in phases:
            self._begin(phase)
            status = self._take_steps(control)
            # Stopping must not wait: evaluating 16 frames and as many held-out ones takes as long as many steps.
            is_quick = status == "finished" or len(phase.dataset.evaluation_batches()) == 1
            if not self._progress.is_evaluated and is_quick:
                self._evaluate(control)
            if self._taken:
                self._show_picture()
            if status != "finished":
                return status
            if phase is not phases[-1]:
                self.save()
        return "finished"

    def save(self) -> str:
        """Save the networks that the phase changes; returns a message for visitors, also if that failed."""
        try:
            return self._trainer.save(self._phase.saved_networks).describe()
        except CheckpointError as problem:
            return str(problem)
        except Exception as problem:  # such as no memory for the copies: the run goes on, and ends, nevertheless
            logger.exception("saving failed")
            return f"The checkpoint was not saved ({type(problem).__name__}); the one saved before is still there."

    def before_after(self) -> BeforeAfter | None:
        """Pictures of one target before the phase and now, or None if no step has been evaluated."""
        if self._progress.snapshot().evaluated_at < 1 or len(self._shown) < 2:
            return None
        before, after = self._shown
        pictures = (to_uint8(one) for one in (self._shown_batch.target[0], before.picture, after.picture))
        return BeforeAfter(self._phase.dataset.shown_frame, *pictures, before.loss, after.loss)

    def _begin(self, phase: Phase) -> None:
        self._phase, self._shown = phase, []
        self._taken = self._trainer.begin_phase(phase)
        is_of_predictor = phase.objective.network == "predictor"
        share = action_parameter_share(self._trainer.shared.model.predictor) if is_of_predictor else None
        self._progress.begin_phase(phase, share)
        self._tracker.begin_phase(phase, self._progress.step, self._trainer.state.of(phase.objective.network).steps)
        phase.dataset.prepare()

    def _take_steps(self, control: Control) -> Status:
        """Train until the condition of the phase holds or a command ends the run."""
        if not self._evaluate(control):
            return control.end_status
        self._tracker.picture(self._progress.step, "actual", to_uint8(self._shown_batch.target[0]))
        self._show_picture()
        config, condition = self._phase.config, self._phase.condition
        while self._taken < condition.max_steps and not self._phase.is_reached(self._progress.loss):
            pause_s = control.wait_while_paused(lambda: self._progress.update(status="paused", message="Paused."))
            if pause_s:
                self._progress.skip_pause(pause_s)
            if control.end_status:
                return control.end_status
            self._take_step()
            if self._taken % config.evaluate_every == 0:
                self._evaluate(control)
            if self._taken % config.save_every == 0 and self._taken < condition.max_steps:
                self.save()
        return "finished"

    def _take_step(self) -> None:
        objective, config = self._phase.objective, self._phase.config
        batch = self._phase.dataset.draw(self._trainer.state.generator)
        metrics = self._trainer.step(objective, batch, is_share_due=self._taken % config.evaluate_every == 0)
        self._taken += 1
        numbers = self._progress.add_step(metrics)
        if self._phase.measure_every and self._taken % self._phase.measure_every == 0:
            numbers |= self._phase.measure()
        self._tracker.log(self._progress.step, numbers)

    def _evaluate(self, control: Control) -> bool:
        """Evaluate the loss, and that of the held-out frames; returns False if a command ended the run meanwhile."""
        dataset = self._phase.dataset
        losses = self._evaluations("evaluated", dataset.evaluation_batches(), control)
        if losses is None:
            return False
        held_out = dataset.held_out_batches()
        return not held_out or self._evaluations("held out", held_out, control) is not None

    def _evaluations(self, name: str, batches: Sequence[Batch], control: Control) -> float | None:
        """The mean loss of some batches, or None if a command ended the run before the last of them."""
        evaluations: list[Evaluation] = []
        for batch in batches:
            if evaluations and control.end_status:
                return None
            evaluations.append(self._trainer.evaluate(self._phase.objective, batch))
        loss = float(np.mean([one.loss for one in evaluations]))
        explained = float(np.mean([one.explained_variance for one in evaluations]))
        if name == "evaluated":
            self._shown_batch, self._shown = batches[0], [*self._shown[:1], evaluations[0]]
        if name == "evaluated" and not math.isfinite(loss):
            raise LossNotFinite
        self._progress.add_loss(name, loss)
        self._tracker.log(self._progress.step, {f"{name}/loss": loss, f"{name}/explained_variance": explained})
        return loss

    def _show_picture(self) -> None:
        """Send the network's present output for the first target to the tracker."""
        picture = to_uint8(self._shown[-1].picture)
        self._tracker.picture(self._progress.step, self._phase.objective.network, picture)
