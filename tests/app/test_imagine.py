"""The Imagine tab in headless Chromium: buttons, keys, undo, repeat, ground truth, rollouts."""

import base64
import contextlib
import csv
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

import training.evaluation.rollouts.imagination
from models import NotFinite
from page.handlers import StaleRequest
from session.robots.toroidal_dot import DotPosition, locate_dot, torus_distance
from tests.app.conftest import fill
from tests.app.tabs import VIEWPORT, Stay
from tests.app.test_browser import jump, settled_at
from tests.app.test_inside import LONG_MS, kept_text
from tests.session.session_files import change_meta
from tests.training.evaluation.rollouts.test_imagination import Calls


@pytest.fixture
def perfect(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Replace the networks by a predictor that is always right about a dot."""
    calls = Calls()
    monkeypatch.setattr(training.evaluation.rollouts.imagination, "imagine", calls)
    return calls


def imagining(page: Page) -> None:
    page.get_by_role("tab", name="Imagine", exact=True).click()
    expect(action(page, 1)).to_be_visible(timeout=LONG_MS)


def action(page: Page, index: int):
    return page.locator("#imagine-pad [data-part=actions] button").nth(index)


def await_steps(page: Page, count: int) -> None:
    expect(page.locator(f"#imagine-pad .imagine[data-steps='{count}']")).to_be_visible(timeout=LONG_MS)


def steps(page: Page) -> int:
    return int(page.locator("#imagine-pad .imagine").get_attribute("data-steps"))


def shown_dot(page: Page, picture: str) -> DotPosition:
    address = page.locator(f"#imagine-pad [data-part={picture}]").get_attribute("src")
    return dot_in(address)


def dot_in(address: str) -> DotPosition:
    return locate_dot(np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGB")))


def arrow(page: Page, key: str = "ArrowRight") -> None:
    """Press a key of the player without focus on a tab: tabs use the arrow keys themselves."""
    page.locator("#player .caption").click()
    page.keyboard.press(key)


def summary(page: Page):
    return page.locator("#imagine-pad [data-part=summary]")


@pytest.fixture
def dot(page_at: Stay, session_ids: dict[str, str]) -> Page:
    """The page with the dot at frame 7, and Imagine open without imagined steps."""
    page = page_at(session_ids["dot"], 7, "imagine")
    imagining(page)
    if not summary(page).inner_text().startswith("Starts at"):
        page.get_by_role("button", name="Reset").click()
    await_steps(page, 0)
    expect(summary(page)).to_contain_text("Starts at frame 7", timeout=LONG_MS)
    return page


# The second action on a French and an Arabic keyboard, as a dead key, and on the pad of numbers.
OTHER_LAYOUTS = [("é", "Digit2"), ("٢", "Digit2"), ("Dead", "Digit2"), ("2", "Numpad2")]
TYPED = "key => document.body.dispatchEvent(new KeyboardEvent('keydown', { ...key, bubbles: true, cancelable: true }))"


def test_keys_act_where_the_tab_is_open_and_leave_the_players_keys_alone(page_at, session_ids, perfect):
    page = page_at(session_ids["dot"], 7)
    page.keyboard.press("2")
    page.keyboard.press("r")
    imagining(page)
    expect(summary(page)).to_have_text("Starts at frame 7. Press an action: the model imagines the next frame.")
    for count, key in enumerate("212", 1):
        page.keyboard.press(key)
        await_steps(page, count)
    page.keyboard.press("Backspace")
    await_steps(page, 2)
    page.keyboard.press("u")
    await_steps(page, 1)
    page.keyboard.press("9")  # no such action
    page.keyboard.press("Control+1")
    for count, (key, code) in enumerate(OTHER_LAYOUTS, 2):
        page.evaluate(TYPED, {"key": key, "code": code})
        await_steps(page, count)
    for count in range(len(OTHER_LAYOUTS), 0, -1):
        page.evaluate(TYPED, {"key": "г", "code": "KeyU"})
        await_steps(page, count)
    page.evaluate(TYPED, {"key": "End", "code": "Numpad1"})  # moves the player, is no action
    settled_at(page, 39)
    assert steps(page) == 1
    jump(page, 7)
    page.locator("#player .caption").click()
    arrow(page)
    settled_at(page, 8)
    stale = page.locator("#imagine-pad [data-part=stale]")
    expect(stale).to_have_text("Imagined from frame 7, not the selected frame. Reset starts at frame 8.")
    page.get_by_label("Frame number").fill("2")  # in a field, so not an action
    assert steps(page) == 1
    page.get_by_role("button", name="Reset").click()
    await_steps(page, 0)
    expect(summary(page)).to_contain_text("Starts at frame 8")
    expect(stale).to_be_hidden()
    arrow(page)  # without imagined steps the start follows the selected frame
    expect(summary(page)).to_contain_text("Starts at frame 9", timeout=LONG_MS)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.get_by_role("tab", name="Predictor").click()
    page.keyboard.press("2")
    imagining(page)
    assert steps(page) == 0


def test_ten_moves_march_and_wrap_around_with_the_truth_beside_them(dot, perfect):
    start = shown_dot(dot, "imagined")
    for count in range(1, 11):
        dot.get_by_role("button", name="move").click()
        await_steps(dot, count)
        expected = DotPosition((start.x + 27 * count) % 224, start.y)
        assert torus_distance(shown_dot(dot, "imagined"), expected) < 1
        assert torus_distance(shown_dot(dot, "truth"), expected) < 1
    expect(summary(dot)).to_have_text("10 steps from frame 7: 10 of 10 within 2 px of the simulator.")
    expect(dot.locator("#imagine-pad .imagine-strip li")).to_have_count(8)
    expect(dot.locator("#imagine-pad .imagine-strip li").last).to_contain_text("10 move")
    expect(dot.locator("#imagine-pad .imagine-strip li").last.locator("img")).to_have_count(2)


def test_hasty_presses_all_count_in_their_order(dot, perfect):
    for index in (1, 1, 0, 1, 0, 1):
        action(dot, index).click()
    await_steps(dot, 6)
    captions = dot.locator("#imagine-pad .imagine-strip b").all_inner_texts()
    assert captions == ["1 move", "2 move", "3 stay", "4 move", "5 stay", "6 move"]


def test_the_help_names_the_keys(page_at, session_ids):
    page = page_at(session_ids["dot"], 7)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("in Imagine: take that action")
    page.keyboard.press("Escape")


class Slow(Calls):
    """A slow predictor."""

    def __call__(self, *arguments):
        time.sleep(0.3)
        return super().__call__(*arguments)


def test_a_held_key_does_not_pile_up(dot, monkeypatch):
    slow = Slow()
    monkeypatch.setattr(training.evaluation.rollouts.imagination, "imagine", slow)
    began = time.monotonic()
    for _ in range(40):
        dot.keyboard.down("2")  # repeats, as a held key does
    dot.keyboard.up("2")
    held_s = time.monotonic() - began
    dot.wait_for_function("() => Number(document.querySelector('#imagine-pad .imagine').dataset.steps) >= 1")
    dot.keyboard.press("Backspace")  # queued behind any accumulated presses
    dot.wait_for_function(
        "() => document.querySelector('#imagine-pad [data-part=rate]').textContent.indexOf('wait') < 0"
    )
    dot.wait_for_timeout(700)
    assert len(slow.modes) <= 2 + held_s / 0.3 < 40


def test_repeat_goes_on_until_the_action_is_pressed_again(dot, perfect):
    dot.get_by_label("Repeat").check()
    dot.locator("#imagine-pad [data-part=speed]").select_option("max")
    action(dot, 1).click()
    expect(action(dot, 1)).to_have_attribute("aria-pressed", "true")
    dot.wait_for_function("() => Number(document.querySelector('#imagine-pad .imagine').dataset.steps) >= 6")
    expect(dot.locator("#imagine-pad [data-part=rate]")).to_contain_text("frames/s")
    action(dot, 1).click()
    expect(action(dot, 1)).to_have_attribute("aria-pressed", "false")
    dot.wait_for_timeout(500)  # for the answer to the current step
    stopped = steps(dot)
    dot.wait_for_timeout(700)
    assert steps(dot) == stopped == len(perfect.modes)
    dot.get_by_label("Repeat").uncheck()


@contextlib.contextmanager
def simulator_left_out(folder: Path) -> Iterator[None]:
    """A recording that does not name its simulator, as of a real robot, for a while."""
    before = (folder / "session_meta.json").read_bytes()
    change_meta(folder, simulator=None)
    try:
        yield
    finally:
        (folder / "session_meta.json").write_bytes(before)


def test_a_simulated_jetbot_turns_with_the_truth_beside_and_a_real_one_as_far_as_recorded(
    page_at, session_ids, data, perfect
):
    page = page_at(session_ids["jetbot"], 4, "imagine")
    imagining(page)
    for count in range(1, 4):
        page.get_by_role("button", name="turn left").click()
        await_steps(page, count)
    # The replaced networks move the picture by 27 pixels, the simulator turns by 22.4.
    truth = page.locator("#imagine-pad [data-part=truth-text]")
    expect(truth).to_contain_text(
        re.compile(r"Simulated · heading error 1[34]\.\d px, MSE .*start frame: heading error 67\.\d px")
    )
    expect(page.locator("#truth")).to_be_visible()
    with simulator_left_out(data / "sessions" / session_ids["jetbot"]):
        page.reload()
        imagining(page)
        recorded = [expected_step(page, action(page, index)) for index in (0, 1)]
        assert sorted(recorded) == [False, True]
        expect(page.locator("#truth")).to_be_hidden()


def expected_step(page: Page, button: Locator) -> bool:
    """One step from the start: True if it is the recorded one, whose truth is known."""
    button.click()
    await_steps(page, 1)
    is_known = page.locator("#imagine-pad [data-part=unknown]").is_hidden()
    words = "Recorded frame 5 · MSE" if is_known else "No ground truth: the robot did something else here"
    expect(page.locator("#imagine-pad [data-part=truth-text]")).to_contain_text(words)
    page.keyboard.press("u")
    await_steps(page, 0)
    return is_known


def test_a_refusal_is_shown_in_place_and_the_pad_goes_on(dot, monkeypatch):
    calls, real = [], Calls()

    def failing_once(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise NotFinite("predictor")
        return real(*arguments)

    monkeypatch.setattr(training.evaluation.rollouts.imagination, "imagine", failing_once)
    action(dot, 1).click()
    problem = dot.locator("#imagine-pad [data-part=problem]")
    expect(problem).to_contain_text("The predictor's weights give numbers that are not finite", timeout=LONG_MS)
    action(dot, 1).click()
    await_steps(dot, 1)
    expect(problem).to_be_hidden()


def test_an_answer_that_is_lost_is_asked_for_again(dot, monkeypatch):
    calls, real = [], Calls()

    def losing_the_first(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise StaleRequest  # the page gets no answer
        return real(*arguments)

    monkeypatch.setattr(training.evaluation.rollouts.imagination, "imagine", losing_the_first)
    action(dot, 1).click()
    action(dot, 1).click()  # waits for the answer to the first
    await_steps(dot, 1)
    assert len(calls) == 2


def test_another_session_starts_anew_with_its_own_actions(dot, labels, perfect):
    action(dot, 1).click()
    await_steps(dot, 1)
    dot.locator("#session-picker input").click()
    dot.get_by_role("option", name=labels["jetbot"], exact=True).click()
    expect(action(dot, 1)).to_contain_text("turn left", timeout=LONG_MS)
    await_steps(dot, 0)


def test_the_networks_themselves_imagine_and_say_that_they_are_untrained(dot):
    dot.get_by_label("re-encoded image").check()
    dot.keyboard.press("2")
    await_steps(dot, 1)
    expect(dot.locator("#imagine-pad [data-part=notice]")).to_contain_text("Untrained")
    dot.get_by_label("latents", exact=True).check()


def test_a_rollout_shows_its_errors_a_table_and_a_clip(page_at, session_ids, perfect):
    page = page_at(session_ids["dot"], 30, "imagine")
    imagining(page)
    fill(page, "rollout-steps", "12")
    page.locator("#roll-out").click()
    result = page.locator("#rollout-result")
    expect(result.locator("#rollout-summary")).to_contain_text("9 steps from frame 30, history 3", timeout=LONG_MS)
    expect(result).to_contain_text("Only 9 steps of 12")
    expect(result.locator("#rollout-summary")).to_contain_text("9 of 9")
    expect(result.locator("svg.loss-chart")).to_have_count(2)
    assert (
        result.locator("#rollout-clip").evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 400
    )
    rows = list(csv.DictReader(io.StringIO(kept_text(page, "#rollout-result a[download^=rollout_][download$=csv]"))))
    assert [row["frame"] for row in rows] == [str(frame) for frame in range(31, 40)]
    assert all(float(row["distance px latents"]) < 1 and float(row["mse pictures"]) < 0.001 for row in rows)
    arrow(page, "Home")
    expect(result.locator(".result.stale")).to_be_visible(timeout=LONG_MS)


def test_on_a_phone_nothing_hangs_over(page_at, session_ids, perfect):
    page = page_at(session_ids["jetbot"], 7, "imagine")
    page.set_viewport_size({"width": 390, "height": 800})
    imagining(page)
    for count in range(1, 10):
        action(page, 1).click()
        await_steps(page, count)
    for theme in ("light", "dark"):
        page.evaluate("isDark => document.body.classList.toggle('dark', isDark)", theme == "dark")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        box = page.locator("#imagine-pad .imagine-pair").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.evaluate("document.body.classList.remove('dark')")
    page.set_viewport_size(VIEWPORT)


def test_the_truth_of_untrained_networks_is_measured_and_goes_with_the_session(page_at, session_ids):
    page = page_at(session_ids["dot"], 7, "imagine")
    imagining(page)
    fill(page, "truth-frames", "3")
    page.locator("#measure-truth").click()
    expect(page.locator("#truth-figure")).to_contain_text("over 3 frames", timeout=LONG_MS)
    expect(page.locator("#truth-figure")).to_contain_text("0 % within 2 px of the simulator")
    rows = page.locator("#truth-table tbody tr").all_inner_texts()
    assert [row.split("\t")[:3] for row in rows] == [
        ["stay", "3", "0\xa0%"],
        ["move", "3", "0\xa0%"],
        ["all", "6", "0\xa0%"],
    ]
    page = page_at(session_ids["jetbot"], 3, "imagine")
    imagining(page)
    expect(page.locator("#truth-result")).to_contain_text("Press Measure", timeout=LONG_MS)
    page.locator("#measure-truth").click()
    expect(page.locator("#truth-figure")).to_contain_text("predicted heading", timeout=LONG_MS)
