import fcntl
import os
import signal
import subprocess
import sys

import numpy as np

from page.facts import session_facts, session_labels
from session import SessionRecorder, list_sessions, load_session
from session.jsonl_format.lock import LOCK_FILE, is_being_recorded
from tests.session.session_files import meta_of, write_session

SPACE = [{"action": 0}, {"action": 1}]
PICTURE = np.zeros((16, 16, 3), dtype=np.uint8)
RECORD = """
import sys, time
import numpy as np
from session import SessionRecorder
recorder = SessionRecorder(sys.argv[1], "ToroidalDotRobot", [{"action": 0}, {"action": 1}])
recorder.record_observation(np.zeros((16, 16, 3), dtype=np.uint8))
print(recorder.folder, flush=True)
sys.stdin.read()
"""


def test_a_session_is_being_recorded_until_its_recorder_closes(tmp_path):
    with SessionRecorder(tmp_path, "ToroidalDotRobot", SPACE) as recorder:
        recorder.record_observation(PICTURE)
        session = load_session(recorder.folder)
        assert session.is_being_recorded and session.may_be_recording
        (summary,) = list_sessions(tmp_path)
        assert summary.is_being_recorded and "· being recorded" in session_labels([summary])[0]
        assert "1 frame · 0 actions" in session_facts(session) and "· being recorded</p>" in session_facts(session)
    assert not session.is_being_recorded and not session.may_be_recording
    (summary,) = list_sessions(tmp_path)
    assert not summary.is_being_recorded and "being recorded" not in session_labels([summary])[0]
    assert "being recorded" not in session_facts(load_session(recorder.folder))


def test_a_recorder_that_is_killed_records_no_more(tmp_path):
    command = [sys.executable, "-c", RECORD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        session = load_session(process.stdout.readline().strip())
        assert session.is_being_recorded
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert (session.folder / LOCK_FILE).exists()
    assert not session.is_being_recorded and not session.may_be_recording
    assert "not finished cleanly" in session_facts(session)


def test_a_reader_is_not_taken_for_a_recorder(tmp_path):
    folder = write_session(tmp_path / "session_1", [])
    (folder / LOCK_FILE).touch()
    other = os.open(folder / LOCK_FILE, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)  # another reader at the same moment
        assert not is_being_recorded(folder)
    finally:
        os.close(other)


def test_an_unfinished_recent_session_without_a_lock_may_be_recording(tmp_path):
    meta = meta_of(robot_type="ToroidalDotRobot")
    del meta["end_time"], meta["total_steps"]
    session = load_session(write_session(tmp_path / "session_1", [], meta=meta))
    assert session.may_be_recording and not session.is_being_recorded
    finished = load_session(write_session(tmp_path / "session_2", []))
    assert not finished.may_be_recording


def test_a_session_that_was_moved_away_is_not_being_recorded(tmp_path):
    folder = write_session(tmp_path / "session_1", [])
    session = load_session(folder)
    folder.rename(tmp_path / "elsewhere")
    assert not session.may_be_recording and not session.is_being_recorded
