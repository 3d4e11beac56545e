"""Tubs of donkeycars open as recordings, whatever is wrong with them."""

import json
import os
import random

import numpy as np
import pytest

from session import SessionNotFound, find_session, list_sessions, load_session
from tests.cases import every_case
from tests.session import damaged
from tests.session.session_files import events_of, jpeg, write_session
from tests.session.tub_files import INTERVAL_MS, START_MS, record, write_tub


def opened(tub, stride):
    return load_session(tub.with_name(f"{tub.name}@stride={stride}"))


def test_a_tub_is_listed_and_opened_with_its_pictures_and_commands(tmp_path):
    write_tub(tmp_path / "donkeycar" / "lap", [record(index) for index in range(12)], per_catalog=5)
    summary, *_ = list_sessions(tmp_path)
    assert (summary.session_id, summary.robot, summary.robot_title) == ("donkeycar/lap", "donkeycar", "Donkeycar")
    assert summary.start_time is not None and summary.is_finished
    recording = load_session(find_session(tmp_path, "donkeycar/lap@stride=1"))
    assert [recording.frame_bytes(index)[0] for index in range(12)] == [jpeg(index) for index in range(12)]
    expected = [[0.01 * index, 0.5] for index in range(11)]  # the last command has no outcome
    assert np.array_equal(recording.actions, np.array(expected, dtype=np.float32))
    channels = [(one.name, one.low, one.high) for one in recording.profile.channels]
    assert channels == [("angle", -1, 1), ("throttle", -1, 1)]
    assert recording.times.tolist() == [(START_MS + INTERVAL_MS * index) / 1000 for index in range(12)]
    history = recording.history(5, 4)
    assert (history.frames, history.actions) == ((1, 2, 3, 4), (1, 2, 3, 4))
    assert not recording.skipped and not recording.notes and not recording.may_be_recording


def test_a_stride_takes_every_nth_picture_and_the_mean_command_between(tmp_path):
    write_tub(tmp_path / "tub", [record(index) for index in range(24)], deleted=(10,))
    recording = load_session(find_session(tmp_path, "tub"))
    assert recording.choices.current.stride == 7 == recording.choices.usual.stride  # of 20 a second
    assert [recording.frame_bytes(index)[0] for index in range(4)] == [jpeg(index) for index in (0, 7, 11, 18)]
    assert recording.rows.tolist() == [0, 7, 11, 18]
    assert recording.previous.tolist() == [-1, 0, -1, 2]
    assert recording.actions[:, 0] == pytest.approx([0.03, 0.14])
    assert recording.name == "tub" and recording.choices.session_id("tub", {"stride": 1}) == "tub@stride=1"
    every = load_session(find_session(tmp_path, "tub@stride=1"))
    assert every.name == "tub@stride=1" and every.frame_count == 23 and every.version != recording.version
    assert every.choices.session_id("tub@stride=1", {"stride": 7}) == "tub"
    assert every.choices.session_id("tub@speed=0.5@stride=1", {"stride": 7}) == "tub@speed=0.5"  # a folder's name
    assert every.choices.session_id("tub@speed=0.5", {"stride": 2}) == "tub@speed=0.5@stride=2"


def test_an_offset_begins_at_another_row_of_each_run(tmp_path):
    write_tub(tmp_path / "tub", [record(index) for index in range(24)], deleted=(10,))
    recording = load_session(find_session(tmp_path, "tub@offset=2"))
    assert [recording.frame_bytes(index)[0] for index in range(4)] == [jpeg(index) for index in (2, 9, 13, 20)]
    assert recording.previous.tolist() == [-1, 0, -1, 2]
    assert recording.choices.session_id("tub@offset=2", {"stride": 1}) == "tub@stride=1"  # which begins at row 0
    assert recording.choices.with_offsets("tub@offset=2", 99) == ["tub", *(f"tub@offset={one}" for one in range(1, 7))]
    assert recording.choices.with_offsets("tub", 1) == ["tub"]
    with pytest.raises(SessionNotFound, match="offset must be below the stride, 7"):
        load_session(tmp_path / "tub@offset=7")


