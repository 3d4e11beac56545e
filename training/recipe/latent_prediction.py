"""The later phases of the recipe: training of a predictor on latents that are computed once, on a part of their tokens.

Shapes: B batch, T history, R rolled-out frames, P tokens of a frame (197), K kept patches, D width, A action channels,
V values of a patch, H and W picture.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from models import AdaptiveWorldModel, Network
from models.action_predictor import gather_tokens
from models.copying import mix_patches
from models.network import PredictorOutput
from session.batch import Batch
from training.config import TrainingConfig
from training.distributed.division import WHOLE, Part, uniform
from training.recipe.config import RecipeConfig
from training.recipe.latent_batches import LatentBatch
from training.recipe.reconstruction import foreground
from training.recipe.unique_frames import UniqueFrames
from training.steps import Evaluation, FramePrediction, Losses


class Examples(NamedTuple):
    """B contexts: latents (B, T, P, D), scaled actions (B, T, A) and the last picture (B, 3, H, W); and their targets:
    latents (B, P, D) and picture (B, 3, H, W). They are the `rows` of `count` examples of a whole batch."""

    context: Tensor
    actions: Tensor
    last: Tensor
    target: Tensor
    picture: Tensor
    rows: slice | Tensor
    count: int


class LatentPrediction:
    """Steps of the predictor on a part of the tokens, some of them after steps of its own rollout."""

    network: Network = "predictor"
    trained: tuple[Network, ...] = ("predictor",)

    def __init__(self, model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig) -> None:
        self._model, self._frames, self._config = model, frames, config
        self._plain = FramePrediction(model, TrainingConfig())

    def losses(self, batch: LatentBatch, generator: torch.Generator, part: Part = WHOLE) -> Losses:
        pictures = batch.pictures.float() / 255
        rows = part.rows(batch.is_learned.shape[1])
        if self._model.predictor.shifts and batch.rolled_out:
            examples = self._met_in_rollouts(batch, pictures, rows, generator)
            pictures = torch.stack([examples.last, examples.picture])
        else:
            actions, targets = batch.actions[:, batch.rolled_out :], (batch.following[-1], pictures[-1])
            examples = Examples(batch.context, actions, pictures[-2], *targets, rows, batch.is_learned.shape[1])
        is_foreground = self._foreground(pictures)
        kept = self._kept(is_foreground, examples, generator)
        if len(pictures) > 2:
            examples = examples._replace(context=self._continued(batch, kept))
        if not len(kept):
            nothing = pictures.new_zeros(())
            return Losses(nothing, {"total": nothing, "image": nothing, "latent": nothing}, share=0.0)
        output = self._model.predictor.output(examples.context, examples.actions, kept)
        patches = kept[:, 1:] - 1
        # Patches that the foreground has just left have the weight as well.
        is_foreground = torch.maximum(*(gather_tokens(one, patches) for one in is_foreground[-2:]))
        weights = 1 + self._config.foreground_weight * is_foreground
        image = (weights * self._squared_errors(output, examples, patches)).mean()
        latent = (output.latents - gather_tokens(examples.target, kept)).square().mean()
        if not self._config.kept_rows:
            # The tokens left out are those of the background, which contribute almost no error to the mean over all.
            share = kept.shape[1] / examples.context.shape[2]
            image, latent = share * image, share * latent
        total = image + self._config.latent_weight * latent
        return Losses(total, {"total": total, "image": image, "latent": latent}, len(kept) / examples.count)

    def evaluate(self, batch: Batch) -> Evaluation:
        """The plain prediction loss, as the page shows it."""
        return self._plain.evaluate(batch)

    def _squared_errors(self, output: PredictorOutput, examples: Examples, patches: Tensor) -> Tensor:
        """Squared errors (B, K, V) of the predicted patches; generated pixels that are used count more."""
        autoencoder = self._model.autoencoder
        wanted = gather_tokens(autoencoder.patchify(examples.picture), patches)
        generated = autoencoder.decode_patches(output.latents[:, 1:], patches)
        if output.choice is None:
            return (generated - wanted).square()
        predictor = self._model.predictor
        beyond = dict(memory=predictor.memory, wraps=predictor.wraps)
        mixed = mix_patches(output, examples.last, generated, predictor.shifts, patches, **beyond)
        used = self._config.generated_weight * mixed.generated_share.detach()
        return (mixed.patches - wanted).square() + used * (generated - wanted).square()

    def _foreground(self, pictures: Tensor) -> Tensor:
        """Mask of the patches of pictures (R, B, 3, H, W): 1 for the foreground, (R, B, P - 1, V)."""
        patchify = self._model.autoencoder.patchify
        background = patchify(self._frames.background[None].to(pictures.device))[0]
        return foreground(patchify(pictures.flatten(0, 1)).unflatten(0, pictures.shape[:2]), background)

    def _kept(self, is_foreground: Tensor, examples: Examples, generator: torch.Generator) -> Tensor:
        """The tokens of a frame to learn from, (B, 1 + K), for the foreground (R, B, P - 1, V) of R frames."""
        grid, rows = self._model.autoencoder.config.grid, examples.rows
        if self._config.kept_rows:
            return sample_rows(uniform(rows, (examples.count, grid), generator), self._config.kept_rows)
        count = min(self._config.kept_patches or grid * grid, grid * grid)
        noise = uniform(rows, (examples.count, grid * grid), generator)
        return sample_patches(is_foreground.amax(dim=(0, 3)) > 0, count, noise)

    @torch.no_grad()
    def _continued(self, batch: LatentBatch, kept: Tensor) -> Tensor:
        """The context (B, T, P, D) after R predicted frames: their kept tokens, the others 0."""
        context, length = batch.context, batch.context.shape[1]
        places = kept[..., None].expand(-1, -1, context.shape[3])
        for step in range(batch.rolled_out):
            predicted = self._model.predictor(context, batch.actions[:, step : step + length], kept)
            newest = torch.zeros_like(context[:, -1]).scatter(1, places, predicted)
            context = torch.cat([context[:, 1:], newest[:, None]], dim=1)
        return context

    def _met_in_rollouts(
        self, batch: LatentBatch, pictures: Tensor, own: slice, generator: torch.Generator
    ) -> Examples:
        """Some of the contexts that the predictor meets when it continues the windows by itself: those of all windows,
        of which the batch has its `own`."""
        contexts, last = self._rolled_out(batch, pictures[0], own.start)
        chances = batch.is_learned.flatten().float()
        count = min(self._config.predictor_batch, int(chances.count_nonzero()))
        picks = torch.multinomial(chances, count, generator=generator)
        steps, windows = picks // batch.is_learned.shape[1], picks % batch.is_learned.shape[1]
        places = ((windows >= own.start) & (windows < own.stop)).nonzero()[:, 0]
        steps, rows = steps[places], windows[places] - own.start
        length = batch.context.shape[1]
        actions = batch.actions.unfold(1, length, 1).transpose(2, 3)[rows, steps]
        targets = batch.following[steps, rows], pictures[steps + 1, rows]
        return Examples(contexts[steps, rows], actions, last[steps, rows], *targets, places, count)

    @torch.no_grad()
    def _rolled_out(self, batch: LatentBatch, last: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """The contexts (R + 1, B, T, P, D) of a rollout and their last pictures (R + 1, B, 3, H, W). `first` is the
        place of the first window in the whole batch.

        Every other window continues from its predicted latents, the others from the predicted picture, encoded again.
        """
        if not len(last):  # of fewer windows than parts
            return tuple(one.expand(batch.rolled_out + 1, *one.shape) for one in (batch.context, last))
        model, context, length = self._model.eval(), batch.context, batch.context.shape[1]
        places = torch.arange(first, first + len(context), device=context.device)
        from_picture = places[:, None, None] % 2 == 0
        contexts, pictures = [context], [last]
        for step in range(batch.rolled_out):
            latents, picture = model.predict(context, batch.actions[:, step : step + length], last)
            last = picture.clamp(0, 1)
            newest = torch.where(from_picture, model.encode(last), latents)
            context = torch.cat([context[:, 1:], newest[:, None]], dim=1)
            contexts.append(context)
            pictures.append(last)
        model.train()
        return torch.stack(contexts), torch.stack(pictures)


def sample_patches(is_foreground: Tensor, count: int, noise: Tensor) -> Tensor:
    """Tokens of a frame to learn from: the class token and `count` patches, the foreground first, then by noise.

    Takes booleans (B, P - 1), true for the foreground, and numbers from 0 to 1 of the same shape; returns integers
    (B, 1 + count) in order.
    """
    patches = (noise + is_foreground).topk(count, dim=1).indices.sort(dim=1).values + 1
    return torch.cat([patches.new_zeros(len(patches), 1), patches], dim=1)


def sample_rows(noise: Tensor, count: int) -> Tensor:
    """The class token and `count` whole rows of patches, those of the most noise (B, grid).

    Returns integers (B, 1 + count·grid) in order. What moves sideways stays in sight; of patches at random, most
    neighbours are missing.
    """
    b, grid = noise.shape
    rows = noise.topk(min(count, grid), dim=1).indices.sort(dim=1).values
    patches = (rows[:, :, None] * grid + torch.arange(grid, device=rows.device)).flatten(1) + 1
    return torch.cat([patches.new_zeros(b, 1), patches], dim=1)
