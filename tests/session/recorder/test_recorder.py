import json
import os
import signal
import subprocess
import sys
from datetime import datetime
from itertools import count

import numpy as np
import pytest
from PIL import Image

from session import InvalidAction, RecordingError, SessionRecorder, list_sessions, load_session
from session.jsonl_format.lock import LOCK_FILE, is_open_for_recording
from session.recorder import recorder as recorder_module
from tests.cases import every_case

SPACE = [{"action": 0}, {"action": 1}]
PICTURE = np.full((32, 32, 3), 120, dtype=np.uint8)


def start(root, **options):
    return SessionRecorder(root, "ToroidalDotRobot", SPACE, **options)


def meta_of(recorder):
    return json.loads((recorder.folder / "session_meta.json").read_text())


def test_a_recording_opens_again(tmp_path):
    with start(tmp_path) as recorder:
        recorder.record_observation(PICTURE)
        recorder.record_action({"action": 1})
        recorder.record_observation(Image.fromarray(PICTURE))
    session = load_session(recorder.folder)
    assert session.skipped == ()
    assert (session.frame_count, session.actions.tolist(), session.previous.tolist()) == (2, [[1.0]], [-1, 0])
    assert abs(np.asarray(session.picture(1), dtype=int) - 120).max() <= 2
    assert [summary.session_id for summary in list_sessions(tmp_path)] == [recorder.session_id]
    assert recorder.session_id.startswith("toroidal_dot/session_")


def test_files_have_the_format_of_existing_recordings(tmp_path):
    times = count(1758486093.25)
    with start(tmp_path, shard_size=2, clock=lambda: float(next(times))) as recorder:
        recorder.record_observation(PICTURE)
        recorder.record_action({"action": np.int64(1)})
        recorder.record_observation(PICTURE)
    lines = [json.loads(line) for line in (recorder.folder / "events_shard_000.jsonl").read_text().splitlines()]
    assert [sorted(line) for line in lines] == [["data", "step", "timestamp", "type"]] * 2
    assert lines[0]["data"] == {"frame_path": "frames/frame_000000.jpg"}
    assert lines[1] == {"step": 1, "type": "action", "data": {"action": 1}, "timestamp": lines[0]["timestamp"] + 1}
    assert sorted(path.name for path in recorder.folder.iterdir()) == [
        "events_shard_000.jsonl", "events_shard_001.jsonl", "frames", "session_meta.json",
    ]  # fmt: skip
    assert sorted(path.name for path in (recorder.folder / "frames").iterdir()) == [
        "frame_000000.jpg", "frame_000002.jpg",
    ]  # fmt: skip
    content = meta_of(recorder)
    assert set(content) == {
        "session_name", "start_time", "shard_size", "max_disk_gb", "action_space", "robot_type", "total_shards",
        "end_time", "total_steps",
    }  # fmt: skip
    assert (content["session_name"], content["robot_type"]) == (recorder.folder.name, "ToroidalDotRobot")
    assert (content["shard_size"], content["total_shards"], content["total_steps"]) == (2, 2, 3)
    assert content["action_space"] == SPACE
    assert datetime.fromisoformat(content["start_time"]).tzinfo is None


def test_metadata_grow_with_the_recording(tmp_path):
    with start(tmp_path, shard_size=1) as recorder:
        assert (meta_of(recorder)["action_space"], meta_of(recorder)["total_shards"]) == (None, 0)
        recorder.record_action({"action": 1})
        assert (meta_of(recorder)["action_space"], meta_of(recorder)["total_shards"]) == (SPACE, 1)
        recorder.record_action({"action": 1})
        assert meta_of(recorder)["total_shards"] == 2
        assert not {"end_time", "total_steps"} & set(meta_of(recorder))
    assert meta_of(recorder)["total_steps"] == 2


def test_each_event_is_in_the_file_as_soon_as_it_is_recorded(tmp_path):
    with start(tmp_path) as recorder:
        for number in range(1, 6):
            recorder.record_observation(PICTURE)
            assert load_session(recorder.folder).frame_count == number
            assert load_session(recorder.folder).skipped == ()


def test_two_recorders_of_the_same_second_get_different_folders(tmp_path):
    recorders = [start(tmp_path, clock=lambda: 1758486093.0) for _ in range(3)]
    names = {recorder.folder.name for recorder in recorders}
    assert len(names) == 3
    for recorder in recorders:
        recorder.record_action({"action": 0})
        recorder.close()
        assert load_session(recorder.folder).start_time == datetime.fromtimestamp(1758486093.0)


