"""Which networks a recording of a robot is scaled for, and in which folder they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from session import ActionChannel, RobotProfile, load_session
from session.batch import scaled_actions
from tests.cases import every_case
from tests.session.session_files import RIGHT, action, meta_of, observation, write_session
from training.backend import Backend
from training.checkpoints.robots import (
    FILE,
    KeptRobot,
    RobotSessions,
    fit_profile,
    fit_recording,
    fit_to_train,
    keep_robot,
    keep_robots,
    read_robot,
)
from training.checkpoints.robots.file import write_robot
from training.values import InvalidValue

ARM = RobotProfile("arm", "Arm", (ActionChannel("lift", -1.0, 1.0), ActionChannel("grip", 0.0, 2.0)))


def write(folder: Path, actions: list[dict], robot_type: str = "Arm", **meta) -> Path:
    events = [one for i, data in enumerate(actions) for one in (observation(2 * i), action(2 * i + 1, data))]
    return write_session(folder, events, meta=meta_of(robot_type=robot_type, action_space=None, **meta))


def changed(**changes) -> RobotProfile:
    return RobotProfile(**{"name": ARM.name, "title": ARM.title, "channels": ARM.channels} | changes)


def test_two_recordings_of_one_robot_are_scaled_alike_once_its_networks_were_trained(tmp_path):
    wide, narrow = tmp_path / "sessions" / "arm" / "session_wide", tmp_path / "sessions" / "arm" / "session_narrow"
    write(wide, [{"lift": -1, "grip": 0}, {"lift": 1, "grip": 2}])
    write(narrow, [{"grip": 1, "lift": 0}, {"grip": 4, "lift": 0.5}])
    backend = Backend(tmp_path, "cpu")
    before = backend.sessions.get("arm/session_narrow")
    assert before.profile.channel_names == ("grip", "lift") and before.outside_ranges is None
    keep_robot(backend.sessions.get("arm/session_wide").profile, tmp_path / "checkpoints" / "arm")
    after = backend.sessions.get("arm/session_narrow")
    assert backend.sessions.get("arm/session_narrow") is after
    assert after.profile == backend.sessions.get("arm/session_wide").profile == ARM
    assert torch.equal(scaled_actions(after, [0, 1]), torch.tensor([[0.0, 0.0], [0.5, 1.0]]))
    assert (after.outside_ranges.count, after.outside_ranges.total) == (1, 2)
    assert after.version != before.version
    assert after.actions.flags.c_contiguous and after.candidate_actions.flags.c_contiguous  # as the page sends them
    assert np.array_equal(load_session(narrow).actions, before.actions)


def test_the_first_recording_decides_and_others_do_not_change_it(tmp_path):
    keep_robot(ARM, tmp_path / "arm")
    kept = (tmp_path / "arm" / FILE).read_bytes()
    keep_robot(changed(channels=(ActionChannel("lift", 0, 9), ActionChannel("grip", 0, 9))), tmp_path / "arm")
    assert (tmp_path / "arm" / FILE).read_bytes() == kept


def test_of_recordings_learned_from_together_all_ranges_count(tmp_path):
    one = write(tmp_path / "sessions" / "one", [{"lift": -1, "grip": 0}, {"lift": 1, "grip": 2}])
    other = write(tmp_path / "sessions" / "other", [{"grip": 1, "lift": -3}, {"grip": 5, "lift": 0}])
    third = write(tmp_path / "sessions" / "third", [{"grip": 1, "lift": -3}, {"grip": 1, "lift": 7}])
    recordings = [load_session(one), load_session(other)]
    keep_robots(recordings, tmp_path, lambda: [load_session(third)])
    kept = json.loads((tmp_path / "arm" / FILE).read_text())
    assert kept["robot"] == "Arm" and kept["channels"] == {"lift": [-3.0, 7.0], "grip": [0.0, 5.0]}
    assert kept["actions"][0] == {"lift": -1.0, "grip": 0.0} and len(kept["actions"]) == 5
    assert (kept["step_s"], kept["continuous"]) == (0.2, False)
    assert read_robot(tmp_path / "arm" / FILE).actions[1] == (1.0, 2.0)


def test_a_recording_gets_the_actions_of_its_robot(tmp_path):
    wide = write(tmp_path / "sessions" / "arm" / "wide", [{"lift": -1, "grip": 0}, {"lift": 1, "grip": 2}])
    write(tmp_path / "sessions" / "arm" / "narrow", [{"grip": 0, "lift": -1}, {"grip": 1, "lift": 0}])
    keep_robots([load_session(wide)], tmp_path / "checkpoints")
    recording = RobotSessions(tmp_path / "sessions", tmp_path / "checkpoints").get("arm/narrow")
    assert recording.candidate_actions.tolist() == [[-1, 0], [1, 2], [0, 1]]
    kept = read_robot(tmp_path / "checkpoints" / "arm" / FILE)
    (tmp_path / "checkpoints" / "arm" / FILE).unlink()
    write_robot(replace(kept, is_continuous=True), tmp_path / "checkpoints" / "arm")
    recording = RobotSessions(tmp_path / "sessions", tmp_path / "checkpoints").get("arm/narrow")
    assert recording.is_continuous and recording.candidate_actions.tolist() == [[-1, 0], [1, 2]]


def test_old_checkpoints_without_a_description_are_told_until_the_next_training(tmp_path):
    folder = write(tmp_path / "sessions" / "arm" / "one", [{"lift": -1, "grip": 0}, {"lift": 1, "grip": 2}])
    sessions = RobotSessions(tmp_path / "sessions", tmp_path / "checkpoints")
    (tmp_path / "checkpoints" / "arm").mkdir(parents=True)
    (tmp_path / "checkpoints" / "arm" / "autoencoder.pth").write_bytes(b"")
    assert "have no robot.json beside them" in " ".join(sessions.get("arm/one").notes)
    keep_robots([load_session(folder)], tmp_path / "checkpoints")
    assert sessions.get("arm/one").notes == ()


def test_another_robot_and_another_step_are_told(tmp_path):
    write(tmp_path / "sessions" / "arm" / "one", [{"lift": -1}, {"lift": 1}])
    write(tmp_path / "sessions" / "arm" / "two", [{"lift": -1, "grip": 0}, {"lift": 1, "grip": 2}])
    write_robot(KeptRobot("Arm", ARM.channels, step_s=1.0), tmp_path / "checkpoints" / "arm")
    sessions = RobotSessions(tmp_path / "sessions", tmp_path / "checkpoints")
    assert "of another robot, Arm with the channels lift, grip. This one, with lift" in sessions.get("arm/one").notes[0]
    assert "learned steps of 1 s; here a step takes 0.2 s" in sessions.get("arm/two").notes[0]


@pytest.mark.parametrize(
    "other", [changed(title="Arm!"), changed(channels=ARM.channels[:1]), changed(channels=())], ids=str
)
def test_another_robot_of_the_same_name_gets_a_folder_of_its_own(tmp_path, other):
    keep_robot(ARM, tmp_path / "arm")
    fitted = fit_profile(other, tmp_path)
    assert fitted.name.startswith("arm_") and fitted.channels == other.channels
    assert fit_profile(fitted, tmp_path) == fitted
    keep_robot(fitted, tmp_path / fitted.name)
    assert fit_profile(other, tmp_path) == fitted and fit_profile(ARM, tmp_path) == ARM


def test_robots_of_the_registry_change_nothing(tmp_path):
    recording = load_session(write(tmp_path / "session_1", [RIGHT], robot_type="JetBot"))
    keep_robot(recording.profile, tmp_path / "jetbot")
    assert not (tmp_path / "jetbot").exists() and fit_recording(recording, tmp_path) is recording


BROKEN = ["", "{", "[]", '{"robot": "Arm", "channels": 5}', "version https://git-lfs.github.com/spec/v1"]
BROKEN += [
    f'{{"robot": "Arm", "channels": {{"lift": {one}}}}}' for one in ("[0]", "[2, 0]", "[0, 1e99]", "{}", "[0, NaN]")
]


@every_case("content", BROKEN)
def test_a_broken_file_is_told_and_stays(tmp_path, content):
    write(tmp_path / "sessions" / "arm" / "session_1", [{"lift": -1, "grip": 0}, {"lift": 1, "grip": 2}])
    path = tmp_path / "checkpoints" / "arm" / FILE
    path.parent.mkdir(parents=True)
    sessions = RobotSessions(tmp_path / "sessions", tmp_path / "checkpoints")
    assert sessions.get("arm/session_1").notes == ()
    path.write_text(content)
    recording = sessions.get("arm/session_1")
    assert recording is sessions.get("arm/session_1") and recording.profile == ARM
    assert "robot.json beside the checkpoints" in " ".join(recording.notes)
    keep_robot(ARM, path.parent)
    assert path.read_text() == content


def test_an_editor_may_have_put_a_mark_before_the_file(tmp_path):
    keep_robot(changed(channels=(ActionChannel("lift", 0, 9), ActionChannel("grip", 0, 9))), tmp_path / "arm")
    before = fit_profile(ARM, tmp_path)
    path = tmp_path / "arm" / FILE
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert fit_profile(ARM, tmp_path) == before != ARM


def test_recordings_that_are_learned_from_first_are_scaled_alike(tmp_path):
    sessions = [tmp_path / "sessions" / "arm" / f"session_{number}" for number in (1, 2)]
    recordings = [
        load_session(write(one, [{"lift": 0, "grip": 0}, {"lift": i, "grip": 1}])) for i, one in enumerate(sessions, 1)
    ]
    fitted = fit_to_train(recordings, tmp_path)
    assert [one.profile.channels[0] for one in fitted] == 2 * [ActionChannel("lift", 0.0, 2.0)]
    assert [scaled_actions(one, [1])[0, 0].item() for one in fitted] == [0.0, 1.0]
    assert fit_recording(recordings[0], tmp_path).profile == fitted[0].profile


def test_two_robots_of_one_name_have_recordings_and_a_world_model_each(tmp_path):
    for name, actions in (("one", {"lift": 0, "grip": 0}), ("two", {"lift": 0, "wrist": 0})):
        write(tmp_path / "sessions" / name, [actions, dict.fromkeys(actions, 1)])
    write(tmp_path / "sessions" / "arm" / "own", [{"lift": 0, "grip": 1}], ranges={"lift": [-9, 9]})
    backend = Backend(tmp_path, "cpu")
    for _ in range(2):
        for name in ("one", "two", "arm/own"):
            assert list(backend.recordings_of(backend.sessions.get(name).profile)) == [name]
        keep_robot(backend.sessions.get("one").profile, tmp_path / "checkpoints" / "arm")
    assert backend.sessions.get("two").profile.name.startswith("arm_")
    with pytest.raises(InvalidValue, match="no recording of this robot"):
        backend.begin_recipe({}, "Ada")


def test_training_keeps_the_robot_of_its_recording(tmp_path):
    from training import FixedSteps, FrameSelection, TrainingRequest

    folder = tmp_path / "sessions" / "arm" / "session_1"
    write(folder, [{"lift": -1, "grip": 0}, {"lift": 1, "grip": 2}, {"lift": 1, "grip": 2}])
    backend = Backend(tmp_path, "cpu")
    recording = backend.sessions.get("arm/session_1")
    manager = backend.manager(recording.profile)
    manager.train(TrainingRequest("autoencoder", recording, FrameSelection(0, 0), FixedSteps(1)))
    manager.stop()
    manager.wait(60)
    assert fit_profile(changed(channels=ARM.channels[::-1]), tmp_path / "checkpoints") == ARM
