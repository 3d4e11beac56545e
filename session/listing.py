"""Which sessions there are, told from their metadata alone, and finding one by the name a visitor gives."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from session.errors import SessionNotFound
from session.left_out import LeftOutLog
from session.local_time import time_in_name
from session.metadata import Metadata, read_metadata
from session.recording_lock import is_being_recorded
from session.robot_profiles import detect_robot
from session.safe_files import open_folder
from session.session_folder import FRAMES_FOLDER, is_session_folder

MAX_ID_LENGTH = 400

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SessionSummary:
    """A line of the session picker.

    ``session_id`` is the folder's path below the sessions folder ("jetbot/session_20250921_142133"). ``robot`` is the
    name of a profile, "unknown" where only the events could tell. ``total_events`` and ``duration_s`` are known only
    after a clean finish. ``is_being_recorded``: by a recorder of this program, at this moment.
    """

    session_id: str
    name: str
    robot: str
    robot_title: str
    start_time: datetime | None
    total_events: int | None
    duration_s: float | None
    is_finished: bool
    is_being_recorded: bool


def list_sessions(sessions_folder: str | os.PathLike[str]) -> list[SessionSummary]:
    """All sessions below ``sessions_folder``, newest first; links are not followed."""
    root = Path(sessions_folder)
    summaries = []
    for session_id in _session_ids(root):
        try:
            summaries.append(_summarize(root, session_id))
        except OSError:
            # Deleted since it was seen, for example by a recorder that needs its space.
            logger.info("Session %s went away while it was listed", session_id)
    return sorted(summaries, key=lambda one: (one.start_time or datetime.min, one.session_id), reverse=True)


def find_session(sessions_folder: str | os.PathLike[str], session_id: object) -> Path:
    """The folder of a listed session; raises SessionNotFound for every other text, whatever it points to."""
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
        is_session = is_session_folder(folder) and parts[-1] != FRAMES_FOLDER
    except (OSError, ValueError) as error:
        raise SessionNotFound from error
    if not is_session:
        raise SessionNotFound
    return folder


def _session_ids(root: Path) -> Iterator[str]:
    for name in _subfolders(root):
        if _is_listed(root / name):
            yield name
        # A robot's folder, which a stray file may have made look like a session as well.
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
        return folder.name != FRAMES_FOLDER and is_session_folder(folder)
    except OSError:
        return False


def _summarize(root: Path, session_id: str) -> SessionSummary:
    path = root / session_id
    with open_folder(path) as folder:
        metadata = read_metadata(folder, LeftOutLog())
    robot = detect_robot(metadata.robot_type, metadata.action_space, (), np.zeros((0, 0)), path.parent.name)
    return SessionSummary(
        session_id=session_id,
        name=path.name,
        robot=robot.name,
        robot_title=robot.title,
        start_time=metadata.start_time or time_in_name(path.name),
        total_events=metadata.total_steps if metadata.is_finished else None,
        duration_s=_duration(metadata),
        is_finished=metadata.is_finished,
        is_being_recorded=is_being_recorded(path),
    )


def _duration(metadata: Metadata) -> float | None:
    if metadata.start_time is None or metadata.end_time is None:
        return None
    return max(0.0, (metadata.end_time - metadata.start_time).total_seconds())
