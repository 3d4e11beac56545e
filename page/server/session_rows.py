"""Rows of the table of sessions, searched and sorted, page by page; and the facts that need an opened recording."""

import threading
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

import numpy as np

from page.facts import ALL_ROBOTS
from page.text import count_text, duration_text, loss_text
from session import Mark, RecordedSession, SessionSummary
from training import EvaluationResult, RecordingBaselines, frame_errors

ROWS = 25
LISTED_FOR_S = 2.0
MAX_TEXT = 200
MAX_DIGITS = 6
SHOWN_MARKS = 3
Marks = Mapping[str, Sequence[Mark]]
FILTERS: dict[str, Callable[[Sequence[Mark]], bool]] = {
    "flagged": bool,
    "unflagged": lambda marks: not marks,
    "whole": lambda marks: any(mark.is_whole for mark in marks),
}

SORTS: dict[str, Callable[[SessionSummary], object]] = {
    "date": lambda one: (one.start_time or datetime.min, one.session_id),
    "robot": lambda one: (one.robot_title.casefold(), one.session_id),
    "name": lambda one: one.session_id.casefold(),
    "length": lambda one: (-1.0 if one.duration_s is None else one.duration_s, one.session_id),
    "events": lambda one: (-1 if one.total_events is None else one.total_events, one.session_id),
}


@dataclass
class Listing:
    """All sessions, listed anew if that was done more than two seconds ago: a search asks with every letter."""

    list_sessions: Callable[[], Sequence[SessionSummary]]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _summaries: Sequence[SessionSummary] = ()
    _listed_at: float = -LISTED_FOR_S

    def summaries(self) -> Sequence[SessionSummary]:
        with self._lock:
            if time.monotonic() - self._listed_at >= LISTED_FOR_S:
                self._summaries, self._listed_at = self.list_sessions(), time.monotonic()
            return self._summaries


def table_page(
    summaries: Sequence[SessionSummary], query: Mapping[str, str], marks: Marks = MappingProxyType({})
) -> dict[str, object]:
    """One page of the table. `query` holds text from an address, unchecked: `text` whose words must all be found,
    `robot`, `marks` (one of FILTERS), `sort`, `order` ("up" or "down") and `page` from 0; of what is wrong in it, the
    usual is taken. `marks`: what is flagged, by session."""
    robots = sorted({one.robot_title for one in summaries if one.is_readable}, key=str.casefold)
    robot = query.get("robot", ALL_ROBOTS)
    words = _folded(query.get("text", "")[:MAX_TEXT]).split()
    found = [one for one in summaries if robot not in robots or one.robot_title == robot]
    is_chosen = FILTERS.get(query.get("marks", ""))
    if is_chosen is not None:
        found = [one for one in found if is_chosen(marks.get(one.session_id, ()))]
    if words:
        found = [one for one in found if _holds(_searched(one, marks.get(one.session_id, ())), words)]
    found.sort(key=SORTS.get(query.get("sort", ""), SORTS["date"]), reverse=query.get("order") != "up")
    pages = max(1, -(-len(found) // ROWS))
    page = min(_number(query.get("page", "")), pages - 1)
    rows = [_row(one, marks.get(one.session_id, ())) for one in found[page * ROWS : (page + 1) * ROWS]]
    return {"rows": rows, "found": len(found), "all": len(summaries), "page": page, "pages": pages, "robots": robots}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else 0


def _holds(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def _searched(summary: SessionSummary, marks: Sequence[Mark]) -> str:
    facts = f"{summary.session_id} {summary.robot_title} {_date(summary)} {_state(summary)} {summary.task}"
    return _folded(" ".join((facts, *(mark.note for mark in marks))))


def _folded(text: str) -> str:
    """Text without case and in one form: macOS writes accents apart from their letters, keyboards do not."""
    return unicodedata.normalize("NFKC", text.casefold())


def _date(summary: SessionSummary) -> str:
    return summary.start_time.strftime("%Y-%m-%d %H:%M:%S") if summary.start_time else ""


def _state(summary: SessionSummary) -> str:
    if not summary.is_readable:
        return summary.problem or "cannot be read"
    if summary.is_being_recorded:
        return "being recorded"
    return "" if summary.is_finished else "not finished"


def _marks(marks: Sequence[Mark]) -> list[str]:
    """A line for each of the first marks, those of the whole session before the others."""
    ordered = sorted(marks, key=lambda mark: -1 if mark.is_whole else mark.first)
    lines = [_mark(mark) for mark in ordered[:SHOWN_MARKS]]
    return [*lines, f"and {len(marks) - SHOWN_MARKS:,} more"] if len(marks) > SHOWN_MARKS else lines


def _mark(mark: Mark) -> str:
    """Text: "310–340: bumped into the wall"; the numbers are rows of the recording, which need not be opened."""
    ends = dict.fromkeys((mark.first, mark.last))
    place = "whole session" if mark.is_whole else "–".join(map(str, ends))
    return f"{place}: {mark.note}" if mark.note else place


def _row(summary: SessionSummary, marks: Sequence[Mark]) -> dict[str, object]:
    return {
        "id": summary.session_id,
        "name": summary.name,
        "robot": summary.robot_title,
        "date": _date(summary),
        "length": "" if summary.duration_s is None else duration_text(summary.duration_s),
        "events": "" if summary.total_events is None else f"{summary.total_events:,}",
        "state": _state(summary),
        "task": summary.task,
        "marks": _marks(marks),
        "is_readable": summary.is_readable,
    }


def session_details(
    recording: RecordedSession, result: EvaluationResult | None, baselines: RecordingBaselines | None
) -> dict[str, object]:
    """What only the opened recording tells. `result`: its newest evaluation, whose error is shown beside that of
    repeating the last frame."""
    return {
        "frames": f"{recording.frame_count:,}",
        "actions": f"{recording.action_count:,}",
        "length": duration_text(recording.duration_s),
        "version": recording.version,
        "has_picture": recording.frame_count > 0,
        "problems": count_text(len(recording.skipped_log), "problem") if len(recording.skipped_log) else "",
        **_error(result, baselines),
    }


def _error(result: EvaluationResult | None, baselines: RecordingBaselines | None) -> dict[str, str]:
    summary = frame_errors.summary(result.track.of("prediction")) if result else None
    if summary is None:
        return {"error": "", "repeat": ""}
    repeat = np.nan if baselines is None else np.nanmean(baselines.repeat)
    track = result.track
    part = "" if track.is_complete else f" ({track.evaluated:,} of {track.frame_count:,} frames)"
    return {"error": f"{loss_text(summary.mean)}{part}", "repeat": "" if np.isnan(repeat) else loss_text(float(repeat))}
