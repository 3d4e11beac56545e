import re
import sys

import numpy as np
import pytest

from session import BadRobot, InvalidAction, RobotFailed, list_sessions, load_session, session_statistics
from session.record.__main__ import main
from session.recorder.robot_adapter import load_robot
from session.robots.gymnasium_robot import GymnasiumRobot
from tests.cases import every_case
from tests.session.robots import environments
from tests.test_policy import SOURCES, name_of


def register(name):
    """The robot's name of an environment of this package's tests."""
    return f"gym:{environments.__name__}:{name}"


def record(capsys, data, *options):
    main([*map(str, options), "--data", str(data)])
    return load_session(data / "sessions" / capsys.readouterr().out.strip())


def test_gymnasium_is_imported_only_when_an_environment_is_made(monkeypatch):
    imported = re.compile(r"^\s*(import|from) (gymnasium|minigrid|pygame)", re.MULTILINE)
    assert [name_of(path) for path in SOURCES if imported.search(path.read_text(encoding="utf-8"))] == []
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(BadRobot, match=r"run `pip install -r requirements-gym\.txt`, then start again"):
        load_robot("gym:CartPole-v1", 0)


def test_episodes_are_recorded_one_after_the_other_and_no_history_joins_them(capsys, tmp_path):
    sequence = '[{"action": 1}, {"action": 2}, {"action": 3}]'
    options = ("--selector", "sequence", "--sequence", sequence, "--steps", 7, "--seed", 4, "--repeat", 2)
    session = record(capsys, tmp_path, "--robot", register("Rail-v0"), *options)
    assert session.skipped == () and (session.robot_type, session.profile.name) == ("Rail-v0", "rail_v0")
    assert session.candidate_actions.ravel().tolist() == [1, 2, 3] and not session.is_continuous
    assert session.actions.ravel().tolist() == [1, 2, 3, 1, 2, 3, 1]
    # Episodes of 5 steps: 2, 2 and the last one alone; then the next episode begins, with the next seed.
    shown = [np.asarray(session.picture(index))[0, 0, :2] for index in range(session.frame_count)]
    expected = [(0, 40), (80, 40), (160, 40), (200, 40), (0, 50), (80, 50), (160, 50), (200, 50), (0, 60), (80, 60)]
    assert np.abs(np.array(shown, dtype=int) - expected).max() <= 3  # JPEG
    assert session.previous.tolist() == [-1, 0, 1, 2, -1, 4, 5, 6, -1, 8]
    assert session.action_after.tolist() == [0, 1, 2, -1, 3, 4, 5, -1, 6, -1]
    assert np.diff(session.times) == pytest.approx([0.1, 0.1, 0.05, 0, 0.1, 0.1, 0.05, 0, 0.1], abs=1e-4)
    assert ("Episodes", "3") in session.details and session.reset_steps.tolist() == [7, 15]
    statistics = session_statistics(session)
    assert (statistics.missing.steps, statistics.missing.unseen_actions, statistics.repeated_moments) == (0, 0, 0)


@every_case(
    ("name", "channels", "converted"),
    [
        ("Rail-v0", [("action", 1, 3)], 2),
        ("Grid-v0", [("action_0", 0, 1), ("action_1", 0, 4)], np.array([0, 2])),
        ("Keys-v0", [("action_0", 0, 1), ("action_1", 0, 1)], np.array([0, 1], dtype=np.int8)),
        ("Arm-v0", [("action_0", -1, 1), ("action_1", 0.1, 0.7)], np.array([[0.5, 0.25]], dtype=np.float32)),
        ("Dial-v0", [("action_0", 2, 9)], np.array(3)),
        ("Many-v0", [(f"action_{k}", -1, 1) for k in range(40)], np.linspace(-1, 1, 40, dtype=np.float32)),
    ],
)
def test_every_kind_of_action_has_channels_and_comes_back_as_the_environments_own(name, channels, converted):
    robot = load_robot(register(name), 0)
    assert [(one.name, one.low, one.high) for one in robot.profile.channels] == channels
    assert 1 <= len(robot.action_space) <= 64 and robot.is_continuous == (name != "Rail-v0")
    robot.act(dict(zip(robot.profile.channel_names, np.ravel(converted).tolist(), strict=True)))
    (taken, *_) = robot._robot._environment.unwrapped.taken
    assert np.array_equal(taken, converted) and np.asarray(taken).shape == np.shape(converted)
    assert isinstance(taken, int) or taken.dtype == converted.dtype


