"""The phases of a recipe for a fresh pair of networks and pictures that are mostly background.

The plain objectives minimize the squared error of the whole picture, to which a small object contributes almost
nothing: it is learned last, or never. The differences, each a value of `RecipeConfig`:

- pixels that differ from the background have more weight in the error of a picture (`foreground_weight`);
- the autoencoder is trained first and not changed afterwards, so that latents are computed once for each picture;
- the predictor starts with attention to the neighbours of a token (`models/spatiotemporal_init.py`);
- where a camera moves the picture as a whole, that motion is fitted before the predictor learns (`motion_fields`);
- a step of the predictor uses a part of the patches (`kept_patches`, patch dropout: Liu et al. 2022, arXiv
  2208.07220), always including those of the foreground, and takes that part of the time;
- histories of every length from one frame on are drawn, so that predictions from short ones are accurate too;
- in the last phase up to `dreamed_frames` of a history are the predictor's own predictions, so that it learns to
  continue from imagined frames (as in DAgger, Ross et al. 2011, arXiv 1011.0686).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from models import AdaptiveWorldModel, Network
from models.copying import Shift
from models.spatiotemporal_init import initialize_spatiotemporal
from training.config import FixedSteps
from training.recipe.config import RecipeConfig
from training.recipe.latent_batches import LatentBatches
from training.recipe.latent_prediction import LatentPrediction
from training.recipe.mirrored import check_mirrored_channel
from training.recipe.motion import MotionBatches, MotionFit
from training.recipe.phase import Phase
from training.recipe.reconstruction import PictureBatches, WeightedReconstruction
from training.recipe.remembering import remember
from training.recipe.shifts import observed_shifts, rings, without_detours
from training.recipe.unique_frames import UniqueFrames


def recipe_phases(
    model: AdaptiveWorldModel,
    frames: UniqueFrames,
    config: RecipeConfig,
    loaded: Mapping[Network, int] | None = None,
    measure: Callable[[], Mapping[str, float]] = dict,
    measure_every: int = 0,
) -> list[Phase]:
    """The phases of the recipe: "reconstruct", "motion", "predict" and "rollout".

    `loaded`: networks that are trained already, with their steps. The phase that would train them is omitted.
    `measure` gives further figures of the predictor, every `measure_every` of its steps. Raises InvalidValue.
    """
    check_mirrored_channel(frames.recordings[0].profile, config.mirrored_channel)
    loaded = loaded or {}
    measurement = dict(measure=measure, measure_every=measure_every)
    fitted = config.motion_steps if config.motion_fields else 0
    phases = []
    if "autoencoder" not in loaded:
        phases.append(_reconstruct_phase(model, frames, config))
    if "predictor" not in loaded:
        first = lambda: _initialize(model, frames, config)  # noqa: E731
        if config.motion_fields:
            phases.append(_motion_phase(model, frames, config, first))
            first = lambda: None  # noqa: E731
        phases.append(_predict_phase(model, frames, config, "predict", fitted, initialize=first, **measurement))
    if config.dream_steps:
        first_step = loaded.get("predictor", fitted + config.predictor_steps)
        first = lambda: remember(model, frames, config)  # noqa: E731
        phases.append(_predict_phase(model, frames, config, "rollout", first_step, initialize=first, **measurement))
    return phases


def _reconstruct_phase(model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig) -> Phase:
    training = config.phase_config(config.autoencoder_lr, config.autoencoder_steps)
    objective = WeightedReconstruction(model, frames, config)
    dataset = PictureBatches(frames, config.autoencoder_batch, bool(config.mirrored_channel))
    return Phase(objective, dataset, FixedSteps(config.autoencoder_steps), training, "reconstruct", first_step=0)


def _motion_phase(
    model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig, initialize: Callable[[], None]
) -> Phase:
    training = config.phase_config(config.motion_lr, config.motion_steps)
    objective, dataset = MotionFit(model), MotionBatches(model, frames, config)
    condition = FixedSteps(config.motion_steps)
    return Phase(objective, dataset, condition, training, "motion", first_step=0, initialize=initialize)


def _predict_phase(
    model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig, name: str, first_step: int, **options: object
) -> Phase:
    is_rollout = name == "rollout"
    lr, steps = (config.dream_lr, config.dream_steps) if is_rollout else (config.predictor_lr, config.predictor_steps)
    dataset = LatentBatches(model, frames, config, config.dreamed_frames if is_rollout else 0)
    objective = LatentPrediction(model, frames, config)
    return Phase(objective, dataset, FixedSteps(steps), config.phase_config(lr, steps), name, first_step, **options)


def _initialize(model: AdaptiveWorldModel, frames: UniqueFrames, config: RecipeConfig) -> None:
    """A fresh predictor, which copies by the shifts of the recordings, or by those around a motion to be fitted."""
    sizes = model.autoencoder.config
    shifts = _shifts(frames, sizes.patch_size, config) if config.max_shifts else []
    within = without_detours(shifts, sizes.image_size)
    numbers = tuple(number for shift in within for number in shift)
    options = dict(motion_fields=config.motion_fields, wraps=len(within) < len(shifts), picture_size=sizes.image_size)
    options["chooses_by_action"] = config.chooses_by_action and bool(numbers)
    fresh = torch.Generator().manual_seed(config.seed)
    model.replace_predictor(replace(model.predictor.config, shifts=numbers, remembered=0, **options), fresh)
    remember(model, frames, config)
    if config.starts_in_space_and_time:
        initialize_spatiotemporal(model.predictor, sizes.grid, sizes.patch_size)


def _shifts(frames: UniqueFrames, patch_size: int, config: RecipeConfig) -> Sequence[Shift]:
    """The shifts to copy by."""
    if config.motion_fields:
        return rings(patch_size, config.max_shifts)
    return observed_shifts(frames, patch_size, config.max_shifts)
