"""Mirror images of recorded windows: of a robot that turns as well to the left as to the right, twice as many frames.

True of a channel alone whose sign is the direction, with 0 straight ahead, such as a car's steering; therefore it is
named by whoever trains, and never guessed.
"""

import numpy as np
import torch
from torch import Tensor

from session import RobotProfile
from training.recipe.unique_frames import Windows
from training.values import InvalidValue


def check_mirrored_channel(profile: RobotProfile, channel: int) -> None:
    """Raises InvalidValue if the channel of this number, from 1, has no mirror image; 0 stands for none."""
    if not channel:
        return
    if channel > len(profile.channels):
        raise InvalidValue(f"mirrored_channel must be at most {len(profile.channels)}, the number of action channels.")
    one = profile.channels[channel - 1]
    if one.low != -one.high:
        raise InvalidValue(
            f"mirrored_channel must be one whose range is as wide to both sides of 0; {one.name} goes from {one.low:g} "
            f"to {one.high:g}."
        )


def mirrored_windows(windows: Windows, channel: int, generator: torch.Generator) -> tuple[Windows, Tensor]:
    """The windows with the actions of their mirror image in about half of them, and booleans (W,), true for those.

    `channel`: number of the action channel whose sign changes, from 1; 0: no window is mirrored.
    """
    if not channel:
        return windows, torch.zeros(len(windows), dtype=torch.bool, device=generator.device)
    is_mirrored = torch.rand(len(windows), generator=generator, device=generator.device) < 0.5
    actions = windows.actions.copy()
    actions[..., channel - 1] *= np.where(is_mirrored.numpy(force=True), -1, 1)[:, None]
    return Windows(windows.pictures, actions), is_mirrored