REFUSED = (
    "stride=0",
    "stride=x",
    "stride=12345",
    "stride=1,stride=2",
    "camera=left",
    "x=1",
    "stride=",
    "offset=0",
    "=",
)


@every_case("reading", REFUSED)
def test_other_readings_are_refused_with_a_sentence(tmp_path, reading):
    write_tub(tmp_path / "tub", [record(index) for index in range(3)])
    with pytest.raises(
        SessionNotFound, match=r"is no way to read this recording; after the @ can follow: stride, offset\."
    ):
        find_session(tmp_path, f"tub@{reading}")


def test_recordings_that_are_read_in_one_way_refuse_any_reading_and_links_stay_refused(tmp_path):
    write_session(tmp_path / "jetbot" / "one", events_of("oao"))
    write_session(tmp_path / "jetbot" / "two@stride=2", events_of("oao"))
    with pytest.raises(SessionNotFound, match="is read in one way only"):
        find_session(tmp_path, "jetbot/one@stride=2")
    assert load_session(find_session(tmp_path, "jetbot/two@stride=2")).frame_count == 2
    tub = write_tub(tmp_path / "elsewhere" / "deep" / "er" / "tub", [record(0)])
    os.symlink(tub, tmp_path / "tub")
    for session_id in ("tub", "tub@stride=1", "elsewhere/deep/er/tub", "elsewhere/deep/er@stride=1"):
        with pytest.raises(SessionNotFound, match="There is no session of that name"):
            find_session(tmp_path, session_id)


def test_deleted_records_pauses_and_other_drives_separate_frames(tmp_path):
    records = [record(index) for index in range(12)]
    for later in records[8:]:
        later["_timestamp_ms"] += 60_000
    for later in records[10:]:
        later["_session_id"] = "23-11-14_1"
    recording = opened(write_tub(tmp_path / "tub", records, deleted=(3, 4)), 1)
    assert recording.frame_count == 10 and "2 records that the manifest lists as deleted" in recording.notes[0]
    assert recording.previous.tolist() == [-1, 0, 1, -1, 3, 4, -1, 6, -1, 8]
    taken = np.round(recording.actions[:, 0] * 100).astype(int).tolist()
    assert taken == [0, 1, 5, 6, 8, 10]


def test_the_commands_of_the_autopilot_count_while_it_drives(tmp_path):
    records = [record(index, **{"pilot/angle": -0.5, "pilot/throttle": 0.25}) for index in range(4)]
    records[1]["user/mode"], records[2]["user/mode"] = "local_angle", "local"
    recording = opened(write_tub(tmp_path / "tub", records), 1)
    assert recording.actions.tolist() == [[0, 0.5], [-0.5, 0.5], [-0.5, 0.25]]
    assert "The autopilot drove in 2 of 4 records" in recording.notes[0]


def test_times_that_no_car_could_make_are_told(tmp_path):
    records = [record(index, _timestamp_ms=START_MS + 3 * index) for index in range(9)]
    recording = opened(write_tub(tmp_path / "tub", records), 1)
    assert "say 333 pictures a second" in recording.notes[0]
    assert recording.times[1] - recording.times[0] == pytest.approx(0.003, abs=1e-6)


def change_line(folder, number, text):
    path = folder / "catalog_0.catalog"
    lines = path.read_text().splitlines()
    lines[number] = text
    path.write_text("\n".join(lines))


