"""A cheap fingerprint of the state of a recording's folder."""

import os
import stat

MAX_DEPTH = 4  # folders below the session's own, such as frames/left


def folder_fingerprint(folder: str | os.PathLike[str]) -> tuple[int, int]:
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
