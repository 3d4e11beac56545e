"""The table of all sessions in headless Chromium: search, keyboard, opening, Back."""

from playwright.sync_api import Page, expect

from tests.app.tabs import Visits
from tests.app.test_inside import LONG_MS


def rows(page: Page):
    return page.locator("#session-table tbody tr")


def test_sessions_are_found_sorted_and_opened_by_keyboard_and_click(open_tab: Visits, session_ids: dict[str, str]):
    page = open_tab(f"?session={session_ids['jetbot']}&frame=7")
    page.get_by_role("button", name="All sessions").click()
    expect(rows(page)).to_have_count(len(session_ids), timeout=LONG_MS)
    current = page.locator("#session-table tr[aria-current]")
    expect(current.locator(".name")).to_have_text(session_ids["jetbot"])
    expect(current.locator("td").nth(4)).to_have_text("40", timeout=LONG_MS)  # frames, from the opened recording
    expect(current.locator("img")).to_have_js_property("naturalWidth", 224)

    page.get_by_role("button", name="Length").click()
    expect(rows(page).first.locator(".name")).to_have_text(session_ids["long"])
    page.keyboard.press("Escape")
    expect(page.locator("#session-table dialog")).to_be_hidden()

    page.get_by_role("button", name="All sessions").click()
    page.get_by_role("searchbox").fill("toroidal")
    expect(rows(page)).to_have_count(3)
    page.set_viewport_size({"width": 390, "height": 800})
    body = page.locator("#session-table .table-body")
    assert body.evaluate("one => one.scrollWidth <= one.clientWidth")  # no column hangs over
    expect(page.locator("#session-table th").get_by_text("State")).to_be_hidden()
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = rows(page).nth(1)
    expect(chosen).to_be_focused()
    session_id = chosen.locator(".name").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator(f"#player .player[data-session='{session_id}']")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#player canvas.frame[data-frame='1']")).to_be_visible(timeout=LONG_MS)  # with a history

    page.go_back()
    expect(page.locator(f"#player .player[data-session='{session_ids['jetbot']}']")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#player canvas.frame[data-frame='7']")).to_be_visible(timeout=LONG_MS)
