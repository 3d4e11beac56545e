import json
import os
from datetime import datetime

import pytest

from session import SessionNotFound, find_session, list_sessions, load_session
from tests.cases import every_case
from tests.session.session_files import events_of, meta_of, write_session

NOT_FOUND = "There is no session of that name; press Refresh and pick one from the list."


def write_meta(folder, **changes):
    folder.mkdir(parents=True)
    (folder / "session_meta.json").write_text(json.dumps(meta_of(**changes)))
    return folder


def ids(root):
    return [summary.session_id for summary in list_sessions(root)]


def test_sessions_are_listed_newest_first_with_legacy_ones(tmp_path):
    write_meta(tmp_path / "jetbot" / "session_a", start_time="2025-01-02T00:00:00")
    write_meta(tmp_path / "toroidal_dot" / "session_b", start_time="2025-01-03T00:00:00")
    write_meta(tmp_path / "session_c", start_time="2025-01-01T00:00:00")
    assert ids(tmp_path) == ["toroidal_dot/session_b", "jetbot/session_a", "session_c"]


def test_a_summary_holds_the_values_of_the_metadata(tmp_path):
    write_meta(tmp_path / "jetbot" / "session_a", total_steps=120)
    (summary,) = list_sessions(tmp_path)
    assert (summary.name, summary.robot, summary.robot_title) == ("session_a", "jetbot", "JetBot")
    assert (summary.total_events, summary.duration_s, summary.is_finished) == (120, 60.0, True)
    assert summary.start_time == datetime(2025, 9, 21, 14, 21, 33)


def test_listing_reads_no_events(tmp_path):
    folder = write_session(tmp_path / "jetbot" / "session_a", events_of("oao"))
    (folder / "events_shard_000.jsonl").chmod(0)
    opened = []
    real_open = os.open
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            os, "open", lambda path, *rest, **more: opened.append(str(path)) or real_open(path, *rest, **more)
        )
        list_sessions(tmp_path)
    assert [name for name in opened if name.endswith("json")] == ["session_meta.json"]
    assert not [name for name in opened if "shard" in name]


@every_case(
    "prepare",
    [
        lambda folder: (folder / "session_meta.json").write_text("{"),
        lambda folder: (folder / "session_meta.json").mkdir(),
        lambda folder: os.mkfifo(folder / "session_meta.json"),
        lambda folder: (folder / "session_meta.json").symlink_to("/dev/zero"),
        lambda folder: (folder / "events_shard_000.jsonl").touch(),
        lambda folder: (folder / "frames").mkdir(),
    ],
)
def test_broken_sessions_are_listed_with_the_time_of_their_name_and_open(tmp_path, prepare):
    folder = tmp_path / "toroidal_dot" / "session_20250102_030405"
    folder.mkdir(parents=True)
    prepare(folder)
    (summary,) = list_sessions(tmp_path)
    assert summary.start_time == datetime(2025, 1, 2, 3, 4, 5)
    assert (summary.robot, summary.is_finished, summary.total_events, summary.duration_s) == (
        "toroidal_dot", False, None, None,
    )  # fmt: skip
    assert load_session(find_session(tmp_path, summary.session_id)).frame_count == 0


def test_a_folder_without_a_recording_is_not_listed(tmp_path):
    (tmp_path / "jetbot" / "notes").mkdir(parents=True)
    (tmp_path / "jetbot" / "notes" / "readme.txt").touch()
    (tmp_path / "file").touch()
    write_meta(tmp_path / ".hidden" / "session_a")
    write_meta(tmp_path / "a" / "b" / "session_deep")
    assert ids(tmp_path) == []
    assert ids(tmp_path / "absent") == []
    assert ids(tmp_path / "file") == []


def test_a_robot_folder_with_a_stray_file_still_shows_its_sessions(tmp_path):
    write_meta(tmp_path / "jetbot" / "session_a")
    (tmp_path / "jetbot" / "session_meta.json").write_text("{}")
    assert set(ids(tmp_path)) == {"jetbot", "jetbot/session_a"}


