"""The files that a save is about to replace: they become a version of the history, and a backup.

Owns the record of the files that the weights in use come from. The backup is what a damaged file is replaced by at
loading, so no damaged one takes its place. A history that cannot be written does not prevent a save; a file that would
be lost then gets a name of its own.
"""

import dataclasses
import errno
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from session.commit import code_version
from session.files import describe
from training.checkpoints.errors import CheckpointError
from training.checkpoints.folder import link_or_copy
from training.checkpoints.history import are_kept, keep_current, keep_if_best
from training.checkpoints.manifest import (
    MOST_RECORDINGS,
    MeasuredLoss,
    Origin,
    file_digest,
    is_saved_here,
    saved_origin,
)
from training.checkpoints.paths import SUFFIX, backup_of
from training.checkpoints.reader import read_checkpoint

logger = logging.getLogger(__name__)


class Provenance:
    """The origin of the file of each network that the weights in use come from; and the run in progress.

    A save replaces that file, and makes a backup of it once a run: a bad run must not overwrite both. If any other file
    lies there, the backup remains unchanged. `purpose` says what the run does, `run` when it began, `log` the name of
    its log, `recordings` the ids of those that it learns from.
    """

    def __init__(self) -> None:
        self._origins: dict[str, Origin] = {}
        self._backed_up: set[str] = set()
        self.purpose, self.run, self.log = "", "", ""
        self.recordings: tuple[str, ...] = ()
        self.is_begun = False  # the run has kept a version of what was there before it

    def note(self, name: str, origin: Origin) -> None:
        """Record that the weights in use, to be saved as `name`, are those of a file of this origin."""
        self._origins[name] = origin

    def forget(self, name: str) -> None:
        """Record that the weights in use, to be saved as `name`, come from no file."""
        self._origins.pop(name, None)

    def origin(self, name: str) -> Origin | None:
        """The origin of the file that the weights to be saved as `name` come from, or None if they come from none."""
        return self._origins.get(name)

    def begin_run(self, purpose: str = "", recordings: tuple[str, ...] = ()) -> None:
        """Record that the files on disk now are those that a backup and a version of the history must hold."""
        self._backed_up.clear()
        self.purpose, self.run, self.log, self.is_begun = purpose, datetime.now().isoformat(), "", False
        self.recordings = recordings

    def is_source(self, name: str, digest: str) -> bool:
        """True if the weights in use, to be saved as `name`, come from a file with this digest."""
        origin = self._origins.get(name)
        return origin is not None and origin.digest == digest

    def new_origin(self, digest: str, step: int, loss: MeasuredLoss | None) -> Origin:
        """The origin of a file that the run in progress saves."""
        return Origin(
            digest=digest,
            step=step,
            made_by=self.purpose,
            run=self.run,
            loss=loss,
            log=self.log,
            recordings=self.recordings[:MOST_RECORDINGS],
            recording_count=len(self.recordings),
            code=code_version(),
        )

    def needs_backup(self, name: str) -> bool:
        """True if the file that the run began with has no second name yet."""
        return name not in self._backed_up

    def note_backup(self, name: str) -> None:
        """Record that the file that the run began with has a second name."""
        self._backed_up.add(name)


def ordinary_digest(path: Path) -> str:
    """The digest of a file; raises OSError, also for a device or a pipe, which could be read for ever."""
    if not path.is_file():
        raise OSError(errno.EEXIST, f"{path.name} is not an ordinary file")
    return file_digest(path)


def new_origin(
    path: Path,
    digest: str,
    step: int,
    loss: MeasuredLoss | None,
    replaced: str | None,
    provenance: Provenance | None,
) -> Origin:
    """The origin of a new file for `path`, where there is one with the digest `replaced`, or none.

    Weights that are saved again, at the same step, keep their origin, whatever file they were loaded from.
    """
    if provenance is not None:
        before = provenance.origin(path.name)
    else:
        before = saved_origin(path, replaced) if replaced is not None else None
    if loss is None and before is not None and before.step == step:
        return dataclasses.replace(before, digest=digest)
    if provenance is None:
        return Origin(digest, step, loss=loss, code=code_version())
    return provenance.new_origin(digest, step, loss)


def keep_replaced(
    directory: Path, replaced: Mapping[Path, str], new: Mapping[str, Origin], provenance: Provenance | None
) -> str:
    """Keep a version of the checkpoints before a run, of other weights, and of the best of a run.

    `replaced`: files that are there, with their digests; `new`: the origins of those that take their places. Returns
    what to tell the visitor if that failed.
    """
    changed = {path: digest for path, digest in replaced.items() if digest != new[path.name].digest}
    is_first = provenance is None or not provenance.is_begun
    purpose = provenance.purpose if provenance else ""
    try:
        if changed and (is_first or not are_kept(directory, _other_digests(changed, provenance))):
            keep_current(directory, f"before {purpose or 'a save'}", [path.name for path in changed])
        elif not is_first:
            for path in changed:
                keep_if_best(directory, path, new[path.name], f"the best so far of {purpose}")
    except OSError as problem:
        logger.warning("the checkpoint history was not written: %s", problem)
        return f"what was there before could not be added to the checkpoint history ({describe(problem)})"
    if provenance is not None and (changed or not replaced):
        provenance.is_begun = True
    return ""


def _other_digests(changed: Mapping[Path, str], provenance: Provenance) -> set[str]:
    """The digests of the files that the weights in use do not come from."""
    return {digest for path, digest in changed.items() if not provenance.is_source(path.name, digest)}


def back_up(path: Path, digest: str, provenance: Provenance | None, is_in_history: bool) -> tuple[str, bool]:
    """Give a file that is about to be replaced a second name if it needs one; raises OSError.

    Returns what to tell the visitor of other weights that lay there, empty if there were none, and whether the file has
    become the backup. Without a `provenance` each intact file does.
    """
    # A damaged file must not replace a good backup.
    is_good = _is_readable(path) if provenance is None else provenance.is_source(path.name, digest)
    is_first = provenance is None or provenance.needs_backup(path.name)
    if is_good and is_first:
        link_or_copy(path, backup_of(path))
    place = "in the checkpoint history"
    if not is_in_history and not (is_good and (is_saved_here(path, digest) or not is_first)):
        second = _free_name(path)
        link_or_copy(path, second)
        place = f"kept as {second.name}"
    if provenance is not None:
        provenance.note_backup(path.name)
    return "" if is_good else f"the previous weights are {place}", is_good and is_first


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
