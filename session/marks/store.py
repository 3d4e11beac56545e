"""The file of marks on the disk: read when it has changed, changed under a lock, and replaced as a whole.

A file that is damaged, or that something else has written, is never overwritten.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from session.errors import InvalidMark, MarkNotSaved, MarksUnusable
from session.files import describe, locked_by, open_folder, open_regular, read_at_most, replace_file
from session.marks.mark import Mark
from session.marks.marks_file import MarksContent, parse_marks

FILE, LOCK_FILE = "marks.json", ".marks.lock"
MAX_BYTES = 32 << 20
MAX_OF_SESSION, MAX_MARKS = 500, 20_000
GONE = "This mark is not there any more: somebody has removed it."
EMPTY = MarksContent()

logger = logging.getLogger(__name__)

State = tuple[int, ...] | None


class MarkStore:
    """The marks of one data folder, by the id of a recording without its reading. Safe to use from many threads, and
    beside other programs. All functions raise MarksUnusable."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / FILE
        self._lock = threading.Lock()  # on a disk without locks it is all there is
        self._known: tuple[State, MarksContent] = (None, EMPTY)

    @property
    def version(self) -> str:
        """A text that changes with the file; never raises."""
        return "-".join(map(str, self._state() or ("none",)))

    def marks(self) -> Mapping[str, tuple[Mark, ...]]:
        """All marks, in the order in which they were made."""
        return self._content().sessions

    def add(self, session: str, mark: Mark) -> Mark:
        """Add a mark; raises InvalidMark if there are too many, and MarkNotSaved."""

        def changed(content: MarksContent) -> MarksContent:
            if len(content.sessions.get(session, ())) >= MAX_OF_SESSION or content.count >= MAX_MARKS:
                raise InvalidMark(
                    f"There can be {MAX_OF_SESSION} marks of a session and {MAX_MARKS:,} of all; remove some, or flag "
                    "ranges of frames."
                )
            return content.with_mark(session, mark)

        self._change(changed)
        return mark

    def remove(self, session: str, key: object) -> Mark:
        """Take a mark away, by its key; raises InvalidMark if there is none of it, and MarkNotSaved."""
        found: list[Mark] = []

        def changed(content: MarksContent) -> MarksContent:
            found.append(_find(content.sessions.get(session, ()), key))
            return content.without_mark(session, found[0])

        self._change(changed)
        return found[0]

    def restore(self, session: str, key: object) -> Mark:
        """Put a removed mark back; raises InvalidMark if it is not among the last ones, and MarkNotSaved."""
        found: list[Mark] = []

        def changed(content: MarksContent) -> MarksContent:
            found.append(_find([mark for one, mark in content.removed if one == session], key))
            return content.with_mark(session, found[0])

        self._change(changed)
        return found[0]

    def _change(self, changed: Callable[[MarksContent], MarksContent]) -> None:
        try:
            with self._lock, locked_by(self._folder / LOCK_FILE):
                replace_file(self._path, changed(self._content()).as_bytes())
        except OSError as problem:
            reason = f"The mark was not saved ({describe(problem)}); mend that and try again."
            raise MarkNotSaved(reason) from problem

    def _content(self) -> MarksContent:
        state = self._state()  # before reading: a change meanwhile changes the next one
        known, content = self._known
        if state is None:
            return EMPTY
        if state != known:
            content = self._read()
            self._known = state, content
        return content

    def _state(self) -> State:
        try:
            status = os.lstat(self._path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def _read(self) -> MarksContent:
        try:
            with open_folder(self._folder) as folder, open_regular(folder, FILE) as file:
                return parse_marks(read_at_most(file, MAX_BYTES))
        except FileNotFoundError:
            return EMPTY
        except (OSError, ValueError) as problem:
            cause = describe(problem) if isinstance(problem, OSError) else str(problem)
            logger.warning("%s: %s", FILE, cause)
            raise MarksUnusable(
                f"{FILE} in the data folder cannot be used ({cause}). Put it right, or move it elsewhere; until then "
                "nothing can be flagged."
            ) from problem


def _find(marks: Iterator[Mark] | tuple[Mark, ...] | list[Mark], key: object) -> Mark:
    found = next((mark for mark in marks if mark.key == key), None)
    if found is None:
        raise InvalidMark(GONE)
    return found
