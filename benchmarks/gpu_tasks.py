"""Tasks that fill a GPU, which a step at batch 1 leaves idle: steps of 64 histories, and a sweep of 27 actions.

Each in float32, or with products in bfloat16 by the switch of the program itself; weights are float32 in both.
"""

import torch

from benchmarks.flop_counts import FlopCounts
from benchmarks.networks import Task
from models import SharedWorldModel
from models.precision import Precision, autocast
from session.batch import Batch
from training.config import TrainingConfig
from training.steps import PredictorTrainer, TrainState

BATCH, CANDIDATES, HISTORY = 64, 27, 3


def histories(shared: SharedWorldModel, count: int) -> Batch:
    """Pictures and actions without meaning, always the same, on the model's device: a batch of this many."""
    generator, size = torch.Generator().manual_seed(2), shared.model.config.autoencoder.image_size
    channels = shared.model.config.action_channels
    frames = torch.rand(count, HISTORY, 3, size, size, generator=generator)
    actions = 2 * torch.rand(count, HISTORY, channels, generator=generator) - 1
    batch = Batch(frames, actions, torch.rand(count, 3, size, size, generator=generator))
    return Batch(*(part.to(shared.device) for part in (batch.frames, batch.actions, batch.target)))


def large_tasks(
    shared: SharedWorldModel, precision: Precision, batch: int = BATCH, candidates: int = CANDIDATES
) -> list[Task]:
    """A predictor step of a whole batch, and the networks of a sweep."""
    counts, many, one = FlopCounts(shared.model.config), histories(shared, batch), histories(shared, 1)
    trainer = PredictorTrainer(shared.model, TrainState(shared.model, TrainingConfig(precision=precision)))
    options = histories(shared, candidates).actions[:, -1]

    @torch.inference_mode()
    def sweep() -> torch.Tensor:
        with autocast(shared.device, precision):
            context = shared.model.encode_history(one.frames)
            return shared.model.predict_counterfactuals(context, one.actions, options, one.frames[:, -1]).picture

    return [
        Task(f"predictor step, batch {batch}", batch * counts.predictor_step(HISTORY), lambda: trainer.step(many)),
        Task(f"sweep of {candidates} actions, networks", counts.sweep(HISTORY, candidates), sweep),
    ]


def peak_memory_mb(task: Task, device: torch.device) -> float | None:
    """The most memory of the GPU that tensors take during a task, weights and moments included; None on a CPU."""
    if device.type != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats(device)
    task.run()
    return torch.cuda.max_memory_allocated(device) / 1e6
