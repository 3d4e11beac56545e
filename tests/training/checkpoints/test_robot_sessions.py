"""Recordings open as their robot learned: by its camera and step, and as another robot's if it adopted them."""

import json

import numpy as np
import pytest

from session import NotAdopted, RobotProfile, SessionNotFound
from session.formats.adoption import FILE, UNUSABLE, Adoptions
from session.robots.simulated_jetbot import JETBOT
from tests.cases import every_case
from tests.session.dataset_files import write_v3
from tests.session.session_files import action, events_of, meta_of, observation, write_session
from training.checkpoints.robots import RobotSessions, keep_robot, keep_robots


def sessions_of(data) -> RobotSessions:
    return RobotSessions(data / "sessions", data / "checkpoints")


def write(data, session_id, actions, robot_type):
    events = [one for i, values in enumerate(actions) for one in (observation(2 * i), action(2 * i + 1, values))]
    write_session(data / "sessions" / session_id, events, meta=meta_of(robot_type=robot_type, action_space=None))


ARM_ACTIONS = [{"lift": -1, "grip": 0}, {"lift": 1, "grip": 2}]
OLD_ACTIONS = [{"main_lift": 0, "main_grip": 0}, {"main_lift": 5, "main_grip": 1}]


def test_recordings_open_with_the_camera_and_step_that_the_networks_learned(tmp_path):
    write_v3(tmp_path / "sessions" / "arm", cameras={"front": "video", "side": "video"})
    sessions = sessions_of(tmp_path)
    usual, learned = sessions.get("arm/episode_000002"), sessions.get("arm/episode_000002@camera=side,stride=2")
    assert (usual.choices.usual.camera, usual.choices.usual.stride) != ("side", 2)
    keep_robots([learned], tmp_path / "checkpoints")
    shown = sessions.get("arm/episode_000002")
    assert shown is sessions.get("arm/episode_000002") and shown.version == learned.version != usual.version
    assert (shown.choices.usual.camera, shown.choices.current.stride) == ("side", 2)
    assert shown.choices.session_id("arm/episode_000002", {"stride": 2}) == "arm/episode_000002"
    every = sessions.get("arm/episode_000002@stride=1")
    assert (every.choices.current.camera, every.frame_count) == ("side", 9)
    assert every.choices.session_id("arm/episode_000002@stride=1", {"stride": 2}) == "arm/episode_000002"
    other = sessions.get("arm/episode_000002@camera=front,stride=1")
    assert "from the camera side; this is front. The networks" in " ".join(other.notes)
    assert sessions.get("arm/episode_000001@offset=1").choices.current.offset == 1
    with pytest.raises(SessionNotFound, match="offset"):
        sessions.get("arm/episode_000001@offset=2")


def test_an_adopted_recording_is_one_of_the_robot_that_adopted_it(tmp_path):
    write(tmp_path, "arm/new", ARM_ACTIONS, "Arm")
    write(tmp_path, "lab/old", OLD_ACTIONS, "Old arm")
    write(tmp_path, "lab/older", OLD_ACTIONS, "Old arm")
    sessions = sessions_of(tmp_path)
    keep_robots([sessions.get("arm/new")], tmp_path / "checkpoints")
    before = sessions.get("lab/old")
    sessions.adoptions.adopt("lab", "arm")
    for name in ("old", "older"):
        adopted = sessions.get(f"lab/{name}")
        assert adopted is sessions.get(f"lab/{name}")
        assert adopted.profile == sessions.get("arm/new").profile
    assert before.profile.channel_names == ("main_lift", "main_grip")
    assert np.array_equal(adopted.actions, before.actions)
    assert adopted.outside_ranges.count == 1 and adopted.version != before.version
    assert "This recording names Old arm; Arm adopted it. Of its channels main_lift is lift" in adopted.notes[0]
    assert {(one.session_id, one.robot) for one in sessions.list()} == {
        *(("arm/new", "arm"), ("lab/old", "arm"), ("lab/older", "arm"))
    }
    sessions.adoptions.adopt("lab/older", "Arm in degrees")
    assert (sessions.get("lab/older").profile.title, sessions.get("lab/old").profile.title) == ("Arm in degrees", "Arm")
    sessions.adoptions.release("lab/old")
    assert sessions.get("lab/old").profile == before.profile and sessions.get("lab/old").notes == ()
    assert json.loads((tmp_path / FILE).read_text()) == {"lab/older": "Arm in degrees"}


def test_a_registered_robot_adopts_what_has_as_many_channels(tmp_path):
    write_session(tmp_path / "sessions" / "mine", events_of("oaoao"), meta=meta_of(robot_type="My rover"))
    write(tmp_path, "arm", ARM_ACTIONS, "Arm")
    sessions = sessions_of(tmp_path)
    assert sessions.get("mine").profile != JETBOT
    sessions.adoptions.adopt("mine", "JetBot")
    assert sessions.get("mine").profile == JETBOT
    sessions.adoptions.adopt("arm", "JetBot")
    assert sessions.get("arm").profile.title == "Arm"
    assert "JetBot cannot adopt this recording, which names Arm: it has another number" in sessions.get("arm").notes[0]


def test_actions_read_in_another_way_are_not_adopted(tmp_path):
    write_v3(tmp_path / "sessions" / "arm")
    sessions = sessions_of(tmp_path)
    keep_robot(RobotProfile("other", "Other", sessions.get("arm/episode_000000").profile.channels), tmp_path)
    sessions.adoptions.adopt("arm", "Other")
    assert sessions.get("arm/episode_000000").profile.name == "other"
    assert sessions.get("arm/episode_000000@action=change").profile.name != "other"


@every_case("content", [b"{", b"[]", b'{"lab": 5}', b"version https://git-lfs.github.com/spec/v1"])
def test_a_broken_file_adopts_nothing_and_stays(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    assert Adoptions(tmp_path).robot_of("lab/old") == ""
    for change in (lambda: Adoptions(tmp_path).adopt("lab", "Arm"), lambda: Adoptions(tmp_path).release("lab")):
        with pytest.raises(NotAdopted) as problem:
            change()
        assert str(problem.value) == UNUSABLE
    assert (tmp_path / FILE).read_bytes() == content


@every_case("title", ["", "  ", "unknown", "x" * 61, "\n"])
def test_a_robot_that_adopts_has_a_name(tmp_path, title):
    with pytest.raises(NotAdopted, match="1 to 60 characters"):
        Adoptions(tmp_path).adopt("lab", title)
    assert not (tmp_path / FILE).exists()
