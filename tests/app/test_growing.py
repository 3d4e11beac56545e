"""The page during a recording, while the session grows."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import expect

import session_explorer_gradio as script
from page import opening
from page.server.settings import Settings
from session import SessionRecorder, ToroidalDotRobot
from tests.app.conftest import serving
from tests.app.test_browser import at_frame, settled_at

GROWTH_MS = 15_000  # the page checks every two seconds; a busy machine is slower


class Growing:
    """A session that is being recorded: `grow` adds frames to it."""

    def __init__(self, sessions: Path, frames: int) -> None:
        self.robot = ToroidalDotRobot(seed=1)
        self.recorder = SessionRecorder(sessions, "ToroidalDotRobot", self.robot.action_space)
        self.frames = 0
        self.grow(frames)

    @property
    def session_id(self) -> str:
        return self.recorder.session_id

    def grow(self, frames: int) -> None:
        for _ in range(frames):
            if self.frames:
                self.robot.act({"action": 1})
                self.recorder.record_action({"action": 1})
            self.recorder.record_observation(self.robot.observe())
            self.frames += 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("growing")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving(Settings(data=folder)) as address:
        yield address


@pytest.fixture
def growing(folder: Path) -> Iterator[Growing]:
    growing = Growing(folder / "sessions", 6)
    yield growing
    growing.recorder.close()


def extent(page):
    return page.locator("#session-facts [data-part=extent]")


def test_a_page_at_the_last_frame_follows_new_frames(address, growing, open_tab):
    page = open_tab(f"?session={growing.session_id}&frame=5", address)
    settled_at(page, 5)
    expect(extent(page)).to_contain_text("6 frames · 5 actions")
    expect(extent(page)).to_contain_text("being recorded")
    growing.grow(4)
    expect(page.locator("#player canvas.frame")).to_have_attribute("data-frame", "9", timeout=GROWTH_MS)
    settled_at(page, 9)
    expect(page.locator("#player .caption")).to_contain_text("Frame 9 / 9")
    expect(extent(page)).to_contain_text("10 frames · 9 actions")
    expect(page.locator("#player .filmstrip .target")).to_contain_text("9 (selected)")
    growing.grow(1)
    expect(page.locator("#player canvas.frame")).to_have_attribute("data-frame", "10", timeout=GROWTH_MS)
    page.get_by_role("button", name="Run Autoencoder").click()  # the server has the new frame too
    expect(page.locator("#autoencoder-result .result")).to_have_attribute("data-frame", "10", timeout=30_000)
    growing.recorder.close()
    expect(extent(page)).not_to_contain_text("being recorded", timeout=GROWTH_MS)


def test_a_page_at_another_frame_stays_there(address, growing, open_tab):
    page = open_tab(f"?session={growing.session_id}&frame=2", address)
    settled_at(page, 2)
    page.locator("#session-facts summary").click()
    growing.grow(5)
    expect(page.locator("#player .caption")).to_contain_text("Frame 2 / 10", timeout=GROWTH_MS)
    expect(page.locator("#player .slider")).to_have_attribute("max", "10")
    expect(page.locator("#session-facts details")).to_have_attribute("open", "")  # the panel was not rebuilt
    settled_at(page, 2)
    page.get_by_label("Frame number").fill("10")
    page.get_by_role("button", name="Jump").click()
    settled_at(page, 10)


def test_a_recording_that_has_just_begun_shows_its_first_frame_when_it_comes(address, folder, open_tab):
    growing = Growing(folder / "sessions", 0)
    page = open_tab(f"?session={growing.session_id}", address, awaited="#player .stage-message:not([hidden])")
    expect(page.locator("#player .stage-message")).to_contain_text("has no frames yet")
    growing.grow(2)
    expect(page.locator("#player canvas.frame")).to_have_attribute("data-frame", "0", timeout=GROWTH_MS)
    at_frame(page, 0)
    growing.recorder.close()


def test_refresh_marks_what_is_being_recorded(folder, growing):
    explorer, visitor = script.Explorer(Settings(data=folder)), script.Visitor()
    (label, session_id), *_ = opening.refresh_sessions(explorer, visitor)["sessions.picker"].choices
    assert session_id == growing.session_id and "· being recorded" in label
    growing.recorder.close()
    (label, _), *_ = opening.refresh_sessions(explorer, visitor)["sessions.picker"].choices
    assert "being recorded" not in label


def test_a_timeline_that_is_known_is_not_sent_again(address, growing):
    route = f"{address}recorded/timeline/{growing.session_id}"
    http = httpx.Client()
    whole = http.get(route).json()
    assert whole["may_grow"] and whole["frames"] == 6
    same = http.get(route, params={"known": whole["version"]}).json()
    assert set(same) == {"version", "may_grow", "extent"} and same["version"] == whole["version"]
    growing.grow(2)
    growing.recorder.close()
    grown = whole
    while grown["version"] == whole["version"]:  # files are checked once a second; the test has a time limit
        threading.Event().wait(0.1)
        grown = http.get(route, params={"known": whole["version"]}).json()
    assert grown["frames"] == 8 and not grown["may_grow"] and "being recorded" not in grown["extent"]
    assert np.array_equal(grown["times"][:6], whole["times"])


def test_a_finished_recording_is_not_asked_for_again(open_tab, session_ids):
    page = open_tab(f"?session={session_ids['jetbot']}&frame=39")
    requests = []
    page.on("request", lambda request: "recorded/timeline" in request.url and requests.append(request.url))
    settled_at(page, 39)
    page.wait_for_timeout(5000)  # time for two checks
    assert requests == []
