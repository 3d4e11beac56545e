"""The player with large frames, late answers and broken files."""

from pathlib import Path

import gradio as gr
import pytest
from PIL import Image
from playwright.sync_api import Route, expect

import session_explorer_gradio as script
from page.components import FramePosition
from page.handlers import StaleRequest, bind, discard_if_stale
from page.server.settings import Settings
from session import JETBOT, SessionRecorder, record_demo
from tests.app.conftest import new_explorer, serving
from tests.app.test_browser import at_frame, pick, settled_at


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A recording of forty frames of 1920 × 1080, the size of a common camera."""
    folder = tmp_path_factory.mktemp("large")
    with SessionRecorder(folder / "sessions", "ToroidalDotRobot", [{"action": 0}, {"action": 1}]) as recorder:
        for shade in range(40):
            recorder.record_observation(Image.new("RGB", (1920, 1080), (6 * shade, 90, 160)))
            recorder.record_action({"action": shade % 2})
    return folder, recorder.session_id


def test_large_frames_play_to_the_end(open_tab, large):
    folder, session_id = large
    with serving(Settings(data=folder)) as address:
        page = open_tab(f"?session={session_id}", address)
        page.get_by_label("Speed", exact=True).select_option("30")
        page.get_by_role("button", name="Play").click()
        expect(page.locator("#player canvas.frame")).to_have_attribute("data-frame", "39", timeout=60_000)
        expect(page.locator("#player canvas.frame")).to_have_attribute("width", "1920")
        open_tab.leave(page)


def test_a_timeline_that_does_not_arrive_leaves_nothing_of_the_session_before(page_at, session_ids, labels):
    page = page_at(session_ids["jetbot"], 7)
    settled_at(page, 7)
    page.route("**/recorded/timeline/**", lambda route: route.fulfill(status=200, body="no timeline"))
    pick(page, labels["dot"])
    expect(page.locator("#player .stage-message")).to_contain_text("did not send this session")
    expect(page.locator("#player .caption")).to_have_text("No frames")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#player .stage-message")).to_contain_text("did not send this session")
    page.unroute("**/recorded/timeline/**")
    page.get_by_role("button", name="Load Session").click()
    at_frame(page, 1)


def test_a_frame_that_does_not_arrive_says_why_and_the_next_one_shows(page_at, session_ids):
    page = page_at(session_ids["jetbot"], 2)
    page.get_by_label("Frame number").fill("30")

    def refuse(route: Route) -> None:
        route.fulfill(status=200, content_type="image/jpeg", body=b"no picture")

    page.route("**/recorded/frame/30/**", refuse)
    page.get_by_role("button", name="Jump").click()
    expect(page.locator("#player .stage-message")).to_contain_text("Frame 30 cannot be read")
    page.get_by_label("Next frame").click()
    at_frame(page, 31)
    expect(page.locator("#player .stage-message")).to_be_hidden()
    page.unroute("**/recorded/frame/30/**")


def test_the_number_being_typed_is_left_alone_while_playing(page_at, session_ids):
    page = page_at(session_ids["jetbot"], 1)
    page.get_by_role("button", name="Play").click()
    number = page.get_by_label("Frame number")
    number.fill("35")
    page.wait_for_function("() => Number(document.querySelector('#player canvas.frame').dataset.frame) > 4")
    expect(number).to_have_value("35")
    number.press("Enter")
    settled_at(page, 35)


def test_results_of_another_frame_say_so(page_at, session_ids):
    page = page_at(session_ids["dot"], 9)
    expect(page.locator("#autoencoder-result .result")).not_to_have_class("result stale")
    page.get_by_label("Follow the selected frame").uncheck()
    page.get_by_label("Next frame").click()
    expect(page.locator("#autoencoder-result .result")).to_have_class("result stale")
    page.get_by_label("Previous frame").click()
    expect(page.locator("#autoencoder-result .result")).not_to_have_class("result stale")
    page.get_by_label("Follow the selected frame").check()


def two_demos(explorer: script.Explorer) -> tuple[str, str]:
    return tuple(record_demo(explorer.sessions_folder, robot, 9, seed=0) for robot in ("jetbot_sim", "toroidal_dot"))


def test_an_answer_for_a_session_that_was_left_is_dropped(tmp_path):
    explorer = new_explorer(Settings(data=tmp_path))
    first, second = (
        record_demo(explorer.sessions_folder, robot, 9, seed=0) for robot in ("jetbot_sim", "toroidal_dot")
    )
    visitor = script.Visitor()
    script.load_session(explorer, visitor, first)
    script.load_session(explorer, visitor, second)
    with pytest.raises(StaleRequest):
        script.run_autoencoder(explorer, visitor, FramePosition(first, 5))
    assert (visitor.session_id, visitor.frame) == (second, 1)


def test_an_answer_that_comes_after_leaving_is_dropped(tmp_path, monkeypatch):
    explorer = new_explorer(Settings(data=tmp_path))
    first, second = (
        record_demo(explorer.sessions_folder, robot, 9, seed=0) for robot in ("jetbot_sim", "toroidal_dot")
    )
    visitor, real = script.Visitor(), script.models.run_reconstruction
    script.load_session(explorer, visitor, first)

    def leave_meanwhile(*arguments):
        script.load_session(explorer, visitor, second)
        return real(*arguments)

    monkeypatch.setattr(script.models, "run_reconstruction", leave_meanwhile)
    handler = bind(explorer, discard_if_stale(script.run_autoencoder), ())  # as on the page
    assert handler(visitor, FramePosition(first, 5)) == gr.skip()


def test_checkpoints_are_offered_to_the_network_they_are_of_in_their_order(tmp_path):
    explorer = new_explorer(Settings(data=tmp_path))
    folder = explorer.checkpoints_folder / "jetbot"
    folder.mkdir(parents=True)
    for name in ("predictor_10", "predictor_2", "predictor_0", "autoencoder", "autoencoder_backup", "other"):
        (folder / f"{name}.pth").write_bytes(b"")
    choices = script.checkpoint_choices(explorer, JETBOT)
    autoencoder, predictor = choices["models.autoencoder_path"], choices["models.predictor_path"]
    names = [[Path(value).stem for _, value in field.choices] for field in (autoencoder, predictor)]
    assert names == [
        ["autoencoder", "other", "autoencoder_backup"],
        ["predictor_0", "predictor_2", "predictor_10", "other"],
    ]
