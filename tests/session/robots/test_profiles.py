import numpy as np
import pytest

from session import JETBOT, TOROIDAL_DOT, ActionChannel, RobotProfile
from session.robots.detection import detect_robot
from session.robots.ranges import find_outside
from session.robots.registry import action_name
from tests.cases import every_case

NOTHING = ((), np.zeros((0, 0)))
DOT_SPACE = [{"action": 0.0}, {"action": 1.0}]
JETBOT_ACTION = {"motor_left": 0.0, "motor_right": 0.12, "duration": 0.2}


def test_actions_are_scaled_to_minus_one_and_one():
    scaled = JETBOT.scale(np.array([[0, 0, 0.2], [0, 0.06, 0.2], [0, 0.12, 0.2]], dtype=np.float32))
    assert scaled.dtype == np.float32
    assert scaled == pytest.approx(np.array([[0, -1, 0], [0, 0, 0], [0, 1, 0]]), abs=1e-6)


def test_values_beyond_the_range_are_clipped():
    assert TOROIDAL_DOT.scale(np.array([-3.0, 0.25, 9.0])[:, None]).ravel().tolist() == [-1.0, -0.5, 1.0]


def test_a_channel_without_width_gives_zero():
    assert JETBOT.scale(np.array([0.2, 0.0, 0.1])).tolist() == [0.0, -1.0, 0.0]


