"""Windows of latents for the predictor, of pictures that are encoded once, at the beginning of a phase.

Shapes: B batch, T history, R rolled-out frames, P tokens of a frame (197), D width, A action channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from models import AdaptiveWorldModel
from session.batch import Batch
from training.distributed.division import ALONE, WHOLE, Part
from training.distributed.group import Group
from training.recipe.config import RecipeConfig
from training.recipe.mirrored import mirrored_windows
from training.recipe.unique_frames import UniqueFrames, Windows

ENCODED_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class LatentBatch:
    """B windows: latents of the context (B, T, P, D) and scaled actions (B, T + R, A).

    `following` are the latents (R + 1, B, P, D) of the R frames that the predictor continues with and of the one after
    them, `pictures`, uint8 (R + 2, B, 3, H, W), the same frames after the last one of the context, and `is_learned`
    (R + 1, W) is false for those that are held out. Of a divided batch of W windows these are the B of a part.
    """

    context: Tensor
    actions: Tensor
    following: Tensor
    pictures: Tensor
    is_learned: Tensor

    @property
    def rolled_out(self) -> int:
        """R."""
        return len(self.pictures) - 2


class LatentBatches:
    """Windows whose pictures are encoded once; in a rollout phase with frames that the predictor continues with.

    What is imagined soon consists of generated pixels, as sharp as the autoencoder's reconstructions. Windows of
    reconstructions train the predictor to go on from such pictures: decoded and re-encoded frames as a second kind of
    context.
    """

    def __init__(self, model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig, max_rollout: int) -> None:
        self._model, self._frames, self._config, self._max_rollout = model, frames, config, max_rollout
        self._longest = frames.longest_window(config.longest_history + 1) - 1
        self._measured = min(config.history_length, self._longest)
        self._latents: Tensor | None = None

    @property
    def shown_frame(self) -> int:
        return self._frames.evaluation_frame(self._measured)

    @torch.no_grad()
    def prepare(self, group: Group = ALONE.group) -> None:
        """Encode all pictures: half precision, 100 kB a picture; with the pictures 250 kB, reconstructions as much,
        mirror images 100 kB more. Each process encodes its share, and all get everything."""
        self._pictures = self._frames.pictures.to(self._device)
        self._latents = self._encode(self._pictures, group)
        if self._config.mirrored_channel:
            self._latents = torch.cat([self._latents, self._encode(self._pictures.flip(-1), group)])
        if self._config.reconstructed_share:
            decoded = torch.zeros(len(self._latents), *self._pictures.shape[1:], dtype=torch.uint8, device=self._device)
            for rows in _own_rows(len(decoded), group):
                decoded[rows] = (self._model.decode(self._latents[rows].float()).clamp(0, 1) * 255).round().byte()
            group.add(decoded)
            self._reconstructions = decoded
            self._latents_again = self._encode(self._reconstructions, group)

    def _encode(self, pictures: Tensor, group: Group) -> Tensor:
        sizes = self._model.autoencoder.config
        shape = len(pictures), sizes.tokens, sizes.width
        latents = torch.zeros(shape, dtype=torch.float16, device=self._device)
        for rows in _own_rows(len(pictures), group):
            latents[rows] = self._model.encode(pictures[rows].float() / 255).half()
        group.add(latents)
        return latents

    def draw(self, generator: torch.Generator, part: Part = WHOLE) -> LatentBatch:
        """Windows of one length, with one number of frames to continue with."""

        def draw(count: int, size: tuple[int, ...] = (1,)) -> np.ndarray:
            return torch.randint(count, size, generator=generator, device=generator.device).cpu().numpy()

        most = self._config.history_length if int(draw(4)[0]) else self._longest
        length = 1 + int(draw(min(most, self._longest))[0])
        count = self._config.predictor_batch
        if not self._model.predictor.shifts:
            rolled_out = int(draw(self._max_rollout + 1)[0])
            windows = self._frames.learned_windows(self._frames.longest_window(length + rolled_out + 1))
            length = min(length, windows.pictures.shape[1] - 1)
        elif self._max_rollout and int(draw(2)[0]):
            length, count = self._measured, self._config.dreams
            windows = self._continued(length)
        else:
            windows = self._frames.learned_windows(length + 1)
        picks = draw(len(windows), (count,))
        moving = np.flatnonzero(windows.pictures[:, -1] != windows.pictures[:, -2])
        if self._config.moving_share and len(moving):
            is_moving = self._chance(count, self._config.moving_share, generator)
            picks = np.where(is_moving.numpy(force=True), moving[draw(len(moving), (count,))], picks)
        windows, is_mirrored = mirrored_windows(windows.select(picks), self._config.mirrored_channel, generator)
        is_learned = torch.from_numpy(~self._frames.is_held_out[windows.pictures[:, length:].T]).to(self._device)
        rows = part.rows(count)
        windows, is_mirrored = windows.select(rows), is_mirrored[rows]
        batch = self._batch(windows, length, is_mirrored, is_learned)
        if not self._config.reconstructed_share:
            return batch
        is_replaced = self._chance(count, self._config.reconstructed_share, generator)[rows]
        return self._reconstructed(batch, windows, length, is_replaced & ~is_mirrored)

    @staticmethod
    def _chance(count: int, share: float, generator: torch.Generator) -> Tensor:
        """Booleans (count,), each true with a chance of `share`."""
        return torch.rand(count, generator=generator, device=generator.device) < share

    def evaluation_batches(self) -> list[Batch]:
        return self._frames.evaluation_histories(self._measured, is_held_out=False)

    def held_out_batches(self) -> list[Batch]:
        return self._frames.evaluation_histories(self._measured, is_held_out=True)

    def describe(self) -> str:
        return self._frames.describe()

    @property
    def _device(self) -> torch.device:
        return self._model.autoencoder.cls_token.device

    def _continued(self, length: int) -> Windows:
        """The windows that go on longest after a history to learn from: the frames after it may be held out."""
        for frames in range(length + self._max_rollout + 1, length, -1):
            windows = self._frames.windows(frames)
            is_held_out = self._frames.is_held_out[windows.pictures]
            chosen = windows.select(~is_held_out[:, :length].any(axis=1) & ~is_held_out[:, length:].all(axis=1))
            if len(chosen):
                return chosen
        return self._frames.learned_windows(length + 1)

    def _reconstructed(self, batch: LatentBatch, windows: Windows, length: int, is_replaced: Tensor) -> LatentBatch:
        """The batch with reconstructed pictures in the windows `is_replaced` (B,); `following` stays."""
        numbers = torch.from_numpy(windows.pictures).to(self._device)
        context, pictures = self._latents_again[numbers[:, :length]].float(), numbers[:, length - 1 :].T
        wide = is_replaced[:, None, None]
        return replace(
            batch,
            context=torch.where(wide[..., None], context, batch.context),
            pictures=torch.where(wide[None, ..., None], self._reconstructions[pictures], batch.pictures),
        )

    def _batch(self, windows: Windows, length: int, is_mirrored: Tensor, is_learned: Tensor) -> LatentBatch:
        """The windows as tensors, with mirrored pictures in those `is_mirrored` (B,)."""
        numbers = torch.from_numpy(windows.pictures).to(self._device)
        pictures = self._pictures[numbers[:, length - 1 :].T]
        if is_mirrored.any():
            pictures[:, is_mirrored] = pictures[:, is_mirrored].flip(-1)
            numbers = numbers + len(self._pictures) * is_mirrored[:, None]
        return LatentBatch(
            self._latents[numbers[:, :length]].float(),
            torch.from_numpy(windows.actions).to(self._device),
            self._latents[numbers[:, length:].T].float(),
            pictures,
            is_learned,
        )


def _own_rows(count: int, group: Group) -> Iterator[slice]:
    """The rows, a few at once, that a process computes of `count` that the group computes."""
    for first in range(group.rank * ENCODED_AT_ONCE, count, group.size * ENCODED_AT_ONCE):
        yield slice(first, first + ENCODED_AT_ONCE)
