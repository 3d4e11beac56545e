"""The place of a recording: a folder, or a part of a folder that holds several, and how it is to be read."""

from dataclasses import dataclass
from pathlib import Path

from session.formats.reading import USUAL, Reading


@dataclass(frozen=True)
class Place:
    """``path``: the one that the session's id makes below the sessions folder, which need not exist on disk. ``folder``
    does; ``member``: the recording in it, "" if the folder is one recording."""

    path: Path
    folder: Path
    member: str = ""
    reading: Reading = USUAL
