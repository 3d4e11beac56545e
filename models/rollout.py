"""Rollouts: one predicted frame after another, from frames that are predictions themselves.

Owns a rollout's context, an immutable value, and the step from one context to the next under a shared model's lock. The
start, the actions and the comparison with what really followed are elsewhere.

There are two modes of continuing from a predicted frame. Mode "latents": the predictor's output is the context of the
next step. Mode "pictures": the decoded picture, clipped and rounded as displayed, is encoded like a camera's picture.

Weights may change between two steps (training, loading). Latents belong to the weights that produced them, pictures do
not: latents of other weights are dropped, and their pictures are encoded again.

Shapes: T frames of context, P tokens of a frame, D width, A action channels, H and W picture height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from models.adaptive_world_model import AdaptiveWorldModel
from models.inference import evaluating, finite_pictures, require_finite, to_uint8
from models.precision import Precision
from models.shared_world_model import SharedWorldModel

RolloutMode = Literal["latents", "pictures"]
ROLLOUT_MODES: tuple[RolloutMode, ...] = ("latents", "pictures")


@dataclass(frozen=True, eq=False)
class ContextFrame:
    """A picture, uint8 (H, W, 3), and its latents, float16 (P, D) on the CPU, with the version of the weights that
    produced them; None if the picture is not encoded yet.

    Half precision, because a visitor may step back through a hundred of them: 100 kB each. It changes a predicted
    picture by less than one of its 256 levels.
    """

    picture: np.ndarray
    latents: Tensor | None = None
    version: int = -1


@dataclass(frozen=True, eq=False)
class RolloutContext:
    """The last T frames, oldest first, and the T - 1 scaled actions between them, float32 (A,) each in [-1, 1]."""

    frames: tuple[ContextFrame, ...]
    actions: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        count = len(self.frames)
        assert count and len(self.actions) == count - 1, f"{count} frames and {len(self.actions)} actions"

    @classmethod
    def of(cls, pictures: Sequence[np.ndarray], actions: Sequence[Tensor]) -> "RolloutContext":
        """The context of recorded pictures, uint8 (H, W, 3), from which a rollout starts."""
        return cls(tuple(map(ContextFrame, pictures)), tuple(actions))


@dataclass(frozen=True, eq=False)
class Imagined:
    """The context after a step, its last frame the predicted one; `decoded`, float32 (3, H, W) on the CPU, is that
    frame before clipping; `version` that of the weights."""

    context: RolloutContext
    decoded: Tensor
    version: int

    @property
    def picture(self) -> np.ndarray:
        """The predicted frame as displayed, uint8 (H, W, 3)."""
        return self.context.frames[-1].picture


def imagine(
    shared: SharedWorldModel,
    context: RolloutContext,
    action: Tensor,
    mode: RolloutMode,
    history_length: int,
    precision: Precision | None = None,
) -> Imagined:
    """Predict the frame after a scaled action (A,) from the last `history_length` frames; raises NotFinite.

    `precision`: that of the model unless another one is given, for what is measured.
    """
    assert mode in ROLLOUT_MODES, f"{mode} is not one of {ROLLOUT_MODES}"
    frames = context.frames[-history_length:]
    actions = (*context.actions[len(context.actions) - len(frames) + 1 :], action)
    with evaluating(shared, precision or shared.precision) as model:
        version = shared.version
        frames = _encoded(model, frames, version, shared.device)
        latents = torch.stack([frame.latents.to(shared.device, torch.float32) for frame in frames])[None]
        scaled = torch.stack(actions)[None].to(shared.device)
        predicted = model.predict(latents, scaled, _images(frames[-1:], shared.device))
        decoded = finite_pictures(predicted)[0].float().cpu()
        reused = _half(predicted.latents[0]) if mode == "latents" else None
    frame = ContextFrame(to_uint8(decoded), reused, version)
    frames = (*frames, frame)[-history_length:]
    return Imagined(RolloutContext(frames, actions[len(actions) - len(frames) + 1 :]), decoded, version)


def _encoded(
    model: AdaptiveWorldModel, frames: tuple[ContextFrame, ...], version: int, device: torch.device
) -> tuple[ContextFrame, ...]:
    """The frames with latents of the weights in use; frames without such latents are encoded in one batch."""
    stale = [index for index, frame in enumerate(frames) if frame.latents is None or frame.version != version]
    if not stale:
        return frames
    images = _images([frames[index] for index in stale], device)
    latents = require_finite(model.encode(images), "autoencoder")
    encoded = {index: _half(frame) for index, frame in zip(stale, latents, strict=True)}
    return tuple(
        ContextFrame(frame.picture, encoded[index], version) if index in encoded else frame
        for index, frame in enumerate(frames)
    )


def _images(frames: Sequence[ContextFrame], device: torch.device) -> Tensor:
    """Pictures of frames, (B, 3, H, W) in [0, 1]."""
    pictures = torch.from_numpy(np.stack([frame.picture for frame in frames]))
    return pictures.to(device).permute(0, 3, 1, 2).float() / 255


def _half(latents: Tensor) -> Tensor:
    return latents.to("cpu", torch.float16)
