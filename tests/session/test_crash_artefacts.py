"""A recording after a crash opens with all its complete parts, and using it changes nothing on disk."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from page.facts import frame_facts_or_notice, session_facts
from page.server.routes import timeline
from session import (
    JETBOT,
    NoHistory,
    RecordedSession,
    SessionCache,
    find_session,
    list_sessions,
    load_session,
    session_statistics,
)
from tests.promises import count
from tests.session.session_files import RIGHT, action, events_of, meta_of, observation, write_session

PROMISE = pytest.mark.promise("crash artefacts")
SHARD, META = "events_shard_000.jsonl", "session_meta.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jetbot" / "session_20250921_142133"


def tree_of(folder: Path) -> dict[str, tuple]:
    """The state of every file and folder below, with all times but that of the last reading."""
    tree = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        info = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        facts = (info.st_mode, info.st_ino, info.st_nlink, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        tree[path.relative_to(folder).as_posix()] = (*facts, content)
    return tree


def open_unchanged(folder: Path) -> RecordedSession:
    """A recording, used in every way that the page does; fails if that changed anything on disk."""
    root = folder.parent.parent
    before = tree_of(root)
    session_id = folder.relative_to(root).as_posix()
    assert session_id in [summary.session_id for summary in list_sessions(root)]
    assert find_session(root, session_id) == folder
    recording = SessionCache(root).get(session_id)
    session_facts(recording)
    session_statistics(recording)
    timeline(session_id, recording)
    for index in range(min(recording.frame_count, 20)):
        frame_facts_or_notice(recording, index)
        try:
            recording.history(index, 3)
        except NoHistory:
            continue
    assert tree_of(root) == before
    return recording


def skipped_in(recording: RecordedSession) -> list[str]:
    return [str(entry) for entry in recording.skipped]


@PROMISE
def test_a_shard_cut_at_every_byte_of_its_last_two_lines_loses_only_the_line_that_was_cut(tmp_path, figure):
    tried = 0
    kinds = (("oaoao", 1000, 1), ("oaoaoa", 1000, count(3, 1)), ("oaoao", 3, count(3, 1)))
    more = (("oo", 1000, 1), ("oaaoa", 2, 1))[: count(0, 2)]
    for letters, shard_size, stride in kinds + more:
        folder = tmp_path / f"{letters}{shard_size}" / "jetbot" / "session_1"
        write_session(folder, events_of(letters), shard_size=shard_size)
        shard = max(folder.glob("events_shard_*"))
        whole = shard.read_bytes()
        lines = whole.splitlines(keepends=True)
        for length in range(len(whole) - sum(map(len, lines[-2:])), len(whole), stride):
            shard.write_bytes(whole[:length])
            recording = open_unchanged(folder)
            cut = whole[:length].splitlines(keepends=True)
            # A line that lacks only its newline is complete.
            is_cut = bool(cut) and not cut[-1].endswith(b"\n") and cut[-1] + b"\n" not in lines
            assert recording.total_events == len(letters) - len(lines) + len(cut) - is_cut
            expected = [f"{shard.name} line {len(cut)}: not JSON (cut short)"] if is_cut else []
            assert skipped_in(recording) == expected, f"{letters} in shards of {shard_size}, cut at {length}"
            tried += 1
    figure(f"{tried} cuts of the last shard: all open, 0 lost more than the line that was cut, 0 files changed")


@PROMISE
def test_each_file_of_a_recording_may_be_missing(folder, figure):
    letters, size = "oaoaoaoao", 2
    write_session(folder, events_of(letters), shard_size=size)
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in paths:
        content = path.read_bytes()
        path.unlink()
        recording = open_unchanged(folder)
        name = path.relative_to(folder).as_posix()
        if name.startswith("frames/"):
            step = int(path.stem.removeprefix("frame_"))
            shard, line = f"events_shard_{step // size:03d}.jsonl", step % size + 1
            assert skipped_in(recording) == [f"{shard} line {line}: frame {name} is missing"]
            assert recording.total_events == len(letters) - 1
        else:
            lost = 0 if name == META else len(content.splitlines())
            assert skipped_in(recording) == [f"{name}: missing"] and recording.total_events == len(letters) - lost
        path.write_bytes(content)
    figure(f"each of {len(paths)} files missing: all open, named, 0 other events lost, 0 files changed")


@PROMISE
def test_counts_in_the_metadata_may_be_stale(folder, figure):
    write_session(folder, events_of("oaoaoaoao"), shard_size=2)
    entries = {}
    for shards in (0, 1, 5, 6, 7, 10**12, None):
        for steps in (0, 1, 9, 10, 2**60, None):
            (folder / META).write_text(json.dumps(meta_of(total_shards=shards, total_steps=steps)))
            recording = open_unchanged(folder)
            assert recording.total_events == 9
            entries[shards, steps] = skipped_in(recording)
    lost_shards, lost_end = (
        "events_shard_005.jsonl: missing",
        f"{META}: counts 10 events, but the steps that were found end at 9",
    )
    for (shards, steps), named in entries.items():
        assert len(named) == ((shards or 0) > 5) + ((steps or 0) > 9), f"{shards} shards, {steps} steps: {named}"
    assert entries[6, 10] == [lost_shards, lost_end] or entries[6, 10] == [lost_end, lost_shards]
    assert entries[7, 0] == [f"{lost_shards}, as are all up to events_shard_006.jsonl"]
    figure(f"{len(entries)} stale counts: all open with all events, what may be lost is named, 0 files changed")


@PROMISE
def test_more_than_a_thousand_shards_are_read_in_the_order_of_their_numbers(folder, figure):
    shards = count(1003, 12_000)
    write_session(folder, [], meta=meta_of(total_shards=shards))
    for step in range(shards):
        line = json.dumps(action(step, {**RIGHT, "duration": step})) + "\n"
        (folder / f"events_shard_{step:03d}.jsonl").write_text(line)
    recording = open_unchanged(folder)
    assert skipped_in(recording) == [] and recording.actions[:, 2].tolist() == list(range(shards))
    # Of a repeated step the first is used: without steps to sort by, the order is that of the numbers alone.
    for number in (2, 10, 999, 1000):
        (folder / f"events_shard_{number:03d}.jsonl").write_text(json.dumps(action(7, {**RIGHT, "duration": number})))
    again = open_unchanged(folder)
    assert again.actions[again.action_steps.tolist().index(7), 2] == 2
    assert [entry.file for entry in again.skipped] == [f"events_shard_{n:03d}.jsonl" for n in (7, 10, 999, 1000)]
    figure(f"{shards:,} shards: read by number, 0 events lost, 0 files changed")


def test_runs_of_missing_shards_are_named(folder):
    write_session(folder, events_of("oaoaoaoaoa"), shard_size=2, meta=meta_of(total_shards=7))
    for number in (1, 3):
        (folder / f"events_shard_{number:03d}.jsonl").unlink()
    assert skipped_in(load_session(folder)) == [
        "events_shard_001.jsonl: missing",
        "events_shard_003.jsonl: missing",
        "events_shard_005.jsonl: missing, as are all up to events_shard_006.jsonl",
    ]


def test_without_metadata_robot_and_actions_are_recovered(folder):
    write_session(folder, events_of("oaoao"))
    (folder / META).unlink()
    recording = open_unchanged(folder)
    assert recording.profile == JETBOT and not recording.is_finished
    assert recording.candidate_actions == pytest.approx(np.array([[0, 0, 0.2], [0, 0.12, 0.2]]))


def test_without_its_frames_folder_the_actions_remain(folder):
    write_session(folder, events_of("oaoa"))
    for path in (folder / "frames").iterdir():
        path.unlink()
    (folder / "frames").rmdir()
    recording = open_unchanged(folder)
    assert (recording.frame_count, recording.action_count) == (0, 2)
    assert [entry.line for entry in recording.skipped] == [1, 3]


def test_damaged_lines_and_paths_that_lead_outside_change_nothing_on_disk(folder):
    write_session(
        folder, [*events_of("oaoao"), "{broken", observation(7, "/etc/passwd"), observation(9, "../../x.jpg")]
    )
    assert [entry.line for entry in open_unchanged(folder).skipped] == [6, 7, 8]
