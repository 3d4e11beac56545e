"""One training step of either network, and the evaluation that decides when to stop.

A step takes a batch, minimizes a loss of `AdaptiveWorldModel` and tells what happened; a loss or gradient that is not
finite stops it before anything changes. Threads, files and stop conditions are elsewhere.

Shapes: B batch, T history, H and W picture height and width, A action channels.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from models import AdaptiveWorldModel, Network, PredictionLosses
from session.batch import Batch
from training.config import TrainingConfig
from training.gradient_share import action_gradient_share
from training.optim import NetworkOptimizer

SEED = 20250921


class LossNotFinite(ArithmeticError):
    """A step's loss or gradient is not a finite number; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "The loss is no longer a finite number: training stopped before the weights changed, and nothing was saved "
            "over the last checkpoint. Try a lower learning rate, or load a checkpoint."
        )


class PartialUpdate(RuntimeError):
    """An update broke off after it had begun: some weights are of the next step, others are not."""

    def __init__(self) -> None:
        super().__init__(
            "Training broke off in the middle of an update, so the weights in use may be half of a step. Nothing was "
            "saved over the last checkpoint: load it under Models."
        )


@dataclass(frozen=True)
class StepMetrics:
    """What one step did: the loss it minimized and its parts, the gradient's norm, the next learning rates, and which
    share of the predictor's squared gradient fell on its action parameters, None where that was not asked for."""

    losses: dict[str, float]
    grad_norm: float
    lrs: dict[str, float]
    action_gradient_share: float | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The loss in evaluation mode: `loss` is what Run Autoencoder or Run Predictor shows; its parts, the share of the
    pictures' variance that is explained, and the first picture itself, float (3, H, W)."""

    loss: float
    losses: dict[str, float]
    explained_variance: float
    picture: Tensor


class TrainState:
    """The optimizers of both networks and the random numbers of their steps: they belong to the weights they train."""

    def __init__(self, world_model: AdaptiveWorldModel, config: TrainingConfig = TrainingConfig()) -> None:
        self.model = world_model
        self.config = config
        self.generator = torch.Generator(next(world_model.parameters()).device).manual_seed(SEED)
        self._of: dict[Network, NetworkOptimizer] = {name: self._made(name) for name in ("autoencoder", "predictor")}

    def of(self, network: Network) -> NetworkOptimizer:
        """The optimizer of one network."""
        return self._of[network]

    def renew(self, network: Network) -> NetworkOptimizer:
        """Put a fresh optimizer in place of a network's own, because its weights are others now."""
        self._of[network] = self._made(network)
        return self._of[network]

    def configured(self, config: TrainingConfig) -> "TrainState":
        """The same moments, steps and random numbers under another configuration."""
        if config == self.config:
            return self
        changed = TrainState(self.model, config)
        changed.generator = self.generator
        for network, optimizer in self._of.items():
            if optimizer.steps:
                changed.of(network).restore(optimizer.state().optimizer, optimizer.steps)
        return changed

    def _made(self, network: Network) -> NetworkOptimizer:
        if network == "autoencoder":
            return NetworkOptimizer(self.model.autoencoder, self.config.autoencoder_lr, self.config)
        return NetworkOptimizer(self.model.predictor, self.config.predictor_lr, self.config)


class Trainer(Protocol):
    """What a job needs of a trainer."""

    name: Network
    optimizers: TrainState

    def step(self, batch: Batch) -> StepMetrics:
        """One training step; raises LossNotFinite."""

    def evaluate(self, batch: Batch) -> Evaluation:
        """The loss in evaluation mode, without gradients."""


class AutoencoderTrainer:
    """Masked steps of the autoencoder on the targets of batches (He et al. 2021, arXiv 2111.06377)."""

    name: Network = "autoencoder"

    def __init__(self, world_model: AdaptiveWorldModel, optimizers: TrainState | None = None) -> None:
        self.model = world_model.eval()
        self.optimizers = optimizers or TrainState(world_model)

    def step(self, batch: Batch) -> StepMetrics:
        config, generator = self.optimizers.config, self.optimizers.generator
        drawn = torch.rand((), generator=generator, device=generator.device).item()
        mask_ratio = config.mask_ratio_low + (config.mask_ratio_high - config.mask_ratio_low) * drawn
        images = batch.target.to(generator.device)
        loss = self.model.autoencoder_loss(images, mask_ratio, generator)
        optimizer, numbers = self.optimizers.of("autoencoder"), {"loss": loss.item()}
        grad_norm, _ = apply(self.model, loss, [optimizer])
        return StepMetrics(numbers, grad_norm, {"autoencoder": optimizer.current_lr})

    @torch.inference_mode()
    def evaluate(self, batch: Batch) -> Evaluation:
        images = batch.target.to(self.optimizers.generator.device)
        picture = self.model.reconstruct(images)
        loss = (picture - images).square().mean().item()
        return Evaluation(loss, {"loss": loss}, explained_variance(picture, images), picture[0])


