"""The training loop: phases, their steps, evaluations and saves. Page and commands run this one alone.

It runs in the thread of its caller. Commands come from a `Control`; results go to a `Progress` and a tracker.
"""

import logging
import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from models import Network
from models.inference import to_uint8
from session.batch import Batch
from session.spread import spread
from training.checkpoints.errors import CheckpointError
from training.checkpoints.manifest import MeasuredLoss
from training.jobs.control import Control
from training.jobs.looks import FRAMES, LookFolder
from training.jobs.progress import Progress
from training.jobs.snapshot import SKILL, BeforeAfter, Status
from training.jobs.tracking import Tracker
from training.jobs.trainer import WorldModelTrainer
from training.optim import action_parameter_share
from training.recipe.phase import Dataset, Phase
from training.references import References, references_of
from training.steps import Evaluation, LossNotFinite

logger = logging.getLogger(__name__)


class TrainingLoop:
    """Runs phases with a trainer, one after the other. A phase that was interrupted continues at its step."""

    def __init__(
        self, trainer: WorldModelTrainer, progress: Progress, tracker: Tracker, looks: LookFolder | None = None
    ) -> None:
        self._trainer, self._progress, self._tracker, self._looks = trainer, progress, tracker, looks
        self._group = trainer.group
        self._phase: Phase | None = None
        self._taken = 0  # steps of the phase
        self._shown_batch: Batch | None = None
        self._shown: list[Evaluation] = []  # of it, before the phase and the latest
        self._has_unsaved_steps, self._saved = False, ""
        self._loss: MeasuredLoss | None = None  # the newest one
        self._looked_at: list[Batch] = []  # the same frames in all phases
        self._references: References | None = None

    def run(self, phases: list[Phase], control: Control) -> Status:
        """Take the steps of all phases; returns "finished", or how a command ended the run.

        Raises SessionError, LossNotFinite, PartialUpdate, and what else a step raises.
        """
        self._progress.begin()
        for phase in phases:
            self._begin(phase)
            if not self._looked_at:
                self._begin_looks(phases[-1].dataset)
            status = self._take_steps(control)
            # Stopping must not wait: evaluating 16 frames and as many held-out ones takes as long as many steps.
            is_quick = status == "finished" or len(phase.dataset.evaluation_batches()) == 1
            if not self._progress.is_evaluated and is_quick:
                self._evaluate(control)
            if self._taken:
                self._show_picture()
            if self._taken and status == "finished":
                self._look(is_last=True)
            if status != "finished":
                return status
            if phase is not phases[-1]:
                self.save()
        return "finished"

    def save_rest(self) -> str:
        """Save the steps since the last save, if there are any; returns the message of the last save.

        A phase that has only begun is not saved: its first step may start from other weights, drawn anew.
        """
        if self._has_unsaved_steps:
            self._saved = self.save()
        return self._saved

    def save(self) -> str:
        """Save the networks that the phase changes; returns a message for visitors, also if that failed.

        The first process alone saves. The others wait for it at the next agreement.
        """
        if not self._group.is_first:
            return ""
        try:
            self._saved = self._trainer.save(self._phase.saved_networks, self._losses()).describe()
            self._has_unsaved_steps = False
            return self._saved
        except CheckpointError as problem:
            return str(problem)
        except Exception as problem:  # such as no memory for the copies: the run goes on, and ends, nevertheless
            logger.exception("saving failed")
            return f"The checkpoint was not saved ({type(problem).__name__}); the one saved before is still there."

    def _losses(self) -> dict[Network, MeasuredLoss]:
        """The evaluated loss of the weights in use, if there is one."""
        is_known = self._loss is not None and self._progress.is_evaluated
        return {self._phase.objective.network: self._loss} if is_known else {}

    def before_after(self) -> BeforeAfter | None:
        """Pictures of one target before the phase and now, or None if no step has been evaluated."""
        if self._progress.snapshot().evaluated_at < 1 or len(self._shown) < 2:
            return None
        before, after = self._shown
        pictures = (to_uint8(one) for one in (self._shown_batch.target[0], before.picture, after.picture))
        return BeforeAfter(self._phase.dataset.shown_frame, *pictures, before.loss, after.loss)

    def _begin(self, phase: Phase) -> None:
        self._phase, self._shown, self._references, self._loss = phase, [], None, None
        self._taken = self._trainer.begin_phase(phase)
        is_of_predictor = phase.objective.network == "predictor"
        share = action_parameter_share(self._trainer.shared.model.predictor) if is_of_predictor else None
        self._progress.begin_phase(phase, share, self._taken)
        self._tracker.begin_phase(phase, self._progress.step, self._trainer.state.of(phase.objective.network).steps)
        phase.dataset.prepare(self._group)

    def _take_steps(self, control: Control) -> Status:
        """Train until the condition of the phase holds or a command ends the run."""
        if not self._evaluate(control):
            return control.end_status
        if self._shown:
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
        batch = self._trainer.draw(self._phase.dataset)
        metrics = self._trainer.step(objective, batch, is_share_due=self._taken % config.evaluate_every == 0)
        self._taken, self._has_unsaved_steps = self._taken + 1, True
        numbers = self._progress.add_step(metrics)
        is_measured = self._phase.measure_every and self._taken % self._phase.measure_every == 0
        if is_measured and self._group.is_first:
            measured = self._phase.measure()
            numbers |= measured
            self._progress.add_measures({name: value for name, value in measured.items() if value <= 1})
        self._tracker.log(self._progress.step, numbers)

    def _evaluate(self, control: Control) -> bool:
        """Evaluate the loss, and that of the held-out frames; returns False if a command ended the run meanwhile."""
        dataset = self._phase.dataset
        batches, held_out = dataset.evaluation_batches(), dataset.held_out_batches()
        loss = self._evaluations("evaluated", batches, control)
        if loss is None:
            return False
        if held_out:
            loss = self._evaluations("held out", held_out, control)
        if loss is None:
            return False
        self._loss = MeasuredLoss(loss, bool(held_out), self._phase.label)
        self._measure(loss, held_out or batches, batches)
        if self._phase.watched and self._evaluations("reconstruction", batches, control) is None:
            return False
        if not control.end_status:
            self._look()
        return True

    def _measure(self, mse: float, measured: Sequence[Batch], learned: Sequence[Batch]) -> None:
        """Add the skill of predictions with this error on some targets."""
        if self._references is None:
            self._references = references_of(measured, learned)
            named = self._references.named()
            self._progress.update(references=named)
            self._tracker.log(self._progress.step, {f"reference/{name}": value for name, value in named.items()})
        skill = self._references.skill(mse)
        if skill is not None:
            self._progress.add_measures({SKILL: skill})
            self._tracker.log(self._progress.step, {SKILL: skill})

    def _begin_looks(self, dataset: Dataset) -> None:
        if self._looks is not None:
            batches = dataset.held_out_batches() or dataset.evaluation_batches()
            self._looked_at = [batches[place] for place in spread(len(batches), FRAMES)]
            self._looks.begin([to_uint8(batch.target[0]) for batch in self._looked_at])

    def _look(self, is_last: bool = False) -> None:
        """Keep the outputs for the frames looked at, if that is due, or at the end of a phase."""
        step, phase = self._progress.step, self._phase
        if self._looks is not None and (is_last or self._looks.is_due(step, phase.label)):
            outputs = [self._trainer.evaluate(phase.objective, batch) for batch in self._looked_at]
            self._looks.add(step, phase.label, [to_uint8(output.picture) for output in outputs])

    def _evaluations(self, name: str, batches: Sequence[Batch], control: Control) -> float | None:
        """The mean loss of some batches, or None if a command ended the run before the last of them.

        Processes take turns: each evaluates every batch whose place has its rank as remainder.
        """
        objective = self._phase.watched if name == "reconstruction" else self._phase.objective
        own: dict[int, Evaluation] = {}
        for first in range(0, len(batches), self._group.size):
            if first and control.end_status:
                return None
            place = first + self._group.rank
            if place < len(batches):
                own[place] = self._trainer.evaluate(objective, batches[place])
            self._group.agree()
        loss, explained = self._means(own, len(batches))
        if name == "evaluated" and 0 in own:
            self._shown_batch, self._shown = batches[0], [*self._shown[:1], own[0]]
        if name == "evaluated" and not math.isfinite(loss):
            raise LossNotFinite
        self._progress.add_loss(name, loss)
        self._tracker.log(self._progress.step, {f"{name}/loss": loss, f"{name}/explained_variance": explained})
        return loss

    def _means(self, own: Mapping[int, Evaluation], count: int) -> tuple[float, float]:
        """The mean loss and explained variance of the evaluations of all processes; `own` by their places."""
        numbers = torch.zeros(count, 2, dtype=torch.float64)
        for place, one in own.items():
            numbers[place] = torch.tensor([one.loss, one.explained_variance], dtype=torch.float64)
        self._group.add(numbers)
        loss, explained = (float(np.mean(column)) for column in numbers.T.tolist())
        return loss, explained

    def _show_picture(self) -> None:
        """Send the network's present output for the first target to the tracker, from the process that has it."""
        if self._shown:
            picture = to_uint8(self._shown[-1].picture)
            self._tracker.picture(self._progress.step, self._phase.objective.network, picture)
