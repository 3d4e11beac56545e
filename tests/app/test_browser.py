"""The page in headless Chromium: player, picker, networks and checkpoints."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.app.conftest import fill, unfold_models
from tests.app.tabs import PLAYER, Stay

FRAME = "#player canvas.frame"


def at_frame(page: Page, index: int) -> None:
    expect(page.locator(FRAME)).to_have_attribute("data-frame", str(index))
    expect(page.locator("#player .caption")).to_contain_text(f"Frame {index} / ")


def settled_at(page: Page, index: int) -> None:
    at_frame(page, index)
    page.wait_for_function("n => new URL(location.href).searchParams.get('frame') === String(n)", arg=index)


def jump(page: Page, index: int) -> None:
    page.get_by_label("Frame number").fill(str(index))
    page.get_by_role("button", name="Jump").click()
    settled_at(page, index)


def pick(page: Page, label: str) -> None:
    """Choose a session in the dropdown by clicks, which loads it."""
    page.locator("#session-picker input").click()
    page.get_by_role("option", name=label, exact=True).click()


def brightness(page: Page, selector: str, style: str) -> float:
    """Mean of red, green and blue, 0 to 255."""
    colour = page.locator(selector).evaluate("(element, style) => getComputedStyle(element)[style]", style)
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3]) / 3


def canvas_pixels(page: Page) -> str:
    return page.locator(FRAME).evaluate("canvas => canvas.toDataURL()")


@pytest.fixture
def jetbot(page_at: Stay, session_ids: dict[str, str]) -> Page:
    """The page with the JetBot, at frame 0."""
    return page_at(session_ids["jetbot"], 0)


@pytest.fixture
def dot(page_at: Stay, session_ids: dict[str, str]) -> Page:
    """The page with the dot, at frame 0."""
    return page_at(session_ids["dot"], 0)


def test_first_sight_shows_a_recording_by_itself(open_tab, session_ids):
    page = open_tab(tab="")
    at_frame(page, 1)
    expect(page.locator("#status")).to_contain_text("Autoencoder")
    expect(page.locator("#session-facts")).to_contain_text("2,000 frames")
    page.get_by_role("button", name="move").click()  # what it is about, one press away
    expect(page.locator("#imagine-pad .imagine[data-steps='1']")).to_be_visible(timeout=60_000)


def test_an_address_of_no_session_says_so(open_tab):
    page = open_tab("?session=jetbot/session_19990101_000000")
    expect(page.locator(".toast-wrap, [data-testid=toast-body]").first).to_contain_text("no session of that name")


def test_the_page_fits_a_phone_and_the_dark(open_tab, session_ids):
    page = open_tab(
        f"?session={session_ids['jetbot']}&__theme=dark", viewport={"width": 390, "height": 844}, color_scheme="dark"
    )
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
    ink = brightness(page, "#player .caption", "color")
    paper = brightness(page, "body", "backgroundColor")
    assert ink > 150 > 100 > paper


def test_slider_moves_to_the_last_frame_and_back(page_at, session_ids):
    page = page_at(session_ids["long"], 0)
    slider = page.locator("#player .slider")
    before = canvas_pixels(page)
    slider.fill("1999")
    settled_at(page, 1999)
    slider.fill("0")
    settled_at(page, 0)
    assert canvas_pixels(page) == before


def test_a_three_frame_recording_navigates_from_first_to_last(page_at, session_ids):
    page = page_at(session_ids["short"], 0)
    page.get_by_label("Next frame").click()
    at_frame(page, 1)
    page.get_by_label("Next frame").click()
    at_frame(page, 2)
    page.get_by_label("Next frame").click()
    at_frame(page, 2)
    page.get_by_label("Previous frame").click()
    at_frame(page, 1)


def test_jump_goes_to_the_number_and_refuses_what_is_none(jetbot):
    number = jetbot.get_by_label("Frame number")
    number.fill("25")
    jetbot.get_by_role("button", name="Jump").click()
    settled_at(jetbot, 25)
    for wrong in ("40", "-1", "2.5", ""):
        number.fill(wrong)
        jetbot.get_by_role("button", name="Jump").click()
        expect(jetbot.locator("#player .stage-message")).to_contain_text("choose 0 to 39")
        at_frame(jetbot, 25)


def test_keys_move_play_and_help(jetbot):
    jetbot.keyboard.press("ArrowRight")
    at_frame(jetbot, 1)
    jetbot.keyboard.press("Shift+ArrowRight")
    at_frame(jetbot, 11)
    jetbot.keyboard.press("ArrowLeft")
    at_frame(jetbot, 10)
    jetbot.keyboard.press("End")
    at_frame(jetbot, 39)
    jetbot.keyboard.press("Home")
    at_frame(jetbot, 0)
    jetbot.keyboard.press("?")
    expect(jetbot.get_by_role("dialog")).to_contain_text("play or pause")
    jetbot.keyboard.press("Escape")
    expect(jetbot.get_by_role("dialog")).to_be_hidden()
    jetbot.keyboard.press("Space")
    expect(jetbot.locator("#player [data-act=play]")).to_have_text("Pause")
    jetbot.keyboard.press("Space")
    expect(jetbot.locator("#player [data-act=play]")).to_have_text("Play")


def test_keys_typed_into_a_field_do_not_move_the_frame(jetbot):
    jump(jetbot, 7)
    unfold_models(jetbot)
    jetbot.locator("#autoencoder-path input").click()
    jetbot.keyboard.press("ArrowLeft")
    jetbot.keyboard.press("Home")
    at_frame(jetbot, 7)
    jetbot.keyboard.press("Escape")  # the list would cover the tabs


def test_playing_reaches_the_end_and_stops_or_loops(page_at, session_ids):
    page = page_at(session_ids["short"], 1)
    page.get_by_label("Speed", exact=True).select_option("30")
    page.get_by_role("button", name="Play").click()
    settled_at(page, 2)
    expect(page.locator("#player [data-act=play]")).to_have_text("Play")
    page.get_by_label("Loop").check()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        """() => new Promise(done => { let wraps = 0, last = 2;
            const canvas = document.querySelector('#player canvas.frame');
            new MutationObserver(() => { const at = Number(canvas.dataset.frame);
              if (at < last) wraps += 1; last = at; if (wraps > 1) done(true); })
            .observe(canvas, { attributes: true }); })"""
    )
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("Loop").uncheck()


def test_the_action_track_seeks_and_the_filmstrip_follows(jetbot):
    row = jetbot.locator("#player .track canvas").first
    box = row.bounding_box()
    row.click(position={"x": box["width"] * 0.51, "y": 8})
    settled_at(jetbot, 20)
    expect(jetbot.locator("#player .filmstrip .context")).to_have_count(3)
    expect(jetbot.locator("#player .filmstrip .target")).to_contain_text("20")
    jetbot.locator("#player .filmstrip .context button").first.click()
    settled_at(jetbot, 17)


def test_the_history_slider_sets_the_length_of_the_filmstrip(jetbot):
    jump(jetbot, 20)
    jetbot.get_by_role("tab", name="Predictor").click()
    for number in (8, 3):
        fill(jetbot, "history-length", str(number))
        expect(jetbot.locator("#player .filmstrip .context")).to_have_count(number)


def test_the_address_carries_session_and_frame_through_a_reload(page_at, session_ids):
    page = page_at(session_ids["dot"], 12)
    settled_at(page, 12)
    page.keyboard.press("ArrowRight")
    settled_at(page, 13)
    expect(page.locator("#autoencoder-result .result")).to_have_attribute("data-frame", "13")
    page.reload()
    page.wait_for_selector(PLAYER, timeout=60_000)
    settled_at(page, 13)
    assert session_ids["dot"] in page.url.replace("%2F", "/")


def test_another_session_loads_from_the_picker(page_at, session_ids, labels):
    page = page_at(session_ids["dot"], 30)
    pick(page, labels["jetbot"])
    expect(page.locator("#player .player")).to_have_attribute("data-session", session_ids["jetbot"])
    settled_at(page, 1)
    expect(page.locator("#status")).to_contain_text("JetBot")
    unfold_models(page)
    expect(page.locator("#autoencoder-path input")).to_have_value(re.compile("checkpoints/jetbot/autoencoder.pth"))


def test_the_robot_filter_narrows_the_list(page_at, session_ids):
    page = page_at(session_ids["dot"], 1)
    page.locator("#robot-filter input").click()
    page.get_by_role("option", name="JetBot").click()
    page.locator("#session-picker input").click()
    expect(page.locator("ul[role=listbox] li")).to_have_count(1)
    expect(page.locator("ul[role=listbox] li")).to_contain_text("JetBot")
    expect(page.locator("#player .player")).to_have_attribute("data-session", session_ids["jetbot"])
    page.keyboard.press("Escape")
    page.locator("#robot-filter input").click()
    page.get_by_role("option", name="All robots").click()
    page.locator("#session-picker input").click()
    expect(page.locator("ul[role=listbox] li")).to_have_count(len(session_ids))
    page.keyboard.press("Escape")


def test_untrained_networks_say_so_beside_their_output(dot):
    jump(dot, 9)
    dot.get_by_role("button", name="Run Autoencoder").click()
    expect(dot.locator("#autoencoder-pictures figure")).to_have_count(3)
    expect(dot.locator("#autoencoder-result")).to_contain_text("Untrained")
    expect(dot.locator("#autoencoder-result")).to_contain_text("MSE")
    dot.get_by_role("tab", name="Predictor").click()
    dot.get_by_role("button", name="Run Predictor").click()
    expect(dot.locator("#prediction-pictures figure")).to_have_count(3)
    expect(dot.locator("#sweep-pictures figure")).to_have_count(2)
    expect(dot.locator("#sweep-pictures")).to_contain_text("recorded")
    expect(dot.locator("#sweep-pictures")).not_to_contain_text("lowest error")
    expect(dot.locator("#predictor-result .baselines")).to_contain_text("repeating the last frame: ")
    expect(dot.locator("#predictor-result .verdict")).to_contain_text("Predictor: untrained")
    expect(dot.locator("#predictor-result")).to_contain_text("frames 6, 7, 8")


def test_the_selected_frame_is_the_frame_that_runs(dot):
    for _ in range(5):
        dot.keyboard.press("ArrowRight")
    dot.get_by_role("button", name="Run Autoencoder").click()
    expect(dot.locator("#autoencoder-result")).to_contain_text("Frame 5:")


def test_load_models_names_what_was_loaded_and_keeps_it_when_the_next_fails(page_at, session_ids):
    page = page_at(session_ids["jetbot"], 5)
    unfold_models(page)
    page.get_by_role("button", name="Load Models").click()
    expect(page.locator("#models-message")).to_contain_text("autoencoder.pth, step 1,200")
    expect(page.locator("#models-message")).to_contain_text("predictor_0.pth, step 1,200")
    expect(page.locator("#status")).to_contain_text("predictor_0.pth")
    field = page.locator("#autoencoder-path input")
    field.fill("nowhere.pth")
    field.press("Enter")
    page.get_by_role("button", name="Load Models").click()
    expect(page.locator("#models-message")).to_contain_text("no checkpoint at nowhere.pth")
    expect(page.locator("#status")).to_contain_text("autoencoder.pth, step 1,200")
    page.get_by_role("button", name="Run Autoencoder").click()
    expect(page.locator("#autoencoder-pictures")).to_be_visible()
    expect(page.locator("#autoencoder-result .notice")).to_have_count(0)


def test_a_frame_without_history_says_which_to_choose(dot):
    dot.get_by_role("tab", name="Predictor").click()
    expect(dot.locator("#predictor-result .notice")).to_contain_text("hoose frame 1")
    for _ in range(2):
        dot.get_by_role("button", name="Run Predictor").click()
        expect(dot.locator("#run-predictor")).to_be_enabled()
    expect(dot.locator("[data-testid=toast-text]:visible")).to_have_count(1)
    expect(dot.locator("[data-testid=toast-body]")).to_contain_text("hoose frame 1")


def test_a_list_that_is_left_with_tab_closes_and_keeps_what_was_typed(jetbot):
    jetbot.locator("#session-picker input").click()
    expect(jetbot.locator("ul[role=listbox]")).to_have_count(1)
    for _ in range(4):
        jetbot.keyboard.press("Tab")
    expect(jetbot.locator("ul[role=listbox]")).to_have_count(0)
    unfold_models(jetbot)
    field = jetbot.locator("#autoencoder-path input")
    field.fill("nowhere.pth")
    jetbot.keyboard.press("Tab")
    jetbot.keyboard.press("Tab")
    expect(jetbot.locator("ul[role=listbox]")).to_have_count(0)
    expect(field).to_have_value("nowhere.pth")


def test_a_checked_box_differs_from_an_unchecked_one(jetbot):
    box = jetbot.get_by_label("Loop")
    before = box.screenshot()
    box.check()
    jetbot.mouse.move(0, 0)
    checked = box.screenshot()
    assert checked != before
    colours = Image.open(io.BytesIO(checked)).convert("RGB").getcolors(maxcolors=4096)
    assert len(colours) > 1  # a box of a single colour would not show its state
    box.uncheck()


def test_two_visitors_on_two_robots_do_not_disturb_each_other(page_at, open_tab, session_ids):
    first = page_at(session_ids["jetbot"], 4)
    second = open_tab(f"?session={session_ids['dot']}&frame=6")
    for page in (first, second):
        page.get_by_role("button", name="Run Autoencoder").click()
    expect(first.locator("#autoencoder-result")).to_contain_text("Frame 4:")
    expect(second.locator("#autoencoder-result")).to_contain_text("Frame 6:")
    expect(first.locator("#status")).to_contain_text("JetBot")
    expect(second.locator("#status")).to_contain_text("Toroidal Dot")
    first.keyboard.press("ArrowRight")
    settled_at(first, 5)
    at_frame(second, 6)
