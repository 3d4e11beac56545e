import sys

import numpy as np
import pytest

from session import JETBOT, BadRobot, InvalidAction, RecordingError, RobotFailed, profile_of
from session.recorder.robot_adapter import CheckedRobot, load_robot

ACTIONS = [{"left": 0.0, "right": 0.0}, {"left": 0.5, "right": 1.0}]


class Wheels:
    profile = profile_of("Wheels", ACTIONS)
    action_space = ACTIONS

    def __init__(self):
        self.done = []

    def observe(self):
        return np.zeros((48, 64, 3), dtype=np.uint8)

    def act(self, action):
        self.done.append(action)
        return 0.0


def robot_with(**members):
    return type("Wheels", (Wheels,), members)()


def test_a_robot_keeps_its_name_channels_and_actions():
    attached = CheckedRobot(robot_with(action_space=[*ACTIONS, ACTIONS[0]]))
    assert (attached.robot_type, attached.profile.name) == ("Wheels", "wheels")
    assert attached.profile.channel_names == ("left", "right") and attached.action_space == ACTIONS
    assert attached.candidates.tolist() == [[0, 0], [0.5, 1]] and attached.candidates.dtype == np.float32
    assert attached.act(ACTIONS[1]) == 0.0


@pytest.mark.parametrize(
    ("members", "words"),
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
def test_members_that_do_not_fit_are_told_before_anything_is_recorded(members, words):
    with pytest.raises(BadRobot) as caught:
        CheckedRobot(robot_with(**members))
    assert words in str(caught.value)


SHAPES = [((4, 4, 3), np.float64), ((4, 4), np.uint8), ((4, 4, 4), np.uint8), ((0, 4, 3), np.uint8)]


@pytest.mark.parametrize("picture", [None, *(np.zeros(shape, kind) for shape, kind in SHAPES)])
def test_what_is_no_picture_is_refused(picture):
    attached = CheckedRobot(robot_with(observe=lambda self: picture))
    with pytest.raises(RobotFailed, match="must give RGB as uint8"):
        attached.observe()


def test_a_picture_that_no_reader_would_open_is_refused():
    attached = CheckedRobot(robot_with(observe=lambda self: np.zeros((8000, 4001, 3), np.uint8)))
    with pytest.raises(RobotFailed, match="give a smaller one"):
        attached.observe()


class MotorError(Exception):
    pass


def test_whatever_a_robot_raises_is_one_sentence_with_its_place():
    def act(self, action):
        raise MotorError("wheel\nstuck")

    with pytest.raises(RobotFailed) as caught:
        CheckedRobot(robot_with(act=act)).act(ACTIONS[0])
    told = str(caught.value)
    assert "The robot failed to act (MotorError: wheel stuck, test_robot_adapter.py line" in told and "/" not in told
    assert isinstance(caught.value.__cause__, MotorError)


def test_ctrl_c_in_a_robot_is_no_failure_of_it():
    def observe(self):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CheckedRobot(robot_with(observe=observe)).observe()


@pytest.mark.parametrize("seconds", [None, -1, float("nan"), float("inf"), 1e9, True, "1"])
def test_seconds_that_are_none_are_refused(seconds):
    attached = CheckedRobot(robot_with(act=lambda self, action: seconds))
    with pytest.raises(RobotFailed, match="must return the seconds"):
        attached.act(ACTIONS[0])


@pytest.mark.parametrize(
    ("action", "words"),
    [({"left": 0.6, "right": 0}, "left 0.6 is beyond"), ({"left": 0}, "the channels left, right"),
     ({"left": float("nan"), "right": 0}, "beyond"), ({"left": 0, "right": 0, "up": 1}, "the channels left, right")],
)  # fmt: skip
def test_an_action_beyond_what_the_robot_said_never_reaches_it(action, words):
    robot = Wheels()
    with pytest.raises(InvalidAction, match=words):
        CheckedRobot(robot).act(action)
    assert robot.done == []


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
    for name, words in {
        "my_wheels:Bike": "has no class Bike",
        "my_wheels:notes": "has no class notes",
        "my_wheels:Broken": "failed to start (OSError: no such device, my_wheels.py line 7)",
        "bad_wheels:Cart": "failed to be imported (ModuleNotFoundError: No module named 'nowhere_at_all'",
        "my_wheels:": "named as package.module:ClassName",
        "../evil:Cart": "named as package.module:ClassName",
    }.items():
        with pytest.raises(BadRobot) as caught:
            load_robot(name, 0)
        assert words in str(caught.value)
    del sys.modules["my_wheels"]


def test_simulated_robots_are_found_by_their_names():
    assert load_robot("jetbot_sim", 1).profile == JETBOT
    with pytest.raises(RecordingError, match="jetbot_sim or toroidal_dot"):
        load_robot("spot", 0)
