"""What a visitor sees without scrolling or pressing: the player at every width, results that follow the selected frame,
the browser's Back and reload, and automatic accessibility checks. All on one page."""

import threading
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

import session_explorer_gradio as script
from tests.app.pending import Pending
from tests.app.tabs import PLAYER, Tabs, Visits
from tests.app.test_browser import jump, settled_at

LONG_MS = 60_000
FRAMES = 40
RESULT = "#autoencoder-result .result"


@pytest.fixture(scope="module")
def page(tabs: Tabs, server: str, session_ids: dict[str, str]) -> Iterator[Page]:
    visits = Visits(tabs, server)
    yield visits(f"?session={session_ids['jetbot']}&frame=12")
    visits.end()


def turn_to(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).first.click()


def test_the_player_and_the_button_of_the_tab_are_on_the_first_screen(page):
    expect(page.locator("#run-autoencoder")).to_be_visible()
    for width, height in ((1366, 768), (1440, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        for lowest in ("#player .filmstrip", "#run-autoencoder"):
            page.wait_for_function(
                "name => document.querySelector(name).getBoundingClientRect().bottom <= innerHeight", arg=lowest
            )
        column = page.locator("#recording-column").evaluate("one => [one.scrollHeight, one.clientHeight]")
        assert column[0] <= column[1] + 1  # nothing scrolls in what scrolls
        assert page.locator("#player canvas.frame").bounding_box()["height"] >= 150
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#session-facts summary").first.click()
    page.wait_for_function("() => document.querySelector('#session-facts').offsetWidth > 1700")  # a line of their own
    page.locator("#session-facts summary").first.click()
    right = page.locator("#model-column").bounding_box()
    assert right["x"] + right["width"] > 1840  # wide screens are used


def test_of_a_track_click_marker_and_bars_agree_at_every_width(page):
    canvas, marker = page.locator("#player .track canvas").first, page.locator("#player .track-position").first
    for width, share in ((1400, 0.3), (900, 0.9), (390, 0.6), (1366, 0.1)):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            "() => { const one = document.querySelector('#player .track canvas');"
            " return one.width === Math.round(one.clientWidth * devicePixelRatio); }"
        )
        track = page.locator("#player .track").first
        assert track.evaluate("one => one.scrollWidth <= one.clientWidth")
        box, frame = canvas.bounding_box(), int(share * FRAMES)
        canvas.click(position={"x": box["width"] * (frame + 0.5) / FRAMES, "y": 8})
        settled_at(page, frame)
        at = marker.bounding_box()
        assert at["x"] + at["width"] / 2 == pytest.approx(box["x"] + box["width"] * (frame + 0.5) / FRAMES, abs=1)
        assert at["height"] <= box["height"] + 1  # and not through the captions
    page.set_viewport_size({"width": 1400, "height": 1000})


class Held:
    """The function that reconstructs a frame, held until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate, self.begun, self.selected = threading.Event(), threading.Event(), []
        run, describe = script.models.run_reconstruction, script.frame_facts

        def wait_and_run(*arguments: object) -> object:
            self.begun.set()
            assert self.gate.wait(60)
            return run(*arguments)

        def note_and_describe(recording: object, index: int) -> str:
            self.selected.append(index)
            return describe(recording, index)

        monkeypatch.setattr(script.models, "run_reconstruction", wait_and_run)
        monkeypatch.setattr(script, "frame_facts", note_and_describe)


def test_a_result_follows_the_frame_and_an_overtaken_one_is_dropped(page, monkeypatch):
    turn_to(page, "Autoencoder")
    jump(page, 5)
    expect(page.locator(RESULT)).to_have_attribute("data-frame", "5", timeout=LONG_MS)
    page.evaluate(
        "name => { window.seen = []; new MutationObserver(() => { const one = document.querySelector(name);"
        " if (one) seen.push(one.dataset.frame); }).observe(document.querySelector('#autoencoder-result'),"
        " { subtree: true, childList: true }); }",
        RESULT,
    )
    held = Held(monkeypatch)
    jump(page, 6)
    while not held.begun.is_set():
        page.wait_for_timeout(20)
    jump(page, 7)
    expect(page.locator(f"{RESULT}.stale")).to_have_attribute("data-frame", "5")
    while 7 not in held.selected:
        page.wait_for_timeout(20)
    held.gate.set()
    expect(page.locator(f"{RESULT}:not(.stale)")).to_have_attribute("data-frame", "7", timeout=LONG_MS)
    assert "6" not in page.evaluate("window.seen")


def test_a_result_that_arrives_late_says_of_which_frame_it_is(page, monkeypatch):
    page.get_by_label("Follow the selected frame").first.uncheck()
    jump(page, 8)
    held = Held(monkeypatch)
    page.locator("#run-autoencoder").click()
    while not held.begun.is_set():
        page.wait_for_timeout(20)
    jump(page, 9)
    held.gate.set()
    expect(page.locator(f"{RESULT}.stale")).to_have_attribute("data-frame", "8", timeout=LONG_MS)
    page.get_by_label("Follow the selected frame").first.check()
    expect(page.locator(f"{RESULT}:not(.stale)")).to_have_attribute("data-frame", "9", timeout=LONG_MS)


def test_back_returns_to_the_session_frame_and_tab_and_reload_keeps_the_form(page, session_ids, labels):
    jump(page, 14)
    turn_to(page, "Predictor")
    page.locator("#session-picker input").click()
    page.get_by_role("option", name=labels["dot"], exact=True).click()
    player = page.locator("#player .player")
    expect(player).to_have_attribute("data-session", session_ids["dot"], timeout=LONG_MS)
    settled_at(page, 1)
    page.go_back()
    expect(player).to_have_attribute("data-session", session_ids["jetbot"], timeout=LONG_MS)
    settled_at(page, 14)
    expect(page.locator("#session-picker input")).to_have_value(labels["jetbot"])
    length, pending = page.locator("#history-length input[type=number]"), Pending(page)
    length.fill("5")
    length.press("Enter")
    expect(page.locator("#predictor-result .result p").first).to_contain_text("frames 9, 10", timeout=LONG_MS)
    pending.settle()
    page.reload()
    page.wait_for_selector(PLAYER, timeout=LONG_MS)
    settled_at(page, 14)
    expect(length).to_have_value("5", timeout=LONG_MS)
    expect(page.locator("#player .filmstrip .context")).to_have_count(5)
    expect(page.locator("#predictor-result .result p").first).to_contain_text("frames 9, 10", timeout=LONG_MS)


# What is awaited: nothing is pale, and no colour fades any more.
AT_REST = """() => !document.querySelector('.pending')
    && document.getAnimations().every(one => one.playState !== 'running' || one.effect.getTiming().iterations > 1)"""
FOUND = {"resultTypes": ["violations"]}
RULES = {"light": FOUND, "dark": {**FOUND, "runOnly": ["color-contrast"]}}  # only colours differ in the dark


def serious_barriers(page: Page, part: str, theme: str) -> list[tuple[str, str]]:
    """Rule and HTML of each barrier in a part of the page."""
    found = page.evaluate("([part, rules]) => axe.run(part, rules)", [part, RULES[theme]])["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], node["html"][:200]) for one in serious for node in one["nodes"]]


def test_automatic_checks_find_no_serious_barrier(page):
    serious, pending = [], Pending(page)
    for tab, content in (
        ("Imagine", "#imagine-pad img"),
        ("Training", "#train-on"),
        ("Session", "#frame-facts table"),
        ("Errors", "#evaluate"),
        ("Compare", "#compare"),
        ("Predictor", "#sweep-pictures"),
    ):
        turn_to(page, tab)
        expect(page.locator(content).first).to_be_visible(timeout=LONG_MS)
        if tab == "Compare":
            page.locator(content).click()
            expect(page.locator("#comparison-errors")).to_be_visible(timeout=LONG_MS)
    page.evaluate(Axe().axe_script)
    for theme in ("light", "dark"):
        page.evaluate("isDark => document.body.classList.toggle('dark', isDark)", theme == "dark")
        # What is beside the tabs is the same with each of them.
        parts = {
            "Predictor": "html",
            **dict.fromkeys(("Imagine", "Training", "Session", "Errors", "Compare"), "#model-column"),
        }
        for tab, part in parts.items():
            turn_to(page, tab)
            page.mouse.move(0, 0)
            pending.settle()
            page.wait_for_function(AT_REST)
            serious += [(theme, tab, *one) for one in serious_barriers(page, part, theme)]
    assert serious == []
