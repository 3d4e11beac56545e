"""Networks whose steps take milliseconds, and programs that use them: `python -m tests.app.narrow MODULE ARGUMENTS…`.

They have as many patches as the usual networks. The promises at their full counts are tried with the usual networks.
"""

import runpy
import sys
import time
from dataclasses import replace

import training.backend
import training.jobs.recipe_estimate
from models import (
    ActionPredictorConfig,
    AdaptiveWorldModelConfig,
    MaskedAutoencoderConfig,
    SharedWorldModel,
    WorldModels,
)
from tests.promises import IS_FULL
from training.jobs.trainer import WorldModelTrainer
from training.recipe import RecipeConfig

AUTOENCODER, PREDICTOR = MaskedAutoencoderConfig(), ActionPredictorConfig()
PAUSE_S = 0.0 if IS_FULL else 0.03
if not IS_FULL:
    AUTOENCODER = replace(AUTOENCODER, width=16, blocks=1, decoder_width=8)
    PREDICTOR = replace(PREDICTOR, width=16, layers=2, heads=4, action_hidden=8, action_width=8, film_after=(0,))


def program(module: str) -> tuple[str, ...]:
    """Arguments of Python that start a program with these networks."""
    return ("-m", module) if IS_FULL else ("-m", __name__, module)


class NarrowWorldModels(WorldModels):
    """World models with the networks above."""

    def get(self, key: str, action_channels: int) -> SharedWorldModel:
        with self._lock:
            if (key, action_channels) not in self._models:
                config = AdaptiveWorldModelConfig(action_channels, AUTOENCODER, PREDICTOR)
                self._models[key, action_channels] = SharedWorldModel(config, self.device)
            return self._models[key, action_channels]


def small_recipe(*_: object) -> RecipeConfig:
    """Of steps on so little that the estimate of its time, which a page asks for, is soon known."""
    return RecipeConfig(autoencoder_batch=1, predictor_batch=1, kept_patches=6, dreams=1, dreamed_frames=1)


step = WorldModelTrainer.step


def pause_and_step(*arguments: object, **options: object) -> object:
    """A step of training after a pause, which leaves the processor to the pages."""
    time.sleep(PAUSE_S)
    return step(*arguments, **options)


if __name__ == "__main__":
    training.backend.WorldModels = NarrowWorldModels
    training.jobs.recipe_estimate.standard_config = small_recipe
    WorldModelTrainer.step = pause_and_step
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