DAMAGES = [
    (lambda tub: change_line(tub, 2, "{"), 5, "catalog_0.catalog line 3: not JSON"),
    (lambda tub: change_line(tub, 5, '{"_index": 5, "cam'), 5, "catalog_0.catalog line 6: not JSON (cut short)"),
    (lambda tub: change_line(tub, 2, json.dumps(record(1))), 5, "its index was recorded before"),
    (lambda tub: change_line(tub, 2, json.dumps(record(2, _index="2"))), 5, "_index is not a whole number"),
    (lambda tub: change_line(tub, 2, "[1]"), 5, "not a JSON object"),
    (lambda tub: change_line(tub, 2, json.dumps(record(2, **{"user/angle": "left"}))), 6, "not a usable number"),
    (
        lambda tub: change_line(tub, 2, json.dumps(record(2, **{"cam/image_array": "../../x.jpg"}))),
        5,
        "line 3: frame is not named, or not by a file's name",
    ),
    (
        lambda tub: (tub / "images" / "2_cam_image_array_.jpg").unlink(),
        5,
        "line 3: frame images/2_cam_image_array_.jpg",
    ),
    (
        lambda tub: (tub / "images" / "2_cam_image_array_.jpg").write_bytes(jpeg(2)[:-40]),
        5,
        "frame images/2_cam_image_array_.jpg is cut short",
    ),
    (lambda tub: (tub / "manifest.json").write_text("[]\n{"), 6, "names no catalogs; those in the folder are used"),
    (
        lambda tub: (tub / "manifest.json").write_text('{"paths": ["catalog_0.catalog", "catalog_1.catalog"]}'),
        6,
        "catalog_1.catalog: missing",
    ),
    (
        lambda tub: (tub / "manifest.json").write_text('{"paths": ["../../etc/passwd"]}'),
        6,
        "an entry of paths is not the name of a catalog in this folder",
    ),
    (
        lambda tub: (tub / "manifest.json").write_text('{"paths": [], "current_index": 9}'),
        6,
        "counts 9 records, but those that were found end at 6",
    ),
    (
        lambda tub: (tub / "catalog_0.catalog").write_text("version https://git-lfs.github.com/spec/v1\n"),
        0,
        "catalog_0.catalog: is a pointer of Git LFS",
    ),
]


@every_case("damage, frames, sentence", DAMAGES)
def test_a_damaged_tub_opens_with_what_is_good_and_says_what_is_not(tmp_path, damage, frames, sentence):
    tub = write_tub(tmp_path / "tub", [record(index) for index in range(6)])
    damage(tub)
    recording = load_session(find_session(tmp_path, "tub@stride=1"))
    assert recording.frame_count == frames
    assert sentence in "\n".join(recording.skipped_summary()), recording.skipped_summary()
    assert len(recording.links.previous) == frames


def test_a_picture_that_is_a_link_is_not_followed(tmp_path):
    tub = write_tub(tmp_path / "tub", [record(index) for index in range(3)])
    (tmp_path / "secret.jpg").write_bytes(jpeg(9))
    picture = tub / "images" / "1_cam_image_array_.jpg"
    picture.unlink()
    os.symlink(tmp_path / "secret.jpg", picture)
    recording = opened(tub, 1)
    assert recording.frame_count == 2 and "is not a regular file" in recording.skipped_summary()[0]


def test_a_manifest_alone_is_no_tub(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "manifest.json").write_text("{}")
    assert list_sessions(tmp_path) == []


def test_any_damage_opens(tmp_path):
    """Random bytes of the manifest and the catalog change; every tub opens, and links and columns fit together."""
    tub, chance = write_tub(tmp_path / "tub", [record(index) for index in range(6)]), random.Random(4)
    changes = (damaged.flip, damaged.cut, damaged.behead, damaged.insert, damaged.repeat, damaged.blank)
    originals = {path: path.read_bytes() for path in (tub / "manifest.json", tub / "catalog_0.catalog")}
    for _ in range(120):
        path = chance.choice(list(originals))
        path.write_bytes(chance.choice(changes)(originals[path], chance))
        recording = opened(tub, 1)
        assert recording.frame_count == len(recording.times) <= 6 and len(recording.actions) <= 5
        path.write_bytes(originals[path])
