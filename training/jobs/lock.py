"""Keeps two programs, a server and a command line say, from training the networks of one folder at once."""

import contextlib
import fcntl
import os
import stat
import threading
from pathlib import Path
from typing import TextIO

from training.values import printable

LOCK_FILE = ".training.lock"
MAX_READ = 400
# Whoever asks for the holder's word has the lock for an instant: no reason to refuse somebody who wants to train.
TRIES, BETWEEN_S = 10, 0.01
# O_NONBLOCK: a pipe of that name does not answer, and must not be waited for.
FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderLock:
    """A lock on a file in `directory`; the system lets go of it when the program ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: TextIO | None = None

    def take(self, what: str) -> str | None:
        """Take the lock and leave word of `what` is done; returns the word of another program that has it.

        Where files cannot be locked or written nobody is kept out: that nothing is saved there is told elsewhere.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            file = self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT)
        except OSError:
            return None
        try:
            if not _is_locked(file, fcntl.LOCK_EX, TRIES):
                with file:
                    return _word(file)
        except OSError:
            file.close()
            return None
        with contextlib.suppress(OSError):
            file.truncate(0)
            file.write(what)
            file.flush()
        self._file = file
        return None

    def holder(self) -> str | None:
        """The word of another program that has the lock; None where nobody has, or this one."""
        if self._file is not None:
            return None
        try:
            with self._opened(os.O_RDONLY) as file:
                return None if _is_locked(file, fcntl.LOCK_SH, 1) else _word(file)
        except OSError:
            return None

    def release(self) -> None:
        """Let go of the lock, where it is held."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _opened(self, access: int) -> TextIO:
        """The lock file; an OSError where something else has its name."""
        descriptor = os.open(self._directory / LOCK_FILE, access | FLAGS, 0o644)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError("not a regular file")
        mode = "r" if access == os.O_RDONLY else "a+"
        return os.fdopen(descriptor, mode, encoding="utf-8", errors="replace")


def _is_locked(file: TextIO, kind: int, tries: int) -> bool:
    """Lock an open file for us; False where others have it at every try."""
    pause = threading.Event()
    for _ in range(tries):
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            pause.wait(BETWEEN_S)
        else:
            return True
    return False


def _word(file: TextIO) -> str:
    file.seek(0)
    return printable(file.read(MAX_READ)) or "another program trains"
