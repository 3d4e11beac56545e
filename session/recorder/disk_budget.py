"""A disk budget for a robot's recordings: the oldest are deleted, never one that is being recorded."""

import logging
import os
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from session.errors import DiskBudgetError
from session.jsonl_format.folder import is_session_folder
from session.jsonl_format.local_time import time_in_name
from session.jsonl_format.lock import is_open_for_recording

SESSION_PREFIX = "session_"
DELETING_PREFIX = ".deleting_"

logger = logging.getLogger(__name__)


class DiskBudget:
    """The bytes that the sessions of one robot may take on disk while one of them, ``own_folder``, is recorded."""

    def __init__(self, own_folder: Path, max_bytes: float) -> None:
        self._own_folder = own_folder
        self._max_bytes = max_bytes
        self._own_bytes = 0
        self._other_bytes = 0
        self.measure_others()

    def measure_others(self) -> None:
        """Measure the other sessions, which other programs may have recorded or deleted meanwhile."""
        for remainder in self._own_folder.parent.glob(f"{DELETING_PREFIX}{SESSION_PREFIX}*"):
            shutil.rmtree(remainder, ignore_errors=True)
        self._other_bytes = sum(_size(folder) for folder in self._others())

    def reserve(self, size: int) -> None:
        """Count ``size`` bytes that are about to be written, after deleting other sessions if necessary.

        Raises DiskBudgetError if they exceed the budget although all that can be deleted is deleted.
        """
        if self._total(size) > self._max_bytes:
            self._delete_oldest(size)
        self._own_bytes += size

    def _total(self, size: int) -> int:
        return self._own_bytes + self._other_bytes + size

    def _delete_oldest(self, size: int) -> None:
        self.measure_others()
        for folder in sorted(self._others(), key=_age_key):
            if self._total(size) <= self._max_bytes:
                return
            # Another process may have deleted or opened it in between.
            with suppress(FileNotFoundError):
                freed = _size(folder)
                if not is_open_for_recording(folder):
                    _delete(folder)
                    self._other_bytes -= freed
        if self._total(size) > self._max_bytes:
            raise DiskBudgetError(
                f"The disk budget of {self._max_bytes / 1e9:g} GB is used up and no finished recording is left to "
                "delete; choose a larger budget or delete recordings."
            )

    def _others(self) -> list[Path]:
        with os.scandir(self._own_folder.parent) as entries:
            folders = [
                Path(entry.path)
                for entry in entries
                if entry.name.startswith(SESSION_PREFIX) and entry.is_dir(follow_symlinks=False)
            ]
        return [folder for folder in folders if folder != self._own_folder and _is_session(folder)]


def _is_session(folder: Path) -> bool:
    try:
        return is_session_folder(folder)
    except OSError:
        return False


def _age_key(folder: Path) -> tuple[datetime, str]:
    started = time_in_name(folder.name)
    if started is None:
        with suppress(FileNotFoundError):
            started = datetime.fromtimestamp(folder.stat().st_mtime)
    return started or datetime.max, folder.name


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


def _delete(folder: Path) -> None:
    # Renamed first, so that a deletion that is interrupted leaves no incomplete session in the list.
    renamed = folder.with_name(f"{DELETING_PREFIX}{folder.name}_{os.getpid()}")
    os.rename(folder, renamed)
    shutil.rmtree(renamed, ignore_errors=True)
    logger.info("Deleted session %s to stay within the disk budget", folder.name)
