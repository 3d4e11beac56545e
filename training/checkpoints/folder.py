"""What a save asks of the folder it writes into: nobody else in it, no litter, second names, and room.

Owns what follows a save that broke off. Its files lie under temporary names; where `state.json` names them already it
had taken place, and they are put where they belong; otherwise they are removed. Either way the files are those of one
generation.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from training.checkpoints.manifest import STATE_FILE, TEMPORARY, file_digest, read_state

LOCK_FILE = ".saving.lock"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, somebody's share of it, or the size of one file
MEGABYTE, KILOBYTE = 1_000_000, 1_000


def temporary_path(path: Path) -> Path:
    """The name under which a file lies until it is whole."""
    return path.with_name(path.name + TEMPORARY)


@contextlib.contextmanager
def exclusive_access(directory: Path) -> Iterator[None]:
    """Wait until nobody else writes in the folder, and settle what an earlier save left; raises OSError."""
    with (directory / LOCK_FILE).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        recover_unfinished(directory)
        yield


def recover_unfinished_at_start(directory: Path) -> None:
    """Settle what a program left that was killed in a save; where that cannot be, or somebody is saving now, the next
    save does it."""
    with contextlib.suppress(OSError):
        if next(directory.glob(f"*{TEMPORARY}"), None) is not None:
            with (directory / LOCK_FILE).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                recover_unfinished(directory)


def recover_unfinished(directory: Path) -> None:
    """Put unfinished files in their places where `state.json` names them, and remove the others; raises OSError."""
    unfinished = [path for path in directory.glob(f"*{TEMPORARY}") if not path.is_dir()]
    digests = read_state(directory).get("digests", {})
    for temporary in unfinished:
        path = temporary.with_name(temporary.name.removesuffix(TEMPORARY))
        is_decided = path.name in digests and temporary.is_file() and digests[path.name] == file_digest(temporary)
        if is_decided and not _came_later(path):
            os.replace(temporary, path)
        else:
            temporary.unlink()
    if unfinished:
        sync_folder(directory)


def _came_later(path: Path) -> bool:
    """Whether somebody put a file there after the save had taken place: it is not ours to replace."""
    state = path.with_name(STATE_FILE)
    return path.exists() and path.stat().st_ctime_ns > state.stat().st_ctime_ns


def remove_temporary_files(directory: Path) -> None:
    """Remove what a save has written that did not take place."""
    # A full disk is no time to leave half a checkpoint lying about, nor to fail because of it.
    for temporary in directory.glob(f"*{TEMPORARY}"):
        with contextlib.suppress(OSError):
            temporary.unlink()


def link_or_copy(path: Path, second: Path) -> None:
    """Give a file a second name, in place of what had it; raises OSError."""
    linked = temporary_path(second)
    try:
        os.link(path, linked)
    except OSError:  # some file systems know no links; a copy is as good, and slower
        shutil.copyfile(path, linked)
    os.replace(linked, second)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class HashingFile:
    """Stands between torch and a file: it keeps a digest of what was written, and the first problem of the disk.

    Of that torch would only tell that something did not work.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._problem: OSError | None = None

    def write(self, data: bytes) -> int:
        """As of a file; after the first problem nothing more is written."""
        self._try(lambda: self._file.write(data))
        self._digest.update(data)
        return len(data)

    def flush(self) -> None:
        """As of a file."""
        self._try(self._file.flush)

    def _try(self, action: Callable[[], object]) -> None:
        if self._problem is None:
            try:
                action()
            except OSError as problem:
                self._problem = problem

    def finish(self) -> str:
        """Wait until all is on the disk; returns the digest of what was written, raises OSError."""
        if self._problem is not None:
            raise self._problem
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._digest.hexdigest()


def require_free_space(directory: Path, needed: int) -> None:
    """Raises OSError where the disk has no `needed` bytes: nothing is written then that would fill it up."""
    if free_bytes(directory) < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def free_bytes(directory: Path) -> int:
    """Bytes that can still be written; a disk that does not tell has room for everything."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize if found.f_blocks else 1 << 62


def describe_os_error(problem: OSError, directory: Path, needed: int) -> str:
    """What a problem of the disk was, in a few words; a full one with the bytes that were needed."""
    if problem.errno not in FULL:
        return problem.strerror or "input/output error"
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    there = free_bytes(directory)
    there = there if limit == resource.RLIM_INFINITY else min(there, limit)
    # Somebody's share of a disk can be used up while the disk has room: a number would mislead.
    known = f", have {_in_words(there)}" if there < needed else ""
    return f"disk full: need {_in_words(needed)}{known}"


def _in_words(count: int) -> str:
    return f"{count / MEGABYTE:,.1f} MB" if count >= MEGABYTE else f"{count / KILOBYTE:,.1f} kB"
