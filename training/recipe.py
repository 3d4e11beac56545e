"""A recipe by which a fresh pair of networks learns a world that is mostly background: to see, to foresee, to dream.

The plain recipe minimizes the squared error of the whole picture, of which a small thing is next to nothing: it is
learned last, or never. What is different here, each a number of `RecipeConfig`:

- what differs from the background counts more in the error of a picture (`foreground_weight`);
- the autoencoder learns first and then stays as it is, so that latents are computed once for each different picture;
- the predictor starts with attention that looks around (`models/spatiotemporal_init.py`);
- a step of the predictor takes a part of the patches (`kept_patches`, patch dropout: Liu et al. 2022, arXiv
  2208.07220), always those where something is, and costs that part;
- histories of every length from one frame on are drawn, so that a short one is understood as well;
- in the end the last frames of a history are the predictor's own predictions (`dreamed_frames`), so that it can go on
  from what it imagined (as in DAgger, Ross et al. 2011, arXiv 1011.0686).

Shapes: B batch, T history, P tokens of a frame (197), K kept patches, D width, A action channels, H and W picture.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models import AdaptiveWorldModel
from models.action_predictor import gather_tokens
from models.spatiotemporal_init import initialize_spatiotemporal
from session.history import MAX_LENGTH, MIN_LENGTH
from training.config import MAX_BATCH, MAX_STEPS
from training.optim import parameter_groups
from training.unique_frames import UniqueFrames, Windows
from training.values import InvalidValue, check_number, check_whole

FOREGROUND_FROM = 0.05  # of full brightness, off the background
ENCODED_AT_ONCE = 16
CLIPPED_NORM = 1.0
LAST_RATE = 0.05  # of the learning rate, where the cosine ends


@dataclass(frozen=True)
class RecipeConfig:
    """Standard values of the recipe; raises InvalidValue.

    Every second autoencoder step removes a share of the patches drawn from [0, `mask_ratio_high`]. Pixels off the
    background count 1 + `foreground_weight` times. `kept_patches` 0: all. `history_length`: the longest that is drawn.
    `dreamed_frames`: at most so many of a history are predicted ones in the last part; `dream_steps` 0 leaves it out.
    """

    autoencoder_steps: int = 1500
    autoencoder_batch: int = 8
    autoencoder_lr: float = 3e-4
    mask_ratio_high: float = 0.5
    predictor_steps: int = 3000
    predictor_batch: int = 16
    predictor_lr: float = 5e-4
    dream_steps: int = 800
    dream_lr: float = 2e-4
    dreamed_frames: int = 4
    warmup_steps: int = 50
    history_length: int = 3
    kept_patches: int = 39
    foreground_weight: float = 20.0
    latent_weight: float = 0.1
    weight_decay: float = 0.01
    initializes_spatiotemporal: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("autoencoder_steps", "predictor_steps"):
            check_whole(getattr(self, name), name, 1, MAX_STEPS)
        for name in ("autoencoder_batch", "predictor_batch"):
            check_whole(getattr(self, name), name, 1, MAX_BATCH)
        for name in ("autoencoder_lr", "predictor_lr", "dream_lr"):
            check_number(getattr(self, name), name, 1e-9, 1.0)
        for name in ("foreground_weight", "latent_weight", "weight_decay"):
            check_number(getattr(self, name), name, 0.0, 1000.0)
        check_number(self.mask_ratio_high, "mask_ratio_high", 0.0, 0.95)
        check_whole(self.warmup_steps, "warmup_steps", 1, MAX_STEPS)
        check_whole(self.dream_steps, "dream_steps", 0, MAX_STEPS)
        check_whole(self.history_length, "history_length", MIN_LENGTH, MAX_LENGTH)
        check_whole(self.dreamed_frames, "dreamed_frames", 0, MAX_LENGTH - self.history_length)
        check_whole(self.kept_patches, "kept_patches", 0, 1000)
        check_whole(self.seed, "seed", 0, 2**63 - 1)


@dataclass(frozen=True)
class LearningStep:
    """Steps taken, and the loss that the last one minimized."""

    step: int
    loss: float


class _Optimizer:
    """AdamW that warms up linearly and ends with a cosine after a known number of steps; gradients are clipped."""

    def __init__(self, network: torch.nn.Module, lr: float, steps: int, config: RecipeConfig) -> None:
        self._parameters = list(network.parameters())
        self._optimizer = torch.optim.AdamW(parameter_groups(network, config.weight_decay), lr=lr, fused=True)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: rate_factor(step, steps, config.warmup_steps)
        )

    def step(self, loss: Tensor) -> float:
        """Apply the gradients of a loss; returns it. Raises InvalidValue where it is not finite."""
        if not torch.isfinite(loss):
            raise InvalidValue("The loss is no longer a finite number; choose a lower learning rate.")
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, CLIPPED_NORM)
        self._optimizer.step()
        self._schedule.step()
        return loss.item()


def rate_factor(step: int, steps: int, warmup_steps: int) -> float:
    """Learning rate of the step with index `step` (from 0) of so many, as a share of the highest."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return min(1.0, (step + 1) / warmup_steps) * (LAST_RATE + (1 - LAST_RATE) * cosine)


