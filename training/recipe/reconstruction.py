"""The first phase of the recipe: training of an autoencoder, with weight on the foreground.

Shapes: B batch, P tokens of a frame (197), H and W picture.
"""

import torch
from torch import Tensor

from models import AdaptiveWorldModel, Network
from session.batch import Batch
from training.config import TrainingConfig
from training.distributed.division import ALONE, WHOLE, Part
from training.distributed.group import Group
from training.recipe.config import RecipeConfig
from training.recipe.unique_frames import UniqueFrames
from training.steps import Evaluation, Losses, Reconstruction, mask_noise

FOREGROUND_FROM = 0.05  # of full brightness, off the background


class PictureBatches:
    """Pictures for the autoencoder, drawn with replacement; half of them are mirrored if `is_mirrored`."""

    def __init__(self, frames: UniqueFrames, batch_size: int, is_mirrored: bool = False) -> None:
        self._frames, self._batch_size, self._is_mirrored = frames, batch_size, is_mirrored

    @property
    def shown_frame(self) -> int:
        return self._frames.source(int(self._frames.learned[0]))[1]

    def prepare(self, group: Group = ALONE.group) -> None:
        """Nothing is computed in advance."""

    def draw(self, generator: torch.Generator, part: Part = WHOLE) -> Batch:
        """Targets (B, 3, H, W) without histories."""
        learned, rows = self._frames.learned, part.rows(self._batch_size)
        picks = torch.randint(len(learned), (self._batch_size,), generator=generator, device=generator.device)
        pictures = self._frames.tensors(learned[picks.cpu().numpy()[rows]])
        if self._is_mirrored:
            first = rows.start % 2  # every other row of the whole batch
            pictures[first::2] = pictures[first::2].flip(-1)
        return Batch(pictures[:, None][:, :0], torch.zeros(len(pictures), 0, 1), pictures)

    def evaluation_batches(self) -> list[Batch]:
        return self._frames.evaluation_pictures(is_held_out=False)

    def held_out_batches(self) -> list[Batch]:
        return self._frames.evaluation_pictures(is_held_out=True)

    def describe(self) -> str:
        return self._frames.describe()


class WeightedReconstruction:
    """Steps of the autoencoder on whole and on masked pictures, with weight on the foreground."""

    network: Network = "autoencoder"
    trained: tuple[Network, ...] = ("autoencoder",)

    def __init__(self, model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig) -> None:
        self._autoencoder, self._frames, self._config = model.autoencoder, frames, config
        self._plain = Reconstruction(model, TrainingConfig())

    def losses(self, batch: Batch, generator: torch.Generator, part: Part = WHOLE) -> Losses:
        images = batch.target.to(generator.device)
        # Whole pictures are those of its later use; masked ones require relations between patches.
        is_masked, share = torch.rand(2, generator=generator, device=generator.device).tolist()
        mask_ratio = share * self._config.mask_ratio_high if is_masked < 0.5 else 0.0
        noise = mask_noise(len(images), self._autoencoder.config.patches, generator, part)
        latents, _, ids_restore = self._autoencoder.forward_encoder(images, mask_ratio, noise)
        decoded = self._autoencoder.forward_decoder(latents, ids_restore)
        is_foreground = foreground(images, self._frames.background.to(images.device))
        weights = self._autoencoder.patchify(1 + self._config.foreground_weight * is_foreground)
        loss = (weights * (decoded - self._autoencoder.patchify(images)).square()).mean()
        return Losses(loss, {"loss": loss})

    def evaluate(self, batch: Batch) -> Evaluation:
        """The plain reconstruction loss, as the page shows it."""
        return self._plain.evaluate(batch)


def foreground(values: Tensor, background: Tensor) -> Tensor:
    """Mask of the shape of `values` (B, …): 1 for values that differ from those of the background (…), else 0."""
    return ((values - background).abs() > FOREGROUND_FROM).float()
