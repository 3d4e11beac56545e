"""The frames that follow: by replay of the recording's simulator, by the picture alone, or as recorded."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from session import (
    FrameOutOfRange,
    RandomSelector,
    SimulatedJetBot,
    SimulatorEntry,
    ToroidalDotRobot,
    held_out_state,
    load_session,
    record_demo,
)
from session.ground_truth import GroundTruth, RecordedStep, find_simulator, may_be_simulated, recorded_steps
from session.recorder.simulation import record_simulation
from session.robots.registry import make_robot, standard_actions
from session.robots.toroidal_dot import DotPosition
from tests.cases import every_case
from tests.session.session_files import STAY, action, change_meta, events_of, observation, write_session

DOT, EVEN, UNEVEN = (
    *(SimulatorEntry("toroidal_dot", 2), SimulatorEntry("jetbot_sim", 2)),
    SimulatorEntry("jetbot_sim", 2, {"uneven": 0.3}),
)
LEFT = standard_actions(SimulatedJetBot.profile)[1]


def record(folder, entry, steps=11):
    """The folder of a recording with random actions."""
    selector = RandomSelector(make_robot(entry).action_space, seed=5)
    return folder / record_simulation(folder, entry, selector, steps, max_disk_gb=1)


def driven(recording, frame, actions=()):
    """A new simulator after the recorded actions up to a frame, and then candidate actions."""
    robot, names = make_robot(recording.simulator), recording.profile.channel_names
    values = [*recording.actions[:frame], *(recording.candidate_actions[action] for action in actions)]
    for one in values:
        robot.act({name: round(float(value), 6) for name, value in zip(names, one, strict=True)})
    return robot


@pytest.fixture
def dot(tmp_path):
    return load_session(tmp_path / record_demo(tmp_path, "toroidal_dot", 12, seed=2))


@pytest.fixture
def jetbot(tmp_path):
    """A JetBot's recording that does not name its simulator, as a real one."""
    return load_session(change_meta(tmp_path / record_demo(tmp_path, "jetbot_sim", 12, seed=2), simulator=None))


@every_case("entry", [DOT, EVEN, UNEVEN])
def test_a_replay_is_the_recording_and_goes_on_as_a_simulator_that_was_driven_there(tmp_path, entry):
    recording = load_session(record(tmp_path, entry))
    assert recording.simulator == entry and recording.skipped == ()
    for frame in range(recording.frame_count):
        assert recording.replay.robot(2 * frame).state == driven(recording, frame).state
        future = GroundTruth(recording, frame)
        assert future.is_simulated and future.problem == ""
    for actions in ([0], [1], [1, 1, 0, 1], [1] * 30):
        robot, truth = driven(recording, 7, actions), GroundTruth(recording, 7).after(actions)
        assert truth.state == robot.state and np.array_equal(truth.picture, robot.observe())
        assert GroundTruth(recording, 7).error_px(truth.picture, truth) < 0.1
    assert GroundTruth(recording, 3).after([1]).state != GroundTruth(recording, 3).after([0]).state
    assert find_simulator(recording, 4).error_px(np.asarray(recording.picture(4))) < 0.1


def test_uneven_turns_are_the_same_from_the_same_state_and_fill_the_headings():
    one, other, even = SimulatedJetBot(3, uneven=0.2), SimulatedJetBot(3, uneven=0.2), SimulatedJetBot(3)
    turns = []
    for count in range(60):
        before = one.yaw
        one.act(LEFT)
        turns.append((before - one.yaw) % 360)
        other.act(LEFT if count % 2 else STAY)  # its next turn depends on the number of actions alone
        even.act(LEFT)
    assert 4.8 <= min(turns) < 5.1 and 6.9 < max(turns) <= 7.2 and np.mean(turns) == pytest.approx(6, abs=0.3)
    twin = other.at((one.yaw, one.state[1]))
    one.act(LEFT)
    twin.act(LEFT)
    assert one.state == twin.state and np.array_equal(one.observe(), twin.observe())
    assert even.yaw == pytest.approx(SimulatedJetBot(3).yaw)  # sixty even turns are a full one


