"""What becomes of a file that a save is about to replace: the backup, or a name of its own, or nothing.

Owns the question where the weights in use come from. No file of unknown origin is lost, and no damaged one takes the
place of a good backup.
"""

import errno
from datetime import datetime
from pathlib import Path

from training.checkpoints.errors import CheckpointError
from training.checkpoints.folder import link_or_copy
from training.checkpoints.manifest import file_digest
from training.checkpoints.paths import SUFFIX
from training.checkpoints.reader import read_checkpoint


class Provenance:
    """Which file of each network the weights in use come from, known by its digest. A save replaces that one, and makes
    a backup of it once a run: a bad run must not use up both. Any other file of that name is kept under a name of its
    own, and the backup then stays as it is."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}
        self._backed_up: set[str] = set()

    def note(self, name: str, digest: str) -> None:
        """The weights in use, to be saved as `name`, are those of a file with this digest."""
        self._digests[name] = digest

    def begin_run(self) -> None:
        """What is on disk now is what a backup has to hold."""
        self._backed_up.clear()

    def is_own(self, path: Path) -> bool:
        """Whether the file at `path` is the one that the weights in use come from."""
        return self._digests.get(path.name) == file_digest(path)

    def needs_backup(self, name: str) -> bool:
        """Whether what the run began with is not kept yet."""
        return name not in self._backed_up

    def note_kept(self, name: str) -> None:
        """What the run began with has a second name now."""
        self._backed_up.add(name)


def back_up(path: Path, provenance: Provenance | None) -> str | None:
    """Give a file that is about to be replaced a second name; returns it where it is not the backup's. Raises OSError.

    Without a `provenance` each whole file becomes the backup.
    """
    if not path.exists():
        return None
    if not path.is_file():  # a device or a pipe could be read for ever
        raise OSError(errno.EEXIST, f"{path.name} is not an ordinary file")
    # A damaged file must not take the place of a good backup.
    is_fit = _is_readable(path) if provenance is None else provenance.is_own(path)
    if is_fit and (provenance is None or provenance.needs_backup(path.name)):
        link_or_copy(path, path.with_name(f"{path.stem}_backup{SUFFIX}"))
    other = None if is_fit else _free_name(path)
    if other is not None:
        link_or_copy(path, other)
    if provenance is not None:
        provenance.note_kept(path.name)
    return None if other is None else other.name


def _is_readable(path: Path) -> bool:
    try:
        read_checkpoint(path)
    except CheckpointError:
        return False
    return True


def _free_name(path: Path) -> Path:
    """A name with today's date and time that nothing has yet."""
    stem, number = f"{path.stem}_{datetime.now():%Y%m%d_%H%M%S}", 2
    free = path.with_name(f"{stem}{SUFFIX}")
    while free.exists():
        free = path.with_name(f"{stem}_{number}{SUFFIX}")
        number += 1
    return free