def learn_to_see(model: AdaptiveWorldModel, pictures: UniqueFrames, config: RecipeConfig) -> Iterator[LearningStep]:
    """Train the autoencoder, a step for each that is asked of the iterator."""
    autoencoder, device = model.autoencoder.train(), model.autoencoder.cls_token.device
    chance, generator = np.random.default_rng(config.seed), torch.Generator(device).manual_seed(config.seed)
    background = pictures.background().to(device)
    optimizer = _Optimizer(autoencoder, config.autoencoder_lr, config.autoencoder_steps, config)
    for step in range(1, config.autoencoder_steps + 1):
        images = pictures.tensors(chance.choice(pictures.learned, config.autoencoder_batch)).to(device)
        # Whole pictures are what it will be used on; masked ones teach it what belongs together.
        ratio = chance.uniform(0, config.mask_ratio_high) if step % 2 else 0.0
        latents, _, ids_restore = autoencoder.forward_encoder(images, ratio, generator)
        decoded = autoencoder.forward_decoder(latents, ids_restore)
        weights = autoencoder.patchify(1 + config.foreground_weight * foreground(images, background))
        loss = (weights * (decoded - autoencoder.patchify(images)).square()).mean()
        yield LearningStep(step, optimizer.step(loss))
    autoencoder.eval()


def foreground(values: Tensor, background: Tensor) -> Tensor:
    """1 where values (B, …) differ from those of the background (…), else 0: like the values."""
    return ((values - background).abs() > FOREGROUND_FROM).float()


def learn_to_foresee(model: AdaptiveWorldModel, pictures: UniqueFrames, config: RecipeConfig) -> Iterator[LearningStep]:
    """Train a fresh predictor on latents of the autoencoder as it is, a step for each that is asked of the iterator."""
    if config.initializes_spatiotemporal:
        initialize_spatiotemporal(model.predictor, model.autoencoder.config.grid)
    yield from _learn_windows(model, pictures, config, config.predictor_lr, config.predictor_steps, dreamed=0)


def learn_to_dream(model: AdaptiveWorldModel, pictures: UniqueFrames, config: RecipeConfig) -> Iterator[LearningStep]:
    """Train a predictor that can foresee a frame to go on from its own predictions, likewise."""
    dreamed = config.dreamed_frames
    yield from _learn_windows(model, pictures, config, config.dream_lr, config.dream_steps, dreamed)


def _learn_windows(
    model: AdaptiveWorldModel,
    pictures: UniqueFrames,
    config: RecipeConfig,
    lr: float,
    steps: int,
    dreamed: int,
) -> Iterator[LearningStep]:
    """Steps of the predictor, with up to `dreamed` frames of a history predicted by itself."""
    if not steps:
        return
    windows = pictures.windows(config.history_length + dreamed)
    lesson = LatentBatches(model, pictures, config)
    chance, device = np.random.default_rng(config.seed), model.predictor.future_query.device
    model.use_generator(torch.Generator(device).manual_seed(config.seed))
    optimizer = _Optimizer(model.predictor, lr, steps, config)
    model.predictor.train()
    try:
        for step in range(1, steps + 1):
            drawn = chance.integers(len(windows), size=config.predictor_batch)
            length = int(chance.integers(1, config.history_length + 1))
            loss = lesson.loss(windows.newest(drawn, length + dreamed), length, int(chance.integers(0, dreamed + 1)))
            yield LearningStep(step, optimizer.step(loss))
    finally:
        model.predictor.eval()
        model.use_generator(None)


