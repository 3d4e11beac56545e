"""The phase that fits how actions move the picture as a whole (`models/motion.py`), on small pictures.

It comes before the predictor learns, and takes seconds: no frame is encoded. Shapes: B batch, T history, A action
channels, S side of a small picture.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models import AdaptiveWorldModel, Network
from models.motion import ACTIONS, warp
from session.batch import Batch
from training.distributed.division import ALONE, WHOLE, Part
from training.distributed.group import Group
from training.recipe.config import RecipeConfig
from training.recipe.mirrored import mirrored_windows
from training.recipe.unique_frames import UniqueFrames
from training.steps import Evaluation, Losses, explained_variance

SIDE = 56  # a motion by a hundredth of the picture is seen, and the fit of a large one does not get stuck at details


@dataclass(frozen=True, eq=False)
class MotionBatch:
    """Small pictures `last` and `target` (B, 3, S, S), and scaled actions (B, T, A), the last of which leads from one
    to the other."""

    last: Tensor
    target: Tensor
    actions: Tensor


class MotionBatches:
    """Pairs of frames with up to `ACTIONS` actions that lead there."""

    def __init__(self, model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig) -> None:
        self._model, self._frames, self._config = model, frames, config
        self._longest = frames.longest_window(ACTIONS + 1) - 1

    @property
    def shown_frame(self) -> int:
        return self._frames.evaluation_frame(self._longest)

    def prepare(self, group: Group = ALONE.group) -> None:
        """Make all pictures small."""
        device = self._model.autoencoder.cls_token.device
        self._small = torch.cat([small(self._frames.tensors([number])) for number in range(len(self._frames))])
        self._small = self._small.to(device)

    def draw(self, generator: torch.Generator, part: Part = WHOLE) -> MotionBatch:
        """Pairs with equally many actions: in one batch of four fewer than there may be."""
        is_short, length = torch.rand(2, generator=generator, device=generator.device).tolist()
        length = 1 + int(length * self._longest) if is_short < 0.25 else self._longest
        windows = self._frames.learned_windows(length + 1)
        size = (self._config.predictor_batch,)
        picks = torch.randint(len(windows), size, generator=generator, device=generator.device).cpu().numpy()
        windows, is_mirrored = mirrored_windows(windows.select(picks), self._config.mirrored_channel, generator)
        rows = part.rows(len(windows))
        windows, is_mirrored = windows.select(rows), is_mirrored[rows]
        numbers = torch.from_numpy(windows.pictures[:, -2:]).to(self._small.device)
        pictures = self._small[numbers]
        pictures = torch.where(is_mirrored[:, None, None, None, None], pictures.flip(-1), pictures)
        return MotionBatch(pictures[:, 0], pictures[:, 1], torch.from_numpy(windows.actions).to(self._small.device))

    def evaluation_batches(self) -> list[Batch]:
        return self._frames.evaluation_histories(self._longest, is_held_out=False)

    def held_out_batches(self) -> list[Batch]:
        return self._frames.evaluation_histories(self._longest, is_held_out=True)

    def describe(self) -> str:
        return self._frames.describe()


class MotionFit:
    """Steps of the flow alone: the last picture, moved along it, has to look like the next one."""

    network: Network = "predictor"
    trained: tuple[Network, ...] = ("predictor",)

    def __init__(self, model: AdaptiveWorldModel) -> None:
        self._model = model

    def losses(self, batch: MotionBatch, generator: torch.Generator, part: Part = WHOLE) -> Losses:
        moved = warp(batch.last, self._model.predictor.flow(batch.actions))
        loss = (moved - batch.target).square().mean()
        return Losses(loss, {"loss": loss})

    @torch.inference_mode()
    def evaluate(self, batch: Batch) -> Evaluation:
        """The error of the picture that is moved, and nothing else."""
        device = self._model.autoencoder.cls_token.device
        last, target = batch.frames[:, -1].to(device), batch.target.to(device)
        moved = warp(last, self._model.predictor.flow(batch.actions.to(device)))
        loss = (moved - target).square().mean().item()
        return Evaluation(loss, {"loss": loss}, explained_variance(moved, target), moved[0])


def small(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) at S × S pixels."""
    return F.interpolate(pictures, size=(SIDE, SIDE), mode="area")
