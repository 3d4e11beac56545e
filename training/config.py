"""Values of a training run: learning rates and their schedule, masks, weights of losses, and when to stop.

All are checked here, by name and value: they come from the fields of a page, a command line or a program.
"""

from dataclasses import dataclass

from models.adaptive_world_model import IMAGE_WEIGHT, LATENT_WEIGHT
from models.precision import PRECISIONS, Precision
from training.values import InvalidValue, check_choice, check_number, check_whole

COSINE_STEPS = 100_000
MAX_STEPS = 1_000_000
MAX_BATCH = 64


@dataclass(frozen=True)
class TrainingConfig:
    """Standard values of training; raises InvalidValue.

    Learning rates warm up linearly over `warmup_steps`, then follow a cosine over `cosine_steps` down to
    `least_lr_share` of them. Gradients with a norm above `clip_norm` are scaled down to it; None: never. An autoencoder
    step removes a share of the patches drawn uniformly from [mask_ratio_low, mask_ratio_high]. Losses are
    evaluated every `evaluate_every` steps, checkpoints saved every `save_every` steps. `precision` "auto": the products
    of steps in bfloat16 where that is faster; weights, losses and evaluations stay float32.
    """

    autoencoder_lr: float = 1e-4
    predictor_lr: float = 1.5e-4
    warmup_steps: int = 600
    mask_ratio_low: float = 0.30
    mask_ratio_high: float = 0.85
    image_weight: float = IMAGE_WEIGHT
    latent_weight: float = LATENT_WEIGHT
    weight_decay: float = 0.01
    evaluate_every: int = 10
    save_every: int = 500
    cosine_steps: int = COSINE_STEPS
    least_lr_share: float = 0.01
    clip_norm: float | None = None
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name in ("autoencoder_lr", "predictor_lr"):
            check_number(getattr(self, name), name, 1e-9, 1.0)
        for name in ("mask_ratio_low", "mask_ratio_high"):
            check_number(getattr(self, name), name, 0.0, 0.95)
        for name in ("image_weight", "latent_weight", "weight_decay"):
            check_number(getattr(self, name), name, 0.0, 1000.0)
        check_whole(self.warmup_steps, "warmup_steps", 0, MAX_STEPS)
        check_number(self.least_lr_share, "least_lr_share", 0.0, 1.0)
        if self.clip_norm is not None:
            check_number(self.clip_norm, "clip_norm", 1e-9, 1e9)
        for name in ("evaluate_every", "save_every", "cosine_steps"):
            check_whole(getattr(self, name), name, 1, MAX_STEPS)
        check_choice(self.precision, "precision", PRECISIONS)
        if self.mask_ratio_low > self.mask_ratio_high:
            raise InvalidValue("The mask ratio's low end must not be above its high end.")
        if self.image_weight + self.latent_weight <= 0:
            raise InvalidValue("One of the loss weights must be above 0, or there is nothing to learn.")


@dataclass(frozen=True)
class LossThreshold:
    """Train until the evaluated loss is at most `threshold`, or for `max_steps`."""

    threshold: float
    max_steps: int

    def __post_init__(self) -> None:
        check_number(self.threshold, "The threshold", 1e-12, 1e6)
        check_whole(self.max_steps, "The number of steps at most", 1, MAX_STEPS)


@dataclass(frozen=True)
class FixedSteps:
    """Train for `max_steps` steps."""

    max_steps: int

    def __post_init__(self) -> None:
        check_whole(self.max_steps, "The number of steps", 1, MAX_STEPS)


StopCondition = LossThreshold | FixedSteps