@every_case(
    ("name", "error", "message"),
    [
        (register("Endless-v0"), BadRobot, "Endless-v0 has actions without limits"),
        (register("Wide-v0"), BadRobot, "has 65 numbers in an action; 1 to 64 can be recorded"),
        (register("Menu-v0"), BadRobot, "has 65 actions; at most 64 can be recorded"),
        (register("Mixed-v0"), BadRobot, "The actions of Mixed-v0 are Dict"),
        (register("Silent-v0"), BadRobot, "does not draw pictures (rgb_array)"),
        (register("Blank-v0"), RobotFailed, "The robot's picture is of type NoneType"),
        (register("Nowhere-v0"), BadRobot, "Gymnasium has no environment 'Nowhere-v0' (Environment `Nowhere` doesn't"),
        ("gym:MiniGrid-Nowhere-v0", BadRobot, "is named with its module: gym:minigrid:MiniGrid-Empty-8x8-v0"),
        ("gym:", BadRobot, "no environment ''"),
        ("gym:a/b/c", BadRobot, "Malformed environment ID"),
        ("gym:a:b:c", BadRobot, "named as gym:ENV_ID or gym:module:ENV_ID"),
        ("gym:nowhere_at_all:Rail-v0", BadRobot, "There is no module nowhere_at_all; install the package"),
    ],
)
def test_what_cannot_be_a_robot_is_refused_in_a_sentence(name, error, message):
    with pytest.raises(error) as caught:
        load_robot(name, 0)
    assert message in str(caught.value)


def test_options_are_checked_and_a_failing_environment_leaves_a_whole_recording(capsys, tmp_path):
    for options, message in {
        ("--repeat", "2"): "--repeat is for environments of Gymnasium",
        ("--robot", register("Rail-v0"), "--uneven", "0.1"): "--uneven is for simulated robots",
        ("--robot", register("Rail-v0"), "--repeat", "0"): "give a whole number from 1 to 1000",
        ("--robot", register("Rail-v0"), "--selector", "constant", "--action", '{"action": 1.5}'): "whole number",
        ("--robot", register("Broken-v0"), "--repeat", "1"): "failed to act (OSError: no ground, environments.py line",
    }.items():
        with pytest.raises(SystemExit) as caught:
            main([*options, "--data", str(tmp_path)])
        assert caught.value.code == 2 and message in capsys.readouterr().err
    (summary,) = list_sessions(tmp_path / "sessions")
    assert summary.is_finished and load_session(tmp_path / "sessions" / summary.session_id).action_count == 1


def test_an_action_takes_about_a_tenth_of_a_second_unless_its_steps_are_given():
    robots = GymnasiumRobot("CartPole-v1", 0), GymnasiumRobot("CartPole", 0, 9)
    assert [robot.entry.as_json() for robot in robots] == [
        {"version": 1, "id": "CartPole-v1", "seed": 0, "repeat": repeat} for repeat in (5, 9)
    ]
    assert robots[0].act({"action": 1.0}) == pytest.approx(0.1)


def test_box_actions_are_recorded_as_those_of_a_continuous_robot(capsys, tmp_path):
    options = ("--robot", "gym:Pendulum-v1", "--steps", 6, "--seed", 3)
    session, same = (record(capsys, tmp_path, *options) for _ in range(2))
    assert session.is_continuous and len(np.unique(session.actions)) == 6
    assert [(one.name, one.low, one.high) for one in session.profile.channels] == [("action_0", -2, 2)]
    assert np.array_equal(session.actions, same.actions)
    assert [session.frame_bytes(k) for k in range(7)] == [same.frame_bytes(k) for k in range(7)]
    assert {(one.robot, one.robot_title) for one in list_sessions(tmp_path / "sessions")} == {
        ("pendulum_v1", "Pendulum-v1")
    }
    replayed = record(capsys, tmp_path, *options[:2], "--selector", "recorded", "--replay", f"pendulum_v1/{same.name}")
    assert np.array_equal(replayed.actions, same.actions)


def test_an_environment_of_another_package_is_named_with_its_module():
    robot = load_robot("gym:minigrid:MiniGrid-Empty-5x5-v0", 0)
    assert robot.robot_type == "MiniGrid-Empty-5x5-v0" and len(robot.action_space) == 7
    before = robot.observe()
    assert robot.act({"action": 1.0}) == pytest.approx(0.1) and not np.array_equal(robot.observe(), before)
    with pytest.raises(InvalidAction):
        robot.act({"action": 7.0})
