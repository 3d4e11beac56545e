import math

import pytest

from tests.cases import every_case
from training import FixedSteps, InvalidValue, LossThreshold, TrainingConfig

NO_NUMBERS = [None, "", "much", math.nan, math.inf, -math.inf, -1, True, [], 1e300]


@every_case("value", [*NO_NUMBERS, 0])
@every_case("name", ["autoencoder_lr", "predictor_lr"])
def test_a_learning_rate_that_is_none_is_refused_by_name(name, value):
    with pytest.raises(InvalidValue, match=name.replace("_lr", " learning rate")):
        TrainingConfig(**{name: value})


@every_case("name", ["mask_ratio_low", "mask_ratio_high", "image_weight", "latent_weight", "weight_decay"])
@every_case("value", NO_NUMBERS)
def test_other_numbers_are_refused_by_name(name, value):
    with pytest.raises(InvalidValue, match=name.replace("_", " ")):
        TrainingConfig(**{name: value})


@every_case("value", [*NO_NUMBERS, 0, 1.5, 2.0, 10**12])
def test_counts_are_whole_numbers(value):
    for make in (FixedSteps, lambda steps: LossThreshold(0.1, steps), lambda n: TrainingConfig(save_every=n)):
        with pytest.raises(InvalidValue, match="whole number from 1 to 1000000"):
            make(value)


@every_case("value", [*NO_NUMBERS, 0])
def test_a_threshold_is_a_number_above_zero(value):
    with pytest.raises(InvalidValue, match="The threshold must be a number"):
        LossThreshold(value, 10)


def test_values_that_do_not_fit_together_are_refused():
    with pytest.raises(InvalidValue, match="low end must not be above"):
        TrainingConfig(mask_ratio_low=0.6, mask_ratio_high=0.5)
    with pytest.raises(InvalidValue, match="nothing to learn"):
        TrainingConfig(image_weight=0.0, latent_weight=0.0)


def test_messages_are_one_short_sentence():
    with pytest.raises(InvalidValue) as caught:
        FixedSteps("9" * 10_000)
    assert len(str(caught.value)) < 120


@every_case(
    ("value", "told"),
    [
        (None, ", not empty."),
        (" ", ", not empty."),
        ("many", ", not many."),
        ("a\r\n\tb\0", ", not a b."),
        (True, "; what arrived is not a number."),
        ([[1]], "; what arrived is not a number."),
        (math.nan, "; what arrived is not a number."),
        (2.5, ", not 2.5."),
        (10**400, ", not a number of that size."),
        (-math.inf, ", not a number of that size."),
    ],
)
def test_a_refusal_shows_only_what_a_person_types(value, told):
    with pytest.raises(InvalidValue) as caught:
        FixedSteps(value)
    assert str(caught.value) == f"The number of steps must be a whole number from 1 to 1000000{told}"
