"""What a training job is told: learning rates, masks, weights of losses, batches, and when to stop.

All values are checked here, by name and value: they come from a page's fields, a command line or a program.
"""

from dataclasses import dataclass

from models.adaptive_world_model import IMAGE_WEIGHT, LATENT_WEIGHT

COSINE_STEPS = 100_000
MAX_STEPS = 1_000_000
MAX_BATCH = 64
MAX_SHOWN = 1e15  # larger ones would fill a message with digits


class BadTrainingValue(ValueError):
    """A number that training cannot work with; the message says which and what would do."""


@dataclass(frozen=True)
class TrainingConfig:
    """Standard values of training; raises BadTrainingValue.

    Learning rates warm up linearly over `warmup_steps`, then follow a cosine. An autoencoder step removes a share of
    the patches drawn uniformly from [mask_ratio_low, mask_ratio_high]. Evaluated losses are taken every
    `evaluate_every` steps, checkpoints written every `save_every` steps.
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

    def __post_init__(self) -> None:
        for name in ("autoencoder_lr", "predictor_lr"):
            check_number(getattr(self, name), name, 1e-9, 1.0)
        for name in ("mask_ratio_low", "mask_ratio_high"):
            check_number(getattr(self, name), name, 0.0, 0.95)
        for name in ("image_weight", "latent_weight", "weight_decay"):
            check_number(getattr(self, name), name, 0.0, 1000.0)
        check_whole(self.warmup_steps, "warmup_steps", 0, MAX_STEPS)
        for name in ("evaluate_every", "save_every"):
            check_whole(getattr(self, name), name, 1, MAX_STEPS)
        if self.mask_ratio_low > self.mask_ratio_high:
            raise BadTrainingValue("The mask ratio's low end must not be above its high end.")
        if self.image_weight + self.latent_weight <= 0:
            raise BadTrainingValue("One of the loss weights must be above 0, or there is nothing to learn.")


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


def check_number(value: object, name: str, low: float, high: float) -> None:
    """Raise BadTrainingValue where `value` is no finite number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or not low <= value <= high:
        raise _not_this(f"{_words(name)} must be a number from {low:g} to {high:g}", value)


def check_whole(value: object, name: str, low: int, high: int) -> None:
    """Raise BadTrainingValue where `value` is no int in [low, high]."""
    if type(value) is not int or not low <= value <= high:
        raise _not_this(f"{_words(name)} must be a whole number from {low} to {high}", value)


def _words(name: str) -> str:
    return name if " " in name else "The " + name.replace("_lr", " learning rate").replace("_", " ")


def _not_this(expected: str, value: object) -> BadTrainingValue:
    """The refusal of a value: shown where it is what a person types, and never longer than a line."""
    if value is None or isinstance(value, str):
        typed = "".join(letter if letter.isprintable() else " " for letter in (value or "")[:20])
        return BadTrainingValue(f"{expected}, not {' '.join(typed.split()) or 'empty'}.")
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return BadTrainingValue(f"{expected}; what arrived is not a number.")
    shown = f"{value:.15g}" if abs(value) < MAX_SHOWN else "a number of that size"
    return BadTrainingValue(f"{expected}, not {shown}.")
