"""Opening files of a recording without being led anywhere else.

A recording comes from elsewhere: a name in it may be a link out of its folder, a pipe that never answers, or a
device. Everything here follows no link, opens only regular files, and never waits.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: opening a pipe returns at once instead of waiting for its other end.
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def open_folder(path: Path) -> Iterator[int]:
    """Yield a descriptor of a folder that the caller has chosen (so it may itself be a link)."""
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
            below = os.open(part, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)


@contextmanager
def open_regular(folder: int, name: str) -> Iterator[int]:
    """Yield a descriptor of the file ``name`` directly in ``folder``; anything but a regular file is an OSError."""
    file = os.open(name, FILE_FLAGS, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError("not a regular file")
        yield file
    finally:
        os.close(file)


def read_at_most(file: int, limit: int) -> bytes:
    """Read a file from where it stands; more than ``limit`` bytes is an OSError, found without reading on."""
    blocks, total = [], 0
    while block := os.read(file, min(1 << 20, limit + 1 - total)):
        blocks.append(block)
        total += len(block)
        if total > limit:
            raise OSError(f"larger than {limit >> 20} MB")
    return b"".join(blocks)


def describe(error: OSError) -> str:
    """The cause in a few words, without the path that ``str(error)`` would show."""
    return error.strerror or str(error)


def write_all(file: int, content: bytes) -> None:
    """Write all of ``content`` to a descriptor; raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def write_new(path: Path, content: bytes) -> None:
    """Create a file that must not exist yet; raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        write_all(file, content)
    finally:
        os.close(file)


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of a file at once: readers see the old or the new one; raises OSError."""
    unnamed = path.with_name(f".{path.name}.new")
    file = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        write_all(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    os.replace(unnamed, path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
