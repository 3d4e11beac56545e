"""Recognition of a session's folder."""

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
    is_name = "\0" not in str(folder)  # no file has such a name, and Python refuses to look for it
    return is_name and folder.name != FRAMES_FOLDER and is_session_folder(folder)
