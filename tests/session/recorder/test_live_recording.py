import numpy as np
import pytest
import torch

from session import (
    FrameOutOfRange,
    LiveRecording,
    NoHistory,
    SessionRecorder,
    SimulatedJetBot,
    load_session,
)
from session.batch import build_batch, build_context, build_target, scaled_candidates
from session.recorder.robot_adapter import CheckedRobot


class WideRobot(SimulatedJetBot):
    """A JetBot whose pictures have another shape than the networks' input."""

    def observe(self):
        return np.repeat(super().observe()[:180], 2, axis=1)


def record(folder, robot, turns, capacity=256):
    """A finished live recording, and the same loaded from disk."""
    attached = CheckedRobot(robot)
    with SessionRecorder(folder, attached.robot_type, attached.action_space) as recorder:
        live = LiveRecording(recorder, attached.candidates, capacity)
        for turn in range(turns):
            live.record_observation(attached.observe())
            action = attached.action_space[turn % 2]
            attached.act(action)
            live.record_action(action)
        live.record_observation(attached.observe())
    return live, load_session(recorder.folder)


@pytest.mark.parametrize("robot", [SimulatedJetBot, WideRobot])
def test_written_are_those_of_the_loaded_recording(tmp_path, robot):
    live, read = record(tmp_path, robot(1), 70)
    assert live.profile == read.profile and live.frame_count == read.frame_count == 71
    assert torch.equal(scaled_candidates(live), scaled_candidates(read))
    for index in (1, 2, 5, 70):
        for length in (2, 3, 8):
            written, loaded = (build_batch(one, one.history(index, length)) for one in (live, read))
            assert torch.equal(written.frames, loaded.frames) and torch.equal(written.target, loaded.target)
            assert torch.equal(written.actions, loaded.actions)
        assert torch.equal(build_target(live, index).target, build_target(read, index).target)
    written, loaded = (build_context(one, (3, 4, 5), (3, 4)) for one in (live, read))
    assert torch.equal(written[0], loaded[0]) and torch.equal(written[1], loaded[1]) and written[1].shape == (1, 2, 3)


def test_only_the_newest_pictures_stay_in_memory(tmp_path):
    live, _ = record(tmp_path, SimulatedJetBot(1), 9, capacity=4)
    assert live.first_in_memory == 6
    assert live.history(9, 8).frames == (6, 7, 8) and "Only 3 of 8" in live.history(9, 8).note
    with pytest.raises(FrameOutOfRange, match="choose 6 to 9"):
        live.picture(5)
    with pytest.raises(NoHistory):
        live.history(6, 3)


def test_no_history_leads_over_a_reset(tmp_path):
    attached = CheckedRobot(SimulatedJetBot(1))
    with SessionRecorder(tmp_path, attached.robot_type, attached.action_space) as recorder:
        live = LiveRecording(recorder, attached.candidates, capacity=5)
        for letter in "oaoaoroaoao":
            match letter:
                case "o":
                    live.record_observation(attached.observe())
                case "a":
                    live.record_action(attached.action_space[1])
                case _:
                    live.record_reset()
    read = load_session(recorder.folder)
    assert (live.frame_count, live.action_count, read.action_count, read.skipped) == (6, 4, 4, ())
    assert read.previous.tolist() == [-1, 0, 1, -1, 3, 4] and read.is_finished
    assert [live.earliest(index) for index in (2, 3, 5)] == [1, 3, 3]
    written, loaded = (build_batch(one, one.history(5, 8)) for one in (live, read))
    assert written.frames.shape[1] == 2 and torch.equal(written.actions, loaded.actions)
    with pytest.raises(NoHistory):
        live.history(3, 3)


def test_an_action_leads_from_one_observation_to_the_next(tmp_path):
    attached = CheckedRobot(SimulatedJetBot(1))
    with SessionRecorder(tmp_path, attached.robot_type, attached.action_space) as recorder:
        live = LiveRecording(recorder, attached.candidates)
        with pytest.raises(AssertionError):
            live.record_action(attached.action_space[0])
        live.record_observation(attached.observe())
        with pytest.raises(AssertionError):
            live.record_observation(attached.observe())
    assert load_session(recorder.folder).frame_count == 1
