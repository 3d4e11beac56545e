from typing import get_args

import pytest

from tests.cases import every_case
from training import Evidence, level_conditions, lowest_errors, share_below, verdict
from training.evaluation.verdict import HALF_LEVEL, Level

NOTHING_COMPUTED, SEEN = None, Evidence(0.02, 0.1)
SURE = dict(gain=0.05, gain_error=0.01)


@every_case(
    ("network", "is_trained", "evidence", "level"),
    [
        ("autoencoder", False, SEEN, "untrained"),
        ("autoencoder", True, NOTHING_COMPUTED, "not judged yet"),
        ("autoencoder", True, Evidence(0.0, 0.0), "not judged yet"),  # all frames look the same
        ("autoencoder", True, Evidence(0.151, 0.1), "untrained"),
        ("autoencoder", True, Evidence(0.15, 0.1), "learns the mean"),
        ("autoencoder", True, Evidence(0.061, 0.1), "learns the mean"),
        ("autoencoder", True, Evidence(0.0599, 0.1), "sees"),
        ("predictor", False, Evidence(0.0, 0.1, 0.1, **SURE), "untrained"),
        # Better than repeating a frame of a scene that jumps, and a grey gradient all the same.
        ("predictor", True, Evidence(0.0266, 0.036, 0.0553), "learns the mean"),
        ("predictor", True, Evidence(0.0599, 0.1, 0.06), "sees"),
        ("predictor", True, Evidence(0.055, 0.1, 0.06), "sees"),
        ("predictor", True, Evidence(0.0539, 0.1, 0.06), "predicts"),
        ("predictor", True, Evidence(0.05, 0.1, 0.0), "sees"),  # nothing moves: repeating is right
        ("predictor", True, Evidence(0.05, 0.1, 0.06, gain=0.0199, gain_error=0.001), "predicts"),
        ("predictor", True, Evidence(0.05, 0.1, 0.06, gain=0.02, gain_error=0.01), "uses the actions"),
        ("predictor", True, Evidence(0.05, 0.1, 0.06, gain=0.5, gain_error=0.26), "predicts"),
        ("predictor", True, Evidence(0.05, 0.1, 0.06, gain=-0.5, gain_error=0.01), "predicts"),
        ("predictor", True, Evidence(0.0, 0.1, 0.06, gain=1e9, gain_error=1e8), "uses the actions"),
    ],
)
def test_a_verdict_follows_from_its_thresholds(network, is_trained, evidence, level):
    result = verdict(network, is_trained, evidence)
    assert result.level == level and result.reason.endswith(".")


def test_each_level_has_its_condition_with_the_threshold():
    conditions = level_conditions()
    assert {"not judged yet", *conditions} == set(get_args(Level))
    for level, number in {"untrained": "1.5", "sees": "40 %", "predicts": "10 %", "uses the actions": "2 %"}.items():
        assert number in conditions[level]


def test_a_verdict_gives_its_numbers():
    assert verdict("autoencoder", True, SEEN).reason == "It explains 80 % of the variance between frames."
    reason = verdict("predictor", True, Evidence(0.03, 0.1, 0.06, **SURE)).reason
    assert "50 % below that of repeating" in reason and "raise it by 5 %" in reason
    tenfold = Evidence(0.03, 0.1, 0.06, **SURE | dict(gain=9.0))
    assert "other actions make it 10 times as large" in verdict("predictor", True, tenfold).reason
    assert "20 % worse than repeating" in verdict("predictor", True, Evidence(0.03, 0.1, 0.025)).reason
    assert "+0.1 %, too little" in verdict("predictor", True, Evidence(0.03, 0.1, 0.06, 0.001, 0.0)).reason


@every_case(
    ("errors", "difference", "lowest"),
    [
        ([1.0, 1.0099], 1.0, ()),
        ([1.0, 1.0101], 1.0, (0,)),
        ([1.0101, 1.0], 1.0, (1,)),
        ([1.005, 1.0, 2.0], 1.0, (0, 1)),
        ([1.0, 2.0], HALF_LEVEL, ()),
        ([1.0, 2.0], 1.01 * HALF_LEVEL, (0,)),
        ([0.0, 0.0], 1.0, ()),
        ([0.0, 1e-9], 1.0, (0,)),
        ([1.0], 1.0, ()),
        ([], 0.0, ()),
    ],
)
def test_the_lowest_errors_are_named_if_the_differences_mean_something(errors, difference, lowest):
    assert lowest_errors(errors, difference) == lowest


def test_a_share_is_relative_to_the_baseline():
    assert share_below(0.25, 1.0) == 0.75 and share_below(3.0, 1.0) == pytest.approx(-2)
    assert share_below(1.0, 0.0) is None
