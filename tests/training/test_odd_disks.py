"""Disks without locks, and such that cannot flush a folder: network shares, disks of user space."""

import errno
import fcntl
import os
import stat

import numpy as np
import pytest

from session import SessionRecorder, load_session
from session import files as session_files
from session.jsonl_format.lock import is_open_for_recording
from tests.cases import every_case
from tests.training.evaluation.test_store import KEY, assert_same, result_of
from tests.training.tiny import ENDLESS, make_manager, request, until
from training.checkpoints.reader import read_checkpoint
from training.evaluation.store import EvaluationStore
from training.jobs.run_reader import newest_log, read_run

NUMBERS = [errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL]
SPACE = [{"action": 0}, {"action": 1}]


@pytest.fixture
def odd_disk(monkeypatch):
    """Function that makes every lock, and every flush of a folder, fail with an error number."""
    fsync = os.fsync

    def fail_with(number):
        def refuse(*arguments):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(fcntl, "flock", refuse)
        monkeypatch.setattr(os, "fsync", lambda file: (refuse if stat.S_ISDIR(os.fstat(file).st_mode) else fsync)(file))
        session_files._warn_of_missing_locks.cache_clear()

    yield fail_with
    session_files._warn_of_missing_locks.cache_clear()


@every_case("number", NUMBERS)
def test_recorder_checkpoints_log_and_evaluations_work_without_locks(number, odd_disk, tmp_path, recording, caplog):
    odd_disk(number)
    caplog.clear()
    with SessionRecorder(tmp_path / "sessions", "ToroidalDotRobot", SPACE) as recorder:
        recorder.record_observation(np.zeros((16, 16, 3), np.uint8))
        assert is_open_for_recording(recorder.folder)  # it is not deleted to make room
    assert load_session(recorder.folder).frame_count == 1 and not is_open_for_recording(recorder.folder)

    manager = make_manager(tmp_path / "checkpoints" / "toroidal_dot")
    job = manager.train(request(recording, condition=ENDLESS))
    until(lambda: job.snapshot().step >= 2)
    job.stop()
    assert job.wait(30)
    steps = job.snapshot().step
    assert job.snapshot().saved == f"autoencoder.pth (step {steps})"
    assert read_checkpoint(manager.directory / "autoencoder.pth").step == steps
    run = read_run(manager.directory, newest_log(manager.directory))
    assert (run.status, run.saved_step) == ("stopped", steps)

    EvaluationStore(tmp_path).put(result_of())
    assert_same(EvaluationStore(tmp_path).find(KEY), result_of())
    warnings = [one.message for one in caplog.records if "lock" in one.message]
    assert warnings == [session_files.NO_LOCKS]  # once


def test_other_errors_of_a_lock_or_a_folder_remain_errors(odd_disk, tmp_path):
    odd_disk(errno.EIO)
    with pytest.raises(OSError):
        session_files.sync_folder(tmp_path)
    file = session_files.open_file(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    with pytest.raises(OSError):
        session_files.lock_file(file)
    os.close(file)
