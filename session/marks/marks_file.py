"""The content of `marks.json`: marks by session, and those that were removed last, so that no slip loses any."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import orjson

from session.marks.mark import Mark, parse_mark

VERSION = 1
ABOUT = (
    "Sessions and frames that somebody has flagged. Frames count from 0; of a LeRobotDataset or a tub they are the "
    "numbers of its rows. A mark without first and last is about the whole session."
)
MAX_REMOVED = 100
NAMES = ("about", "version", "sessions", "removed")


@dataclass(frozen=True)
class MarksContent:
    """Marks by the id of a recording without its reading, in the order in which they were made; ``removed``: the newest
    of those that were taken away, each with that id. ``others``: what else somebody has written into the file."""

    sessions: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    removed: tuple[tuple[str, Mark], ...] = ()
    others: Mapping[str, object] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(map(len, self.sessions.values()))

    def with_mark(self, session: str, mark: Mark) -> "MarksContent":
        """One mark more; if it is among the removed ones, it leaves them."""
        sessions = dict(self.sessions) | {session: (*self.sessions.get(session, ()), mark)}
        removed = list(self.removed)
        if (session, mark) in removed:
            removed.remove((session, mark))
        return replace(self, sessions=sessions, removed=tuple(removed))

    def without_mark(self, session: str, mark: Mark) -> "MarksContent":
        """One mark less."""
        rest = list(self.sessions[session])
        rest.remove(mark)
        sessions = dict(self.sessions) | {session: tuple(rest)}
        if not rest:
            del sessions[session]
        return replace(self, sessions=sessions, removed=(*self.removed, (session, mark))[-MAX_REMOVED:])

    def as_bytes(self) -> bytes:
        """The text of the file."""
        sessions = {session: [mark.as_json() for mark in marks] for session, marks in self.sessions.items()}
        removed = [{"session": session} | mark.as_json() for session, mark in self.removed]
        content = {"about": ABOUT, "version": VERSION, "sessions": sessions, "removed": removed} | dict(self.others)
        return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def parse_marks(content: bytes) -> MarksContent:
    """The content of the file; raises ValueError with the cause."""
    value = orjson.loads(content)
    if not isinstance(value, dict) or not isinstance(value.get("sessions"), dict):
        raise ValueError("it is no file of marks")
    version = value.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise ValueError("a newer program has written it")
    sessions = {session: _marks(session, marks) for session, marks in value["sessions"].items()}
    removed = [_removed(one) for one in _list("removed", value.get("removed", []))]
    others = {name: one for name, one in value.items() if name not in NAMES}
    return MarksContent({session: marks for session, marks in sessions.items() if marks}, tuple(removed), others)


def _marks(session: str, marks: object) -> tuple[Mark, ...]:
    return tuple(_mark(session, one) for one in _list(session, marks))


def _removed(value: object) -> tuple[str, Mark]:
    if not isinstance(value, dict) or not isinstance(value.get("session"), str):
        raise ValueError("a removed mark names no session")
    session = value["session"]
    return session, _mark(session, {name: one for name, one in value.items() if name != "session"})


def _mark(session: str, value: object) -> Mark:
    try:
        return parse_mark(value)
    except ValueError as problem:
        raise ValueError(f"a mark of {session[:80]} {problem}") from None


def _list(name: str, value: object) -> list:
    if not isinstance(value, list):
        raise ValueError(f"what it holds for {name[:80]} is no list")
    return value
