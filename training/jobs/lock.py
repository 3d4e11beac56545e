"""Lock of a checkpoint folder: two programs, such as a server and a command, never train its networks at once."""

import contextlib
import os
import threading
from pathlib import Path

from session.files import lock_file, open_file, write_all
from training.values import printable

LOCK_FILE = ".training.lock"
MAX_READ = 400
# `holder` of another program has the lock for an instant, which is no reason to refuse a run.
TRIES, BETWEEN_S = 10, 0.01


class FolderLock:
    """A lock on a file in `directory`; the system releases it when the program ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / LOCK_FILE
        self._file: int | None = None

    def take(self, label: str) -> str | None:
        """Acquire the lock and store the label of the run; returns the other holder's label if it is taken.

        If files cannot be locked or written there, the run goes on without a lock; its saves report the problem.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = open_file(self._path, os.O_RDWR | os.O_CREAT)
        except OSError:
            return None
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, file)
            try:
                if not _is_locked(file):
                    return _label(file)
            except OSError:
                return None
            undo.pop_all()
        with contextlib.suppress(OSError):
            os.ftruncate(file, 0)
            write_all(file, label.encode(errors="replace"))
        self._file = file
        return None

    def holder(self) -> str | None:
        """The label of another program's run that has the lock; None if it is free, or this program's own."""
        if self._file is not None:
            return None
        try:
            file = open_file(self._path)
        except OSError:
            return None
        try:
            return None if lock_file(file, is_shared=True) else _label(file)
        except OSError:
            return None
        finally:
            os.close(file)

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None


def _is_locked(file: int) -> bool:
    """Lock an open file for this program; False if others have it at every try."""
    pause = threading.Event()
    for _ in range(TRIES):
        if lock_file(file):
            return True
        pause.wait(BETWEEN_S)
    return False


def _label(file: int) -> str:
    return printable(os.pread(file, MAX_READ, 0).decode(errors="replace")) or "another program trains"
