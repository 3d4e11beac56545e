"""Many tabs of one browser on one server: a browser has six connections to a host, for all of its tabs together."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from page.server.settings import Settings
from session import record_demo
from tests.app.conftest import running
from tests.app.pending import Pending
from tests.app.tabs import PLAYER, VIEWPORT, Watch
from tests.app.test_browser import at_frame, settled_at

TABS = 9
LONG_MS = 300_000


def open_tabs(browser: Browser, address: str) -> list[Page]:
    """Tabs that share the connections of one browser. All but the first are in the background: no timers run there.

    They are opened by the first one, and so use the scripts that it has compiled.
    """
    context = browser.new_context(viewport={"width": 700, "height": 500})
    context.set_default_timeout(LONG_MS)
    first = context.new_page()
    first.goto(address)
    first.wait_for_selector(PLAYER)
    pages = [first]
    for _ in range(1, TABS):
        with context.expect_page() as opened:
            first.evaluate("() => { window.open('about:blank') }")
        pages.append(opened.value)
    for page in pages[1:]:
        page.add_init_script("window.setInterval = () => 0")
        page.goto(address, wait_until="commit")
    for page in pages[1:]:
        page.wait_for_selector(PLAYER)
    return pages


def scrub(page: Page) -> None:
    """Move by three strides of ten frames; each is asked for before the one before has come."""
    page.bring_to_front()
    page.evaluate("document.activeElement.blur()")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function("document.querySelector('#player canvas.frame').dataset.frame === '30'", timeout=LONG_MS)
    expect(page.locator("#player .caption")).to_contain_text("Frame 30 /")


@pytest.mark.timeout(600)  # many pages at once, on a busy machine
def test_nine_tabs_scrub_while_one_trains_and_stops(browser: Browser, tmp_path: Path):
    session_id = record_demo(tmp_path / "sessions", "toroidal_dot", 40, seed=1)
    with running(Settings(data=tmp_path)) as (explorer, demo):
        pages = open_tabs(browser, f"{demo.local_url}?session={session_id}&frame=0")
        first = pages[0]
        first.bring_to_front()
        first.get_by_role("tab", name="Training").click()
        first.locator("#autoencoder-steps input").fill("1000000")
        first.locator("#train-autoencoder-steps").click()
        expect(first.locator("#training-status")).to_contain_text("Training the autoencoder", timeout=LONG_MS)
        for page in reversed(pages):
            scrub(page)
        manager = next(iter(explorer._managers.values()))
        first.get_by_role("button", name="Stop").click()
        expect(first.locator("#training-outcome")).to_contain_text("Stopped", timeout=LONG_MS)
        assert not manager.snapshot().is_active
        first.context.close()


def test_a_picture_that_does_not_come_is_told_and_no_other_shows_under_its_caption(page_at, session_ids):
    page = page_at(session_ids["jetbot"], 2)
    settled_at(page, 2)
    held: list[Route] = []
    page.route("**/recorded/frame/30/**", lambda route: held.append(route))
    page.get_by_label("Frame number").fill("30")
    page.get_by_role("button", name="Jump").click()
    expect(page.get_by_label("Frame number")).to_have_value("30")
    at_frame(page, 2)  # picture and caption are of one frame
    expect(page.locator("#player .stage-message")).to_contain_text("Frame 30 has not arrived yet")
    expect(page.locator("#player .caption")).to_contain_text("Frame 30 /")
    is_blank = "canvas => !canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    assert page.locator("#player canvas.frame").evaluate(is_blank)
    assert page.locator("#player canvas.frame").get_attribute("data-frame") is None
    for route in held:  # the player's, and the filmstrip's
        route.continue_()
    expect(page.locator("#player canvas.frame")).to_have_attribute("data-frame", "30", timeout=LONG_MS)
    at_frame(page, 30)
    expect(page.locator("#player .stage-message")).to_be_hidden()
    page.unroute("**/recorded/frame/30/**")


def test_answers_wait_on_the_server_while_four_other_tabs_listen(page_at, session_ids):
    page = page_at(session_ids["jetbot"], 2)
    pending = Pending(page)
    page.get_by_role("button", name="Run Autoencoder").click()
    expect(page.locator("#autoencoder-result .result[data-frame='2']:not(.stale)")).to_be_visible(timeout=LONG_MS)
    pending.settle()
    listening: list[str] = []
    page.on("request", lambda request: listening.append(request.url) if "/queue/data" in request.url else None)
    held = (
        "n => localStorage.setItem('session-explorer-listener-' + n, JSON.stringify({tab: '', until: Date.now() + %d}))"
    )
    for place in range(4):
        page.evaluate(held % 600_000, place)
    page.get_by_role("button", name="Run Autoencoder").click()
    page.get_by_label("Next frame").click()
    at_frame(page, 3)  # frames arrive meanwhile
    assert listening == []
    page.evaluate(held % -1, 2)  # a tab that is gone
    expect(page.locator("#autoencoder-result .result[data-frame='3']")).to_be_visible(timeout=LONG_MS)
    assert listening
    page.wait_for_function("localStorage.getItem('session-explorer-listener-2') === null")  # given back
    page.evaluate("localStorage.clear()")


def test_a_browser_that_denies_its_stores_gets_answers_all_the_same(tabs, server, session_ids):
    """As browsers do in a frame of another site."""
    context = tabs.browser.new_context(viewport=VIEWPORT)
    denied = "get() { throw new DOMException('Access is denied for this document.', 'SecurityError'); }"
    for store in ("localStorage", "sessionStorage"):
        context.add_init_script(f"Object.defineProperty(window, '{store}', {{ {denied} }})")
    page = context.new_page()
    watch = Watch(page, server)
    page.goto(f"{server}?session={session_ids['jetbot']}&frame=2&tab=autoencoder")
    page.get_by_role("button", name="Run Autoencoder").click()
    expect(page.locator("#autoencoder-result .result[data-frame='2']")).to_be_visible(timeout=LONG_MS)
    page.get_by_label("Follow the selected frame").uncheck()  # a value that would be kept
    watch.end()
    context.close()
    assert watch.complaints == []