def test_a_recording_ends_cleanly_also_after_an_error(tmp_path):
    with pytest.raises(KeyError), start(tmp_path) as recorder:
        recorder.record_action({"action": 1})
        raise KeyError
    assert meta_of(recorder)["total_steps"] == 1
    assert not (recorder.folder / LOCK_FILE).exists()


def test_nothing_can_be_recorded_after_the_end(tmp_path):
    recorder = start(tmp_path)
    recorder.close()
    recorder.close()
    with pytest.raises(RecordingError, match="has ended"):
        recorder.record_action({"action": 1})


@every_case("data", [{}, {"action": float("nan")}, {"action": True}, {"action": "1"}, {1: 1}, [], None])
def test_an_action_that_could_not_be_read_again_is_refused(tmp_path, data):
    with start(tmp_path) as recorder:
        with pytest.raises(InvalidAction):
            recorder.record_action(data)
        recorder.record_action({"action": 1})
    assert load_session(recorder.folder).action_count == 1


@every_case("shape, dtype", [((4, 4), np.uint8), ((4, 4, 4), np.uint8), ((4, 4, 3), np.float32), ((0, 4, 3), np.uint8)])
def test_a_picture_of_another_kind_is_refused(tmp_path, shape, dtype):
    with start(tmp_path) as recorder, pytest.raises(RecordingError, match="three colours"):
        recorder.record_observation(np.zeros(shape, dtype=dtype))


@pytest.mark.parametrize("options", [{"shard_size": 0}, {"max_disk_gb": 0}, {"max_disk_gb": float("nan")}])
def test_impossible_sizes_are_refused(tmp_path, options):
    with pytest.raises(RecordingError):
        start(tmp_path, **options)


def test_a_folder_that_cannot_be_written_is_reported_without_its_path(tmp_path):
    (tmp_path / "toroidal_dot").write_text("a file in the way")
    with pytest.raises(RecordingError, match="cannot be written") as caught:
        start(tmp_path)
    assert str(tmp_path) not in str(caught.value)


def test_a_full_disk_ends_the_recording_and_leaves_whole_lines(tmp_path, monkeypatch):
    recorder = start(tmp_path)
    recorder.record_action({"action": 1})

    def write_half(file, content):
        os.write(file, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(recorder_module, "write_all", write_half)
        with pytest.raises(RecordingError, match="No space left on device"):
            recorder.record_action({"action": 0})
    with pytest.raises(RecordingError, match="has ended"):
        recorder.record_action({"action": 0})
    recorder.close()
    session = load_session(recorder.folder)
    assert (session.skipped, session.action_count, session.is_finished) == ((), 1, False)


RECORD_UNTIL_KILLED = """
import sys
import numpy as np
from session import SessionRecorder
recorder = SessionRecorder(sys.argv[1], "ToroidalDotRobot", [{"action": 0}], shard_size=7)
print(recorder.folder, flush=True)
for number in range(100000):
    if number % 2:
        recorder.record_action({"action": number % 2})
    else:
        recorder.record_observation(np.full((64, 64, 3), number % 256, dtype=np.uint8))
    print(number, flush=True)
"""


@every_case("acknowledged", [0, 1, 6, 7, 20, 61, 150])
def test_a_killed_recorder_loses_nothing_that_it_acknowledged(tmp_path, acknowledged):
    command = [sys.executable, "-c", RECORD_UNTIL_KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        folder = tmp_path / "toroidal_dot" / os.path.basename(child.stdout.readline().strip())
        for _ in range(acknowledged):
            last = int(child.stdout.readline())
        assert is_open_for_recording(folder)
        child.send_signal(signal.SIGKILL)
        last = int((child.stdout.read().split() or [last if acknowledged else -1])[-1])
    session = load_session(folder)
    steps = sorted([*session.steps.tolist(), *session.action_steps.tolist()])
    assert steps[: last + 1] == list(range(last + 1)) and len(steps) <= last + 2
    assert len(session.skipped) <= 1
    assert not session.is_finished
    assert not is_open_for_recording(folder)
    assert [session.picture(index).size for index in range(session.frame_count)] == [(64, 64)] * session.frame_count
