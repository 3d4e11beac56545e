"""Actions of a continuous robot in headless Chromium: sliders under Predictor and Imagine."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from page.server.settings import Settings
from tests.app.conftest import serving
from tests.app.tabs import Tabs, Visits
from tests.app.test_inside import LONG_MS
from tests.session.session_files import action, events_of, observation, write_session

NAMES = [f"joint_{number}" for number in range(8)]


def write_arm(folder: Path) -> None:
    """A recording of 8 channels: joint 3 varies over its whole range, the others less, joint 7 not at all."""
    events, waves = [observation(0)], np.random.default_rng(4)
    for number in range(24):
        values = {name: round(float(waves.uniform(-1, 1)), 3) ** 3 for name in NAMES[:7]}
        values |= {"joint_3": 1.0 if number % 2 else -1.0, "joint_7": 0.5}
        events += [action(2 * number + 1, values), observation(2 * number + 2)]
    write_session(folder / "arm" / "session_1", events, {"robot_type": "arm"})


@pytest.fixture(scope="module")
def arm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("arm")
    write_arm(folder / "sessions")
    write_session(folder / "sessions" / "jetbot" / "session_2", events_of("oaoaoao"))
    with serving(Settings(data=folder)) as address:
        yield address


def badges(page: Page) -> list[str]:
    return page.locator("#sweep-pictures .badge").all_inner_texts()


def test_a_visitor_sets_an_own_action_and_chooses_the_channels_to_sweep(tabs: Tabs, arm_server: str):
    visits = Visits(tabs, arm_server)
    page = visits("?session=arm/session_1&frame=10")
    page.get_by_role("tab", name="Predictor", exact=True).click()
    form, sweep = page.locator("#predictor-own-action"), page.locator("#sweep-pictures")
    expect(sweep.locator("h4").first).to_have_text("joint_3", timeout=LONG_MS)
    assert sweep.locator("figure").count() == 2 + 5 and badges(page) == [
        "recorded"
    ]  # joint 3 has two values, one of them recorded here
    expect(form.locator("summary").nth(1)).to_have_text("4 more channels")  # of seven that vary

    number = form.get_by_label("joint_3, as a number")
    number.fill("0.25")
    number.press("Enter")
    expect(sweep.locator(".badge", has_text="yours")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#prediction-pictures figure")).to_have_count(4)
    form.get_by_label("Sweep joint_3").uncheck()
    expect(sweep.locator("h4").first).not_to_have_text("joint_3", timeout=LONG_MS)
    page.locator("#player .caption").click()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#predictor-result .result[data-frame='11']")).to_be_visible(timeout=LONG_MS)
    assert "yours" in badges(page) and sweep.locator("h4").count() == 2  # the choice stays with the next frame
    form.get_by_role("button", name="Leave out").click()
    expect(page.locator("#prediction-pictures figure")).to_have_count(3, timeout=LONG_MS)

    page.get_by_role("tab", name="Imagine", exact=True).click()
    pad = page.locator("#imagine-pad")
    number = pad.get_by_label("joint_3, as a number")
    expect(number).to_be_visible(timeout=LONG_MS)
    number.fill("5")  # beyond the range
    number.press("Enter")
    expect(number).to_have_value("1")
    number.select_text()
    page.keyboard.type("0,25")  # a decimal comma, which this browser would drop
    number.press("Enter")
    expect(number).to_have_value("0.25")
    page.locator("#player .caption").click()
    page.keyboard.press("0")
    expect(pad.locator(".imagine[data-steps='1']")).to_be_visible(timeout=LONG_MS)
    assert "joint_3 0.25" in pad.locator("[data-part=strip] li").inner_text()
    pad.get_by_role("button", name="As recorded").click()
    expect(number).to_have_value("1")  # what the robot did after frame 11
    visits.end()


def test_a_robot_of_few_actions_has_no_sliders(tabs: Tabs, arm_server: str):
    visits = Visits(tabs, arm_server)
    page = visits("?session=jetbot/session_2&frame=3")
    page.get_by_role("tab", name="Predictor", exact=True).click()
    expect(page.locator("#sweep-pictures")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#predictor-own-action .own-action")).to_be_hidden()
    page.get_by_role("tab", name="Imagine", exact=True).click()
    expect(page.locator("#imagine-pad [data-part=actions] button").first).to_be_visible(timeout=LONG_MS)
    expect(page.locator("#imagine-pad [data-part=own]")).to_be_hidden()
    visits.end()
