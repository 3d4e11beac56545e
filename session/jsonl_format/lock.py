"""The lock that a recorder holds on a file in its session's folder while it records.

The system releases it when the process ends, however it ends. It therefore shows across processes if a recorder of
this program is active; recorders of other programs hold none.
"""

import os
import time
from pathlib import Path

from session.files import LocksUnsupported, lock_file, open_file, open_folder, try_lock
from session.jsonl_format.metadata import read_metadata
from session.skipped import SkippedLog

LOCK_FILE = ".recording.lock"
# Recorders of other programs hold no lock: an unfinished session that was written to recently may be theirs.
OTHER_RECORDER_S = 600


def lock_new_session(folder: Path) -> int:
    """Mark a session as being recorded, until the returned descriptor is closed or the process ends."""
    # Locked before it has its name: otherwise another program could see it unlocked and take the session for ended.
    unnamed = folder / f"{LOCK_FILE}.new"
    lock = open_file(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    lock_file(lock)
    os.rename(unnamed, folder / LOCK_FILE)
    return lock


def is_locked(folder: Path) -> bool:
    """True if the lock in a session folder is held.

    Raises FileNotFoundError if there is none, LocksUnsupported on a disk without locks, and OSError.
    """
    lock = open_file(folder / LOCK_FILE)
    try:
        # Shared: two readers at the same moment must not take each other for a recorder.
        return not try_lock(lock, is_shared=True)
    finally:
        os.close(lock)


def is_being_recorded(folder: Path) -> bool:
    """True if a recorder of this program certainly records the session now."""
    try:
        return is_locked(folder)
    except OSError:
        return False


def is_open_for_recording(folder: Path) -> bool:
    """True if a recorder, of this or another program, records into a session folder or may do so."""
    try:
        return is_locked(folder)
    except (FileNotFoundError, LocksUnsupported):
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
