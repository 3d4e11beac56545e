"""Opening recordings of any format.

A format is one row of FORMATS: a module that recognizes its recordings, lists them and loads them. It uses every valid
part of a recording, logs the rest as skipped, and changes no file.
"""

import os
from collections.abc import Hashable
from pathlib import Path
from typing import Protocol

from session import donkeycar_format, jsonl_format
from session.errors import SessionNotFound, SessionUnreadable
from session.files import describe
from session.recording import RecordedSession
from session.summary import SessionSummary

Fingerprint = Hashable


class RecordingFormat(Protocol):
    """The functions of a format. All raise OSError if the folder cannot be read.

    A lost picture is logged as skipped with a reason that begins with "frame ", which statistics count.
    """

    def is_recording(self, folder: Path) -> bool:
        """True if the folder is a recording of this format, in any state."""

    def summarize(self, folder: Path, session_id: str) -> SessionSummary:
        """A line of the session picker, without reading events."""

    def fingerprint(self, folder: Path) -> Fingerprint:
        """A value that changes when something is recorded or a picture replaced."""

    def load(self, folder: Path) -> RecordedSession:
        """The recording in an absolute path; one without events has 0 frames."""


FORMATS: tuple[RecordingFormat, ...] = (jsonl_format, donkeycar_format)


def format_of(folder: Path) -> RecordingFormat | None:
    """The format of the recording in ``folder``, or None if it is no recording; raises OSError."""
    return next((one for one in FORMATS if one.is_recording(folder)), None)


def load_session(folder: str | os.PathLike[str]) -> RecordedSession:
    """Open the recording in ``folder``; one without events has 0 frames.

    Raises SessionNotFound if there is no recording at all, SessionUnreadable if it cannot be read.
    """
    # Absolute, as the working folder may change while the session is in use.
    path = Path(os.path.abspath(folder))
    try:
        return _require_format(path).load(path)
    except PermissionError as error:
        raise SessionUnreadable(describe(error)) from error
    except OSError as error:
        raise SessionNotFound from error


def summarize(folder: Path, session_id: str) -> SessionSummary:
    """A line of the session picker; raises SessionNotFound and OSError."""
    return _require_format(folder).summarize(folder, session_id)


def fingerprint(folder: Path) -> Fingerprint:
    """A value that changes when something is recorded or a picture replaced; raises SessionNotFound and OSError."""
    return _require_format(folder).fingerprint(folder)


def _require_format(folder: Path) -> RecordingFormat:
    recording_format = format_of(folder)
    if recording_format is None:
        raise SessionNotFound
    return recording_format
