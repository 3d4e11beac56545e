"""A mark: the rows of a recording that it is about, a note, and when it was made."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from session.errors import InvalidMark
from session.files import is_plain

MAX_NOTE = 300  # letters
MAX_ROW = 1 << 40
KEY_LENGTH = 12
FIRST, LAST, NOTE, WHEN = "first", "last", "note", "when"


@dataclass(frozen=True)
class Mark:
    """Rows from ``first`` to ``last`` of a recording, counted from 0, both included; None and None: all of it.

    ``when``: a date as text. ``others``: what else somebody has written into the mark, kept as it is.
    """

    first: int | None
    last: int | None
    note: str
    when: str
    others: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return self.first is None

    @property
    def key(self) -> str:
        """A text that names the mark among those of its recording: the same content has the same key."""
        content = orjson.dumps(self.as_json(), option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(content).hexdigest()[:KEY_LENGTH]

    def as_json(self) -> dict[str, object]:
        """The mark as its file holds it."""
        rows = {} if self.is_whole else {FIRST: self.first, LAST: self.last}
        return rows | {NOTE: self.note, WHEN: self.when} | dict(self.others)


def parse_mark(value: object) -> Mark:
    """A mark of the file; raises ValueError with the cause."""
    if not isinstance(value, dict):
        raise ValueError("is no object")
    rows = [value.get(name) for name in (FIRST, LAST)]
    if rows != [None, None]:
        first, last = rows
        if not (_is_row(first) and _is_row(last) and first <= last):
            raise ValueError("has no whole numbers first ≤ last")
    texts = [value.get(name, "") for name in (NOTE, WHEN)]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("has a note or a date that is no text")
    others = {name: one for name, one in value.items() if name not in (FIRST, LAST, NOTE, WHEN)}
    return Mark(*rows, *texts, others)


def new_mark(rows: tuple[int, int] | None, note: object) -> Mark:
    """A mark made now, of these rows or of the whole recording; raises InvalidMark."""
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    return Mark(*(rows or (None, None)), _typed_note(note), when)


def _typed_note(note: object) -> str:
    """One line of printable letters; raises InvalidMark."""
    if note is not None and not isinstance(note, str):
        raise InvalidMark("The note must be text.")
    line = "".join(letter if is_plain(letter) else " " for letter in " ".join((note or "").split())).strip()
    if len(line) > MAX_NOTE:
        raise InvalidMark(f"The note has {len(line)} letters, {MAX_NOTE} at most are kept; shorten it.")
    return line


def _is_row(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_ROW
