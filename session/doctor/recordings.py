"""The recordings of a data folder: which open, what was skipped in them, and folders that are none."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from session.data_folder import BESIDE
from session.errors import SessionError
from session.listing import list_sessions
from session.loading import format_of, load_session
from session.spread import spread
from session.summary import SessionSummary

MAX_OPENED = 200
MAX_LINES = 3  # of one recording
HIDDEN = "."


@dataclass
class RecordingsReport:
    """What was found: numbers of recordings, and lines on those with problems and on folders that are none."""

    listed: int = 0
    opened: int = 0
    whole: int = 0
    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def check_recordings(sessions: Path) -> RecordingsReport:
    """Open up to 200 recordings below a folder, evenly spread, and read the list of all."""
    report = RecordingsReport(unknown=list(_unknown(sessions)))
    summaries = list_sessions(sessions)
    report.listed = len(summaries)
    for place in spread(len(summaries), MAX_OPENED) if summaries else ():
        _check(report, sessions, summaries[place])
    return report


def _check(report: RecordingsReport, sessions: Path, summary: SessionSummary) -> None:
    if not summary.is_readable:
        report.problems.append(f"{summary.session_id}: {summary.problem or 'cannot be read'}")
        return
    try:
        recording = load_session(sessions / summary.session_id)
    except SessionError as problem:
        report.problems.append(f"{summary.session_id}: {problem}")
        return
    report.opened += 1
    lines = [*recording.skipped_summary(MAX_LINES), *recording.notes]
    if not recording.frame_count:
        lines.append("it has no frames")
    if not lines:
        report.whole += 1
        return
    counts = f"{recording.frame_count:,} frames, {recording.action_count:,} actions"
    report.problems += [f"{summary.session_id} ({counts})", *(f"    {line}" for line in lines)]


def _unknown(sessions: Path) -> Iterator[str]:
    """Folders, two levels deep, that are no recording and hold none."""
    for folder in _folders(sessions):
        if folder.name == BESIDE or _is_recording(folder):
            continue
        inner = _folders(folder)
        if not inner:
            yield f"{folder.name}: no recording of a known format"
        yield from (
            f"{folder.name}/{one.name}: no recording of a known format" for one in inner if not _is_recording(one)
        )


def _is_recording(folder: Path) -> bool:
    try:
        return format_of(folder) is not None
    except OSError:
        return True  # it is listed as one that cannot be read


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            shown = [one for one in entries if not one.name.startswith(HIDDEN)]
            names = sorted(one.name for one in shown if one.is_dir(follow_symlinks=False))
    except OSError:  # it is listed as one that cannot be read
        return []
    return [folder / name for name in names]
