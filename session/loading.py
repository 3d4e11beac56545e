"""Opening recordings of any format.

A format is one row of FORMATS: a module that recognizes its recordings, lists them and loads them. It uses every valid
part of a recording, logs the rest as skipped, and changes no file.
"""

import os
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Protocol

from session import donkeycar_format, jsonl_format, lerobot_format
from session.errors import SessionNotFound, SessionUnreadable
from session.files import describe
from session.formats.place import Place
from session.formats.reading import parse_reading, split_reading
from session.recording import RecordedSession
from session.summary import SessionSummary

Fingerprint = Hashable


class RecordingFormat(Protocol):
    """The functions of a format. All raise OSError if the folder cannot be read.

    A lost picture is logged as skipped with a reason that begins with "frame ", which statistics count. Functions that
    take a place get one whose ``member`` is among ``members``, and whose reading names ``READING_KEYS`` only.
    """

    READING_KEYS: tuple[str, ...]  # what can be chosen when a recording is opened, as in `session/formats/reading.py`

    def is_recording(self, folder: Path) -> bool:
        """True if the folder is a recording of this format, or holds several, in any state."""

    def has_member(self, folder: Path, name: str) -> bool:
        """True if the folder holds several recordings, and this is the name of one; "" names the folder itself.

        Raises SessionError if none of them can be opened.
        """

    def summarize(self, folder: Path, session_id: str) -> Sequence[SessionSummary]:
        """The lines of the session picker, without reading events: of the folder, or of each recording in it."""

    def fingerprint(self, place: Place) -> Fingerprint:
        """A value that changes when something is recorded or a picture replaced."""

    def load(self, place: Place) -> RecordedSession:
        """The recording in an absolute path, with ``folder`` = ``place.path``; one without events has 0 frames."""


FORMATS: tuple[RecordingFormat, ...] = (jsonl_format, donkeycar_format, lerobot_format)


def format_of(folder: Path) -> RecordingFormat | None:
    """The format of the recording or recordings in ``folder``, or None if it is neither; raises OSError."""
    return next((one for one in FORMATS if one.is_recording(folder)), None)


def locate(path: Path) -> tuple[RecordingFormat, Place]:
    """The recording at the path that its id makes below the sessions folder, which need not exist on disk.

    Raises OSError, and SessionNotFound if there is none; other SessionErrors if none of its folder can be opened.
    """
    plain, reading = path, ""
    if not os.path.lexists(path):
        name, reading = split_reading(path.name)
        plain = path.with_name(name)
    is_member = not os.path.lexists(plain)
    folder, member = (plain.parent, plain.name) if is_member else (plain, "")
    recording_format = format_of(folder)
    if recording_format is None or not recording_format.has_member(folder, member):
        raise SessionNotFound
    return recording_format, Place(path, folder, member, parse_reading(reading, recording_format.READING_KEYS))


def load_session(folder: str | os.PathLike[str]) -> RecordedSession:
    """Open the recording in ``folder``; one without events has 0 frames.

    Of a folder that holds several, the path goes on with the name of one, and with how it is to be read: see `locate`.
    Raises SessionNotFound if there is no recording at all, SessionUnreadable if it cannot be read.
    """
    # Absolute, as the working folder may change while the session is in use.
    path = Path(os.path.abspath(folder))
    try:
        recording_format, place = locate(path)
        return recording_format.load(place)
    except PermissionError as error:
        raise SessionUnreadable(describe(error)) from error
    except OSError as error:
        raise SessionNotFound from error


def summarize(folder: Path, session_id: str) -> Sequence[SessionSummary]:
    """The lines of the session picker for a folder; raises SessionNotFound and OSError."""
    recording_format = format_of(folder)
    if recording_format is None:
        raise SessionNotFound
    return recording_format.summarize(folder, session_id)


def fingerprint(path: Path) -> Fingerprint:
    """A value that changes when something is recorded or a picture replaced; raises SessionError and OSError."""
    recording_format, place = locate(path)
    return recording_format.fingerprint(place)
