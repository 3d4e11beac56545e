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
    record,
    record_demo,
    simulator_names,
)
from session.ground_truth import GroundTruth, distance_px
from session.recorder.robot_adapter import load_robot
from session.robots import registry
from session.robots.detection import detect_robot
from session.robots.registry import ROBOTS, KnownRobot
from session.robots.simulated_truth import SimulatedTruth

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


def locate(picture: np.ndarray) -> tuple[float] | None:
    columns = picture[:, :, 0].mean(axis=0)
    return (float(columns.argmax()),) if columns.max() > 100 else None


def simulate(state: tuple[float]) -> SliderSimulator:
    simulator = SliderSimulator()
    simulator.column = round(state[0])
    return simulator


ROW = KnownRobot(
    profile=SLIDER,
    keywords=("slider", "rail"),
    actions=ACTIONS,
    simulators={"slider_sim": SliderSimulator},
    truth=SimulatedTruth(locate, simulate, lambda a, b: abs(a[0] - b[0])),
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
    record.main(["--robot", "slider_sim", "--steps", "3", "--data", str(tmp_path)])
    recorded = capsys.readouterr().out.strip()
    listed = {one.session_id: one.robot_title for one in list_sessions(tmp_path / "sessions")}
    assert listed == {demo: "Slider", recorded: "Slider"}
    assert load_session(tmp_path / "sessions" / demo).profile == SLIDER


def test_its_actions_have_names():
    assert [action_name(SLIDER, np.array([value])) for value in (-20, 20, 5)] == ["left", "right", ""]


def test_its_simulator_gives_the_ground_truth(tmp_path):
    recording = load_session(tmp_path / record_demo(tmp_path, "slider_sim", 5, seed=1))
    future, simulator = GroundTruth(recording, 2), SliderSimulator()
    simulator.column = int(locate(np.asarray(recording.picture(2)))[0])
    assert future.is_simulated
    for count in range(1, 12):
        simulator.act(recording.profile.with_constants({"move_by": 20}))
        truth = future.after([1] * count)
        assert truth.state == simulator.state and np.array_equal(truth.picture, simulator.observe())
    assert future.error_px(simulate((100.0,)).observe(), truth) == WIDTH - 1 - 100
    assert future.error_px(np.zeros((224, 224, 3), np.uint8), truth) is None
    assert distance_px(SLIDER, simulate((30.0,)).observe(), simulate((41.0,)).observe()) == 11
    assert distance_px(SLIDER, simulate((30.0,)).observe(), np.zeros((224, 224, 3), np.uint8)) is None
