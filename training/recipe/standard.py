"""Standard values of the recipe for some pictures: mostly background, or full of texture, as of a camera.

Of the first again for a world without edges, as that of the dot, and of the second for a camera that itself moves, by
any amount.
"""

from dataclasses import replace

import numpy as np

from models import MaskedAutoencoderConfig
from session.spread import spread_starts
from training.recipe.config import RecipeConfig
from training.recipe.reconstruction import FOREGROUND_FROM, foreground
from training.recipe.shifts import observed_shifts, without_detours
from training.recipe.unique_frames import UniqueFrames

COMPARED_PICTURES = 32
MOSTLY_BACKGROUND = 0.05  # the largest share of pixels off the background
PATCH_SIZE = MaskedAutoencoderConfig().patch_size
MOSTLY_CHANGING = 0.4  # a car: 0.7; an arm before a camera that stands: 0.2
BACKGROUND = RecipeConfig()
EDGELESS = replace(
    BACKGROUND,
    predictor_steps=300,
    dream_steps=0,  # 30 imagined steps are right without: docs/learning.md
    longest_history=8,
    max_shifts=16,
    chooses_by_action=True,
)
TEXTURE = RecipeConfig(
    autoencoder_steps=1400,
    autoencoder_lr=1e-3,
    predictor_steps=300,
    dream_steps=0,  # of no use in the runs so far, and slow: docs/learning.md
    longest_history=8,
    kept_rows=3,
    max_shifts=32,
    chooses_by_action=True,
    remembered=64,
    foreground_weight=0.0,
)
MOVING = replace(
    TEXTURE,
    autoencoder_steps=500,  # little is generated, so that a better reconstruction would not be seen
    predictor_steps=400,
    predictor_batch=8,
    predictor_lr=7e-4,
    longest_history=3,
    max_shifts=25,
    chooses_by_action=False,  # not tried: its motion follows from the actions
    remembered=0,  # a place is seen again from somewhere else
    motion_fields=4,
)


def standard_config(frames: UniqueFrames) -> RecipeConfig:
    """The values for the pictures of some recordings."""
    pictures = frames.tensors(spread_starts(len(frames), COMPARED_PICTURES))
    if foreground(pictures, frames.background).mean() <= MOSTLY_BACKGROUND:
        return EDGELESS if _is_edgeless(frames) else BACKGROUND
    is_continuous = all(recording.is_continuous for recording in frames.recordings)
    if not is_continuous or _changing_share(frames) < MOSTLY_CHANGING:
        return TEXTURE
    return replace(MOVING, mirrored_channel=_steering(frames))


def _is_edgeless(frames: UniqueFrames) -> bool:
    """True if what leaves one side of the pictures is seen to come in at the other."""
    shifts = observed_shifts(frames, PATCH_SIZE, EDGELESS.max_shifts)
    return len(without_detours(shifts, frames.pictures.shape[-1])) < len(shifts)


def _steering(frames: UniqueFrames) -> int:
    """The number of the channel that steers, from 1, if all recordings say so, else 0."""
    names = {(recording.steering, recording.profile.channel_names) for recording in frames.recordings}
    steering, channels = next(iter(names))
    return channels.index(steering) + 1 if len(names) == 1 and steering in channels else 0


def _changing_share(frames: UniqueFrames) -> float:
    """The share of pixels that change from a frame to the next one: the median of some pairs, 0 without any."""
    windows = frames.learned_windows(2).pictures
    pairs = [frames.tensors(windows[place]) for place in spread_starts(len(windows), COMPARED_PICTURES)]
    shares = [((pair[1] - pair[0]).abs().amax(dim=0) > FOREGROUND_FROM).float().mean().item() for pair in pairs]
    return float(np.median(shares)) if shares else 0.0
