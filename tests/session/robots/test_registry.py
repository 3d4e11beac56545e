"""Another robot is one row of the registry: everything else asks the row."""

import numpy as np
import pytest

from session import (
    ActionChannel,
    RobotProfile,
    action_name,
    list_sessions,
    load_session,
    profile_of,
    record_demo,
    simulator_names,
)
from session.ground_truth import GroundTruth, find_simulator
from session.record.__main__ import main as record
from session.recorder.robot_adapter import load_robot
from session.robots import registry
from session.robots.detection import detect_robot
from session.robots.registry import ROBOTS, KnownRobot, SimulatorClass, located_part
from tests.cases import every_case
from tests.session.session_files import change_meta

SLIDER = RobotProfile("slider", "Slider", (ActionChannel("move_by", -20.0, 20.0),))
ACTIONS = {"left": {"move_by": -20}, "right": {"move_by": 20}}
WIDTH = 160


class SliderSimulator:
    """A bright column that moves left and right, and stops at the borders."""

    profile = SLIDER

    def __init__(self, seed: int = 0) -> None:
        self.column = int(np.random.default_rng(seed).integers(0, WIDTH))

    @property
    def action_space(self) -> list[dict[str, float]]:
        return [dict(action) for action in ACTIONS.values()]

    def observe(self) -> np.ndarray:
        picture = np.zeros((224, 224, 3), dtype=np.uint8)
        picture[:, self.column] = 255
        return picture

    def act(self, action: dict[str, float]) -> float:
        self.column = min(max(self.column + round(action["move_by"]), 0), WIDTH - 1)
        return 0.1

    @property
    def state(self) -> tuple[float]:
        return (float(self.column),)

    def at(self, state: tuple[float, ...]) -> "SliderSimulator":
        simulator = SliderSimulator()
        simulator.column = round(state[0])
        return simulator

    def error_px(self, picture: np.ndarray) -> float | None:
        found = shown_in(picture)
        return None if found is None else float(abs(found.column - self.column))

    @property
    def is_held_out(self) -> bool:
        return self.column < 20


def shown_in(picture: np.ndarray) -> SliderSimulator | None:
    columns = picture[:, :, 0].mean(axis=0)
    return slider_at(int(columns.argmax())) if columns.max() > 100 else None


def slider_at(column: int) -> SliderSimulator:
    return SliderSimulator().at((column,))


ROW = KnownRobot(
    profile=SLIDER,
    keywords=("slider", "rail"),
    actions=ACTIONS,
    simulators={"slider_sim": SimulatorClass(SliderSimulator)},
    shown_in=shown_in,
    located="column",
)


@pytest.fixture(autouse=True)
def with_the_row(monkeypatch):
    monkeypatch.setattr(registry, "ROBOTS", (*ROBOTS, ROW))


def test_its_recordings_are_recognized_by_type_channels_and_folder():
    nothing = ((), np.zeros((0, 0)))
    assert detect_robot("MySlider2", [], *nothing, "") == SLIDER
    assert detect_robot("Rail", [{"action": 1.0}], *nothing, "jetbot") == SLIDER
    assert detect_robot("unknown", [{"move_by": 3.0}], *nothing, "jetbot") == SLIDER
    assert detect_robot(None, [], ("move_by",), np.ones((1, 1)), "") == SLIDER
    assert detect_robot(None, [], *nothing, "slider") == SLIDER
    assert profile_of("SliderSimulator", []) == SLIDER


def test_it_is_simulated_and_listed(tmp_path, capsys):
    assert simulator_names()[-1] == "slider_sim" and load_robot("slider_sim", 0).profile == SLIDER
    demo = record_demo(tmp_path / "sessions", "slider_sim", 5, seed=1)
    record(["--robot", "slider_sim", "--steps", "3", "--data", str(tmp_path)])
    recorded = capsys.readouterr().out.strip()
    listed = {one.session_id: one.robot_title for one in list_sessions(tmp_path / "sessions")}
    assert listed == {demo: "Slider", recorded: "Slider"}
    assert load_session(tmp_path / "sessions" / demo).profile == SLIDER


def test_its_actions_have_names():
    assert [action_name(SLIDER, np.array([value])) for value in (-20, 20, 5)] == ["left", "right", ""]


@every_case("is_named", [True, False])
def test_its_simulator_gives_the_ground_truth(tmp_path, is_named):
    folder = tmp_path / record_demo(tmp_path, "slider_sim", 5, seed=1)
    if not is_named:
        change_meta(folder, simulator=None)
    recording = load_session(folder)
    future, simulator = GroundTruth(recording, 2), shown_in(np.asarray(recording.picture(2)))
    assert future.is_simulated and (recording.replay is not None) == is_named
    for count in range(1, 12):
        simulator.act(recording.profile.with_constants({"move_by": 20}))
        truth = future.after([1] * count)
        assert truth.state == simulator.state and np.array_equal(truth.picture, simulator.observe())
    black = np.zeros((224, 224, 3), np.uint8)
    assert future.error_px(slider_at(100).observe(), truth) == WIDTH - 1 - 100
    assert future.error_px(black, truth) is None
    own = shown_in(np.asarray(recording.picture(2))).column
    assert find_simulator(recording, 2).error_px(slider_at(30).observe()) == abs(own - 30)
    assert located_part(SLIDER) == "column"
