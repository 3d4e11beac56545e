"""Functions of formats whose folders are one recording each."""

from pathlib import Path

from session.formats.fingerprint import folder_fingerprint
from session.formats.place import Place


def has_member(folder: Path, name: str) -> bool:
    """True for the folder itself: it holds no other recording."""
    return not name


def fingerprint(place: Place) -> tuple[int, int]:
    """A value for the state of all files of a recording, pictures included; raises OSError."""
    return folder_fingerprint(place.folder)
