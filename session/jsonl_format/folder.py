"""Recognition of a session's folder, and a cheap fingerprint of its state."""

import os
from pathlib import Path

from session.jsonl_format.metadata import META_FILE
from session.jsonl_format.shards import is_shard

FRAMES_FOLDER = "frames"


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
    return folder.name != FRAMES_FOLDER and is_session_folder(folder)


def fingerprint(folder: str | os.PathLike[str]) -> tuple[tuple[str, int, int, int], ...]:
    """Name, inode, size and time of the metadata, the shards and the frames folder: equal if nothing was recorded.

    A picture rewritten in place changes nothing here; pictures are read anew each time anyway.
    """
    with os.scandir(folder) as entries:
        watched = [
            (entry.name, entry.stat(follow_symlinks=False))
            for entry in entries
            if entry.name in (META_FILE, FRAMES_FOLDER) or is_shard(entry.name)
        ]
    return tuple(sorted((name, info.st_ino, info.st_size, info.st_mtime_ns) for name, info in watched))