class LatentBatches:
    """What a step of the predictor is made of: latents of every picture, computed once, and which patches to keep."""

    def __init__(self, model: AdaptiveWorldModel, pictures: UniqueFrames, config: RecipeConfig) -> None:
        self.model, self.pictures, self.config = model, pictures, config
        self.device = model.predictor.future_query.device
        self.generator = torch.Generator(self.device).manual_seed(config.seed + 1)
        self.background = pictures.background().to(self.device)
        self.latents = self._encode_all()

    @torch.no_grad()
    def _encode_all(self) -> Tensor:
        """(pictures, P, D), half precision: 100 kB a picture."""
        numbers = range(len(self.pictures))
        groups = [numbers[first : first + ENCODED_AT_ONCE] for first in range(0, len(numbers), ENCODED_AT_ONCE)]
        return torch.cat([self.model.encode(self.pictures.tensors(group).to(self.device)).half() for group in groups])

    def loss(self, windows: Windows, length: int, dreamed: int) -> Tensor:
        """Of predicting the targets from `length` frames, the last `dreamed` of which are predicted ones."""
        first = windows.pictures.shape[1] - length - dreamed
        shown = [*windows.pictures[:, first + length - 1 :].T, windows.targets]  # the last real frame, and what follows
        patches = [self._patches(self.pictures.tensors(numbers).to(self.device)) for numbers in shown]
        is_there = [foreground(one, self._patches(self.background[None])[0]) for one in patches]
        kept = sample_patches(torch.stack(is_there).amax(dim=(0, 3)) > 0, self._kept(), self.generator)
        context = self._latents(windows.pictures[:, first : first + length])
        actions = torch.from_numpy(windows.actions[:, first:]).to(self.device)
        for step in range(dreamed):
            context = self._dream(context, actions[:, step : step + length], kept)
        predicted = self.model.predictor(context, actions[:, dreamed:], kept)
        latent = (predicted - gather_tokens(self._latents(windows.targets), kept)).square()
        places = kept[:, 1:] - 1
        error = self.model.autoencoder.decode_patches(predicted[:, 1:], places) - gather_tokens(patches[-1], places)
        counts = 1 + self.config.foreground_weight * torch.maximum(
            *(gather_tokens(one, places) for one in is_there[-2:])
        )
        # Means over the kept tokens stand for those over all: of the others next to nothing is to be learned.
        share = kept.shape[1] / self.latents.shape[1]
        return share * ((counts * error.square()).mean() + self.config.latent_weight * latent.mean())

    def _latents(self, numbers: np.ndarray) -> Tensor:
        return self.latents[torch.from_numpy(numbers).to(self.device)].float()

    @torch.no_grad()
    def _dream(self, context: Tensor, actions: Tensor, kept: Tensor) -> Tensor:
        """The context (B, T, P, D) one frame on, its last one predicted; only its kept tokens are filled."""
        predicted = self.model.predictor(context, actions, kept)
        places = kept[..., None].expand_as(predicted)
        newest = torch.zeros_like(context[:, -1]).scatter(1, places, predicted)
        return torch.cat([context[:, 1:], newest[:, None]], dim=1)

    def _kept(self) -> int:
        return min(
            self.config.kept_patches or self.model.autoencoder.config.patches, self.model.autoencoder.config.patches
        )

    def _patches(self, images: Tensor) -> Tensor:
        return self.model.autoencoder.patchify(images)


def sample_patches(is_there: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Which tokens of a frame to learn from: class token, then `count` patches, those where something is first, the
    others by chance. Takes booleans (B, P - 1); returns integers (B, 1 + count) in order."""
    order = torch.rand(is_there.shape, generator=generator, device=is_there.device) + is_there
    patches = order.topk(count, dim=1).indices.sort(dim=1).values + 1
    return torch.cat([patches.new_zeros(len(patches), 1), patches], dim=1)
