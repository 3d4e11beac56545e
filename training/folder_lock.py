"""Keeps two programs, a server and a command line say, from training the networks of one folder at once."""

import contextlib
import fcntl
from pathlib import Path
from typing import TextIO

from training.checkpoint_errors import shown

LOCK_FILE = ".training.lock"
MAX_READ = 400


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
            file = (self._directory / LOCK_FILE).open("a+", encoding="utf-8", errors="replace")
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                file.seek(0)
                return shown(file.read(MAX_READ)) or "another program trains"
        except OSError:
            file.close()
            return None
        with contextlib.suppress(OSError):
            file.truncate(0)
            file.write(what)
            file.flush()
        self._file = file
        return None

    def release(self) -> None:
        """Let go of the lock, where it is held."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
