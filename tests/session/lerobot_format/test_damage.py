"""Damage that datasets have in the field: what is good opens, and what is not is named."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from session import FrameUnreadable, SessionError, SessionNotFound, find_session, list_sessions, load_session
from session.lerobot_format.dataset_files import DatasetFiles
from tests.cases import every_case
from tests.session.dataset_files import (
    actions_of,
    change_episodes,
    change_info,
    columns_of,
    frame_shown,
    picture,
    write_table,
    write_v2,
    write_v3,
    write_video,
)
from tests.session.session_files import events_of, write_session

KEY = "observation.images.front"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
DATA, EPISODES = "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"
VIDEO = f"videos/{KEY}/chunk-000/file-001.mp4"
VIDEO_V2, DATA_V2 = f"videos/chunk-000/{KEY}/episode_000001.mp4", "data/chunk-000/episode_000001.parquet"
PLAYLIST = b"ffconcat version 1.0\nfile other.mp4\n"


def frames(count: int) -> list:
    return [picture(1, frame) for frame in range(count)]


def rewrite(path: Path, change) -> None:
    rows = pq.ParquetFile(path).read().to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, pq.ParquetFile(path).schema_arrow), path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def set_value(path: Path, row: int, **values: object) -> None:
    rewrite(path, lambda rows: rows[row].update(values))


def move_to_new_file(folder: Path) -> None:
    (folder / DATA).rename(folder / "data/chunk-000/file-007.parquet")


def as_single_file(folder: Path) -> None:
    """Version 3.0 whose data are files of version 2.1."""
    (folder / DATA).unlink()
    for episode, length in enumerate((7, 5, 9)):
        write_table(folder / f"data/chunk-000/episode_{episode:06d}.parquet", columns_of(episode, length, 0))


def move_video(folder: Path) -> None:
    (folder / "videos/elsewhere/front").mkdir(parents=True)
    (folder / VIDEO_V2).rename(folder / "videos/elsewhere/front/1.mp4")


# Version, damage, frames with a picture of episode 1 (5 rows), whether all are grey, and what is said.
DAMAGES = [
    (3, lambda f: cut(f / DATA), 0, False, f"{DATA}: has no end: its recording or download was cut off"),
    (2, lambda f: (f / DATA_V2).write_bytes(LFS * 4), 0, False, f"{DATA_V2}: is a pointer of Git LFS"),
    (2, lambda f: (f / DATA_V2).write_bytes(b"x" * 500), 0, False, f"{DATA_V2}: has no end"),
    (3, lambda f: (f / VIDEO).unlink(), 5, True, f"{VIDEO}: is not here"),
    (3, lambda f: (f / VIDEO).write_bytes(LFS), 5, True, f"{VIDEO}: is a pointer of Git LFS"),
    (3, lambda f: cut(f / VIDEO) or (f / VIDEO).write_bytes((f / VIDEO).read_bytes()[:900]), 5, True, "is no MP4 file"),
    (2, lambda f: (f / VIDEO_V2).write_bytes(PLAYLIST), 5, True, f"{VIDEO_V2}: is no MP4 file"),
    (3, lambda f: change_episodes(f, 1, file_index=9), 5, True, "file-009.mp4: is not here"),
    (3, lambda f: change_episodes(f, 1, **{"front/chunk_index": None}), 5, True, "has no video by the metadata"),
    (2, move_video, 5, False, ""),
    (2, lambda f: write_video(f / VIDEO_V2, frames(3)), 3, False, "holds 3 frames for 5 rows; 2 rows have no picture"),
    (2, lambda f: write_video(f / VIDEO_V2, frames(8)), 5, False, ""),
    (3, lambda f: change_episodes(f, 1, to_timestamp=10 / 30), 3, False, "holds 3 frames for 5 rows"),
    (
        3,
        lambda f: change_episodes(f, 1, from_timestamp=19 / 30, to_timestamp=1.0),
        2,
        False,
        "holds 2 frames for 5 rows",
    ),
    (
        3,
        lambda f: change_episodes(f, 2, from_timestamp=10 / 30),
        5,
        False,
        "another episode begins within",
    ),
    (3, lambda f: change_episodes(f, 1, length=3), 5, False, "holds 5 rows of episode_000001, its metadata counts 3"),
    (3, lambda f: change_episodes(f, 1, dataset_from_index=900), 5, False, ""),
    (3, lambda f: change_info(f, total_episodes=50, total_frames=1, splits={"train": "0:50"}), 5, False, ""),
    (3, move_to_new_file, 5, False, f"{DATA}: is not here; the episode was found in data/chunk-000/file-007.parquet"),
    (3, as_single_file, 5, False, "the episode was found in data/chunk-000/episode_000001.parquet"),
    (3, lambda f: cut(f / EPISODES), 5, True, f"{EPISODES}: has no end"),
    (2, lambda f: (f / "meta/episodes.jsonl").unlink(), 5, False, "meta/episodes.jsonl: is not here"),
    (2, lambda f: (f / "meta/tasks.jsonl").unlink(), 5, False, ""),
    (2, lambda f: set_value(f / DATA_V2, 2, frame_index=1), 4, False, "row 2 has a frame_index that came before"),
    (2, lambda f: set_value(f / DATA_V2, 2, action=[1.0, float("nan"), 2.0]), 5, False, "elbow.pos is not a usable"),
    (2, lambda f: change_info(f, data_path="../{episode_index}.parquet"), 5, False, "leads outside the dataset"),
    (2, lambda f: change_info(f, data_path="{episode_index.__class__}"), 5, False, ""),
    (2, lambda f: change_info(f, data_path="/etc/passwd"), 5, False, "leads outside the dataset"),
    (2, lambda f: change_info(f, video_path="../../{video_key}.mp4"), 5, False, ""),
    (2, lambda f: change_info(f, codebase_version="v2.9", fps=0), 5, False, ""),
]


@every_case("version, damage, count, is_grey, sentence", DAMAGES)
def test_what_is_good_opens_and_the_rest_is_named(tmp_path, version, damage, count, is_grey, sentence):
    folder = (write_v3 if version == 3 else write_v2)(tmp_path / "arm")
    damage(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    recording = load_session(find_session(tmp_path, "arm/episode_000001@stride=1"))
    said = "\n".join([*recording.skipped_summary(), *recording.notes])
    assert recording.frame_count == count and sentence in said, (recording.frame_count, said)
    for index in range(count):
        shown = recording.picture(index)
        if is_grey:
            assert shown.getcolors() == [(64 * 48, (128, 128, 128))] and "grey ones stand for the frames" in said
        elif "front/chunk" not in said and "counts" not in said:
            assert frame_shown(shown)[0] in (1, 2)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_rows_without_a_picture_are_no_frames_and_others_keep_theirs(tmp_path):
    folder = write_v2(tmp_path / "arm")
    write_video(folder / VIDEO_V2, frames(3))
    recording = load_session(folder / "episode_000001@stride=1")
    assert [frame_shown(recording.picture(index)) for index in range(3)] == [(1, 0), (1, 1), (1, 2)]
    assert np.array_equal(recording.actions, actions_of(1, 5)[:4])


def test_a_gap_in_the_rows_separates_frames(tmp_path):
    folder = write_v2(tmp_path / "arm")
    rewrite(folder / DATA_V2, lambda rows: rows.pop(2))
    recording = load_session(folder / "episode_000001@stride=1")
    assert [frame_shown(recording.picture(index)) for index in range(4)] == [(1, 0), (1, 1), (1, 3), (1, 4)]
    assert recording.previous.tolist() == [-1, 0, -1, 2]


def test_a_video_at_another_rate_shows_the_nearest_frame_and_says_so(tmp_path):
    folder = write_v2(tmp_path / "arm", lengths=(4, 8))
    write_video(folder / VIDEO_V2, [picture(1, frame) for frame in range(0, 8, 2)], fps=15)
    recording = load_session(folder / "episode_000001@stride=1")
    assert [frame_shown(recording.picture(index))[1] // 2 for index in range(8)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert any("runs at 15 frames a second, the rows at 30" in note for note in recording.notes)


def test_another_camera_is_shown_if_the_usual_one_is_not_here(tmp_path):
    folder = write_v2(tmp_path / "arm", cameras={"front": "video", "wrist": "video"})
    (folder / VIDEO_V2).unlink()
    recording = load_session(folder / "episode_000001@stride=1")
    assert recording.choices.current.camera == "wrist"
    assert "The camera is wrist: front has no pictures here." in recording.notes
    asked = recording.choices.session_id("arm/episode_000001", {"camera": "front"})
    assert asked == "arm/episode_000001@camera=front,stride=1"
    assert frame_shown(recording.picture(2)) == (1, 2)
    grey = load_session(folder / "episode_000001@stride=1,camera=front")
    assert grey.picture(0).getpixel((0, 0)) == (128, 128, 128)


def test_damaged_pictures_cost_only_themselves(tmp_path):
    folder = write_v2(tmp_path / "arm", cameras={"front": "image"})
    set_value(folder / DATA_V2, 2, **{KEY: {"bytes": b"GIF89a", "path": None}})
    set_value(folder / DATA_V2, 3, **{KEY: {"bytes": None, "path": "/etc/passwd"}})
    recording = load_session(folder / "episode_000001@stride=1")
    with pytest.raises(FrameUnreadable, match="Frame 2 cannot be read: it is not a JPEG or PNG picture"):
        recording.picture(2)
    with pytest.raises(FrameUnreadable, match="Frame 3 cannot be read: its file is gone"):
        recording.picture(3)
    assert frame_shown(recording.picture(4)) == (1, 4)


def test_only_episodes_that_are_here_are_listed(tmp_path):
    folder = write_v2(tmp_path / "arm")
    (folder / "data/chunk-000/episode_000000.parquet").unlink()
    assert [one.name for one in list_sessions(tmp_path)] == ["arm/episode_000001", "arm/episode_000002"]
    details = dict(load_session(folder / "episode_000001").details)
    assert details["Dataset"] == "3 episodes, 1 of them not downloaded"


USELESS = [
    (lambda f: change_info(f, codebase_version="v1.6"), "is of version v1.6; versions 2.0, 2.1 and 3.0 can be opened"),
    (lambda f: (f / "meta/info.json").write_text("{"), "meta/info.json of this dataset is not JSON"),
    (lambda f: (f / "meta/info.json").write_bytes(LFS), "is a pointer of Git LFS"),
    (lambda f: shutil.rmtree(f / "data"), "None of its episodes is here"),
]


@every_case("damage, sentence", USELESS)
def test_a_dataset_without_episodes_is_one_line_that_says_why(tmp_path, damage, sentence):
    damage(write_v2(tmp_path / "arm", cameras={}))
    write_session(tmp_path / "jetbot" / "session_1", events_of("oao"))
    *_, line = list_sessions(tmp_path)
    assert (line.session_id, line.is_readable) == ("arm", False) and sentence in line.problem
    with pytest.raises(SessionError):
        find_session(tmp_path, "arm")


def test_links_lead_to_blobs_of_the_same_cache_folder_only(tmp_path):
    """A Hugging Face cache opens; links to anything else are not followed."""
    source, cache = write_v3(tmp_path / "source"), tmp_path / "sessions" / "hub" / "datasets--me--arm"
    snapshot = cache / "snapshots" / "0123456789abcdef"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text("0123456789abcdef\n")
    (cache / "blobs").mkdir()
    for number, path in enumerate(sorted(one for one in source.rglob("*") if one.is_file())):
        link = snapshot / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, cache / "blobs" / f"{number:040x}")
        up = "../" * (len(link.relative_to(cache).parts) - 1)
        os.symlink(f"{up}blobs/{number:040x}", link)
    session_id = "hub/datasets--me--arm/episode_000001"
    assert session_id in [one.session_id for one in list_sessions(tmp_path / "sessions")]
    recording = load_session(find_session(tmp_path / "sessions", f"{session_id}@stride=1"))
    assert [frame_shown(recording.picture(index)) for index in range(5)] == [(1, index) for index in range(5)]
    for target in (source / DATA, "../../../../../../../source/" + DATA, "../../blobs/../../../../source/" + DATA):
        (snapshot / DATA).unlink()
        os.symlink(target, snapshot / DATA)
        said = load_session(tmp_path / "sessions" / session_id).skipped_summary()[0]
        assert "leads outside the dataset" in said


@every_case("path", [DATA, VIDEO, EPISODES, "meta/info.json"])
def test_links_in_a_plain_dataset_are_not_followed(tmp_path, path):
    folder = write_v3(tmp_path / "sessions" / "arm")
    (folder / path).rename(tmp_path / "outside")
    os.symlink(tmp_path / "outside", folder / path)
    listed = list_sessions(tmp_path / "sessions")
    if path == "meta/info.json":
        assert [one.is_readable for one in listed] == [False]
    elif path == DATA:
        recording = load_session(folder / "episode_000001")
        assert (recording.frame_count, recording.action_count) == (0, 0) and path in recording.skipped_summary()[0]
    else:
        assert any(path in line for line in load_session(folder / "episode_000001").skipped_summary())
    os.unlink(folder / path)
    (tmp_path / "elsewhere").mkdir()
    os.symlink(folder, tmp_path / "sessions" / "link")
    with pytest.raises(SessionNotFound):
        find_session(tmp_path / "sessions", "link/episode_000000@stride=1")


def test_without_the_libraries_the_list_says_what_to_install(tmp_path):
    """In a process of its own, in which neither library can be imported."""
    write_v3(tmp_path / "arm")
    write_session(tmp_path / "jetbot" / "session_1", events_of("oao"))
    program = f"""