def test_any_leading_shape_is_kept_and_a_wrong_last_axis_refused():
    assert JETBOT.scale(np.zeros((2, 5, 3))).shape == (2, 5, 3)
    assert JETBOT.scale(np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(ValueError, match="3 channels"):
        JETBOT.scale(np.zeros((3, 2)))


def test_a_jetbot_scales_the_same_after_a_toroidal_dot():
    before = JETBOT.scale(np.array([0, 0.12, 0.2]))
    TOROIDAL_DOT.scale(np.array([1.0]))
    assert np.array_equal(JETBOT.scale(np.array([0, 0.12, 0.2])), before)


@every_case("robot_type", ["JetBotInterface", "jetbot", "JETBOT", "SimulatedJetBot"])
def test_the_type_names_a_jetbot_with_any_channels_and_folder(robot_type):
    assert detect_robot(robot_type, DOT_SPACE, *NOTHING, "toroidal_dot") == JETBOT


@pytest.mark.parametrize("robot_type", ["ToroidalDotRobot", "toroidal_dot"])
def test_the_type_names_a_toroidal_dot(robot_type):
    assert detect_robot(robot_type, [JETBOT_ACTION], *NOTHING, "jetbot") == TOROIDAL_DOT


@every_case("robot_type", [None, "", "unknown", "None", " \t"])
def test_if_the_metadata_names_no_robot_the_channels_come_before_the_folder(robot_type):
    assert detect_robot(robot_type, DOT_SPACE, *NOTHING, "jetbot") == TOROIDAL_DOT
    assert detect_robot(robot_type, [], ("action",), np.ones((1, 1)), "jetbot") == TOROIDAL_DOT
    assert detect_robot(robot_type, [], tuple(JETBOT_ACTION), np.ones((1, 3)), "toroidal_dot") == JETBOT


@every_case("robot_type", ["PandaArm", "SomethingElse", "机械臂"])
def test_a_robot_that_the_metadata_names_is_taken_for_no_other_by_its_channels_or_folder(robot_type):
    for space, folder in ((DOT_SPACE, "toroidal_dot"), ([JETBOT_ACTION], "jetbot")):
        robot = detect_robot(robot_type, space, tuple(space[0]), np.ones((1, len(space[0]))), folder)
        assert robot.title == robot_type and robot.name not in (JETBOT.name, TOROIDAL_DOT.name)


def test_the_folder_comes_last():
    assert detect_robot("unknown", [], *NOTHING, "jetbot") == JETBOT
    assert detect_robot(None, [], *NOTHING, "toroidal_dot") == TOROIDAL_DOT


def test_an_unknown_robot_takes_channels_and_ranges_from_its_own_actions():
    space = [{"arm": -1.0, "grip": 0.0}]
    robot = detect_robot("Arm <b>7</b>", space, ("arm", "grip"), np.array([[0.5, 0.25], [2.0, 0.5]]), "sessions")
    assert robot.name == "arm_b_7_b"
    assert robot.title == "Arm <b>7</b>"
    assert [(c.name, c.low, c.high) for c in robot.channels] == [("arm", -1.0, 2.0), ("grip", 0.0, 0.5)]


def test_an_unknown_robot_without_recorded_actions_takes_those_it_could_have_chosen():
    robot = detect_robot("Arm", [{"arm": -1.0}, {"arm": 1.0}], *NOTHING, "sessions")
    assert [(c.name, c.low, c.high) for c in robot.channels] == [("arm", -1.0, 1.0)]


@every_case("robot_type", [None, "", "unknown", "../..", "\x00"])
def test_a_name_is_always_safe_as_a_folder_name(robot_type):
    robot = detect_robot(robot_type, [], *NOTHING, "sessions")
    assert robot.name == "unknown"
    assert robot.channels == ()
    assert robot.title == ("../.." if robot_type == "../.." else "Unknown robot")


def test_a_long_type_gives_a_short_name_and_title():
    robot = detect_robot("x" * 5000, [], *NOTHING, "sessions")
    assert (len(robot.name), len(robot.title)) == (40, 60)


def test_robots_named_in_any_script_have_folders_of_their_own():
    names = [
        "小车",
        "机械臂",
        "로버",
        "Ровер",
        "Rover 小车",
        "Rover 机械臂",
        "Rover",
        "رoبوت",
        "🤖",
        "Éclair",
        "Eclair",
    ]
    folders = [detect_robot(name, [], *NOTHING, "sessions").name for name in names]
    assert len(set(folders)) == len(names) and all(name.isascii() and "/" not in name for name in folders)
    assert folders[names.index("Rover")] == "rover"
    apart, composed = (detect_robot(name, [], *NOTHING, "").name for name in ("E\u0301clair", "\u00c9CLAIR"))
    assert apart == composed


def test_a_recording_that_states_its_ranges_has_a_robot_of_its_own():
    own = {"motor_left": (-0.5, 0.5)}
    robot = detect_robot("JetBot", [JETBOT_ACTION], *NOTHING, "jetbot", own)
    assert robot.name.startswith("jetbot_") and robot.title == "JetBot, own ranges"
    assert [(one.low, one.high) for one in robot.channels] == [(-0.5, 0.5), (0.0, 0.12), (0.2, 0.2)]
    assert detect_robot("JetBot", [JETBOT_ACTION], *NOTHING, "jetbot", own) == robot
    assert detect_robot("JetBot", [], *NOTHING, "jetbot", {"motor_left": (-0.5, 0.4)}).name != robot.name
    assert detect_robot("JetBot", [], *NOTHING, "jetbot", {"motor_right": (0, 0.12), "wing": (0, 1)}) == JETBOT


def test_actions_outside_the_ranges_are_counted_with_what_becomes_of_them():
    actions = np.array([[0.3, 0.3, 0.5], [0.0, 0.3, 0.5], [0.3, 0.5, 0.5], [0, 0.12, 0.2]], dtype=np.float32)
    outside = find_outside(JETBOT, actions)
    assert (outside.count, outside.total, outside.different, outside.distinguished) == (3, 4, 4, 1)
    assert outside.spans["motor_left"] == (0.0, pytest.approx(0.3))
    assert find_outside(JETBOT, actions[3:]) is None and find_outside(JETBOT, actions[:0]) is None


def test_known_actions_have_names_and_others_none():
    assert [action_name(TOROIDAL_DOT, np.array([value])) for value in (0, 1, 0.5)] == ["stay", "move", ""]
    right = np.array([0, 0.12, 0.2], np.float32)
    assert [action_name(JETBOT, right * share) for share in (1, 0.5)] == ["turn left", ""]
    assert action_name(JETBOT, np.array([0, 0, 0.2])) == "stay"
    assert action_name(RobotProfile("arm", "Arm", (ActionChannel("action", 0, 1),)), np.array([1])) == ""
