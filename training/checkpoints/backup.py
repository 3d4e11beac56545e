"""The second name of a file that a save is about to replace: the backup's, a name of its own, or none.

Owns the record of the files that the weights in use come from. No file of unknown origin is lost, and no damaged one
replaces a good backup. A file that was not saved here keeps a name for good.
"""

import errno
from datetime import datetime
from pathlib import Path

from training.checkpoints.errors import CheckpointError
from training.checkpoints.folder import link_or_copy
from training.checkpoints.manifest import file_digest, read_state
from training.checkpoints.paths import SUFFIX
from training.checkpoints.reader import read_checkpoint


class Provenance:
    """The file of each network that the weights in use come from, identified by its digest.

    A save replaces that file, and makes a backup of it once a run: a bad run must not overwrite both. Any other file of
    that name is preserved under a name of its own, and the backup then remains unchanged.
    """

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}
        self._backed_up: set[str] = set()

    def note(self, name: str, digest: str) -> None:
        """Record that the weights in use, to be saved as `name`, are those of a file with this digest."""
        self._digests[name] = digest

    def forget(self, name: str) -> None:
        """Record that the weights in use, to be saved as `name`, come from no file."""
        self._digests.pop(name, None)

    def begin_run(self) -> None:
        """Record that the files on disk now are those that a backup must hold."""
        self._backed_up.clear()

    def is_source(self, path: Path) -> bool:
        """True if the weights in use come from the file at `path`."""
        return self._digests.get(path.name) == file_digest(path)

    def needs_backup(self, name: str) -> bool:
        """True if the file that the run began with has no second name yet."""
        return name not in self._backed_up

    def note_backup(self, name: str) -> None:
        """Record that the file that the run began with has a second name."""
        self._backed_up.add(name)


def back_up(path: Path, provenance: Provenance | None) -> str | None:
    """Give a file that is about to be replaced a second name. Raises OSError.

    Returns that name, or None if it is the backup's. Without a `provenance` each intact file becomes the backup.
    """
    if not path.exists():
        return None
    if not path.is_file():  # a device or a pipe could be read for ever
        raise OSError(errno.EEXIST, f"{path.name} is not an ordinary file")
    # A damaged file must not replace a good backup.
    is_good = _is_readable(path) if provenance is None else provenance.is_source(path)
    if is_good and (provenance is None or provenance.needs_backup(path.name)):
        link_or_copy(path, path.with_name(f"{path.stem}_backup{SUFFIX}"))
        _preserve_original(path)
    second = None if is_good else _free_name(path)
    if second is not None:
        link_or_copy(path, second)
    if provenance is not None:
        provenance.note_backup(path.name)
    return None if second is None else second.name


def _preserve_original(path: Path) -> None:
    """Give a file that no save has put there, such as a shipped one, a name that no save replaces."""
    original = path.with_name(f"{path.stem}_original{SUFFIX}")
    saved_digest = read_state(path.parent).get("digests", {}).get(path.name)
    if not original.exists() and saved_digest != file_digest(path):
        link_or_copy(path, original)


def _is_readable(path: Path) -> bool:
    try:
        read_checkpoint(path)
    except CheckpointError:
        return False
    return True


def _free_name(path: Path) -> Path:
    """An unused name with today's date and time."""
    stem, number = f"{path.stem}_{datetime.now():%Y%m%d_%H%M%S}", 2
    free = path.with_name(f"{stem}{SUFFIX}")
    while free.exists():
        free = path.with_name(f"{stem}_{number}{SUFFIX}")
        number += 1
    return free
