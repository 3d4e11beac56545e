"""The history of a robot's checkpoints: what a save is about to replace becomes a version, and old versions go.

A version holds the files of both networks, because a predictor is of use only with the autoencoder that it was trained
on. A file that is replaced is linked; one that stays is copied, for another program could write into it. Errors of the
disk are left to the caller.
"""

import contextlib
import dataclasses
import errno
import os
import shutil
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from models import Network
from session.files import sync_file, sync_folder
from training.checkpoints.errors import CheckpointError
from training.checkpoints.folder import link_or_copy
from training.checkpoints.manifest import (
    TEMPORARY,
    Origin,
    file_digest,
    is_saved_here,
    read_state,
    saved_origin,
)
from training.checkpoints.paths import FILES, backup_of
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.versions import (
    HISTORY_FOLDER,
    KeptFile,
    Version,
    list_versions,
    saved_time,
    version_folders,
    version_order,
    versions_in_history,
    write_version,
)

MAX_VERSIONS = 10  # beside those that are never removed


def keep_current(
    directory: Path, reason: str, replaced: Collection[str], spared: str = "", is_best: bool = False
) -> None:
    """Keep the checkpoints as they are as a version, the newest one; raises OSError.

    `replaced`: names of the files that will be replaced now. `spared`: the version that must not be removed for it.
    """
    _adopt_backups(directory, replaced)
    versions = versions_in_history(directory)
    paths = {network: directory / name for network, name in FILES.items() if (directory / name).is_file()}
    files = {network: _describe(path) for network, path in paths.items()}
    digests = {network: file.origin.digest for network, file in files.items()}
    if same := next((one for one in versions if one.digests == digests), None):
        _make_newest(directory, same, spared)
        return
    known = {digest: one.path(directory, name) for one in versions for name, digest in one.digests.items()}
    foreign = [digests[network] for network, path in paths.items() if not is_saved_here(path, digests[network])]
    version = Version(
        name=_new_name(directory),
        kept=datetime.now().isoformat(timespec="seconds"),
        reason=reason,
        files=files,
        is_permanent=any(digest not in known for digest in foreign),
        is_best=is_best,
        random_state="" if foreign else str(read_state(directory).get("random_state", "")),
    )
    if files:
        _write(directory, version, paths, known, replaced)
        _remove_surplus(directory, spared)


def keep_if_best(directory: Path, path: Path, new: Origin, reason: str) -> None:
    """Keep the checkpoints as a version if the file at `path` has a lower held-out loss than the one that its run is
    about to replace it by, and than those that were kept of this run and phase; raises OSError."""
    old = saved_origin(path, file_digest(path))
    best = [one.measured for one in versions_in_history(directory) if one.is_best]
    if old.is_better_than(new) and not any(one == old or one.is_better_than(old) for one in best):
        keep_current(directory, reason, (path.name,), is_best=True)


def are_kept(directory: Path, digests: Collection[str]) -> bool:
    """True if versions hold files with all of these digests."""
    kept = {digest for one in versions_in_history(directory) for digest in one.digests.values()} if digests else ()
    return set(digests) <= set(kept)


def copy_synced(source: Path, target: Path, digest: str) -> None:
    """Copy a file, with its time, to the disk; raises OSError, also if the copy has another digest."""
    shutil.copyfile(source, target)
    with target.open("rb+") as file:
        sync_file(file.fileno())
    if file_digest(target) != digest:
        raise OSError(errno.EIO, "the copy differs from the file")
    with contextlib.suppress(OSError):  # some disks refuse it; the time is for display only
        os.utime(target, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))


def _describe(path: Path) -> KeptFile:
    origin = saved_origin(path, file_digest(path))
    if origin.step is None:
        with contextlib.suppress(CheckpointError):
            origin = dataclasses.replace(origin, step=read_checkpoint(path).step)
    return KeptFile(origin, path.stat().st_size, saved_time(path))


def _write(
    directory: Path,
    version: Version,
    paths: dict[Network, Path],
    known: dict[str, Path],
    replaced: Collection[str],
) -> None:
    """Write a version's folder under a temporary name, then rename it: a version is whole or absent."""
    folder = directory / HISTORY_FOLDER / version.name
    unfinished = folder.with_name(folder.name + TEMPORARY)
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for network, path in paths.items():
            digest, target = version.files[network].origin.digest, unfinished / FILES[network]
            if digest in known:
                link_or_copy(known[digest], target)
            elif path.name in replaced and not path.is_symlink():
                link_or_copy(path, target)
            else:
                copy_synced(path, target, digest)
        write_version(unfinished, version)
        sync_folder(unfinished)
        os.replace(unfinished, folder)
        undo.pop_all()
    sync_folder(folder.parent)


def _adopt_backups(directory: Path, replaced: Collection[str]) -> None:
    """Keep the backups that the next save may replace, unless they are kept elsewhere: those of older programs."""
    names = {backup_of(directory / name).name for name in replaced}
    for version in list_versions(directory):
        if version.name in names:
            paths = dict.fromkeys(version.files, directory / version.name)
            _write(directory, dataclasses.replace(version, name=_new_name(directory)), paths, {}, (version.name,))


def _make_newest(directory: Path, version: Version, spared: str) -> None:
    """Rename a version that is kept once more: it is no longer the next one to be removed."""
    if version.name != spared:
        folder = directory / HISTORY_FOLDER
        os.replace(folder / version.name, folder / _new_name(directory))


def _remove_surplus(directory: Path, spared: str) -> None:
    """Remove the oldest versions, and the earlier ones of those kept as the best of a run and phase.

    The newest of the best does not count, nor do permanent ones.
    """
    ordinary, best = [], set()
    for version in versions_in_history(directory):
        if version.is_permanent or (version.is_best and not best):
            best |= {version.best_of} - {None}
        elif version.best_of in best:
            _remove(directory, version)
        else:
            best |= {version.best_of} - {None}
            ordinary.append(version)
    for version in ordinary[MAX_VERSIONS:]:
        if version.name != spared:
            _remove(directory, version)


def _remove(directory: Path, version: Version) -> None:
    folder = directory / HISTORY_FOLDER / version.name
    unfinished = folder.with_name(folder.name + TEMPORARY)
    with contextlib.suppress(OSError):  # tried again with the next version
        os.replace(folder, unfinished)
        shutil.rmtree(unfinished)


def _new_name(directory: Path) -> str:
    """A name with today's date and time that sorts after those of all versions, also if the clock was set back."""
    now = f"{datetime.now():%Y%m%d_%H%M%S}"
    newest = max((version_order(path.name) for path in version_folders(directory)), default=(0,))
    if version_order(now) > newest:
        return now
    day, second, *number = newest
    return f"{day:08}_{second:06}_{(number or [1])[0] + 1}"
