"""Listing all sessions, from their metadata alone, and finding one by its id."""

import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from session.errors import SessionNotFound
from session.loading import format_of, summarize
from session.summary import SessionSummary

MAX_ID_LENGTH = 400

logger = logging.getLogger(__name__)


def list_sessions(sessions_folder: str | os.PathLike[str]) -> list[SessionSummary]:
    """All sessions below ``sessions_folder``, newest first; links are not followed."""
    root = Path(sessions_folder)
    summaries = []
    for session_id in _session_ids(root):
        try:
            summaries.append(summarize(root / session_id, session_id))
        except (OSError, SessionNotFound):
            # Deleted meanwhile, for example by a recorder that needs its space.
            logger.info("Session %s went away while it was listed", session_id)
    return sorted(summaries, key=lambda one: (one.start_time or datetime.min, one.session_id), reverse=True)


def find_session(sessions_folder: str | os.PathLike[str], session_id: object) -> Path:
    """The folder of a listed session; raises SessionNotFound for every other text, also if it is a path that exists."""
    if not isinstance(session_id, str) or len(session_id) > MAX_ID_LENGTH or "\\" in session_id:
        raise SessionNotFound
    parts = session_id.split("/")
    if len(parts) > 2 or any(not part or part.startswith(".") or not part.isprintable() for part in parts):
        raise SessionNotFound
    folder = Path(sessions_folder)
    try:
        for part in parts:
            folder = folder / part
            if folder.is_symlink():
                raise SessionNotFound
        is_session = format_of(folder) is not None
    except (OSError, ValueError) as error:
        raise SessionNotFound from error
    if not is_session:
        raise SessionNotFound
    return folder


def _session_ids(root: Path) -> Iterator[str]:
    for name in _subfolders(root):
        if _is_listed(root / name):
            yield name
        # A robot's folder; a stray file in it may make it a session as well.
        for below in _subfolders(root / name):
            if _is_listed(root / name / below):
                yield f"{name}/{below}"


def _subfolders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.name.isprintable() and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []


def _is_listed(folder: Path) -> bool:
    try:
        return format_of(folder) is not None
    except OSError:
        return False
