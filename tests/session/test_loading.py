"""All valid parts of a recording open; the others are named with file, line and reason."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from session import JETBOT, TOROIDAL_DOT, FrameUnreadable, SessionNotFound, list_sessions, load_session
from tests.cases import every_case
from tests.session.session_files import RIGHT, STAY, action, events_of, jpeg, meta_of, observation, png, write_session

SHARD = "events_shard_000.jsonl"
META = "session_meta.json"
NAME = "session_20250921_142133"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jetbot" / NAME


def skipped_in(folder: Path) -> list[str]:
    return [str(entry) for entry in load_session(folder).skipped]


def write_and_open(folder: Path, events: list, **changes) -> list[str]:
    return skipped_in(write_session(folder, events, **changes))


def test_an_intact_recording_opens_with_nothing_skipped(folder):
    session = load_session(write_session(folder, events_of("oaoao")))
    assert session.skipped == ()
    assert session.profile == JETBOT
    assert (session.name, session.robot_type) == ("session_20250921_142133", "JetBotInterface")
    assert (session.total_events, session.frame_count, session.action_count) == (5, 3, 2)
    assert session.steps.tolist() == [0, 2, 4] and session.action_steps.tolist() == [1, 3]
    assert session.frame_names == tuple(f"frames/frame_{step:06d}.jpg" for step in (0, 2, 4))
    assert session.actions == pytest.approx(np.array([[0, 0.12, 0.2]] * 2))
    assert session.candidate_actions == pytest.approx(np.array([[0, 0, 0.2], [0, 0.12, 0.2]]))
    assert session.duration_s == pytest.approx(0.4)
    assert session.is_finished and session.start_time.hour == 14 and session.end_time.minute == 22
    assert session.utc_offset_s == -6 * 3600


def test_columns_have_the_promised_types_and_cannot_be_written(folder):
    session = load_session(write_session(folder, events_of("oao")))
    dtypes = {
        "steps": np.int64, "times": np.float64, "actions": np.float32, "action_steps": np.int64,
        "action_times": np.float64, "previous": np.int32, "action_into": np.int32, "action_after": np.int32,
        "candidate_actions": np.float32,
    }  # fmt: skip
    for name, dtype in dtypes.items():
        column = getattr(session, name)
        assert column.dtype == dtype and not column.flags.writeable, name


@pytest.mark.parametrize("content", ["", "\n\n", None])
def test_an_empty_session_opens_without_frames(folder, content):
    write_session(folder, [])
    if content is not None:
        (folder / SHARD).write_text(content)
    session = load_session(folder)
    assert (session.frame_count, session.action_count, session.duration_s) == (0, 0, 0.0)
    assert session.actions.shape == (0, 3) and session.previous.shape == (0,)
    assert session.skipped == ()


def test_a_path_without_a_recording_is_not_found(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for path in ("absent", "file", "empty", "a\0b", "x" * 5000):
        with pytest.raises(SessionNotFound, match="There is no session of that name"):
            load_session(tmp_path / path)


def changed(event: dict, **changes) -> dict:
    return {key: value for key, value in (event | changes).items() if value is not ...}


BAD_LINES = {
    "not JSON": [
        "{", "[1,", "\x00\x00\x00", "NaN", '{"step": 1 "type"}}', "[" * 3000, b"\xff\n",
        '{"step": [1}', '{"step": {"a": 1]', "[{]}", '{"step": NaN]}', '{"step": 1} {"step": 2}',
    ],
    "not a JSON object": ["[]", "1", "null", '"text"'],
    "step is missing": [changed(action(1), step=...)],
    "type is missing": [changed(action(1), type=...), '{"step": 1, "timestamp": NaN}', '{"step": Infinity}'],
    "data is missing": [changed(action(1), data=...)],
    "step is not a whole number": [
        changed(action(1), step=step) for step in (True, -1, 1.5, -1.0, 1e30, "1", None, [], 2**60)
    ],
    "type is neither observation nor action": [changed(action(1), type=kind) for kind in ("reward", 1, None, [], {})],
    "data is not an object": [changed(action(1), data=data) for data in (None, [], "x", 1)],
    "frame_path is missing": [changed(observation(1), data={}), changed(observation(1), data={"frame_path": None})],
    "frame_path is not text": [changed(observation(1), data={"frame_path": path}) for path in (1, [], True, {})],
    "frame_path is not a usable file name": [
        changed(observation(1), data={"frame_path": path}) for path in ("", "a\0b", "a\nb", "x" * 2000)
    ],
    "frame_path leads outside the session": [
        changed(observation(1), data={"frame_path": path})
        for path in (
            *("/etc/passwd", "../x.jpg", "frames/../../x.jpg", "..", ".", "//", "frames/..", "\\x.jpg", "..\\x.jpg"),
            *("frames\\..\\..\\x.jpg", "frames/..\\x.jpg", "C:\\frames\\x.jpg", "c:/x.jpg", "\\\\server\\x.jpg", ".\\"),
        )
    ],
    'action lacks channel "motor_left"': [action(1, {"action": 1}), action(1, {"motor_right": 1, "duration": 1})],
    'action lacks channel "duration"': [action(1, {"motor_left": 0, "motor_right": 0})],
    "action channel motor_right is not a usable number": [
        *(action(1, RIGHT | {"motor_right": value}) for value in (True, "1", None, [], 1e300, math.nan, -math.inf)),
        json.dumps(action(1)).replace("0.12", "1e999"), json.dumps(action(1)).replace("0.12", "1" * 5000),
        json.dumps(action(1)).replace("0.12", "None"), json.dumps(action(1)).replace("0.12", "[1, {2: nan}, 3]"),
    ],
    "action has no channels, or more than 64": [action(1, {}), action(1, {str(number): 1 for number in range(65)})],
}  # fmt: skip


@every_case("reason, line", [(reason, line) for reason, lines in BAD_LINES.items() for line in lines])
def test_a_bad_line_costs_only_itself_and_is_named(tmp_path, reason, line):
    folder = write_session(tmp_path / "jetbot" / NAME, [observation(0)])
    lines = [observation(0), line, observation(2), action(3), observation(4)]
    for step in (2, 4):
        (folder / "frames" / f"frame_{step:06d}.jpg").write_bytes(jpeg())
    encoded = (
        part if isinstance(part, bytes) else (part if isinstance(part, str) else json.dumps(part)).encode() + b"\n"
        for part in lines
    )
    (folder / SHARD).write_bytes(b"".join(encoded))
    session = load_session(folder)
    assert [str(entry) for entry in session.skipped] == [f"{SHARD} line 2: {reason}"]
    assert session.skipped_summary() == [f"{SHARD} line 2: {reason}"]
    assert session.steps.tolist() == [0, 2, 4]
    assert session.previous.tolist() == [-1, -1, 1]


BROKEN_VALUES = (
    *("NaN", "-Infinity", "1e999", "1" * 5000, "None", "nan", "undefined", "01", "1.", "+1", "0x1F", "12:30", ""),
    *("'it is'", '"\\ud800"', '"\\x"', '"a\tb"', "[1, NaN, 2]", '{"x": {"y": .5}}', "[" * 40 + "]" * 40, "1 2 [3 4] 5"),
)


@every_case("value", BROKEN_VALUES)
def test_a_broken_value_that_is_not_needed_costs_only_itself(tmp_path, value):
    lines = [json.dumps(event)[:-1] + f', "imu": {value}, "note": "fine"}}' for event in events_of("oao")]
    meta = json.dumps(meta_of())[:-1] + f', "battery_v": {value}}}'
    folder = write_session(tmp_path / "jetbot" / NAME, lines, meta=meta.encode())
    for step in (0, 2):
        (folder / "frames" / f"frame_{step:06d}.jpg").write_bytes(jpeg())
    session = load_session(folder)
    assert (session.frame_count, session.action_count, session.profile) == (2, 1, JETBOT)
    assert session.start_time.hour == 14 and session.duration_s == pytest.approx(0.2)
    assert {entry.file for entry in session.skipped} <= {META}
    assert all("battery_v has no value" in entry.reason for entry in session.skipped)


@every_case("value", [b"Caf\xe9", b"\xff\xfe"])
def test_bytes_of_another_encoding_cost_only_their_text(tmp_path, value):
    meta = json.dumps(meta_of(place="HERE")).encode().replace(b"HERE", value)
    session = load_session(write_session(tmp_path / "jetbot" / NAME, events_of("oao"), meta=meta))
    assert session.profile == JETBOT and session.skipped == ()


@every_case("mark_at", ["first line", "each line", "metadata", "a line of its own"])
def test_a_byte_order_mark_changes_nothing(tmp_path, mark_at):
    folder, mark = write_session(tmp_path / "jetbot" / NAME, events_of("oaoao"), shard_size=3), b"\xef\xbb\xbf"
    for path in [folder / META] if mark_at == "metadata" else sorted(folder.glob("*.jsonl")):
        lines = path.read_bytes().splitlines(keepends=True)
        marked = [mark + line for line in lines] if mark_at == "each line" else [mark + lines[0], *lines[1:]]
        path.write_bytes(b"".join([mark + b"\r\n", *lines] if mark_at == "a line of its own" else marked))
    session = load_session(folder)
    assert (session.frame_count, session.action_count, session.skipped) == (3, 2, ())


@every_case("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_text_in_utf_16_is_named_as_such(tmp_path, encoding):
    folder = write_session(tmp_path / "jetbot" / NAME, events_of("oao"))
    for name in (SHARD, META):
        (folder / name).write_bytes((folder / name).read_text().encode(encoding))
    assert skipped_in(folder) == [f"{name}: is text in UTF-16: save it as UTF-8" for name in (META, SHARD)]


def test_pointers_of_git_lfs_are_named_with_their_remedy(folder):
    write_session(folder, events_of("oaoao"), shard_size=3)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    for name in (META, "events_shard_001.jsonl", "frames/frame_000002.jpg"):
        (folder / name).write_bytes(pointer)
    told = load_session(folder).skipped_summary()
    assert len(told) == 3 and all(
        "is a pointer of Git LFS, not the file itself: run `git lfs pull`" in one for one in told
    )
    session = load_session(write_session(folder.parent / "session_2", events_of("oao")))
    (session.folder / "frames" / "frame_000002.jpg").write_bytes(pointer)
    with pytest.raises(FrameUnreadable, match="git lfs pull"):
        session.frame_bytes(1)


@every_case("path", ["frames\\{}", ".\\frames\\{}", "frames\\\\{}", "frames/.\\{}", ".\\frames/{}"])
def test_a_backslash_separates_folders(tmp_path, path):
    events = events_of("oao")
    for event in events[::2]:
        event["data"] = {"frame_path": path.format(f"frame_{event['step']:06d}.jpg")}
    folder = write_session(tmp_path / "jetbot" / NAME, [json.dumps(event) for event in events])
    for step in (0, 2):
        (folder / "frames" / f"frame_{step:06d}.jpg").write_bytes(jpeg())
    session = load_session(folder)
    assert session.frame_names == ("frames/frame_000000.jpg", "frames/frame_000002.jpg")
    assert session.picture(1).size == (16, 16)


def test_a_padded_picture_is_a_frame_and_a_cut_one_with_padding_is_not(folder):
    write_session(folder, events_of("oao"))
    first, second = (folder / "frames" / f"frame_{step:06d}.jpg" for step in (0, 2))
    first.write_bytes(first.read_bytes() + b"\0" * 4000)
    second.write_bytes(second.read_bytes()[:-30] + b"\0" * 4000)
    session = load_session(folder)
    assert (session.frame_count, session.picture(0).size) == (1, (16, 16))
    assert session.skipped_summary() == [f"{SHARD} line 3: frame frames/frame_000002.jpg is cut short"]


def test_a_line_over_one_megabyte_is_skipped(folder):
    long_line = json.dumps(action(1) | {"note": "x" * 3_000_000})
    assert write_and_open(folder, [observation(0), long_line, observation(2)]) == [f"{SHARD} line 2: longer than 1 MB"]
    assert load_session(folder).steps.tolist() == [0, 2]


def test_an_endless_last_line_is_skipped(folder):
    write_session(folder, events_of("oao"))
    with (folder / SHARD).open("r+b") as file:
        file.truncate(50_000_000)
    assert skipped_in(folder) == [f"{SHARD} line 4: longer than 1 MB"]
    assert load_session(folder).total_events == 3


def test_a_shard_beyond_the_size_limit_is_read_up_to_it(folder, monkeypatch):
    monkeypatch.setattr("session.formats.logged_files.MAX_FILE_BYTES", 2 << 20)
    write_session(folder, events_of("oao"))
    with (folder / SHARD).open("r+b") as file:
        file.truncate(1 << 34)
    assert f"{SHARD}: larger than 2 MB; the rest of this file was not read" in skipped_in(folder)
    assert load_session(folder).total_events == 3


def test_a_shard_of_bad_lines_alone_is_not_read_to_its_end(folder, monkeypatch):
    monkeypatch.setattr("session.formats.logged_files.MAX_BAD_LINES", 100)
    write_session(folder, ["{}"] * 1000)
    session = load_session(folder)
    assert "more than 100 bad lines" in str(session.skipped[-1])
    assert len(session.skipped) < 110


def test_many_skipped_lines_are_summed_up(folder):
    write_session(folder, ["{}"] * 332)
    summary = load_session(folder).skipped_summary(limit=20)
    assert summary[0] == f"{SHARD} line 1: step is missing"
    assert summary[20:] == ["and 312 more"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_anything_but_a_regular_file_neither_blocks_nor_is_followed(folder, tmp_path, kind):
    write_session(folder, events_of("oaoao"))
    (tmp_path / "outside").write_bytes(jpeg())
    for path in (folder / META, folder / SHARD, folder / "frames" / "frame_000002.jpg"):
        path.rename(tmp_path / path.name)
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(tmp_path / path.name)
    entries = skipped_in(folder)
    assert [entry.split(":")[0] for entry in entries] == [META, SHARD]
    assert all("cannot be read" in entry and str(tmp_path) not in entry for entry in entries)
    (folder / SHARD).rmdir() if kind == "folder" else (folder / SHARD).unlink()
    (tmp_path / SHARD).rename(folder / SHARD)
    assert skipped_in(folder)[1:] == [f"{SHARD} line 3: frame frames/frame_000002.jpg is not a regular file"]


def test_a_frames_folder_that_leads_outside_is_not_followed(folder, tmp_path):
    write_session(folder, events_of("oao"))
    (folder / "frames").rename(tmp_path / "outside")
    (folder / "frames").symlink_to(tmp_path / "outside")
    session = load_session(folder)
    assert session.frame_count == 0
    assert all("cannot be read" in entry.reason for entry in session.skipped) and len(session.skipped) == 2


FRAME_FAULTS = {
    "is missing": None,
    "is empty": b"",
    "is cut short": jpeg(size=64)[:-30],
    "is not a JPEG or PNG picture": b"GIF89a" + bytes(100),
}


@every_case("reason", FRAME_FAULTS)
def test_a_bad_frame_file_is_named(tmp_path, reason):
    folder = write_session(tmp_path / "jetbot" / NAME, events_of("oaoao"))
    path = folder / "frames" / "frame_000002.jpg"
    path.unlink() if FRAME_FAULTS[reason] is None else path.write_bytes(FRAME_FAULTS[reason])
    assert skipped_in(folder) == [f"{SHARD} line 3: frame frames/frame_000002.jpg {reason}"]
    assert load_session(folder).steps.tolist() == [0, 4]


def test_a_frame_cut_anywhere_is_noticed(folder):
    write_session(folder, events_of("o"))
    path = folder / "frames" / "frame_000000.jpg"
    for whole in (jpeg(size=32), png()):
        for length in range(len(whole) - 1):
            path.write_bytes(whole[:length])
            assert load_session(folder).frame_count == 0, length
        path.write_bytes(whole)
        assert load_session(folder).frame_count == 1


def test_a_giant_frame_file_is_skipped_without_reading_it(folder):
    write_session(folder, events_of("oao"))
    with (folder / "frames" / "frame_000000.jpg").open("r+b") as file:
        file.truncate(20 << 30)
    assert skipped_in(folder) == [f"{SHARD} line 1: frame frames/frame_000000.jpg is larger than 32 MB"]


def test_frames_may_be_elsewhere_in_the_session_and_be_shared(folder):
    write_session(folder, [observation(0, "frames/./a b.png"), action(1), observation(2, "frames//a b.png")])
    (folder / "top.jpg").write_bytes(jpeg())
    (folder / "frames" / "a b.png").write_bytes(png())
    with (folder / SHARD).open("a") as file:
        file.write(json.dumps(action(3)) + "\n" + json.dumps(observation(4, "top.jpg")) + "\n")
    session = load_session(folder)
    assert session.skipped == ()
    assert session.frame_names == ("frames/a b.png", "frames/a b.png", "top.jpg")
    assert [session.frame_bytes(index)[1] for index in range(3)] == ["image/png", "image/png", "image/jpeg"]


def test_steps_out_of_order_are_sorted(folder):
    events = events_of("oaoaoao")
    session = load_session(write_session(folder, events[3:] + events[:3]))
    assert session.skipped == ()
    assert session.steps.tolist() == [0, 2, 4, 6]
    assert session.previous.tolist() == [-1, 0, 1, 2]


def test_of_a_repeated_step_the_first_is_used(folder):
    events = [observation(0), action(1, STAY), action(1, RIGHT), observation(2)]
    session = load_session(write_session(folder, events))
    assert [str(entry) for entry in session.skipped] == [
        f"{SHARD} line 3: its step was recorded before; the first one is kept"
    ]
    assert session.actions[:, 1].tolist() == [0.0]
    assert session.previous.tolist() == [-1, 0]


NOT_AN_ACTION = "entry 1 of action_space is not an object of channels and numbers"
META_FAULTS = [
    (b"", "not JSON"),
    (b'{"robot_type": "jetb', "not JSON"),
    (b"[]", "not a JSON object"),
    (b" " * (5 << 20), "cannot be read (larger than 4 MB)"),
    (meta_of(robot_type=7), "robot_type is not text"),
    (meta_of(start_time="yesterday"), "start_time is not an ISO 8601 time"),
    (meta_of(start_time=5), "start_time is not text"),
    (meta_of(end_time=True), "end_time is not text"),
    (meta_of(total_steps="9"), "total_steps is not a whole number"),
    (meta_of(total_shards=-1), "total_shards is not a whole number"),
    (meta_of(action_space={}), "action_space is not a list"),
    (meta_of(action_space=[STAY, 5, RIGHT]), NOT_AN_ACTION),
    (meta_of(action_space=[STAY, {"motor_left": True}, RIGHT]), NOT_AN_ACTION),
    (meta_of(action_space=[STAY, {"motor_left": 1}]), 'action 1 of action_space lacks channel "motor_right"'),
]  # fmt: skip


@every_case("meta, reason", META_FAULTS)
def test_broken_metadata_is_named_and_costs_only_itself(tmp_path, meta, reason):
    session = load_session(write_session(tmp_path / "jetbot" / NAME, events_of("oaoao"), meta=meta))
    assert [str(entry) for entry in session.skipped] == [f"{META}: {reason}"]
    assert session.profile == JETBOT
    assert (session.frame_count, session.action_count) == (3, 2)
    assert session.start_time.hour == 14
    assert session.utc_offset_s == -6 * 3600


def test_a_killed_recording_is_not_finished(folder):
    meta = meta_of()
    del meta["end_time"], meta["total_steps"]
    session = load_session(write_session(folder, events_of("oao"), meta=meta))
    assert not session.is_finished and session.end_time is None


def test_channels_that_a_known_robot_does_not_have_are_ignored(folder):
    actions = [action(1, RIGHT | {"note": "fast"}), action(3, {"gripper": 1, **STAY})]
    session = load_session(write_session(folder, [observation(0), actions[0], observation(2), actions[1]]))
    assert session.skipped == ()
    assert session.actions == pytest.approx(np.array([[0, 0.12, 0.2], [0, 0, 0.2]]))


def test_a_toroidal_dot_is_recognised_by_its_actions(tmp_path):
    events = [observation(0), action(1, {"action": 1}), observation(2), action(3, {"action": 0})]
    folder = write_session(tmp_path / "session_x", events, meta=meta_of(robot_type=None, action_space=None))
    session = load_session(folder)
    assert session.profile == TOROIDAL_DOT
    assert session.actions.tolist() == [[1.0], [0.0]]
    assert session.candidate_actions.tolist() == [[0.0], [1.0]]


def test_an_unknown_robot_opens_with_its_own_channels(tmp_path):
    actions = [{"arm": 0.5, "grip": 0}, {"grip": 1, "arm": -2}, {"arm": 0.5, "grip": 0}, {"arm": 1}]
    events = [event for i, data in enumerate(actions) for event in (observation(2 * i), action(2 * i + 1, data))]
    meta = meta_of(robot_type="PickerArm", action_space=None)
    session = load_session(write_session(tmp_path / "arm" / "session_x", events, meta=meta))
    assert (session.profile.name, session.profile.title) == ("pickerarm", "PickerArm")
    assert session.profile.channel_names == ("arm", "grip")
    assert session.actions.tolist() == [[0.5, 0.0], [-2.0, 1.0], [0.5, 0.0]]
    assert session.candidate_actions.tolist() == [[-2.0, 1.0], [0.5, 0.0]]
    assert [str(entry) for entry in session.skipped] == [f'{SHARD} line 8: action lacks channel "grip"']


def test_an_unknown_robot_without_numbers_has_no_usable_action(tmp_path):
    events = [observation(0), action(1, {"mode": "fast"}), observation(2)]
    meta = meta_of(robot_type="Talker", action_space=None)
    session = load_session(write_session(tmp_path / "session_x", events, meta=meta))
    assert session.profile.channels == () and session.actions.shape == (0, 0)
    assert [entry.reason for entry in session.skipped] == ["action has no channel with a number"]


def test_a_skipped_number_does_not_widen_the_range_of_an_unknown_robot(tmp_path):
    events = [observation(0), *(action(step, {"arm": arm}) for step, arm in ((1, 0), (2, 1), (3, 1e300), (4, -1e39)))]
    meta = meta_of(robot_type="PickerArm", action_space=None)
    session = load_session(write_session(tmp_path / "arm" / "session_x", events, meta=meta))
    assert [entry.line for entry in session.skipped] == [4, 5]
    (arm,) = session.profile.channels
    assert (arm.low, arm.high) == (0.0, 1.0)
    assert session.profile.scale(session.candidate_actions).tolist() == [[-1.0], [1.0]]


def test_names_that_cannot_be_shown_are_no_channels(tmp_path):
    events = [action(0, {"arm": 1, "x" * 101: 2, "a\nb": 3})]
    meta = meta_of(robot_type="R" * 5000, action_space=[{"x" * 101: 1}])
    session = load_session(write_session(tmp_path / "session_x", events, meta=meta))
    assert session.profile.channel_names == ("arm",)
    assert len(session.robot_type) == 200


def test_of_many_recorded_actions_typical_ones_become_candidates(tmp_path):
    events = [action(step, {"arm": step % 40}) for step in range(120)]
    meta = meta_of(robot_type="Arm", action_space=None)
    session = load_session(write_session(tmp_path / "session_x", events, meta=meta))
    assert session.is_continuous and not session.skipped
    assert session.candidate_actions[:, 0].tolist() == [20.0, 4.0, 35.0]


def test_stated_channels_make_a_robot_continuous_with_exactly_these_ranges(tmp_path):
    events = [action(step, {"arm": value, "grip": 0.1}) for step, value in enumerate((0.5, 3))]
    stated = {"grip": [0.1, 0.7], "arm": [-2, 2]}
    meta = meta_of(robot_type="Arm", action_space=None, channels=stated)
    session = load_session(write_session(tmp_path / "arm" / "session_x", events, meta=meta))
    assert [(one.name, one.low, one.high) for one in session.profile.channels] == [("grip", 0.1, 0.7), ("arm", -2, 2)]
    assert session.is_continuous and session.skipped == () and session.outside_ranges.count == 1
    assert [(one.robot, one.robot_title) for one in list_sessions(tmp_path)] == [("arm", "Arm")]


@every_case(
    ("channels", "reason"),
    [
        ([], "channels is not an object of channels"),
        ({"arm": [1, 0], "grip": [0, 1]}, "the range of arm is not a list of two numbers, low and high"),
        ({f"arm {k}": [0, 1] for k in range(65)}, "channels are too many, or have unusable names"),
    ],
)
def test_unusable_channels_are_named_and_follow_from_the_actions(tmp_path, channels, reason):
    meta = meta_of(robot_type="Arm", action_space=None, channels=channels)
    session = load_session(write_session(tmp_path / "session_x", [action(0, {"arm": 3})], meta=meta))
    assert session.profile.channel_names == ("arm",) and not session.is_continuous
    assert [str(entry) for entry in session.skipped] == [f"{META}: {reason}"]


def test_a_reset_separates_episodes_and_is_no_loss(folder):
    reset = {"step": 3, "type": "reset", "data": {}, "timestamp": 1.0}
    events = [*events_of("oao"), reset, *events_of("....oao")[-3:], {**reset, "step": 7}]
    session = load_session(write_session(folder, events, meta=meta_of(total_steps=8)))
    assert session.skipped == () and session.previous.tolist() == [-1, 0, -1, 2]
    assert session.action_after.tolist() == [0, -1, 1, -1] and ("Episodes", "3") in session.details


def test_a_huge_action_space_is_cut_and_named(folder):
    meta = meta_of(action_space=[RIGHT | {"duration": index} for index in range(1000)])
    session = load_session(write_session(folder, events_of("oao"), meta=meta))
    assert session.candidate_actions.shape == (64, 3)
    assert "holds 1000 actions; only the first 64 are used" in session.skipped_summary()[0]


def test_no_message_holds_a_path_of_this_machine(folder, tmp_path):
    write_session(folder, [*events_of("oao"), "{", observation(7, "../../x"), observation(8, "/etc/passwd")])
    (folder / "frames" / "frame_000002.jpg").unlink()
    assert len(skipped_in(folder)) == 4
    assert not any(str(tmp_path) in entry or "/etc" in entry for entry in skipped_in(folder))
