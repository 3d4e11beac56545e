"""The frames that a predictor remembers (`models/episodic_memory.py`): those that differ most from each other.

Of frames evenly spread in time, some would be of one place, and others of none: a frame between two places that are
further apart than half a picture is recognised by neither.

Shapes: N frames, V values of a small picture.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from models import AdaptiveWorldModel
from training.recipe.config import RecipeConfig
from training.recipe.unique_frames import UniqueFrames

SIDE = 14  # of a small picture: a patch of 16 pixels is one of its pixels


def remember(model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig) -> None:
    """Give a predictor that copies an episodic memory of up to `remembered` frames to learn from.

    One without shifts, with a motion, a memory or a world without edges stays as it is.
    """
    predictor = model.predictor
    can_use = any(any(shift) for shift in predictor.shifts) and not (config.motion_fields or predictor.wraps)
    if not config.remembered or not can_use or predictor.memory is not None:
        return
    learned = frames.pictures[torch.from_numpy(frames.learned)]
    pictures = learned[most_different(learned, config.remembered)]
    sizes = dict(remembered=len(pictures), picture_size=model.autoencoder.config.image_size)
    model.replace_predictor(replace(predictor.config, **sizes))
    model.predictor.load_state_dict({**predictor.state_dict(), "memory.pictures": pictures}, strict=True)


def most_different(pictures: Tensor, count: int) -> list[int]:
    """The first of the pictures, uint8 (N, 3, H, W), then always the one that is least like any chosen before.

    Farthest-point sampling (Gonzalez 1985), by the cosine of what differs from the mean picture.
    """
    small = torch.cat([F.adaptive_avg_pool2d(part.float(), SIDE).flatten(1) for part in pictures.split(64)])
    small = F.normalize(small - small.mean(dim=0), dim=1)  # (N, V)
    chosen, likeness = [0], small @ small[0]
    while len(chosen) < min(count, len(pictures)):
        chosen.append(int(likeness.argmin()))
        likeness = torch.maximum(likeness, small @ small[chosen[-1]])
    return chosen
