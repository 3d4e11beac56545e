"""The recipe for pictures that are mostly background: its configuration, frames and phases."""

from training.recipe.config import RecipeConfig
from training.recipe.held_out import is_held_out
from training.recipe.phases import recipe_phases
from training.recipe.standard import standard_config
from training.recipe.unique_frames import UniqueFrames

__all__ = ["RecipeConfig", "UniqueFrames", "is_held_out", "recipe_phases", "standard_config"]
