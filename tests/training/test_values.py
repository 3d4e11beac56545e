"""Checks of the numbers that a visitor or a program sends."""

import math

import pytest

from tests.cases import every_case
from training import InvalidValue, invalid_value, whole_number


@every_case("value", [None, "", "3", math.nan, math.inf, -1, 2.5, 61, 1e300, True, [3], 10**400])
def test_what_is_no_whole_number_in_range_is_refused_by_name(value):
    with pytest.raises(InvalidValue, match="The frame number must be a whole number from 0 to 60"):
        whole_number(value, "The frame number", 0, 60)


@every_case(
    ("value", "reason"),
    [
        (None, "; it is empty."),
        ("", "; it is empty."),
        ("3", "; what arrived is not a number."),
        ({"path": "x"}, "; what arrived is not a number."),
        (True, "; what arrived is not a number."),
        (math.nan, "; what arrived is not a number."),
        (2.5, ", not 2.5."),
        (-1.0, ", not -1."),
        (10**400, ", not a number of that size."),
        (-math.inf, ", not a number of that size."),
    ],
)
def test_a_refusal_shows_only_what_a_person_types(value, reason):
    assert str(invalid_value("It must be 1", value)) == f"It must be 1{reason}"


@pytest.mark.parametrize("value", [0, 60, 12.0])
def test_whole_numbers_pass(value):
    assert whole_number(value, "It", 0, 60) == value
    assert type(whole_number(value, "It", 0, 60)) is int
