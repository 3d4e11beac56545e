"""Operations on the folder that a save writes into: exclusive access, recovery, second names, and free space.

Owns the recovery after an interrupted save. Its files have temporary names. If `state.json` names them already, the
save is valid, and they are renamed to their final names; otherwise they are removed. In both cases all files belong to
one save.
"""

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from session.files import lock_file, sync_file, sync_folder, try_lock
from training.checkpoints.manifest import STATE_FILE, TEMPORARY, file_digest, read_state
from training.checkpoints.versions import HISTORY_FOLDER

try:
    import resource
except ImportError:  # Windows
    resource = None

LOCK_FILE = ".saving.lock"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, a quota, or the size of one file
MEGABYTE, KILOBYTE = 1_000_000, 1_000
UNLIMITED = 1 << 62
UNFINISHED = (f"*{TEMPORARY}", f"{HISTORY_FOLDER}/*{TEMPORARY}")


def temporary_path(path: Path) -> Path:
    """The name of a file until it is complete."""
    return path.with_name(path.name + TEMPORARY)


@contextlib.contextmanager
def exclusive_access(directory: Path) -> Iterator[None]:
    """Wait for exclusive access to the folder, and recover an unfinished save; raises OSError."""
    with (directory / LOCK_FILE).open("a") as lock:
        lock_file(lock.fileno(), is_blocking=True)
        recover_unfinished(directory)
        yield


def recover_unfinished_at_start(directory: Path) -> None:
    """Recover the save of a program that was killed. If that fails, or if another program is saving now or might be (on
    a disk without locks), the next save does it."""
    with contextlib.suppress(OSError):
        if any(next(directory.glob(pattern), None) is not None for pattern in UNFINISHED):
            with (directory / LOCK_FILE).open("a") as lock:
                if try_lock(lock.fileno()):
                    recover_unfinished(directory)


def recover_unfinished(directory: Path) -> None:
    """Rename unfinished files if `state.json` names them, and remove the others, with what is left of versions of the
    history that were about to be written or removed; raises OSError."""
    unfinished = [path for path in directory.glob(f"*{TEMPORARY}") if not path.is_dir()]
    digests = read_state(directory).get("digests", {})
    for temporary in unfinished:
        path = temporary.with_name(temporary.name.removesuffix(TEMPORARY))
        is_valid = path.name in digests and temporary.is_file() and digests[path.name] == file_digest(temporary)
        if is_valid and not _is_newer(path):
            os.replace(temporary, path)
        else:
            temporary.unlink()
    if unfinished:
        sync_folder(directory)
    for folder in directory.glob(f"{HISTORY_FOLDER}/*{TEMPORARY}"):
        shutil.rmtree(folder, ignore_errors=True)


def _is_newer(path: Path) -> bool:
    """True if the file was put there after the save: it is not ours to replace."""
    state = path.with_name(STATE_FILE)
    return path.exists() and path.stat().st_ctime_ns > state.stat().st_ctime_ns


def remove_temporary_files(directory: Path) -> None:
    """Remove the files of a save that failed."""
    # On a full disk half a checkpoint must not remain; a failure to remove it must not hide the first one.
    for temporary in directory.glob(f"*{TEMPORARY}"):
        with contextlib.suppress(OSError):
            temporary.unlink()


def link_or_copy(path: Path, second: Path) -> None:
    """Give a file a second name, replacing any file of that name; raises OSError."""
    temporary = temporary_path(second)
    try:
        os.link(path, temporary)
    except OSError:  # some file systems have no links; a copy is as good, and slower
        shutil.copyfile(path, temporary)
    os.replace(temporary, second)


class HashingFile:
    """A writer between torch and a file that computes a digest and holds the first error of the disk.

    torch would report only that something failed.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write to the file; after the first error nothing more is written."""
        self._try(lambda: self._file.write(data))
        self._digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Flush the file."""
        self._try(self._file.flush)

    def _try(self, action: Callable[[], object]) -> None:
        if self._error is None:
            try:
                action()
            except OSError as error:
                self._error = error

    def finish(self) -> str:
        """Wait until all is on the disk; returns the digest of the data, raises OSError."""
        if self._error is not None:
            raise self._error
        self._file.flush()
        sync_file(self._file.fileno())
        return self._digest.hexdigest()


def require_free_space(directory: Path, needed: int) -> None:
    """Raises OSError if the disk has no `needed` bytes, before a write would fill it up."""
    if free_bytes(directory) < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def free_bytes(directory: Path) -> int:
    """Free bytes of the disk; a disk that does not report its size counts as unlimited."""
    usage = shutil.disk_usage(directory)
    return usage.free if usage.total else UNLIMITED


def largest_file() -> int:
    """The number of bytes that this process may write to a file."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0] if resource else -1
    return limit if limit >= 0 else UNLIMITED  # RLIM_INFINITY is -1


def describe_os_error(problem: OSError, directory: Path, needed: int) -> str:
    """Short text of an error of the disk; for a full disk with the bytes that were needed."""
    if problem.errno not in FULL:
        return problem.strerror or "input/output error"
    free = min(free_bytes(directory), largest_file())
    # A quota can be used up while the disk has free space: a number would mislead.
    available = f", have {_with_unit(free)}" if free < needed else ""
    return f"disk full: need {_with_unit(needed)}{available}"


def _with_unit(count: int) -> str:
    return f"{count / MEGABYTE:,.1f} MB" if count >= MEGABYTE else f"{count / KILOBYTE:,.1f} kB"
