"""Writing files so that a reader, or the next start after a crash, never meets half a file that looks whole."""

import os
from pathlib import Path


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
