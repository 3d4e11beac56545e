"""A new folder that appears when it is complete: it is written beside its place, under a hidden name."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from session.errors import ExportError
from session.files import lock_file, open_folder
from session.loading import format_of


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``place`` at the end; after an error nothing is left of it.

    What a program left that was killed is removed the next time. Raises ExportError and OSError.
    """
    require_free(place)
    hidden = place.with_name(f".{place.name}.unfinished")
    hidden.mkdir(exist_ok=True)
    with open_folder(hidden) as opened:
        if not lock_file(opened):
            raise ExportError(f"Another program is writing {place.name} now; wait for it, or choose another name.")
        try:
            _empty(hidden)
            yield hidden
            os.rename(hidden, place)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)


def require_free(place: Path) -> None:
    """Raise ExportError if something is at a place, or no folder can be made there."""
    if os.path.lexists(place) and not (place.is_dir() and not any(place.iterdir())):
        raise ExportError(f"{place} exists already; choose a new name, as nothing is written over.")
    if not place.parent.is_dir():
        raise ExportError(f"There is no folder {place.parent} to put the dataset in; make it first.")
    if any(map(_is_recording, place.parents)):
        raise ExportError(f"{place} lies inside a recording, which is not changed; choose a place outside.")
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise ExportError(f"Nothing can be written to {place.parent}; choose another place.")


def require_free_space(place: Path, needed: int) -> None:
    """Raise ExportError if the disk has no ``needed`` bytes."""
    free = shutil.disk_usage(place.parent).free
    if free < needed:
        raise ExportError(
            f"The dataset takes about {needed / 1e6:,.0f} MB, and only {free / 1e6:,.0f} MB are free there; choose "
            "another place, or fewer sessions."
        )


def _is_recording(folder: Path) -> bool:
    try:
        return format_of(folder) is not None
    except OSError:
        return False


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
