"""Conversion of the fields of a training form, from a page or a program, to checked values."""

from collections.abc import Mapping
from dataclasses import fields as dataclass_fields

from training.config import TrainingConfig
from training.dataset import FrameSelection
from training.values import InvalidValue, check_whole

ONE_FRAME, RANGE, WHOLE = "Selected frame", "Range of frames", "Whole recording"
ALL = "All recordings of this robot"
ADVANCED = {
    "autoencoder_lr": "Autoencoder learning rate",
    "predictor_lr": "Predictor learning rate",
    "warmup_steps": "Warm-up steps",
    "mask_ratio_low": "Min mask ratio",
    "mask_ratio_high": "Max mask ratio",
    "image_weight": "Image loss weight",
    "latent_weight": "Latent loss weight",
}
STANDARD = {field.name: field.default for field in dataclass_fields(TrainingConfig) if field.name in ADVANCED}
EXACT = 2**53  # up to here each whole number is exact as a float


def whole(value: object) -> object:
    """An int for a whole float, as browsers send them; anything else stays as it is, to be refused by name."""
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) <= EXACT
    return int(value) if is_whole else value


def read_selection(fields: Mapping[str, object], frame: int, frame_count: int) -> FrameSelection:
    """The frames to train on; `frame` is the selected one, `ALL` means those of this recording and of the others.

    Raises InvalidValue.
    """
    length, last = whole(fields["history_length"]), frame_count - 1
    if fields["train_on"] not in (None, ONE_FRAME, RANGE, WHOLE, ALL):
        raise InvalidValue(f"Train on must be one of: {ONE_FRAME}, {RANGE}, {WHOLE}, {ALL}.")
    if fields["train_on"] in (None, ONE_FRAME):
        return FrameSelection(frame, frame, history_length=length)
    ends = (0, last)
    if fields["train_on"] == RANGE:
        ends = (whole(fields["first"]), whole(fields["last"]))
        for name, value in zip(("The first frame", "The last frame"), ends, strict=True):
            check_whole(value, name, 0, last)
    return FrameSelection(*ends, whole(fields["batch_size"]), length, fields["held_out"])


def read_config(fields: Mapping[str, object]) -> TrainingConfig:
    """The configuration of the advanced values, standard ones if a field is empty. Raises InvalidValue."""
    values = {name: fields[name] for name in ADVANCED if fields[name] is not None}
    if "warmup_steps" in values:
        values["warmup_steps"] = whole(values["warmup_steps"])
    return TrainingConfig(**values)
