"""The page over recordings that are missing, damaged, empty, or of an unknown robot."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from page.server.settings import Settings
from session import record_demo
from tests.app.conftest import checked, fill, serving
from tests.app.tabs import Stay, Tabs, staying
from tests.app.test_browser import at_frame, settled_at
from tests.session.dataset_files import TASK, write_v2

MADE_UP = "Some other robot"

ALL_FRAMES_LOADED = """() => {
  const loaded = performance.getEntriesByType('resource').filter((one) => one.name.includes('/recorded/frame/'));
  return new Set(loaded.map((one) => one.name)).size >= 5;
}"""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd") / "saved"
    sessions = folder / "sessions"
    dot = sessions / record_demo(sessions, "toroidal_dot", 12, seed=1)
    copies = {name: sessions / "odd" / f"session_{name}" for name in ("damaged", "empty", "unknown")}
    for copy in copies.values():
        shutil.copytree(dot, copy)
    damage(copies["damaged"])
    (copies["empty"] / "events_shard_000.jsonl").write_text("")
    make_unknown(copies["unknown"])
    write_v2(sessions / "arm", lengths=(25,))
    return folder


def damage(session: Path) -> None:
    """Cut a line and a frame file short, remove another frame file, and break the metadata."""
    shard = session / "events_shard_000.jsonl"
    shard.write_bytes(shard.read_bytes()[:-20])
    frames = sorted((session / "frames").iterdir())
    frames[3].write_bytes(frames[3].read_bytes()[:200])
    frames[5].unlink()
    (session / "session_meta.json").write_text("{")


def make_unknown(session: Path) -> None:
    shard, meta = session / "events_shard_000.jsonl", session / "session_meta.json"
    shard.write_text(shard.read_text().replace('"action":', json.dumps(MADE_UP) + ":"))
    facts = json.loads(meta.read_text())
    meta.write_text(json.dumps({**facts, "robot_type": MADE_UP, "action_space": None, "session_name": MADE_UP}))


@pytest.fixture(scope="module")
def odd_server(odd: Path):
    with serving(Settings(data=odd)) as address:
        yield address


@pytest.fixture(scope="module")
def odd_stay(tabs: Tabs, odd_server: str) -> Iterator[Stay]:
    with staying(tabs, odd_server) as stay:
        yield stay


@pytest.fixture
def odd_page_at(odd_stay: Stay, request: pytest.FixtureRequest) -> Iterator[Stay]:
    yield from checked(odd_stay, request)


def test_a_damaged_recording_opens_and_names_what_was_left_out(odd_page_at):
    page = odd_page_at("odd/session_damaged", 1)
    notice = page.locator("#left-out")
    for words in ("session_meta.json", "events_shard_000.jsonl line", "cut short"):
        expect(notice).to_contain_text(words)
    expect(page.locator("#player .caption")).to_contain_text("Frame 1 / 8")


def test_an_unknown_robot_runs_with_the_ranges_of_its_own_actions(odd_page_at, odd_stay):
    page = odd_page_at("odd/session_unknown", 8)
    page.get_by_role("tab", name="Predictor").click()
    page.get_by_role("button", name="Run Predictor").click()
    expect(page.locator("#sweep-pictures figure")).to_have_count(2)
    odd_stay.leave()


def test_a_recording_without_frames_says_so(open_tab, odd_server):
    page = open_tab("?session=odd/session_empty", odd_server, awaited="#player .stage-message:not([hidden])")
    expect(page.locator("#player .stage-message")).to_contain_text("no frames")
    page.get_by_role("button", name="Run Autoencoder").click()
    expect(page.locator("[data-testid=toast-body]").first).to_contain_text("no frames")


def test_an_episode_of_a_dataset_is_read_in_other_ways_by_links(open_tab, odd_server):
    page = open_tab("?session=arm/episode_000000&frame=2", odd_server)
    at_frame(page, 2)
    expect(page.locator("#player .caption")).to_contain_text("Frame 2 / 2 · step 4 · 0.667 s")
    expect(page.locator("#task")).to_have_text(f"Task: {TASK}")
    page.locator("#readings").get_by_role("link", name="30", exact=True).click()
    settled_at(page, 20)  # the same moment
    expect(page.locator("#session-picker input")).to_have_value(re.compile(r"arm/episode_000000 .* stride=1$"))
    page.locator("#readings").get_by_role("link", name="target − state").click()
    page.wait_for_function("new URL(location.href).searchParams.get('session').endsWith('@stride=1,action=change')")
    at_frame(page, 20)
    page.go_back()
    expect(page.locator("#readings [aria-current]")).to_have_text(["30", "target"])


def test_without_recordings_the_page_offers_to_record_a_demo(open_tab, tmp_path):
    with serving(Settings(data=tmp_path)) as address:
        page = open_tab("", address, awaited="#record-demo")
        page.locator("#record-demo").click()
        expect(page.locator("#player .caption")).to_contain_text("Frame 1 / 59")
        expect(page.locator("#record-demo")).to_be_hidden()
        open_tab.leave(page)


def test_a_session_deleted_on_disk_is_reported_and_the_page_goes_on(open_tab, odd, odd_server):
    session = odd / "sessions" / record_demo(odd / "sessions", "jetbot_sim", 5, seed=2)
    page = open_tab(f"?session=jetbot/{session.name}", odd_server)
    page.wait_for_function(ALL_FRAMES_LOADED)  # before the deletion: a later request would be a logged error
    shutil.rmtree(session)
    page.get_by_role("tab", name="Predictor").click()
    fill(page, "history-length", "5")
    page.wait_for_timeout(2500)  # the page's own periodic events come first, and show no error
    page.get_by_role("button", name="Run Predictor").click()
    expect(page.locator("[data-testid=toast-body]").first).to_contain_text("deleted or moved")
    for toast in page.locator("[data-testid=toast-close]").all():
        toast.click()  # they lie over the buttons
    before = page.locator("#session-picker input").input_value()
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#session-picker input")).not_to_have_value(before)
    page.get_by_role("button", name="Load Session").click()
    expect(page.locator("#session-facts")).not_to_contain_text("5 frames")
