"""One training step of any objective, and the evaluation that decides when to stop.

An objective names the networks that are trained, and computes their losses. A step applies the gradients of the losses
of a batch; a loss or gradient that is not finite stops it before anything changes. Threads, files and stop conditions
are no part of this module.

Shapes: B batch, T history, H and W picture height and width, A action channels.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from models import NETWORKS, AdaptiveWorldModel, Network, PredictionLosses
from models.precision import autocast
from session.batch import Batch
from training.config import TrainingConfig
from training.distributed.division import ALONE, WHOLE, Part, Parts, uniform
from training.distributed.gradients import add_gradients
from training.optim import NetworkOptimizer, action_gradient_share

SEED = 20250921


class LossNotFinite(ArithmeticError):
    """A step's loss or gradient is not a finite number; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            "The loss is no longer a finite number: training stopped before the weights changed, and nothing was saved "
            "over the last checkpoint. Try a lower learning rate, or load a checkpoint."
        )


class PartialUpdate(RuntimeError):
    """An update failed halfway: some weights are of the next step, others are not."""

    def __init__(self) -> None:
        super().__init__(
            "Training broke off in the middle of an update, so the weights in use may be half of a step. Nothing was "
            "saved over the last checkpoint: load it under Models."
        )


@dataclass(frozen=True)
class StepMetrics:
    """Figures of one step: the loss it minimized and its parts, the gradient's norm, and the next learning rates.

    `action_gradient_share` is the share of the predictor's squared gradient on its action parameters, or None.
    """

    losses: dict[str, float]
    grad_norm: float
    lrs: dict[str, float]
    action_gradient_share: float | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The loss in evaluation mode: `loss` is the one that Run Autoencoder or Run Predictor shows.

    Also its parts, the share of the pictures' variance that is explained, and the first picture, float (3, H, W).
    """

    loss: float
    losses: dict[str, float]
    explained_variance: float
    picture: Tensor


class Losses(NamedTuple):
    """The scalar to minimize, and scalars by the names under which they are recorded: means over examples.

    `share`: the share of the examples of the whole batch that they are means of; None: as many as of every other part.
    """

    total: Tensor
    parts: dict[str, Tensor]
    share: float | None = None


class TrainState:
    """Everything that training changes besides the weights: the optimizers of both networks and the random numbers.

    `division` says how batches are divided; it may change between runs, and the random numbers are the same in all
    processes.
    """

    def __init__(self, world_model: AdaptiveWorldModel, config: TrainingConfig = TrainingConfig()) -> None:
        self.model = world_model
        self.config, self.division = config, ALONE
        self.generator = torch.Generator(next(world_model.parameters()).device).manual_seed(SEED)
        self._optimizers: dict[Network, NetworkOptimizer] = {name: self._build(name) for name in NETWORKS}

    def of(self, network: Network) -> NetworkOptimizer:
        """The optimizer of one network."""
        return self._optimizers[network]

    def renew(self, network: Network, step: int = 0) -> NetworkOptimizer:
        """Replace a network's optimizer by a fresh one whose schedule starts at `step`, the network's step."""
        self._optimizers[network] = self._build(network, step)
        return self._optimizers[network]

    def configured(self, config: TrainingConfig) -> "TrainState":
        """The same moments, steps and random numbers under another configuration."""
        if config == self.config:
            return self
        state = TrainState(self.model, config)
        state.generator, state.division = self.generator, self.division
        for network, optimizer in self._optimizers.items():
            renewed = state.renew(network, optimizer.first_step)
            if optimizer.steps > optimizer.first_step:
                renewed.restore(optimizer.state().optimizer, optimizer.steps)
        return state

    def _build(self, network: Network, first_step: int = 0) -> NetworkOptimizer:
        lr = self.config.autoencoder_lr if network == "autoencoder" else self.config.predictor_lr
        return NetworkOptimizer(self.model.network(network), lr, self.config, first_step)


class Objective(Protocol):
    """A training goal: whose loss is evaluated, which networks change, and the losses of a step.

    `losses` takes a batch of the dataset that belongs to the objective, or of a divided batch the rows of a `part`. It
    is called in training mode, and draws its random numbers from `generator` alone: for every part those of the whole
    batch.
    """

    network: Network
    trained: tuple[Network, ...]

    def losses(self, batch: object, generator: torch.Generator, part: Part = WHOLE) -> Losses:
        """The losses of one training step."""

    def evaluate(self, batch: Batch) -> Evaluation:
        """The loss in evaluation mode, without gradients."""


class Reconstruction:
    """Masked steps of the autoencoder on the targets of batches (He et al. 2021, arXiv 2111.06377)."""

    network: Network = "autoencoder"
    trained: tuple[Network, ...] = ("autoencoder",)

    def __init__(self, model: AdaptiveWorldModel, config: TrainingConfig) -> None:
        self._model, self._config = model, config

    def losses(self, batch: Batch, generator: torch.Generator, part: Part = WHOLE) -> Losses:
        low, high = self._config.mask_ratio_low, self._config.mask_ratio_high
        mask_ratio = low + (high - low) * torch.rand((), generator=generator, device=generator.device).item()
        noise = mask_noise(len(batch.target), self._model.autoencoder.config.patches, generator, part)
        loss = self._model.autoencoder_loss(batch.target.to(generator.device), mask_ratio, noise)
        return Losses(loss, {"loss": loss})

    @torch.inference_mode()
    def evaluate(self, batch: Batch) -> Evaluation:
        images = batch.target.to(_device_of(self._model))
        picture = self._model.reconstruct(images)
        loss = (picture - images).square().mean().item()
        return Evaluation(loss, {"loss": loss}, explained_variance(picture, images), picture[0])


class FramePrediction:
    """Steps on the prediction of targets from their histories: joint ones of predictor, decoder and encoder.

    If `trained` is the predictor alone, the gradients pass the autoencoder, which stays as it is.
    """

    network: Network = "predictor"
    trained: tuple[Network, ...] = ("predictor", "autoencoder")

    def __init__(
        self, model: AdaptiveWorldModel, config: TrainingConfig, trained: tuple[Network, ...] = trained
    ) -> None:
        self._model, self._config, self.trained = model, config, trained

    def losses(self, batch: Batch, generator: torch.Generator, part: Part = WHOLE) -> Losses:
        losses = self._losses(batch)
        return Losses(losses.total, {"total": losses.total, "image": losses.image, "latent": losses.latent})

    @torch.inference_mode()
    def evaluate(self, batch: Batch) -> Evaluation:
        losses = self._losses(batch)
        explained = explained_variance(losses.picture, batch.target.to(losses.picture.device))
        return Evaluation(losses.image.item(), as_numbers(losses), explained, losses.picture[0])

    def _losses(self, batch: Batch) -> PredictionLosses:
        device, config = _device_of(self._model), self._config
        tensors = batch.frames.to(device), batch.actions.to(device), batch.target.to(device)
        return self._model.prediction_losses(*tensors, config.image_weight, config.latent_weight)


OBJECTIVES: dict[Network, type[Reconstruction | FramePrediction]] = {
    "autoencoder": Reconstruction,
    "predictor": FramePrediction,
}


class _OwnTrainer:
    """Steps of a standard objective for a program that owns its model."""

    name: Network

    def __init__(self, world_model: AdaptiveWorldModel, state: TrainState | None = None) -> None:
        self.model = world_model.eval()
        self.state = state or TrainState(world_model)
        self._steps = 0

    def step(self, batch: Batch) -> StepMetrics:
        """One training step; raises LossNotFinite and PartialUpdate."""
        is_share_due = self._steps % self.state.config.evaluate_every == 0
        metrics = train_step(self.state, self._objective(), batch, is_share_due)
        self._steps += 1
        return metrics

    def evaluate(self, batch: Batch) -> Evaluation:
        """The loss in evaluation mode, without gradients."""
        return self._objective().evaluate(batch)

    def _objective(self) -> Reconstruction | FramePrediction:
        return OBJECTIVES[self.name](self.model, self.state.config)


class AutoencoderTrainer(_OwnTrainer):
    """Masked steps of the autoencoder on the targets of batches."""

    name: Network = "autoencoder"


class PredictorTrainer(_OwnTrainer):
    """Joint steps of predictor, decoder and encoder on the prediction of targets from their histories."""

    name: Network = "predictor"


def mask_noise(rows: int, patches: int, generator: torch.Generator, part: Part) -> Tensor:
    """Random numbers (rows, patches) that choose the patches of a part of equally many rows as every other one."""
    size = rows * part.count
    return uniform(part.rows(size), (size, patches), generator)


def draw_batch(state: TrainState, draw: Callable[..., object]) -> object:
    """A batch for the next step, by `draw` of a dataset; of a divided one the parts that this process computes."""
    division, generator = state.division, state.generator
    if division.is_whole:
        return draw(generator)
    before, batches = generator.get_state(), []
    for part in division.parts:
        generator.set_state(before)
        batches.append((part, draw(generator, part)))
    return Parts(tuple(batches))


def train_step(state: TrainState, objective: Objective, batch: object, is_share_due: bool = False) -> StepMetrics:
    """One step of all networks that the objective trains; raises LossNotFinite before any change, and PartialUpdate.

    `batch`: a batch, or the `Parts` of one; then also raises OtherProcessFailed and ProcessLost, before any change.
    `is_share_due`: also measure the share of the predictor's gradient on its action parameters.
    """
    model = state.model
    model.use_generator(state.generator)
    model.train()
    try:
        if isinstance(batch, Parts):
            numbers, (grad_norm, share) = _apply_parts(state, objective, batch, is_share_due)
        else:
            with autocast(state.generator.device, state.config.precision):
                losses = objective.losses(batch, state.generator)
            numbers = _as_numbers(losses)  # before the update, which must not fail
            grad_norm, share = apply(state, objective.trained, losses.total, is_share_due)
    finally:
        model.eval()
    lrs = {network: state.of(network).current_lr for network in objective.trained}
    return StepMetrics(numbers, grad_norm, lrs, share)


def apply(
    state: TrainState, networks: tuple[Network, ...], loss: Tensor, is_share_due: bool = False
) -> tuple[float, float | None]:
    """Backward, and a step of each network's optimizer; raises LossNotFinite before any change, PartialUpdate after.

    Returns the gradient's norm and, if `is_share_due`, the share of the predictor's on its action parameters.
    """
    _drop_gradients(state.model)
    try:
        _backward(loss, _parameters(state, networks))
        return _update(state, networks, is_share_due)
    finally:
        _drop_gradients(state.model)


def _apply_parts(
    state: TrainState, objective: Objective, batch: Parts, is_share_due: bool
) -> tuple[dict[str, float], tuple[float, float | None]]:
    """Backward of each part of a batch, and one update by the sum of the gradients of all processes.

    Returns the losses of the whole batch, and what `apply` returns.
    """
    _drop_gradients(state.model)
    parameters, numbers = _parameters(state, objective.trained), Counter()
    before = state.generator.get_state()
    try:
        for part, rows in batch.batches:
            state.generator.set_state(before)
            state.model.use_generator(_part_generator(before, part, state.generator.device))
            with autocast(state.generator.device, state.config.precision):
                losses = objective.losses(rows, state.generator, part)
            share = 1 / part.count if losses.share is None else losses.share
            _backward(share * losses.total, parameters)
            numbers.update({name: share * number for name, number in _as_numbers(losses).items()})
        summed = add_gradients(state.division.group, parameters, numbers)
        return summed, _update(state, objective.trained, is_share_due)
    finally:
        _drop_gradients(state.model)


def _part_generator(state: Tensor, part: Part, device: torch.device) -> torch.Generator:
    """A generator for the dropout of a part, by the state of that of the step and the number of the part."""
    digest = hashlib.sha256(state.numpy().tobytes() + bytes([part.number % 256, part.number // 256])).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:7]))


def _parameters(state: TrainState, networks: tuple[Network, ...]) -> list[nn.Parameter]:
    return [parameter for network in networks for parameter in state.model.network(network).parameters()]


def _as_numbers(losses: Losses) -> dict[str, float]:
    return {name: loss.item() for name, loss in losses.parts.items()}


def _backward(loss: Tensor, parameters: Sequence[nn.Parameter]) -> None:
    """Add the gradients of a loss, if it has any; raises LossNotFinite if it is not finite."""
    if not torch.isfinite(loss):
        raise LossNotFinite
    if loss.requires_grad:  # not so for a part without an example
        loss.backward(inputs=parameters)


def _update(state: TrainState, networks: tuple[Network, ...], is_share_due: bool) -> tuple[float, float | None]:
    """A step of each network's optimizer by the gradients that there are; raises and returns what `apply` does."""
    optimizers = [state.of(network) for network in networks]
    norm_and_share = _clip(state, is_share_due)
    # All the memory of both steps is taken before the first: none runs out between two networks.
    for optimizer in optimizers:
        optimizer.prepare()
    _step_all(optimizers)
    return norm_and_share


def _clip(state: TrainState, is_share_due: bool) -> tuple[float, float | None]:
    """Clip the gradients; raises LossNotFinite if they are not finite."""
    named = [(name, one.grad) for name, one in state.model.named_parameters() if one.grad is not None]
    gradients = [gradient for _, gradient in named]
    norms = torch.stack(torch._foreach_norm(gradients))
    norm = torch.linalg.vector_norm(norms)
    if not torch.isfinite(norm):
        raise LossNotFinite
    share = None
    if is_share_due:
        share = action_gradient_share([name for name, _ in named], norms, state.model.predictor.action_parts)
    clip = state.config.clip_norm
    if clip is not None and norm > clip:
        torch._foreach_mul_(gradients, clip / norm)
    return norm.item(), share


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
    """1 − variance of the error ÷ variance of the actual pictures; 0 if the actual ones have none."""
    spread = actual.var()
    return (1 - (actual - picture).var() / spread).item() if spread > 0 else 0.0


def _device_of(model: AdaptiveWorldModel) -> torch.device:
    return model.autoencoder.cls_token.device