def test_links_are_not_listed_nor_found(tmp_path):
    outside = write_meta(tmp_path / "outside" / "session_a")
    root = tmp_path / "sessions"
    (root / "jetbot").mkdir(parents=True)
    (root / "session_link").symlink_to(outside)
    (root / "jetbot" / "session_link").symlink_to(outside)
    (root / "robot").symlink_to(outside.parent)
    assert ids(root) == []
    for name in ("session_link", "jetbot/session_link", "robot/session_a"):
        with pytest.raises(SessionNotFound):
            find_session(root, name)


def test_the_sessions_folder_itself_may_be_a_link(tmp_path):
    write_meta(tmp_path / "real" / "jetbot" / "session_a")
    (tmp_path / "sessions").symlink_to(tmp_path / "real")
    assert ids(tmp_path / "sessions") == ["jetbot/session_a"]


def test_the_robot_is_unknown_if_only_events_show_it(tmp_path):
    write_meta(tmp_path / "session_a", robot_type=None, action_space=None)
    (summary,) = list_sessions(tmp_path)
    assert (summary.robot, summary.robot_title) == ("unknown", "Unknown robot")


def test_every_listed_session_is_found_and_opens(tmp_path):
    write_session(tmp_path / "jetbot" / "session <b>ü", events_of("oao"))
    write_session(tmp_path / "session_2", events_of("o"))
    for session_id in ids(tmp_path):
        assert load_session(find_session(tmp_path, session_id)).frame_count > 0
    assert len(ids(tmp_path)) == 2


SPECIAL_NAMES = [
    "100% müll #1 ? & + @home", "ロボット\u3000１", "a\xa0wide\u2009space", "ربات\u200cها", "👨\u200d👩\u200d👧",
    "Ku\u0308che", "soft\xadhyphen", "\U0001fae8 newer than Python", "run@1=2", "x" * 255, " a ", "-rf", "{a}[b]*",
    "'\"`$HOME",
]  # fmt: skip


@every_case("name", SPECIAL_NAMES)
def test_a_name_in_any_script_is_listed_and_opens(tmp_path, name):
    write_session(tmp_path / name / name, events_of("oao"))
    (session_id,) = ids(tmp_path)
    assert session_id == f"{name}/{name}"
    assert load_session(find_session(tmp_path, session_id)).frame_count == 2


@every_case("name, shown", [("a\tb", "a\ufffdb"), ("a\nb", "a\ufffdb"), ("a\\b", "a\\b"), ("a\udcfcb", "a\ufffdb")])
def test_a_name_that_no_address_can_hold_is_told(tmp_path, name, shown):
    write_session(tmp_path / name / "session_a", events_of("oao"))
    (summary,) = list_sessions(tmp_path)
    assert summary.session_id == f"{shown}/session_a"
    assert not summary.is_readable and "rename the folder" in summary.problem


JAIL = [
    "", ".", "..", "/", "//", "../sessions", "../secret", "../../etc", "/etc", "/etc/passwd", "jetbot", "jetbot/",
    "/jetbot/session_a", "jetbot//session_a", "./jetbot/session_a", "jetbot/./session_a", "jetbot/../jetbot/session_a",
    "jetbot/session_a/", "jetbot/session_a/frames", "jetbot/session_a/..", "jetbot/..",
    "jetbot/session_a/../../../secret",
    "jetbot\\session_a", "..\\secret", "jetbot/session_a\0", "\0", "jetbot/session_a\n", "jetbot/%2e%2e", "..%2fsecret",
    "~", "~root", "$HOME", "file:///etc", "C:\\Windows", "jetbot/session_b", "a" * 300, "a/" * 3000,
    "jetbot/" + "x" * 390, "jetbot/" + "x" * 900,
    ".hidden/session_a", "\ud800", "．．/secret", "jetbot/session_a\u202e",
    None, 7, b"jetbot/session_a", ["jetbot"], True,
]  # fmt: skip


@every_case("session_id", JAIL)
def test_every_id_that_is_not_in_the_list_gets_the_same_message(tmp_path, session_id):
    root = tmp_path / "sessions"
    write_meta(root / "jetbot" / "session_a")
    write_meta(root / ".hidden" / "session_a")
    write_meta(tmp_path / "secret")
    with pytest.raises(SessionNotFound) as caught:
        find_session(root, session_id)
    assert str(caught.value) == NOT_FOUND
