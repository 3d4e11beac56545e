"""Opening, locking and writing files safely.

A recording comes from elsewhere: a name in it may be a link out of its folder, a pipe that never answers, or a
device. Opening therefore follows no link, accepts only regular files, and never blocks.
"""

import errno
import functools
import logging
import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

logger = logging.getLogger(__name__)

# Flags that a system lacks count as 0.
NOFOLLOW, NONBLOCK, CLOEXEC = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | CLOEXEC
# O_NONBLOCK: opening a pipe returns at once instead of blocking until its other end is opened.
FILE_FLAGS = os.O_RDONLY | NOFOLLOW | NONBLOCK | CLOEXEC
# Disks of network shares and some of user space lack locks, or cannot flush a folder; they answer with one of these.
UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
NO_LOCKS = (
    "This disk cannot lock files, so nothing keeps other programs out: do not train one robot, or record into one "
    "folder, from two programs at once."
)


LFS_POINTER = b"version https://git-lfs.github.com/spec/"
UTF16_STARTS = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{")
HEAD_BYTES = 64
NOT_PLAIN = ("Cc", "Cs", "Zl", "Zp")  # categories of Unicode
REVERSING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class NotRegularFile(OSError):
    """The name belongs to a folder, a pipe, a device or the like."""

    def __init__(self) -> None:
        super().__init__("not a regular file")


@contextmanager
def open_folder(path: Path) -> Iterator[int]:
    """Yield a descriptor of a folder that the caller has chosen; it may itself be a link."""
    folder = os.open(path, FOLDER_FLAGS)
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def open_subfolder(folder: int, relative: str) -> Iterator[int]:
    """Yield a descriptor of ``relative`` ("" or "a/b") under ``folder``; a link on the way is an OSError."""
    current = os.dup(folder)
    try:
        for part in filter(None, relative.split("/")):
            below = os.open(part, FOLDER_FLAGS | NOFOLLOW, dir_fd=current)
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)


def open_file(
    path: str | Path, access: int = os.O_RDONLY, folder: int | None = None, follows_links: bool = False
) -> int:
    """Open a regular file, relative to the descriptor ``folder`` if given; returns a descriptor, to be closed.

    ``access``: flags such as ``os.O_RDWR | os.O_CREAT``. Raises NotRegularFile and OSError.
    """
    flags = access | NONBLOCK | CLOEXEC | (0 if follows_links else NOFOLLOW)
    file = os.open(path, flags, 0o644, dir_fd=folder)
    # Checked before it becomes a file of Python's: for a folder there is none, and the descriptor would leak.
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotRegularFile
    return file


@contextmanager
def open_regular(folder: int, name: str) -> Iterator[int]:
    """Yield a descriptor of the file ``name`` directly in ``folder``; raises NotRegularFile and OSError."""
    file = open_file(name, folder=folder)
    try:
        yield file
    finally:
        os.close(file)


def read_at_most(file: int, limit: int) -> bytes:
    """Read a descriptor to its end; raises OSError as soon as there are more than ``limit`` bytes."""
    blocks, total = [], 0
    while block := os.read(file, min(1 << 20, limit + 1 - total)):
        blocks.append(block)
        total += len(block)
        if total > limit:
            raise OSError(f"larger than {limit >> 20} MB")
    return b"".join(blocks)


def foreign_content(head: bytes) -> str | None:
    """What is in place of the expected content, by the first HEAD_BYTES of a file, with the remedy; None if nothing."""
    if head.startswith(LFS_POINTER):
        return "is a pointer of Git LFS, not the file itself: run `git lfs pull`"
    return None


def foreign_text(head: bytes) -> str | None:
    """The same for a file that holds text."""
    if head.startswith(UTF16_STARTS):
        return "is text in UTF-16: save it as UTF-8"
    return foreign_content(head)


def is_plain(text: str) -> bool:
    """True if text can be shown and typed: no control characters, bytes that are no text, line ends, or marks that
    reverse the letters after them.

    ``str.isprintable`` also refuses wide and fixed spaces, the joiners of many scripts, and the newest emoji.
    """
    return text.isprintable() or not any(unicodedata.category(one) in NOT_PLAIN or one in REVERSING for one in text)


def describe(error: OSError) -> str:
    """The cause of an error, without the path that ``str(error)`` would show."""
    return error.strerror or str(error)


class LocksUnsupported(OSError):
    """The disk or the system has no locks."""


def lock_file(file: int, is_shared: bool = False, is_blocking: bool = False) -> bool:
    """Lock an open file until its descriptor is closed or the process ends; returns True on success.

    Returns False if another holder has it, unless ``is_blocking``. On a disk without locks everybody succeeds, and a
    warning says so once. Raises OSError.
    """
    try:
        return try_lock(file, is_shared, is_blocking)
    except LocksUnsupported:
        _warn_of_missing_locks()
        return True


@contextmanager
def locked_by(path: Path) -> Iterator[None]:
    """Keep other programs out by a lock on a file of its own, which is made if need be; raises OSError."""
    file = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        lock_file(file, is_blocking=True)
        yield
    finally:
        os.close(file)


def try_lock(file: int, is_shared: bool = False, is_blocking: bool = False) -> bool:
    """The same; raises LocksUnsupported on a disk without locks."""
    if fcntl is None:
        raise LocksUnsupported(errno.ENOSYS, os.strerror(errno.ENOSYS))
    kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind | (0 if is_blocking else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as problem:
        if problem.errno in UNSUPPORTED:
            raise LocksUnsupported(problem.errno, problem.strerror) from problem
        raise
    return True


@functools.cache
def _warn_of_missing_locks() -> None:
    """Log the warning at the first call."""
    logger.warning(NO_LOCKS)


def write_all(file: int, content: bytes) -> None:
    """Write all of ``content`` to a descriptor; raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def write_file(path: Path, content: bytes, is_new: bool = False, is_synced: bool = False) -> None:
    """Write a whole file; raises OSError.

    ``is_new``: the file must not exist yet. ``is_synced``: return only when the content is on the disk.
    """
    flags = os.O_WRONLY | os.O_CREAT | CLOEXEC | (os.O_EXCL if is_new else os.O_TRUNC)
    file = os.open(path, flags, 0o644)
    try:
        write_all(file, content)
        if is_synced:
            sync_file(file)
    finally:
        os.close(file)


def replace_file(path: Path, content: bytes, is_synced: bool = True) -> None:
    """Replace a file atomically: readers see the old or the new one; raises OSError.

    ``is_synced``: return only when content and name are on the disk.
    """
    temporary = path.with_name(f".{path.name}.new")
    write_file(temporary, content, is_synced=is_synced)
    os.replace(temporary, path)
    if is_synced:
        sync_folder(path.parent)


def sync_file(file: int) -> None:
    """Return only when an open file or folder is on the disk, as far as that disk can tell; raises OSError."""
    try:
        os.fsync(file)
    except OSError as problem:
        if problem.errno not in UNSUPPORTED:
            raise


def sync_folder(folder: Path) -> None:
    """Return only when the names in a folder are on the disk; raises OSError."""
    with open_folder(folder) as opened:
        sync_file(opened)
