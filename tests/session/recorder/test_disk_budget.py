import json
import os

import numpy as np
import pytest

from session import DiskBudgetError, SessionRecorder, list_sessions, load_session
from session.jsonl_format.folder import is_session_folder
from session.jsonl_format.lock import LOCK_FILE, is_open_for_recording
from session.recorder.disk_budget import DELETING_PREFIX
from tests.session.session_files import meta_of

SPACE = [{"action": 0}, {"action": 1}]
PICTURE = np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8)
OLD = 1_000_000_000


def old_session(root, number, size=100_000, robot="toroidal_dot", is_finished=True):
    """A session of the format with ``size`` bytes of frames, written long ago."""
    folder = root / robot / f"session_2020010{number}_000000"
    (folder / "frames").mkdir(parents=True)
    (folder / "frames" / "frame_000000.jpg").write_bytes(bytes(size))
    content = meta_of()
    if not is_finished:
        del content["end_time"], content["total_steps"]
    (folder / "session_meta.json").write_text(json.dumps(content))
    for path in (folder / "session_meta.json", folder / "frames", folder):
        os.utime(path, (OLD, OLD))
    return folder


def start(root, budget_bytes):
    return SessionRecorder(root, "ToroidalDotRobot", SPACE, max_disk_gb=budget_bytes / 1e9)


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_oldest_sessions_are_deleted_and_only_as_many_as_needed(tmp_path):
    old = [old_session(tmp_path, number) for number in (1, 2, 3, 4)]
    with start(tmp_path, 420_000) as recorder:
        recorder.record_observation(PICTURE)
        assert [folder.exists() for folder in old] == [False, True, True, True]
        assert size_of(tmp_path / "toroidal_dot") <= 420_000
        while size_of(recorder.folder) < 150_000:
            recorder.record_observation(PICTURE)
            assert size_of(tmp_path / "toroidal_dot") <= 420_000
        assert [folder.exists() for folder in old] == [False, False, True, True]
    assert not list((tmp_path / "toroidal_dot").glob(f"{DELETING_PREFIX}*"))


def test_nothing_is_deleted_within_the_budget(tmp_path):
    old = old_session(tmp_path, 1)
    with start(tmp_path, 1_000_000) as recorder:
        recorder.record_observation(PICTURE)
    assert old.exists() and len(list_sessions(tmp_path)) == 2


def test_the_recordings_of_another_robot_do_not_count_and_are_not_touched(tmp_path):
    other = old_session(tmp_path, 1, size=10_000_000, robot="jetbot")
    with start(tmp_path, 200_000) as recorder:
        recorder.record_observation(PICTURE)
    assert other.exists()


def test_a_session_that_is_being_recorded_is_never_deleted(tmp_path):
    with start(tmp_path, 10_000_000) as first:
        first.record_observation(PICTURE)
        with start(tmp_path, 150_000) as second, pytest.raises(DiskBudgetError, match="no finished recording is left"):
            for _ in range(100):
                second.record_observation(PICTURE)
        assert first.folder.exists()
        first.record_observation(PICTURE)
    assert load_session(first.folder).frame_count == 2
    session = load_session(second.folder)
    assert session.is_finished and session.skipped == () and session.frame_count > 0
    assert size_of(tmp_path / "toroidal_dot") - size_of(first.folder) <= 150_000


def test_a_finished_session_of_another_recorder_may_be_deleted_at_once(tmp_path):
    with start(tmp_path, 10_000_000) as first:
        first.record_observation(PICTURE)
    with start(tmp_path, size_of(first.folder)) as second:
        second.record_action({"action": 1})
    assert not first.folder.exists()


def test_a_session_whose_recorder_was_killed_may_be_deleted(tmp_path):
    folder = old_session(tmp_path, 1, is_finished=False)
    (folder / LOCK_FILE).touch()
    assert not is_open_for_recording(folder)
    with start(tmp_path, 100_000) as recorder:
        recorder.record_observation(PICTURE)
    assert not folder.exists()


def test_an_unfinished_session_written_to_recently_may_be_in_use_by_a_recorder_without_lock(tmp_path):
    folder = old_session(tmp_path, 1, is_finished=False)
    assert not is_open_for_recording(folder)
    (folder / "events_shard_000.jsonl").touch()
    assert is_open_for_recording(folder)
    with pytest.raises(DiskBudgetError):
        start(tmp_path, 100_000)
    assert folder.exists()


def test_a_budget_too_small_to_begin_leaves_nothing_behind(tmp_path):
    with pytest.raises(DiskBudgetError):
        start(tmp_path, 1000)
    assert list_sessions(tmp_path) == []
    assert list((tmp_path / "toroidal_dot").iterdir()) == []


def test_files_that_are_no_session_are_never_deleted(tmp_path):
    robot = tmp_path / "toroidal_dot"
    (robot / "session_notes").mkdir(parents=True)
    (robot / "session_notes" / "a.txt").write_bytes(bytes(200_000))
    (robot / "session_file").write_bytes(bytes(200_000))
    other_name = old_session(tmp_path, 1).rename(robot / "favourite")
    outside = old_session(tmp_path / "elsewhere", 2)
    (robot / "session_20190101_000000").symlink_to(outside)
    removable = old_session(tmp_path, 3)
    with start(tmp_path, 60_000) as recorder:
        recorder.record_observation(PICTURE)
    assert not removable.exists()
    assert (robot / "session_notes" / "a.txt").exists() and (robot / "session_file").exists()
    assert other_name.exists() and is_session_folder(outside) and (robot / "session_20190101_000000").is_symlink()


def test_a_deletion_that_was_interrupted_is_finished_later(tmp_path):
    half = old_session(tmp_path, 1)
    half = half.rename(half.with_name(f"{DELETING_PREFIX}{half.name}_123"))
    assert list_sessions(tmp_path) == []
    start(tmp_path, 1_000_000).close()
    assert not half.exists()
