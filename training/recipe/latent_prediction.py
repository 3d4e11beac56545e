"""The later phases of the recipe: training of a predictor on latents that are computed once, on a part of their tokens.

Shapes: B batch, T history, R rolled-out frames, P tokens of a frame (197), K kept patches, D width, A action channels,
V values of a patch.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models import AdaptiveWorldModel, Network
from models.action_predictor import gather_tokens
from session.batch import Batch
from training.config import TrainingConfig
from training.recipe.config import RecipeConfig
from training.recipe.reconstruction import foreground
from training.recipe.unique_frames import UniqueFrames
from training.steps import Evaluation, FramePrediction, Losses

ENCODED_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class LatentBatch:
    """B windows: latents of the context (B, T, P, D), scaled actions (B, T + R, A), latents of the targets (B, P, D).

    `patches` (R + 2, B, P - 1, V) are those of the last context frame, of the R frames after it, and of the target.
    """

    context: Tensor
    actions: Tensor
    target: Tensor
    patches: Tensor

    @property
    def rolled_out(self) -> int:
        """R: frames that the predictor has to predict before the target."""
        return len(self.patches) - 2


class LatentBatches:
    """Windows of latents for the predictor. All latents are computed once, at the beginning of a phase."""

    def __init__(self, model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig, max_rollout: int) -> None:
        self._model, self._frames, self._config, self._max_rollout = model, frames, config, max_rollout
        self._windows = frames.windows(config.history_length + max_rollout)
        self._latents: Tensor | None = None

    @property
    def shown_frame(self) -> int:
        return self._frames.evaluation_frame(self._config.history_length)

    @torch.no_grad()
    def prepare(self) -> None:
        """Encode all pictures: half precision, 100 kB a picture."""
        numbers = range(len(self._frames))
        groups = [numbers[first : first + ENCODED_AT_ONCE] for first in range(0, len(numbers), ENCODED_AT_ONCE)]
        latents = [self._model.encode(self._frames.tensors(group).to(self._device)).half() for group in groups]
        self._latents = torch.cat(latents)

    def draw(self, generator: torch.Generator) -> LatentBatch:
        """Windows of one length from 1 to `history_length`, with one number of rolled-out frames."""

        def draw(count: int, size: tuple[int, ...] = (1,)) -> Tensor:
            return torch.randint(count, size, generator=generator, device=generator.device).cpu()

        picks = draw(len(self._windows), (self._config.predictor_batch,)).numpy()
        length, rolled_out = 1 + int(draw(self._config.history_length)), int(draw(self._max_rollout + 1))
        windows = self._windows.newest(picks, length + rolled_out)
        numbers = [*windows.pictures[:, length - 1 :].T, windows.targets]
        return LatentBatch(
            self._encoded(windows.pictures[:, :length]),
            torch.from_numpy(windows.actions).to(self._device),
            self._encoded(windows.targets),
            torch.stack([self._model.autoencoder.patchify(self._frames.tensors(one)) for one in numbers]).to(
                self._device
            ),
        )

    def evaluation_batches(self) -> list[Batch]:
        return self._frames.evaluation_histories(self._config.history_length, is_held_out=False)

    def held_out_batches(self) -> list[Batch]:
        return self._frames.evaluation_histories(self._config.history_length, is_held_out=True)

    def describe(self) -> str:
        return self._frames.describe()

    @property
    def _device(self) -> torch.device:
        return self._model.autoencoder.cls_token.device

    def _encoded(self, numbers: object) -> Tensor:
        return self._latents[torch.from_numpy(numbers).to(self._latents.device)].float()


class LatentPrediction:
    """Steps of the predictor on a part of the tokens, after some steps of its own rollout."""

    network: Network = "predictor"
    trained: tuple[Network, ...] = ("predictor",)

    def __init__(self, model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig) -> None:
        self._model, self._frames, self._config = model, frames, config
        self._plain = FramePrediction(model, TrainingConfig())

    def losses(self, batch: LatentBatch, generator: torch.Generator) -> Losses:
        autoencoder, count = self._model.autoencoder, self._model.autoencoder.config.patches
        background = autoencoder.patchify(self._frames.background[None].to(generator.device))[0]
        is_foreground = foreground(batch.patches, background)
        kept_count = min(self._config.kept_patches or count, count)
        kept = sample_patches(is_foreground.amax(dim=(0, 3)) > 0, kept_count, generator)
        context, length = batch.context, batch.context.shape[1]
        for step in range(batch.rolled_out):
            context = self._rolled_out(context, batch.actions[:, step : step + length], kept)
        predicted = self._model.predictor(context, batch.actions[:, batch.rolled_out :], kept)
        patches = kept[:, 1:] - 1
        error = autoencoder.decode_patches(predicted[:, 1:], patches) - gather_tokens(batch.patches[-1], patches)
        # Patches that the foreground has just left have the weight as well.
        weights = torch.maximum(*(gather_tokens(one, patches) for one in is_foreground[-2:]))
        # Means over the kept tokens approximate those over all: the remaining tokens contribute almost no error.
        share = kept.shape[1] / (count + 1)
        image = share * ((1 + self._config.foreground_weight * weights) * error.square()).mean()
        latent = share * (predicted - gather_tokens(batch.target, kept)).square().mean()
        total = image + self._config.latent_weight * latent
        return Losses(total, {"total": total, "image": image, "latent": latent})

    def evaluate(self, batch: Batch) -> Evaluation:
        """The plain prediction loss, as the page shows it."""
        return self._plain.evaluate(batch)

    @torch.no_grad()
    def _rolled_out(self, context: Tensor, actions: Tensor, kept: Tensor) -> Tensor:
        """The context (B, T, P, D) shifted by one frame, the last one predicted: its kept tokens, the others 0."""
        predicted = self._model.predictor(context, actions, kept)
        places = kept[..., None].expand_as(predicted)
        newest = torch.zeros_like(context[:, -1]).scatter(1, places, predicted)
        return torch.cat([context[:, 1:], newest[:, None]], dim=1)


def sample_patches(is_foreground: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Tokens of a frame to learn from: the class token and `count` patches, the foreground first, others at random.

    Takes booleans (B, P - 1), true for the foreground; returns integers (B, 1 + count) in order.
    """
    order = torch.rand(is_foreground.shape, generator=generator, device=is_foreground.device) + is_foreground
    patches = order.topk(count, dim=1).indices.sort(dim=1).values + 1
    return torch.cat([patches.new_zeros(len(patches), 1), patches], dim=1)
