"""Recognition of a session's folder, and a cheap fingerprint of its state."""

import os
import stat
from pathlib import Path

from session.jsonl_format.metadata import META_FILE
from session.jsonl_format.shards import is_shard

FRAMES_FOLDER = "frames"
MAX_DEPTH = 4  # folders below the session's own, such as frames/left


def is_session_folder(folder: str | os.PathLike[str]) -> bool:
    """True if ``folder`` holds metadata, events or frames, in any state.

    Raises OSError if it cannot be listed.
    """
    if os.path.lexists(os.path.join(folder, META_FILE)):
        return True
    with os.scandir(folder) as entries:
        return any(
            is_shard(entry.name) or (entry.name == FRAMES_FOLDER and entry.is_dir(follow_symlinks=False))
            for entry in entries
        )


def is_recording(folder: Path) -> bool:
    """True if ``folder`` is a session, and not the frames of one. Raises OSError if it cannot be listed."""
    is_name = "\0" not in str(folder)  # no file has such a name, and Python refuses to look for it
    return is_name and folder.name != FRAMES_FOLDER and is_session_folder(folder)


def fingerprint(folder: str | os.PathLike[str]) -> tuple[int, int]:
    """A value for the names, inodes, sizes and times of all files of a session, pictures included.

    It takes a few µs a file. Links are not followed, hidden files not looked at. Raises OSError.
    """
    return _fingerprint(os.fspath(folder), "", MAX_DEPTH)


def _fingerprint(folder: str, below: str, depth: int) -> tuple[int, int]:
    count, total = 0, 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            info = entry.stat(follow_symlinks=False)
            name = f"{below}/{entry.name}"
            if depth and stat.S_ISDIR(info.st_mode):
                files, inner = _fingerprint(entry.path, name, depth - 1)
                count, total = count + files, total + inner
            # A sum, as a folder lists its files in any order.
            count, total = count + 1, total + hash((name, info.st_ino, info.st_size, info.st_mtime_ns))
    return count, total