class PredictorTrainer:
    """Joint steps of predictor, decoder and encoder on the prediction of targets from their histories."""

    name: Network = "predictor"

    def __init__(self, world_model: AdaptiveWorldModel, optimizers: TrainState | None = None) -> None:
        self.model = world_model.eval()
        self.optimizers = optimizers or TrainState(world_model)
        self._taken = 0  # steps of this trainer: its first one tells the share already, however short the run

    def step(self, batch: Batch) -> StepMetrics:
        config, both = self.optimizers.config, [self.optimizers.of("predictor"), self.optimizers.of("autoencoder")]
        self.model.use_generator(self.optimizers.generator)
        self.model.train()
        try:
            losses = self.model.prediction_losses(*self._placed(batch), config.image_weight, config.latent_weight)
            numbers = as_numbers(losses)  # before the update: nothing may go wrong after it
            is_share_due = self._taken % config.evaluate_every == 0
            grad_norm, share = apply(self.model, losses.total, both, is_share_due)
        finally:
            self.model.eval()
        self._taken += 1
        lrs = {"predictor": both[0].current_lr, "autoencoder": both[1].current_lr}
        return StepMetrics(numbers, grad_norm, lrs, share)

    @torch.inference_mode()
    def evaluate(self, batch: Batch) -> Evaluation:
        config, (frames, actions, target) = self.optimizers.config, self._placed(batch)
        losses = self.model.prediction_losses(frames, actions, target, config.image_weight, config.latent_weight)
        numbers, explained = as_numbers(losses), explained_variance(losses.picture, target)
        return Evaluation(numbers["image"], numbers, explained, losses.picture[0])

    def _placed(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        device = self.optimizers.generator.device
        return batch.frames.to(device), batch.actions.to(device), batch.target.to(device)


def apply(
    model: AdaptiveWorldModel, loss: Tensor, optimizers: list[NetworkOptimizer], is_share_due: bool = False
) -> tuple[float, float | None]:
    """Backward, and a step of each optimizer; raises LossNotFinite before any change, and PartialUpdate after some.

    Returns the gradient's norm, and where `is_share_due` the share of the predictor's on its action parameters.
    """
    _drop_gradients(model)
    try:
        told = _backward(model, loss, is_share_due)
        # All the memory of both steps is taken before the first: none runs out between two networks.
        for optimizer in optimizers:
            optimizer.prepare()
        _step_all(optimizers)
        return told
    finally:
        _drop_gradients(model)


def _backward(model: AdaptiveWorldModel, loss: Tensor, is_share_due: bool) -> tuple[float, float | None]:
    """Fill the gradients; raises LossNotFinite where they are not."""
    if not torch.isfinite(loss):
        raise LossNotFinite
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    norms = torch.stack(torch._foreach_norm(list(gradients.values())))
    norm = torch.linalg.vector_norm(norms)
    if not torch.isfinite(norm):
        raise LossNotFinite
    return norm.item(), _action_share(model, gradients, norms) if is_share_due else None


def _action_share(model: AdaptiveWorldModel, gradients: dict[str, Tensor], norms: Tensor) -> float | None:
    return action_gradient_share(list(gradients), norms, model.predictor.action_parts)


def _step_all(optimizers: list[NetworkOptimizer]) -> None:
    try:
        for optimizer in optimizers:
            optimizer.step()
    except (RuntimeError, MemoryError) as problem:
        raise PartialUpdate from problem


def _drop_gradients(model: AdaptiveWorldModel) -> None:
    for parameter in model.parameters():
        parameter.grad = None


def as_numbers(losses: PredictionLosses) -> dict[str, float]:
    return {"total": losses.total.item(), "image": losses.image.item(), "latent": losses.latent.item()}


def explained_variance(picture: Tensor, actual: Tensor) -> float:
    """1 − variance of the error ÷ variance of the actual pictures; 0 where the actual ones have none."""
    spread = actual.var()
    return (1 - (actual - picture).var() / spread).item() if spread > 0 else 0.0
