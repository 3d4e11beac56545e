"""Listing all sessions, from their metadata alone, and finding one by its id."""

import logging
import os
from collections.abc import Iterator
from errno import EACCES
from pathlib import Path

from session.errors import SessionNotFound, SessionUnreadable
from session.files import describe, is_plain
from session.formats.reading import split_reading
from session.loading import format_of, locate, summarize
from session.summary import SessionSummary

MAX_FOLDERS = 2  # below the sessions folder: a robot or a user, and a session or a dataset
MAX_PARTS = MAX_FOLDERS + 1  # and an episode
MAX_ID_LENGTH = 800  # of three names: disks allow 255 bytes for each
BACKSLASH = "\\"
BAD_NAME = "cannot be opened: its name has a character that has no place in one; rename the folder"
NO_RECORDINGS = {"lost+found"}  # of the disk, unreadable for everybody but the system
GONE = (FileNotFoundError, NotADirectoryError)

logger = logging.getLogger(__name__)


def list_sessions(sessions_folder: str | os.PathLike[str]) -> list[SessionSummary]:
    """All sessions below ``sessions_folder``, newest first, then those without a date by name; links are not followed.

    Folders that cannot be read come last, among them robots' folders and ``sessions_folder`` itself.
    """
    root = Path(sessions_folder)
    summaries = []
    for session_id in _session_ids(root):
        if not _is_usable(session_id):
            summaries.append(SessionSummary.of_unreadable(_shown(session_id), BAD_NAME))
            continue
        try:
            summaries += summarize(root / session_id, session_id)
        except (*GONE, SessionNotFound):
            # Deleted meanwhile, for example by a recorder that needs its space.
            logger.info("Session %s went away while it was listed", session_id)
        except OSError:
            summaries.append(SessionSummary.of_unreadable(session_id))

    summaries.sort(key=lambda one: one.session_id)
    dated = [one for one in summaries if one.is_readable and one.start_time]
    dated.sort(key=lambda one: (one.start_time, one.session_id), reverse=True)
    undated = [one for one in summaries if one.is_readable and not one.start_time]
    return [*dated, *undated, *(one for one in summaries if not one.is_readable)]


def find_session(sessions_folder: str | os.PathLike[str], session_id: object) -> Path:
    """The path of a listed session; raises SessionUnreadable if it cannot be read.

    It is the session's folder, or, if a folder holds several, a path below it that need not exist on disk. Raises
    SessionNotFound for every other text, also if it is a path that exists.
    """
    if not isinstance(session_id, str) or len(session_id) > MAX_ID_LENGTH or not _is_usable(session_id):
        raise SessionNotFound
    parts = session_id.split("/")
    if len(parts) > MAX_PARTS or any(not part or part.startswith(".") for part in parts):
        raise SessionNotFound
    root = Path(sessions_folder)
    try:
        if session_id == root.name and _subfolders(root) is None:
            raise PermissionError(EACCES, os.strerror(EACCES))
        _require_no_links(root, parts)
        _, place = locate(root / session_id)
    except PermissionError as error:
        raise SessionUnreadable(describe(error)) from error
    except (OSError, ValueError) as error:
        raise SessionNotFound from error
    if len(place.folder.relative_to(root).parts) > MAX_FOLDERS:
        raise SessionNotFound
    return place.path


def _require_no_links(root: Path, parts: list[str]) -> None:
    """Raise SessionNotFound if any folder on the way is a link, with or without a reading behind its name."""
    *parents, name = parts
    for names in (parts, [*parents, split_reading(name)[0]]):
        folder = root
        for part in names:
            folder = folder / part
            if folder.is_symlink():
                raise SessionNotFound


def _session_ids(root: Path) -> Iterator[str]:
    """Ids of all recordings, and of all folders that cannot be read."""
    names = _subfolders(root)
    if names is None:
        yield root.name
    for name in names or ():
        if _may_be_recording(root / name):
            yield name
        # A robot's or a user's folder; a stray file in it may make it a session as well.
        for below in _subfolders(root / name) or ():
            if _may_be_recording(root / name / below):
                yield f"{name}/{below}"


def _subfolders(folder: Path) -> list[str] | None:
    """Names of the folders in a folder, none if it is gone, or None if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [
                entry.name
                for entry in entries
                if not entry.name.startswith(".")
                and entry.name not in NO_RECORDINGS
                and entry.is_dir(follow_symlinks=False)
            ]
    except GONE:
        return []
    except OSError:
        return None


def _is_usable(session_id: str) -> bool:
    """True if an id has only letters that go from here to a browser and back."""
    return is_plain(session_id) and BACKSLASH not in session_id


def _shown(name: str) -> str:
    return "".join(letter if is_plain(letter) else "\N{REPLACEMENT CHARACTER}" for letter in name)


def _may_be_recording(folder: Path) -> bool:
    """True for a recording, and for a folder that cannot be read."""
    try:
        return format_of(folder) is not None
    except GONE:
        return False
    except OSError:
        return True
