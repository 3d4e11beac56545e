import sys

import numpy as np
import pytest

from session import JETBOT, BadRobot, InvalidAction, RecordingError, RobotFailed, profile_of
from session.recorder.robot_adapter import CheckedRobot, load_robot
from tests.cases import every_case

ACTIONS = [{"left": 0.0, "right": 0.0}, {"left": 0.5, "right": 1.0}]


class Wheels:
    profile = profile_of("Wheels", ACTIONS)
    action_space = ACTIONS

    def __init__(self):
        self.actions = []

    def observe(self):
        return np.zeros((48, 64, 3), dtype=np.uint8)

    def act(self, action):
        self.actions.append(action)
        return 0.0


def robot_with(**members):
    return type("Wheels", (Wheels,), members)()


def test_a_robot_keeps_its_name_channels_and_actions():
    checked = CheckedRobot(robot_with(action_space=[*ACTIONS, ACTIONS[0]]))
    assert (checked.robot_type, checked.profile.name) == ("Wheels", "wheels")
    assert checked.profile.channel_names == ("left", "right") and checked.action_space == ACTIONS
    assert checked.candidates.tolist() == [[0, 0], [0.5, 1]] and checked.candidates.dtype == np.float32
    assert checked.act(ACTIONS[1]) == 0.0


@every_case(
    ("members", "message"),
    [
        ({"profile": JETBOT}, "profile is not the one"),
        ({"profile": None}, "profile is not the one"),
        ({"action_space": []}, "has 0 actions; give 1 to 64"),
        ({"action_space": [{"left": 0.1 * k, "right": 0} for k in range(65)]}, "has 65 actions"),
        ({"action_space": [{"left": "fast"}]}, "An entry of the robot's action_space is not an action"),
        ({"action_space": [{"left": 0}, {"right": 0}]}, "differ in their channels"),
        ({"action_space": None}, "The robot failed while its profile and actions were asked for (TypeError"),
    ],
)
def test_invalid_members_are_reported_before_the_recording_begins(members, message):
    with pytest.raises(BadRobot) as caught:
        CheckedRobot(robot_with(**members))
    assert message in str(caught.value)


SHAPES = [((4, 4, 3), np.float64), ((4, 4), np.uint8), ((4, 4, 4), np.uint8), ((0, 4, 3), np.uint8)]


@every_case("picture", [None, *(np.zeros(shape, kind) for shape, kind in SHAPES)])
def test_a_value_that_is_no_picture_is_refused(picture):
    checked = CheckedRobot(robot_with(observe=lambda self: picture))
    with pytest.raises(RobotFailed, match="must give RGB as uint8"):
        checked.observe()


def test_a_picture_that_no_reader_would_open_is_refused():
    checked = CheckedRobot(robot_with(observe=lambda self: np.zeros((8000, 4001, 3), np.uint8)))
    with pytest.raises(RobotFailed, match="give a smaller one"):
        checked.observe()


class MotorError(Exception):
    pass


def test_any_error_of_a_robot_becomes_one_sentence_with_its_place():
    def act(self, action):
        raise MotorError("wheel\nstuck")

    with pytest.raises(RobotFailed) as caught:
        CheckedRobot(robot_with(act=act)).act(ACTIONS[0])
    message = str(caught.value)
    assert (
        "The robot failed to act (MotorError: wheel stuck, test_robot_adapter.py line" in message and "/" not in message
    )
    assert isinstance(caught.value.__cause__, MotorError)


def test_ctrl_c_in_a_robot_is_no_failure_of_it():
    def observe(self):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CheckedRobot(robot_with(observe=observe)).observe()


@every_case("seconds", [None, -1, float("nan"), float("inf"), 1e9, True, "1"])
def test_invalid_seconds_are_refused(seconds):
    checked = CheckedRobot(robot_with(act=lambda self, action: seconds))
    with pytest.raises(RobotFailed, match="must return the seconds"):
        checked.act(ACTIONS[0])


@every_case(
    ("action", "message"),
    [({"left": 0.6, "right": 0}, "left 0.6 is beyond"), ({"left": 0}, "the channels left, right"),
     ({"left": float("nan"), "right": 0}, "beyond"), ({"left": 0, "right": 0, "up": 1}, "the channels left, right")],
)  # fmt: skip
def test_an_action_beyond_the_action_space_never_reaches_the_robot(action, message):
    robot = Wheels()
    with pytest.raises(InvalidAction, match=message):
        CheckedRobot(robot).act(action)
    assert robot.actions == []


def test_a_robot_is_found_by_the_name_of_its_class(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_wheels.py").write_text(
        "from tests.session.recorder.test_robot_adapter import Wheels as Base, ACTIONS\n"
        "from session import profile_of\n"
        "class Cart(Base):\n    profile = profile_of('Cart', ACTIONS)\n"
        "class Broken(Base):\n    def __init__(self):\n        raise OSError('no such device')\n"
        "notes = 3\n"
    )
    (tmp_path / "bad_wheels.py").write_text("import nowhere_at_all\n")
    assert load_robot("my_wheels:Cart", 0).robot_type == "Cart"
    for name, message in {
        "my_wheels:Bike": "has no class Bike",
        "my_wheels:notes": "has no class notes",
        "my_wheels:Broken": "failed to start (OSError: no such device, my_wheels.py line 7)",
        "bad_wheels:Cart": "failed to be imported (ModuleNotFoundError: No module named 'nowhere_at_all'",
        "my_wheels:": "named as package.module:ClassName",
        "../evil:Cart": "named as package.module:ClassName",
    }.items():
        with pytest.raises(BadRobot) as caught:
            load_robot(name, 0)
        assert message in str(caught.value)
    del sys.modules["my_wheels"]


def test_simulated_robots_are_found_by_their_names():
    assert load_robot("jetbot_sim", 1).profile == JETBOT
    with pytest.raises(RecordingError, match="jetbot_sim or toroidal_dot"):
        load_robot("spot", 0)
