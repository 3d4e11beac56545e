"""The recipe that learns a world that is mostly background: its numbers, its frames and its phases."""

from training.recipe.config import RecipeConfig
from training.recipe.phases import recipe_phases
from training.recipe.unique_frames import UniqueFrames, is_held_out

__all__ = ["RecipeConfig", "UniqueFrames", "is_held_out", "recipe_phases"]
