import math

import pytest

from page.text import BadNumber, bytes_text, duration_text, invalid_value, loss_text, whole_number


@pytest.mark.parametrize("value", [None, "", "3", math.nan, math.inf, -1, 2.5, 61, 1e300, True, [3], 10**400])
def test_what_is_no_whole_number_in_range_is_refused_by_name(value):
    with pytest.raises(BadNumber, match="The frame number must be a whole number from 0 to 60"):
        whole_number(value, "The frame number", 0, 60)


@pytest.mark.parametrize(
    ("value", "told"),
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
def test_a_refusal_shows_only_what_a_person_types(value, told):
    assert str(invalid_value("It must be 1", value)) == f"It must be 1{told}"


@pytest.mark.parametrize("value", [0, 60, 12.0])
def test_whole_numbers_pass(value):
    assert whole_number(value, "It", 0, 60) == value
    assert type(whole_number(value, "It", 0, 60)) is int


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (0.012344, "0.01234"),
        (12.3456, "12.35"),
        (1.0, "1.000"),
        (0.001, "0.001000"),
        (0.00012345, "1.234e-04"),
        (0.0, "0.000"),
        (1234.4, "1234"),
        (math.nan, "not finite"),
        (math.inf, "not finite"),
    ],
)
def test_losses_have_four_digits_and_are_scientific_below_a_thousandth(loss, text):
    assert loss_text(loss) == text


def test_durations_and_sizes_read_as_people_say_them():
    durations = [duration_text(s).replace("\u00a0", " ") for s in (3.21, 245, 7380)]
    assert durations == ["3.2 s", "4 min 05 s", "2 h 03 min"]
    assert [bytes_text(n) for n in (980, 8100, 2_400_000)] == ["980 B", "8.1 kB", "2.4 MB"]
