"""Fields that leave the checking to the handlers: whatever arrives reaches them as it is."""

import pytest

from page.components import FramePlayer, OpenDropdown, OpenNumber, OpenRadio, OpenSlider, Place


@pytest.mark.parametrize("field", [OpenDropdown, OpenNumber, OpenRadio, OpenSlider])
@pytest.mark.parametrize("value", [None, "7", 2.5, float("nan"), [1], {"a": 1}])
def test_what_arrives_is_left_for_the_handler_to_check(field, value):
    assert field().preprocess(value) is value


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({"session": "a", "frame": 3, "visit": 1}, Place("a", 3)),
        (3, Place(None, 3)),
        ({}, Place(None, None)),
        ("x", Place(None, "x")),
    ],
)
def test_a_place_comes_from_a_page_or_from_a_plain_index(sent, place):
    assert FramePlayer().preprocess(sent) == place
