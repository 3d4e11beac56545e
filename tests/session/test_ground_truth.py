import dataclasses

import numpy as np
import pytest

from session import FrameOutOfRange, ToroidalDotRobot, load_session, record_demo
from session.ground_truth import GroundTruth, RecordedStep, recorded_steps
from session.robots.toroidal_dot import DotPosition
from tests.session.session_files import STAY, action, events_of, observation, write_session


@pytest.fixture
def dot(tmp_path):
    return load_session(tmp_path / record_demo(tmp_path, "toroidal_dot", 12, seed=2))


@pytest.fixture
def jetbot(tmp_path):
    return load_session(tmp_path / record_demo(tmp_path, "jetbot_sim", 12, seed=2))


def test_the_simulator_continues_under_any_actions_from_the_position_in_the_frame(dot):
    robot = ToroidalDotRobot(seed=2)
    for event in dot.actions[:5]:
        robot.act({"action": float(event[0])})
    future = GroundTruth(dot, 5)
    assert future.is_simulated
    actions = [1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    for count in range(1, len(actions) + 1):
        robot.act({"action": actions[count - 1]})
        truth = future.after(actions[:count])
        assert np.array_equal(truth.picture, robot.observe())
        assert truth.state == DotPosition(robot.x, robot.y) and truth.frame is None


def test_the_simulator_agrees_with_what_was_recorded(dot):
    steps = recorded_steps(dot, 3, 6)
    actions = [dot.candidate_index(step.action) for step in steps]
    recorded = np.asarray(dot.picture(steps[-1].frame)).astype(int)
    assert np.abs(GroundTruth(dot, 3).after(actions).picture.astype(int) - recorded).mean() < 1  # JPEG


def test_of_another_robot_only_the_recorded_frames_are_known(jetbot):
    future = GroundTruth(jetbot, 4)
    recorded = [jetbot.candidate_index(index) for index in jetbot.action_into[5:]]
    assert not future.is_simulated
    for count in range(1, len(recorded) + 1):
        truth = future.after(recorded[:count])
        assert truth.frame == 4 + count and truth.state is None
        assert np.array_equal(truth.picture, np.asarray(jetbot.picture(4 + count)))
        other = [*recorded[: count - 1], 1 - recorded[count - 1]]
        assert future.after(other) is None
        assert future.after([*other, 0]) is None
    assert future.after([*recorded, 0]) is None


def test_actions_that_the_simulator_refuses_are_known_only_as_recorded(dot):
    other = dataclasses.replace(dot, candidate_actions=np.array([[0.0], [0.5]], np.float32))
    future = GroundTruth(other, 2)
    assert not future.is_simulated and future.after([1]) is None


def test_recorded_steps_end_where_an_action_or_a_picture_is_lost(open_letters):
    recording = open_letters("oaoao.oao")
    assert recorded_steps(recording, 0, 50) == [RecordedStep(0, 1), RecordedStep(1, 2)]
    assert recorded_steps(recording, 0, 1) == [RecordedStep(0, 1)]
    assert recorded_steps(recording, 2, 50) == []
    assert recorded_steps(recording, 3, 50) == [RecordedStep(2, 4)]


def test_frames_of_one_moment_go_on_alike(open_letters):
    recording = open_letters("ooaoooao")
    whole = [RecordedStep(0, 4), RecordedStep(1, 5)]
    assert [recorded_steps(recording, start, 9) for start in range(6)] == [whole] * 2 + [whole[1:]] * 3 + [[]]


def test_two_actions_between_frames_are_no_step(open_letters):
    assert recorded_steps(open_letters("oaao"), 0, 9) == []


def test_an_action_that_cannot_be_chosen_makes_the_truth_unknown(tmp_path):
    events = [observation(0), action(1, {**STAY, "motor_right": 0.05}), observation(2), *events_of("...ao")]
    recording = load_session(write_session(tmp_path / "jetbot" / "session_1", events))
    assert recording.candidate_index(0) is None or GroundTruth(recording, 0).after([recording.candidate_index(0)])
    assert all(
        GroundTruth(recording, 0).after([candidate]) is None
        for candidate in range(len(recording.candidate_actions))
        if candidate != recording.candidate_index(0)
    )


def test_a_frame_that_is_not_there_is_refused(dot):
    with pytest.raises(FrameOutOfRange):
        GroundTruth(dot, 99)
