"""The unusable parts of a recording, with file, line and reason.

A badly damaged recording can have a hundred thousand such entries, so they are stored as three columns of numbers
and become objects only on request.
"""

from array import array
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Skipped:
    """One skipped part: ``file`` is relative to the session, ``line`` counts from 1."""

    file: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file} line {self.line}"
        return f"{place}: {self.reason}"


class SkippedLog:
    """Entries added while a session is read, and returned in the order of files (as first added) and lines."""

    def __init__(self) -> None:
        self._files: dict[str, int] = {}
        self._reasons: dict[str, int] = {}
        self._entries = (array("q"), array("q"), array("q"))

    def __len__(self) -> int:
        return len(self._entries[0])

    def add(self, file: str, line: int | None, reason: str) -> None:
        files, lines, reasons = self._entries
        files.append(self._files.setdefault(file, len(self._files)))
        lines.append(0 if line is None else line)
        reasons.append(self._reasons.setdefault(reason, len(self._reasons)))

    def entries(self, limit: int | None = None) -> tuple[Skipped, ...]:
        """The first ``limit`` entries, or all of them."""
        files, reasons = list(self._files), list(self._reasons)
        ordered = sorted(zip(*self._entries, strict=True))
        return tuple(Skipped(files[f], line or None, reasons[r]) for f, line, r in ordered[:limit])

    def summary(self, limit: int) -> list[str]:
        """One sentence an entry; the last one counts those beyond ``limit``."""
        sentences = [str(entry) for entry in self.entries(limit)]
        more = len(self) - len(sentences)
        return sentences + ([f"and {more} more"] if more else [])
