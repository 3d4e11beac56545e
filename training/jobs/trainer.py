"""Single steps for a loop that is not a job, such as a robot's: steps, looks and saves, in its own time.

Who may train here, and where checkpoints lie, is the business of the `TrainingManager` that gives the lesson.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from models import Network, SharedWorldModel
from session.batch import Batch
from training.checkpoints.writer import SavedCheckpoint
from training.jobs.request import CHANGED_BY
from training.steps import AutoencoderTrainer, Evaluation, PredictorTrainer, StepMetrics, Trainer, TrainState


@dataclass(frozen=True)
class LessonHooks:
    """What a lesson asks of those who own the weights: what to note after a step, and how to save networks."""

    note_step: Callable[[Network], None]
    save: Callable[[list[Network]], SavedCheckpoint]


class Lesson:
    """Trains and evaluates either network of a shared world model, a call at a time, under its lock."""

    def __init__(self, shared: SharedWorldModel, optimizers: TrainState, hooks: LessonHooks) -> None:
        self.shared = shared
        self.generator: torch.Generator = optimizers.generator
        self._hooks = hooks
        self._trainers: dict[Network, Trainer] = {
            "autoencoder": AutoencoderTrainer(shared.model, optimizers),
            "predictor": PredictorTrainer(shared.model, optimizers),
        }
        self._unsaved: list[Network] = []

    def step(self, network: Network, batch: Batch) -> StepMetrics:
        """One training step; raises LossNotFinite and PartialUpdate."""
        with self.shared.lock:
            metrics = self._trainers[network].step(batch)
            self._hooks.note_step(network)
        self._unsaved = sorted({*self._unsaved, *CHANGED_BY[network]})
        return metrics

    def evaluate(self, network: Network, batch: Batch) -> Evaluation:
        """The loss in evaluation mode."""
        with self.shared.lock:
            return self._trainers[network].evaluate(batch)

    def save(self) -> SavedCheckpoint | None:
        """Write the networks that have learned since the last save, None where none has; raises CheckpointNotSaved."""
        if not self._unsaved:
            return None
        saved = self._hooks.save(self._unsaved)
        self._unsaved = []
        return saved