@every_case(
    "changes, problem",
    [
        ({"seed": 3}, "another picture than frame 6"),
        ({"options": {"uneven": 0.3}}, "another picture than frame 6"),
        ({"name": "spot"}, "simulator is not used: There is no simulated robot of that name"),
        ({"name": ["jetbot_sim"]}, "needs the name"),
        ({"name": "toroidal_dot"}, "toroidal_dot is another robot than this recording's"),
        ({"seed": -1}, "A seed is a whole number"),
        ({"seed": True}, "A seed is a whole number"),
        ({"seed": "__import__('os')"}, "A seed is a whole number"),
        ({"options": {"uneven": 7}}, "uneven is a number from 0 to 0.9"),
        ({"options": {"uneven": "0.1"}}, "uneven is a number from 0 to 0.9"),
        ({"options": {"panorama": 1}}, "no option panorama"),
        ({"options": [1]}, "options as an object"),
        ({"version": 2}, "not an object of version 1"),
    ],
)
def test_a_changed_entry_is_refused_in_words_and_gives_no_truth(tmp_path, changes, problem):
    folder = record(tmp_path, EVEN)
    change_meta(folder, simulator=EVEN.as_json() | changes)
    recording = load_session(folder)
    assert recording.frame_count == 12
    future = GroundTruth(recording, 6)
    assert not future.is_simulated and future.problem and not held_out_state(recording, 6)
    assert problem in " ".join([future.problem, *recording.skipped_summary()])
    assert future.after([recording.candidate_index(6)]).frame == 7  # what was recorded stays known


def test_a_frame_that_was_changed_has_no_truth_and_jpeg_changes_none(tmp_path):
    folder = record(tmp_path, UNEVEN)
    recording = load_session(folder)
    Image.open(folder / recording.frame_names[4]).save(folder / recording.frame_names[4], quality=75)
    Image.open(folder / recording.frame_names[5]).rotate(180).save(folder / recording.frame_names[5])
    assert [GroundTruth(recording, frame).is_simulated for frame in (4, 5, 6)] == [True, False, True]
    assert "another picture than frame 5" in GroundTruth(recording, 5).problem


@every_case("lost, known", [("action", 4), ("observation", 11)])
def test_after_a_lost_action_no_state_is_known_and_after_a_lost_picture_it_is(tmp_path, lost, known):
    folder = record(tmp_path, DOT)
    shard = folder / "events_shard_000.jsonl"
    lines = [
        line for line in shard.read_text().splitlines() if json.loads(line)["step"] != (7 if lost == "action" else 8)
    ]
    shard.write_text("\n".join(lines) + "\n")
    recording = load_session(folder)
    simulated = [GroundTruth(recording, frame).is_simulated for frame in range(recording.frame_count)]
    assert simulated == [frame < known for frame in range(recording.frame_count)]
    assert known == 11 or "An action before frame 5 is lost" in GroundTruth(recording, 5).problem


def test_the_simulated_dot_needs_no_entry(tmp_path):
    folder = record(tmp_path, DOT)
    named = load_session(folder)
    unnamed = load_session(change_meta(folder, simulator=None))
    assert unnamed.replay is None and may_be_simulated(unnamed)
    for frame in range(12):
        truths = [GroundTruth(one, frame).after([1, 0, 1]) for one in (named, unnamed)]
        assert truths[0].state == truths[1].state and np.array_equal(truths[0].picture, truths[1].picture)
        assert held_out_state(named, frame) == held_out_state(unnamed, frame) == (driven(named, frame).x % 5 == 3)


def test_a_tenth_of_headings_is_held_out_whatever_the_turns():
    robot = SimulatedJetBot(0)
    for turn in (1.5, 3.0, 6.0, 0.37):
        headings = np.arange(0.2, 360, turn)
        held_out = [robot.at((heading, 0)).is_held_out for heading in headings]
        assert np.mean(held_out) == pytest.approx(0.1, abs=0.01), turn


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


def test_without_a_simulator_only_the_recorded_frames_are_known(jetbot):
    future = GroundTruth(jetbot, 4)
    recorded = [jetbot.candidate_index(index) for index in jetbot.action_into[5:]]
    assert not future.is_simulated and not may_be_simulated(jetbot)
    assert "names no simulator" in future.problem
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
