"""Fields that leave the checking to the handlers: whatever arrives reaches them as it is."""

import re

from page.components import APP_CSS, FramePlayer, FramePosition, OpenDropdown, OpenNumber, OpenRadio, OpenSlider
from tests.cases import every_case


@every_case("field", [OpenDropdown, OpenNumber, OpenRadio, OpenSlider])
@every_case("value", [None, "7", 2.5, float("nan"), [1], {"a": 1}])
def test_what_arrives_is_left_for_the_handler_to_check(field, value):
    assert field().preprocess(value) is value


@every_case(
    ("sent", "place"),
    [
        ({"session": "a", "frame": 3, "visit": 1}, FramePosition("a", 3)),
        (3, FramePosition(None, 3)),
        ({}, FramePosition(None, None)),
        ("x", FramePosition(None, "x")),
    ],
)
def test_a_place_comes_from_a_page_or_from_a_plain_index(sent, place):
    assert FramePlayer().preprocess(sent) == place


def test_the_page_styles_survive_the_prefix_that_gradio_puts_after_each_comma():
    """Inside `:has()` it makes another selector: notices of failed loads were hidden by such a rule."""
    assert re.search(r":has\([^)]*,", APP_CSS.read_text()) is None
