"""Standard values of the recipe for some pictures: mostly background, as of a simulated dot, or full of texture, as of
a camera, whose robot moves by a few amounts or, if its actions are continuous, by any."""

from dataclasses import replace

from session.spread import spread_starts
from training.recipe.config import RecipeConfig
from training.recipe.reconstruction import foreground
from training.recipe.unique_frames import UniqueFrames

COMPARED_PICTURES = 32
MOSTLY_BACKGROUND = 0.05  # the largest share of pixels off the background
BACKGROUND = RecipeConfig()
TEXTURE = RecipeConfig(
    autoencoder_steps=1400,
    autoencoder_lr=1e-3,
    predictor_steps=600,
    dream_steps=0,  # of no use in the runs so far, and slow: docs/learning.md
    longest_history=8,
    kept_rows=3,
    max_shifts=32,
    foreground_weight=0.0,
)
MOVING = replace(TEXTURE, max_shifts=25, motion_fields=4, longest_history=3)


def standard_config(frames: UniqueFrames) -> RecipeConfig:
    """The values for the pictures of some recordings."""
    pictures = frames.tensors(spread_starts(len(frames), COMPARED_PICTURES))
    if foreground(pictures, frames.background).mean() <= MOSTLY_BACKGROUND:
        return BACKGROUND
    return MOVING if all(recording.is_continuous for recording in frames.recordings) else TEXTURE
