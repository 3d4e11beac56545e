"""The Compare tab and the movable divider in headless Chromium."""

import re

from playwright.sync_api import Locator, expect

from tests.app.conftest import fill
from tests.app.test_browser import settled_at
from tests.app.test_inside import LONG_MS, kept_text

DIVIDER = "getComputedStyle(document.documentElement).getPropertyValue('--wipe')"


def middle_of(wipe: Locator, share: float) -> tuple[float, float]:
    wipe.scroll_into_view_if_needed()
    box = wipe.bounding_box()
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def test_two_pairs_are_compared_on_the_selected_frame_and_the_address_names_the_tab(page_at, session_ids):
    page = page_at(session_ids["jetbot"], 12)
    page.get_by_role("tab", name="Compare").click()
    fill(page, "compared-steps", "2")
    page.locator("#compare").click()
    result = page.locator("#compared .result")
    expect(result).to_contain_text("A and B are the same weights", timeout=LONG_MS)
    expect(result.locator("#compared-frame figure")).to_have_count(6)
    expect(result.locator(".dreams img")).to_have_count(6)
    expect(result.locator("#comparison-errors tbody tr")).to_have_count(4)
    assert "tab=compare" in page.url
    report = kept_text(page, "#compared .keep-report")
    assert "<h1>JetBot: two pairs of checkpoints at frame 12</h1>" in report and "%BODY%" not in report
    assert report.count("<img") == 6 + 6 + 2 and "Made with" in report and 'class="wipe"' not in report
    assert not re.search(r"""<script|<input|<button|(?:src|href)=["'](?!data:|#|["'])""", report)
    page.get_by_label("Next frame").click()
    settled_at(page, 13)
    expect(page.locator("#compared .result.stale")).to_be_visible()


def test_the_divider_follows_pointer_and_keys_and_stays_for_the_next_result(page_at, session_ids):
    page = page_at(session_ids["jetbot"], 12)
    page.get_by_role("tab", name="Predictor").click()
    wipe = page.locator("#prediction-pictures .wipe")
    expect(wipe).to_be_visible(timeout=LONG_MS)
    beneath = wipe.locator(".beneath")
    expect(beneath).to_have_css("clip-path", re.compile(r"inset\(0px (calc\(100% - 0%\)|100%) 0px 0px\)"))
    page.mouse.move(*middle_of(wipe, 0.1))
    page.mouse.down()
    page.mouse.move(*middle_of(wipe, 0.6))
    page.mouse.up()
    page.mouse.move(*middle_of(wipe, 0.9))  # without a button nothing moves
    assert page.evaluate(DIVIDER) == "60%"
    slider = wipe.get_by_label("Divider: Actual on its left, Predicted on its right")
    slider.press("ArrowLeft")
    assert (page.evaluate(DIVIDER), slider.input_value()) == ("58%", "58")
    settled_at(page, 12)  # the key was the slider's alone
    page.get_by_label("Next frame").click()
    expect(page.locator('#predictor-result .result[data-frame="13"]')).to_be_visible(timeout=LONG_MS)
    slider.press("Home")
    assert page.evaluate(DIVIDER) == "0%"
    slider.press("ArrowRight")
    assert page.evaluate(DIVIDER) == "2%"