import sys
sys.modules["pyarrow"] = sys.modules["av"] = None
from session import SessionError, find_session, list_sessions, load_session
lines = list_sessions({str(tmp_path)!r})
print([(one.session_id, one.is_readable, one.problem) for one in lines])
print(load_session(find_session({str(tmp_path)!r}, "jetbot/session_1")).frame_count)
try:
    find_session({str(tmp_path)!r}, "arm/episode_000001")
except SessionError as problem:
    print(problem)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    listed, count, refused = answer.splitlines()
    sentence = "needs pyarrow and av: run `pip install -r requirements-formats.txt`"
    assert "('jetbot/session_1', True, '')" in listed and "('arm', False, " in listed
    assert sentence in listed and sentence in refused and count == "2"


def test_the_package_imports_neither_library_by_itself(tmp_path):
    program = "import sys, session; print({'av', 'pyarrow'} & sys.modules.keys())"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert answer.strip() == "set()"


def test_ten_thousand_episodes_are_listed_from_metadata_alone(tmp_path, monkeypatch):
    folder = write_v3(tmp_path / "arm", cameras={"front": "video"}, lengths=(3,))
    count = 10_000
    rows = pq.ParquetFile(folder / EPISODES).read().to_pylist()
    every = [rows[0] | {"episode_index": index} for index in range(count)]
    pq.write_table(pa.Table.from_pylist(every), folder / EPISODES)
    looked_at: list[str] = []
    real = DatasetFiles.descriptor
    monkeypatch.setattr(DatasetFiles, "descriptor", lambda files, path: looked_at.append(path) or real(files, path))
    assert len(list_sessions(tmp_path)) == count
    assert all(path.startswith("meta/") for path in looked_at)
    looked_at.clear()
    assert len(list_sessions(tmp_path)) == count and looked_at == []
