"""Recordings as LeRobotDatasets: read again by this program, and held against LeRobot's rules."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from session import RecordedSession, list_sessions, load_session, record_demo
from session.export.__main__ import main
from session.export.export import export_dataset
from session.export.lerobot.files import Limits
from session.export.plan import make_plan
from session.export.runs import find_runs
from session.export.sources import find_sources
from session.files import lock_file, open_folder
from tests.cases import every_case
from tests.session.dataset_files import JOINTS, TASK, actions_of, frame_shown, picture, states_of, write_v3
from tests.session.export.lerobot_rules import check_dataset
from tests.session.session_files import (
    RIGHT,
    action,
    change_meta,
    contents_of,
    events_of,
    jpeg,
    observation,
    write_session,
)
from tests.session.tub_files import record, write_tub

H264 = ("--codec", "h264")
FPS = 5  # of the sessions of tests
NEAR_DB = 30.0  # PSNR of a picture after the video


def jetbot(data: Path, number: int, letters: str) -> Path:
    """A session whose pictures tell number and step, and whose actions have values of their own."""
    events = events_of(letters)
    for event in events:
        if event["type"] == "action":
            event["data"] = RIGHT | {"motor_right": 0.001 * event["step"] + 0.01 * number}
    folder = write_session(data / "sessions" / "jetbot" / f"session_{number}", events)
    for step in (event["step"] for event in events if event["type"] == "observation"):
        picture(number, step).save(folder / "frames" / f"frame_{step:06d}.jpg", quality=95)
    return folder


def export(data: Path, *arguments: str) -> Path:
    """Write a dataset beside the sessions, so that it can be opened as one of them; returns its folder."""
    out = data / "sessions" / "out"
    main(["--format", "lerobot", *arguments, str(out), "--data", str(data)])
    return out


def refusal(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["--format", "lerobot", *arguments])
    assert caught.value.code == 2
    return capsys.readouterr().err


def episode(data: Path, number: int, reading: str = "@stride=1") -> RecordedSession:
    return load_session(data / "sessions" / "out" / f"episode_{number:06d}{reading}")


def files_below(folder: Path) -> list[str]:
    """The files in the chunks of a folder, without their endings."""
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.glob("*/*"))


def psnr(one: Image.Image, other: Image.Image) -> float:
    error = np.mean((np.asarray(one, float) - np.asarray(other, float)) ** 2)
    return 10 * np.log10(255**2 / error)


def test_pictures_actions_times_and_tasks_come_back_and_the_recordings_stay_as_they_are(tmp_path, capsys):
    folders = [jetbot(tmp_path, 1, "oaoaoao"), jetbot(tmp_path, 2, "oaoaoaoaoa")]
    jetbot(tmp_path, 3, "ooo")
    before = contents_of(tmp_path)
    out = export(tmp_path, "jetbot", "--task", "turn right", "--state", "none", *H264)
    assert {f"sessions/{name}" for name in contents_of(tmp_path / "sessions")} - set(before) == {
        f"sessions/out/{name}" for name in contents_of(out)
    }
    assert {name: content for name, content in contents_of(tmp_path).items() if name in before} == before
    info = check_dataset(out)
    assert (info["total_episodes"], info["total_frames"], info["fps"]) == (2, 8, FPS)
    output = capsys.readouterr()
    assert "2 episodes, 8 frames of 64×48 at 5 a second" in output.out
    assert (
        "jetbot/session_3 holds no frame that an action follows, so there is nothing to write. It is left out."
        in output.err
    )
    for number, folder in enumerate(folders):
        source, written = load_session(folder), episode(tmp_path, number)
        rows = min(source.frame_count, source.action_count)
        assert written.frame_count == rows and written.task == "turn right" and not written.skipped
        assert written.profile.channel_names == source.profile.channel_names
        assert np.array_equal(written.actions, source.actions[: rows - 1])
        assert np.allclose(written.times, np.arange(rows) / FPS)
        for frame in range(rows):
            assert frame_shown(written.picture(frame)) == (number + 1, 2 * frame)


@every_case("robot, channels", [("jetbot_sim", 3), ("toroidal_dot", 1)])
def test_pictures_and_actions_of_simulated_robots_come_back(tmp_path, capsys, robot, channels):
    session_id = record_demo(tmp_path / "sessions", robot, 8, seed=1)
    source = load_session(tmp_path / "sessions" / session_id)
    info = check_dataset(export(tmp_path, session_id, "--state", "none"))
    assert info["features"]["action"]["shape"] == [channels]
    written = episode(tmp_path, 0)
    assert np.array_equal(written.actions, source.actions[:6])
    assert min(psnr(written.picture(frame), source.picture(frame)) for frame in range(7)) > NEAR_DB
    assert ("plain number instead of a vector" in capsys.readouterr().err) == (channels == 1)


def test_without_a_recorded_state_it_is_the_action_before_so_the_first_frame_is_left_out(tmp_path, capsys):
    source = load_session(jetbot(tmp_path, 1, "oaoaoaoao"))
    info = check_dataset(export(tmp_path, "jetbot/session_1", *H264))
    assert info["features"]["observation.state"]["names"] == [f"last {name}" for name in source.profile.channel_names]
    assert info["total_frames"] == 3
    assert "the action before each frame" in capsys.readouterr().err
    written = episode(tmp_path, 0, "@stride=1,action=target")
    assert np.array_equal(written.actions, source.actions[1:3])
    sources = find_sources(tmp_path / "sessions", ["out"], "auto")
    assert np.array_equal(sources[0].states.values, source.actions[:3])


def test_episodes_of_another_dataset_keep_rows_states_camera_and_task(tmp_path):
    write_v3(tmp_path / "sessions" / "arm", lengths=(7, 5, 9), cameras={"top": "video", "wrist": "video"})
    info = check_dataset(export(tmp_path, "arm@camera=wrist", *H264))
    assert [info["features"][name]["names"] for name in ("action", "observation.state")] == [JOINTS, JOINTS]
    assert (info["fps"], info["robot_type"], info["total_frames"]) == (30, "so101_follower", 18)
    assert "observation.images.wrist" in info["features"]
    for number, source in enumerate(find_sources(tmp_path / "sessions", ["out"], "auto")):
        rows = source.session.frame_count
        assert rows == (6, 4, 8)[number] and source.session.task == TASK
        assert np.array_equal(source.session.actions, actions_of(number, rows)[:-1])
        assert np.array_equal(source.states.values, states_of(number, rows))
        shown = [frame_shown(source.session.picture(frame)) for frame in (0, rows - 1)]
        assert shown == [(number, 0), (number, rows - 1)]


def test_a_reading_of_the_page_is_written_as_it_is_read(tmp_path):
    write_v3(tmp_path / "sessions" / "arm", lengths=(25,))
    export(tmp_path, "arm/episode_000000@stride=3,action=change", "--size", "32x24", "--state", "none", *H264)
    info = check_dataset(tmp_path / "sessions" / "out")
    assert (info["fps"], info["total_frames"]) == (10, 8)
    assert info["features"]["action"]["names"] == [f"{name} change" for name in JOINTS]
    assert info["features"]["observation.images.front"]["shape"] == [24, 32, 3]


def test_a_tub_is_written_record_by_record_in_its_drives(tmp_path, capsys):
    write_tub(tmp_path / "sessions" / "tub", [record(index) for index in range(12)], deleted=(6,))
    info = check_dataset(export(tmp_path, "tub", "--state", "none", *H264))
    assert (info["fps"], info["total_episodes"], info["total_frames"]) == (20, 2, 9)
    assert "as 2 episodes" in capsys.readouterr().err
    assert episode(tmp_path, 1).actions[0].tolist() == np.float32([0.07, 0.5]).tolist()


def test_files_roll_over_at_the_limits_each_kind_on_its_own(tmp_path):
    for number in range(1, 6):
        jetbot(tmp_path, number, "oa" * (3 + number))
    plan = make_plan(find_sources(tmp_path / "sessions", ["jetbot"], "none"), None, None)
    out, limits = tmp_path / "sessions" / "out", Limits(data_bytes=2500, video_bytes=1, files_in_chunk=2)
    export_dataset(plan, out, "", "h264", lambda rows: None, limits)
    assert check_dataset(out)["chunks_size"] == 2
    names = [f"chunk-00{number // 2}/file-00{number % 2}" for number in range(5)]
    assert files_below(out / "videos" / "observation.images.camera") == names
    assert 1 < len(files_below(out / "data")) < 5
    assert files_below(out / "meta" / "episodes") == names
    assert [episode(tmp_path, number).frame_count for number in range(5)] == [4, 5, 6, 7, 8]


def test_channels_are_matched_by_name_in_whatever_order_a_recording_has_them(tmp_path):
    for number, names in ((1, "xy"), (2, "yx")):
        events = events_of("oaoaoao")
        for event in events[1::2]:
            event["data"] = {name: ord(name) + event["step"] for name in names}
        change_meta(
            write_session(tmp_path / "sessions" / "own" / f"session_{number}", events),
            robot_type="OwnRobot",
            action_space=None,
        )
    orders = [one.session.profile.channel_names for one in find_sources(tmp_path / "sessions", ["own"], "none")]
    assert orders == [("x", "y"), ("y", "x")]
    export(tmp_path, "own", *H264)
    for source in find_sources(tmp_path / "sessions", ["out"], "auto"):
        assert source.session.actions.tolist() == [[ord("x") + 3, ord("y") + 3]]
        assert source.states.values.tolist() == [[ord("x") + step, ord("y") + step] for step in (1, 3)]


@every_case(
    "letters, frames, actions",
    [
        ("oaoao", [[0, 1]], [[0, 1]]),
        ("oaoa", [[0, 1]], [[0, 1]]),
        ("ooaoo", [[1]], [[0]]),
        ("oaooao", [[0, 2]], [[0, 1]]),
        ("oao.oao", [[0], [2]], [[0], [1]]),
        ("oaaoao", [[0], [1]], [[0], [2]]),
        ("aoo", [], []),
        ("", [], []),
    ],
)
def test_rows_are_frames_with_the_action_after_them_in_runs_without_gaps(open_letters, letters, frames, actions):
    session = open_letters(letters)
    runs = find_runs(session, np.ones(session.frame_count, dtype=bool))
    assert [run.frames.tolist() for run in runs] == frames and [run.actions.tolist() for run in runs] == actions


def test_of_several_pictures_before_an_action_the_last_one_that_is_left_is_a_row(tmp_path):
    folder = jetbot(tmp_path, 1, "oaooao")
    (folder / "frames" / "frame_000003.jpg").unlink()
    session = load_session(folder)
    (run,) = find_runs(session, np.ones(session.frame_count, dtype=bool))
    assert session.steps[run.frames].tolist() == [0, 2] and session.action_steps[run.actions].tolist() == [1, 4]


def test_lost_and_broken_pictures_end_an_episode_and_are_counted(tmp_path, capsys):
    folder = jetbot(tmp_path, 1, "oa" * 10)
    (folder / "frames" / "frame_000004.jpg").unlink()
    whole = jpeg(12)
    (folder / "frames" / "frame_000012.jpg").write_bytes(whole[:20] + bytes(40) + whole[-2:])
    info = check_dataset(export(tmp_path, "jetbot", "--state", "none", *H264))
    assert (info["total_episodes"], info["total_frames"]) == (3, 8)
    message = capsys.readouterr().err
    assert "8 of 9 frames are written, as 3 episodes" in message and "1 that cannot be decoded" in message
    assert "frame_000004.jpg is missing" in message
    assert [episode(tmp_path, number).frame_count for number in range(3)] == [2, 3, 3]


def other_robot(data: Path) -> list[str]:
    jetbot(data, 1, "oao")
    write_tub(data / "sessions" / "tub", [record(index) for index in range(3)])
    return ["jetbot", "tub", "--state", "none"]


def other_channels(data: Path) -> list[str]:
    for number, names in ((1, ("x", "y")), (2, ("x", "z"))):
        events = [observation(0), action(1, dict.fromkeys(names, 1)), observation(2)]
        folder = write_session(data / "sessions" / "own" / f"session_{number}", events)
        change_meta(folder, robot_type="OwnRobot", action_space=None)
    return ["own", "--state", "none"]


def other_size(data: Path) -> list[str]:
    (jetbot(data, 1, "oao") / "frames" / "frame_000000.jpg").write_bytes(jpeg(size=32))
    jetbot(data, 2, "oao")
    return ["jetbot", "--state", "none"]


def size_changes(data: Path) -> list[str]:
    (jetbot(data, 1, "oaoaoao") / "frames" / "frame_000004.jpg").write_bytes(jpeg(size=32))
    return ["jetbot", *H264]


def other_rate(data: Path) -> list[str]:
    write_v3(data / "sessions" / "arm", lengths=(12, 12))
    return ["arm/episode_000000@stride=2", "arm/episode_000001"]


def no_video(data: Path) -> list[str]:
    write_v3(data / "sessions" / "arm", lengths=(5,), cameras={})
    return ["arm"]


def nothing_followed(data: Path) -> list[str]:
    jetbot(data, 1, "ooo")
    return ["jetbot", "--state", "none"]


def no_state_known(data: Path) -> list[str]:
    jetbot(data, 1, "oao")
    return ["jetbot"]


def small_size(data: Path) -> list[str]:
    jetbot(data, 1, "oaoao")
    return ["jetbot"]


def odd_size(data: Path) -> list[str]:
    jetbot(data, 1, "oaoao")
    return ["jetbot", "--size", "31x16", *H264]


@every_case(
    "prepare, message",
    [
        (other_robot, "are of different robots"),
        (other_channels, "(x, y) and own/session_2 (x, z) have different action channels"),
        (other_size, "are 32×32, those of jetbot/session_2 64×48: give one size for all, such as --size 32x32"),
        (size_changes, "Frame 2 of jetbot/session_1 is 32×32, others are 64×48"),
        (other_rate, "15 a second: arm/episode_000000@stride=2; 30 a second: arm/episode_000001@stride=1"),
        (no_video, "has no pictures"),
        (nothing_followed, "no frame that an action follows"),
        (no_state_known, "no frame between two actions, of which the first is its state; --state none"),
        (small_size, "AV1 takes pictures of 64 pixels or more a side: choose --codec h264"),
        (odd_size, "H.264 takes even widths"),
        (lambda data: ["nothing"], "nothing: There is no session of that name; give the name of its folder"),
        (lambda data: ["nothing", "--fps", "0"], "whole number from 1"),
        (lambda data: ["nothing", "--size", "640"], "such as 640x480"),
        (lambda data: ["nothing", "--task", " "], "1 to 500 characters"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence_and_leaves_nothing(tmp_path, capsys, prepare, message):
    arguments = prepare(tmp_path)
    (tmp_path / "sessions").mkdir(exist_ok=True)
    place = tmp_path / "places"
    place.mkdir()
    assert message in refusal(capsys, *arguments, str(place / "out"), "--data", str(tmp_path))
    assert not list(place.iterdir())


@every_case(
    "name, message",
    [
        ("full", "exists already"),
        ("file", "exists already"),
        ("gone/out", "make it first"),
        ("sessions/jetbot/session_1/out", "lies inside a recording"),
    ],
)
def test_a_place_that_is_taken_or_cannot_be_is_refused(tmp_path, capsys, name, message):
    jetbot(tmp_path, 1, "oao")
    (tmp_path / "full" / "inside").mkdir(parents=True)
    (tmp_path / "file").touch()
    assert message in refusal(capsys, "jetbot", str(tmp_path / name), "--data", str(tmp_path))


def test_an_interruption_leaves_nothing_and_leftovers_of_a_kill_go_with_the_next_one(tmp_path, capsys, monkeypatch):
    jetbot(tmp_path, 1, "oa" * 6)
    place = tmp_path / "places"
    left = place / ".out.unfinished" / "videos"
    left.mkdir(parents=True)
    (left / "half.mp4").touch()
    (place / "out").mkdir()  # an empty folder may be there
    arguments = ["jetbot", str(place / "out"), "--data", str(tmp_path), *H264]
    with open_folder(left.parent) as opened:
        assert lock_file(opened) and "Another program is writing out" in refusal(capsys, *arguments)
    assert (left / "half.mp4").exists()
    real = RecordedSession.picture

    for problem, raised in ((KeyboardInterrupt(), KeyboardInterrupt), (OSError(28, "No space left"), SystemExit)):

        def fails(session: RecordedSession, frame: int, problem: BaseException = problem) -> Image.Image:
            if frame == 4:
                raise problem
            return real(session, frame)

        monkeypatch.setattr(RecordedSession, "picture", fails)
        with pytest.raises(raised):
            main(["--format", "lerobot", *arguments])
        assert os.listdir(place) == ["out"] and not os.listdir(place / "out")
    assert "(No space left); nothing is left of it" in capsys.readouterr().err
    monkeypatch.undo()
    main(["--format", "lerobot", *arguments])
    assert os.listdir(place) == ["out"] and check_dataset(place / "out")["total_frames"] == 5


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path, capsys, monkeypatch):
    jetbot(tmp_path, 1, "oaoao")
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("session.export.new_folder.shutil.disk_usage", lambda folder: usage)
    assert "are free there" in refusal(capsys, "jetbot", str(tmp_path / "out"), "--data", str(tmp_path))


def test_libraries_that_are_missing_are_named_with_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("session.lerobot_format.libraries.find_spec", lambda name: None)
    message = refusal(capsys, "jetbot", str(tmp_path / "out"), "--data", str(tmp_path))
    assert "pip install -r requirements-formats.txt`, then run the command again" in message


def test_times_that_the_dataset_tells_otherwise_are_said(tmp_path, capsys):
    events = events_of("oaoaoaoaoao")
    for event in events[4:]:
        event["timestamp"] += 0.2
    for event in events[8:]:
        event["timestamp"] += 0.2
    write_session(tmp_path / "sessions" / "jetbot" / "session_1", events)
    export(tmp_path, "jetbot", *H264)
    assert "came unevenly" in capsys.readouterr().err
    assert [one.session_id for one in list_sessions(tmp_path / "sessions")][-1] == "out/episode_000000"
