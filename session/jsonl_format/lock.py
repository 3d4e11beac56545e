"""The lock that a recorder holds on a file in its session's folder while it records.

The system lets go of it when the process ends, however it ends. It is therefore the truth about who is recording,
across processes; only recorders of other programs hold none.
"""

import fcntl
import os
import time
from pathlib import Path

from session.files import open_folder
from session.jsonl_format.metadata import read_metadata
from session.skipped import SkippedLog

LOCK_FILE = ".recording.lock"
# Recorders of other programs hold no lock: an unfinished session that was written to lately may be theirs.
OTHER_RECORDER_S = 600


def lock_new_session(folder: Path) -> int:
    """Mark a session as being recorded, until the returned descriptor is closed or the process ends."""
    # Locked before it has its name: nobody may find it there unlocked and take the session for a dead one.
    unnamed = folder / f"{LOCK_FILE}.new"
    lock = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.rename(unnamed, folder / LOCK_FILE)
    return lock


def is_locked(folder: Path) -> bool:
    """Whether the lock in a session folder is held; raises FileNotFoundError where there is none, and OSError."""
    lock = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # Shared: of two who look at the same moment, neither must take the other for a recorder.
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def is_being_recorded(folder: Path) -> bool:
    """Whether a session is being recorded for sure: by a recorder of this program that is alive."""
    try:
        return is_locked(folder)
    except OSError:
        return False


def is_open_for_recording(folder: Path) -> bool:
    """Whether somebody is, or may be, recording into a session folder."""
    try:
        return is_locked(folder)
    except FileNotFoundError:
        return _is_recent(folder) and not _is_finished(folder)
    except OSError:
        return True


def _is_recent(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        times = [entry.stat(follow_symlinks=False).st_mtime for entry in entries]
    return max([*times, folder.stat().st_mtime]) > time.time() - OTHER_RECORDER_S


def _is_finished(folder: Path) -> bool:
    with open_folder(folder) as opened:
        return read_metadata(opened, SkippedLog()).is_finished
