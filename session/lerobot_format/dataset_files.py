"""Opening of the files of a dataset: below its folder only, and no links but those of the Hugging Face cache.

That cache keeps the files of a dataset in ``blobs``, and in ``snapshots/<commit>`` links to them, which lead to the
blobs of the same dataset.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from session.files import (
    HEAD_BYTES,
    describe,
    foreign_content,
    is_plain,
    open_file,
    open_folder,
    open_regular,
    open_subfolder,
)

INFO_FILE = "meta/info.json"
SNAPSHOTS, BLOBS, MAIN = "snapshots", "blobs", "refs/main"
COMMIT = re.compile(r"[0-9a-f]{6,64}")
LINK_TO_BLOB = re.compile(r"(?:\.\./)+blobs/([0-9A-Za-z_-]{1,200})")
MAX_PATH_LENGTH = 1024
MAX_NAMES = 200_000
LINK_ERRORS = (errno.ELOOP, errno.EMLINK)  # of opening a link, which systems call differently

State = tuple[int, int, int]


class UnsafePath(OSError):
    """A path that leads out of the dataset."""

    def __init__(self) -> None:
        super().__init__("leads outside the dataset")


@dataclass(frozen=True)
class DatasetFiles:
    """The files of the dataset in ``folder``, by paths such as "meta/info.json" below its root."""

    folder: Path

    @cached_property
    def root(self) -> Path:
        """The folder that holds meta/: ``folder``, or the snapshot in it that the cache shows as the current one."""
        if _holds_info(self.folder):
            return self.folder
        commit = self._commit()
        return self.folder / SNAPSHOTS / commit if commit else self.folder

    @property
    def is_dataset(self) -> bool:
        """True if there is a meta/info.json, in any state; raises OSError if that cannot be told."""
        return _holds_info(self.root)

    @contextmanager
    def open(self, path: str) -> Iterator[int]:
        """Yield a descriptor of a regular file; raises OSError."""
        file = self.descriptor(path)
        try:
            yield file
        finally:
            os.close(file)

    def descriptor(self, path: str) -> int:
        """A descriptor of a regular file, to be closed; raises OSError."""
        parent, name = _split(path)
        with open_folder(self.root) as root, open_subfolder(root, parent) as below:
            try:
                return open_file(name, folder=below)
            except OSError as error:
                if error.errno not in LINK_ERRORS or self.root == self.folder:
                    raise
                link = os.readlink(name, dir_fd=below)
        return self._open_blob(link)

    def state(self, path: str) -> State | None:
        """A value that changes when a file does; None if there is none that can be opened."""
        try:
            with self.open(path) as file:
                info = os.fstat(file)
                return info.st_ino, info.st_size, info.st_mtime_ns
        except OSError:
            return None

    def problem(self, path: str) -> str | None:
        """Why a file cannot be used, without its name; None if it can be opened."""
        try:
            with self.open(path) as file:
                return foreign_content(os.pread(file, HEAD_BYTES, 0))
        except (FileNotFoundError, NotADirectoryError):
            return "is not here"
        except OSError as error:
            return f"cannot be read ({describe(error)})"

    def walk(self, path: str, ending: str, limit: int = MAX_NAMES) -> list[str]:
        """Paths of files with this ending below a folder, up to three folders deep, in order; hidden ones are left
        out. ``limit``: of the names that are looked at."""
        found: list[str] = []
        waiting = [(path, 3)]
        while waiting and limit > 0:
            folder, depth = waiting.pop()
            for name, is_folder in self._entries(folder):
                limit -= 1
                if is_folder and depth:
                    waiting.append((f"{folder}/{name}", depth - 1))
                elif not is_folder and name.endswith(ending):
                    found.append(f"{folder}/{name}")
        return sorted(found)

    def _entries(self, path: str) -> list[tuple[str, bool]]:
        """Names in a folder, and for each if it is a folder; none if it cannot be listed."""
        try:
            with (
                open_folder(self.root) as root,
                open_subfolder(root, "/".join(_parts(path))) as below,
                os.scandir(below) as entries,
            ):
                shown = [entry for entry in entries if not entry.name.startswith(".")]
                return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in shown]
        except OSError:
            return []

    def _commit(self) -> str:
        """The snapshot that the cache calls the main one, or else the newest; empty if there is none."""
        try:
            with open_folder(self.folder) as folder:
                with open_subfolder(folder, SNAPSHOTS) as below:
                    commits = [name for name in os.listdir(below) if COMMIT.fullmatch(name)]
                    ages = {one: os.stat(one, dir_fd=below, follow_symlinks=False) for one in commits}
                main = self._main(folder)
        except OSError:
            return ""
        folders = [one for one in commits if stat.S_ISDIR(ages[one].st_mode)]
        if main in folders:
            return main
        return max(folders, key=lambda one: ages[one].st_mtime_ns, default="")

    @staticmethod
    def _main(folder: int) -> str:
        parent, name = _split(MAIN)
        try:
            with open_subfolder(folder, parent) as below, open_regular(below, name) as file:
                return os.read(file, 100).decode("ascii", "replace").strip()
        except OSError:
            return ""

    def _open_blob(self, link: str) -> int:
        """The blob that a link names, in the dataset's own folder, wherever the link itself leads."""
        name = LINK_TO_BLOB.fullmatch(link)
        if name is None:
            raise UnsafePath
        with open_folder(self.folder) as folder, open_subfolder(folder, BLOBS) as blobs:
            return open_file(name[1], folder=blobs)


def _holds_info(root: Path) -> bool:
    parent, name = _split(INFO_FILE)
    try:
        with open_folder(root) as opened, open_subfolder(opened, parent) as below:
            os.lstat(name, dir_fd=below)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, *LINK_ERRORS):
            return False
        raise
    return True


def _parts(path: str) -> list[str]:
    """The parts of a path below the dataset; raises UnsafePath."""
    parts = path.split("/")
    is_safe = all(part and part not in (".", "..") and is_plain(part) for part in parts)
    if not is_safe or "\\" in path or len(path) > MAX_PATH_LENGTH:
        raise UnsafePath
    return parts


def _split(path: str) -> tuple[str, str]:
    *parents, name = _parts(path)
    return "/".join(parents), name
