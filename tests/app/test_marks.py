"""Flags in headless Chromium: made with the keyboard, seen on the strip and in the table, found again, removed."""

import pytest
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from tests.app.conftest import api_client
from tests.app.tabs import Stay
from tests.app.test_browser import jump, settled_at
from tests.app.test_session_table import rows

HEAR_OF_OTHERS = "() => document.dispatchEvent(new Event('visibilitychange'))"


def test_a_range_is_flagged_found_and_removed_and_a_teammates_flag_is_seen(page_at: Stay, server, session_ids):
    session_id = session_ids["jetbot"]
    page, teammate = page_at(session_id, 7), api_client(server)
    bars, listed = page.locator("#player .marks button"), page.locator("#player .marks-panel li")
    note = page.get_by_label("Note", exact=True).first

    page.keyboard.press("f")
    expect(note).to_be_focused()
    note.press("ArrowRight")  # the note is empty
    settled_at(page, 8)
    page.get_by_label("Next frame").click()
    note.fill("bumped into the wall")
    note.press("Enter")
    expect(bars).to_have_attribute("title", "frames 7 to 9: bumped into the wall")
    expect(note).to_be_hidden()
    teammate.predict(session_id, note="wrong calibration", api_name="/flag_frames")
    page.evaluate(HEAR_OF_OTHERS)
    expect(page.locator("#player [data-part=marks-count]")).to_have_text("2")

    jump(page, 20)
    bars.nth(1).click()
    settled_at(page, 7)
    share = bars.nth(1).evaluate("one => one.offsetLeft / one.parentElement.offsetWidth")
    assert share == pytest.approx(7 / 40, abs=0.01)

    page.get_by_role("button", name="All sessions").click()
    page.get_by_role("searchbox").fill("calibration")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).locator("td.flags span").first).to_have_text("whole session: wrong calibration")
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Flagged or not").select_option("unflagged")
    expect(rows(page)).to_have_count(len(session_ids) - 1)
    page.get_by_label("Flagged or not").select_option("")
    page.keyboard.press("Escape")

    teammate.predict(session_id, api_name="/load_session")
    with pytest.raises(AppError, match="This recording is flagged as a whole"):
        teammate.predict("Whole recording", True, True, api_name="/train_world_model")

    page.keyboard.press("f")
    listed.first.get_by_role("button").click()
    expect(listed).to_have_count(1)
    page.get_by_role("button", name="Put the flag back").click()
    expect(listed).to_have_count(2)
    for count in (1, 0):
        listed.first.get_by_role("button").click()
        expect(listed).to_have_count(count)
    expect(page.locator("#player .marks")).to_be_hidden()
    page.keyboard.press("Escape")
    assert teammate.predict(session_id, api_name="/list_marks") == []
