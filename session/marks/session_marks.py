"""Marks of opened recordings: made and shown in frames of the reading that somebody sees."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from session.errors import InvalidMark
from session.formats.reading import plain_id
from session.marks.left_out import WHOLE, LeftOut
from session.marks.mark import Mark, new_mark
from session.marks.rows import frames_of, rows_of
from session.marks.store import MarkStore
from session.recording import RecordedSession


@dataclass(frozen=True)
class ShownMark:
    """A mark with the first and the last frame that it is about in the reading that is shown; None and None if that has
    none of its rows. Of a whole session they are its first and last frame."""

    mark: Mark
    first: int | None
    last: int | None

    def as_json(self) -> dict[str, object]:
        """The mark as a page or a program gets it."""
        mark, place = self.mark, {"first": self.first, "last": self.last}
        return {"key": mark.key, "is_whole": mark.is_whole, **place, "note": mark.note, "when": mark.when}


class SessionMarks:
    """The marks of one data folder. All functions raise MarksUnusable, those that change anything MarkNotSaved."""

    def __init__(self, data: Path) -> None:
        self._store = MarkStore(data)

    @property
    def version(self) -> str:
        """A text that changes with the marks; never raises."""
        return self._store.version

    def all(self) -> Mapping[str, tuple[Mark, ...]]:
        """The marks of all recordings, by ids without readings."""
        return self._store.marks()

    def of(self, session_id: str, recording: RecordedSession) -> list[ShownMark]:
        """The marks of a recording: of the whole session first, then by frame."""
        marks = self._store.marks().get(plain_id(session_id), ())
        ordered = sorted(marks, key=lambda mark: (-1 if mark.is_whole else mark.first, mark.when))
        return [_shown(mark, recording) for mark in ordered]

    def flag(self, session_id: str, recording: RecordedSession, first: object, last: object, note: object) -> ShownMark:
        """Mark frames of a recording, or the whole of it if ``first`` and ``last`` are None; raises InvalidMark."""
        rows = None
        if first is not None or last is not None:
            rows = rows_of(recording, *_typed_range(first, last, recording.frame_count))
        return _shown(self._store.add(plain_id(session_id), new_mark(rows, note)), recording)

    def remove(self, session_id: str, key: object) -> Mark:
        """Take a mark away, by its key; raises InvalidMark."""
        return self._store.remove(plain_id(session_id), key)

    def restore(self, session_id: str, key: object) -> Mark:
        """Put one of the marks that were removed last back; raises InvalidMark."""
        return self._store.restore(plain_id(session_id), key)

    def left_out(self, session_ids: Iterable[str]) -> LeftOut:
        """Everything that is flagged in these recordings now."""
        marks, ids = self._store.marks(), dict.fromkeys(map(plain_id, session_ids))
        ranges = {
            one: [list(WHOLE) if mark.is_whole else [mark.first, mark.last] for mark in marks[one]]
            for one in ids
            if one in marks
        }
        return LeftOut(ranges)


def _shown(mark: Mark, recording: RecordedSession) -> ShownMark:
    found = frames_of(recording, WHOLE if mark.is_whole else (mark.first, mark.last))
    return ShownMark(mark, *(found or (None, None)))


def _typed_range(first: object, last: object, frame_count: int) -> tuple[int, int]:
    """The checked range of frames; a single one if ``last`` is None. Raises InvalidMark."""
    ends = first, first if last is None else last
    if not frame_count:
        raise InvalidMark("This recording has no frames; flag the whole session.")
    for name, value in zip(("first", "last"), ends, strict=True):
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not 0 <= value < frame_count:
            raise InvalidMark(f"The {name} frame must be a whole number from 0 to {frame_count - 1}.")
    if ends[0] > ends[1]:
        raise InvalidMark(f"The range goes from {ends[0]} to {ends[1]}; its first frame must not be above its last.")
    return ends
