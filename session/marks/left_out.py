"""Flagged frames that a training run leaves out, as they were when it began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from session.formats.reading import plain_id
from session.marks.rows import Range, flagged_frames
from session.recording import RecordedSession

WHOLE: Range = (0, None)


@dataclass(frozen=True)
class LeftOut:
    """Ranges of rows, by the id of a recording without its reading: numbers that a log can hold, and that say the same
    after the recording was marked anew."""

    ranges: Mapping[str, Sequence[Range]] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: object) -> "LeftOut":
        """From a log that holds the fields as JSON; raises TypeError, KeyError and ValueError."""
        ranges = {name: [tuple(one) for one in ranges] for name, ranges in dict(value["ranges"]).items()}
        for first, last in (one for found in ranges.values() for one in found):
            if not isinstance(first, int) or not isinstance(last, int | None):
                raise ValueError("a range of rows is two whole numbers")
        return cls(ranges)

    def is_whole(self, session_id: str) -> bool:
        """True if the whole recording is left out."""
        return any(tuple(one) == WHOLE for one in self.ranges.get(plain_id(session_id), ()))

    def rest(self, recordings: Mapping[str, RecordedSession]) -> dict[str, RecordedSession]:
        """The recordings that are not left out as a whole."""
        return {session_id: one for session_id, one in recordings.items() if not self.is_whole(session_id)}

    def frames(self, recordings: Mapping[str, RecordedSession]) -> "FlaggedFrames":
        """The flagged frames of these recordings."""
        masks = [flagged_frames(one, self.ranges.get(plain_id(name), ())) for name, one in recordings.items()]
        return FlaggedFrames(self, tuple(masks))


@dataclass(frozen=True, eq=False)
class FlaggedFrames:
    """The flagged frames of the recordings of a run, in their order: bool (N,) of each, True for a flagged one. Without
    any masks nothing is flagged."""

    left_out: LeftOut = field(default_factory=LeftOut)
    masks: tuple[np.ndarray, ...] = ()

    def of(self, place: int, recording: RecordedSession) -> np.ndarray:
        """The mask of the recording at a place, bool (N,)."""
        return self.masks[place] if self.masks else np.zeros(recording.frame_count, dtype=bool)

    @property
    def count(self) -> int:
        return sum(int(mask.sum()) for mask in self.masks)

    @property
    def whole_count(self) -> int:
        """Recordings that were left out as a whole; they are none of those of the masks."""
        return sum(map(self.left_out.is_whole, self.left_out.ranges))

    def describe(self) -> str:
        """Text: ", without 12 flagged frames and 1 flagged recording"; "" if nothing is left out."""
        numbers = {"frame": self.count, "recording": self.whole_count}
        parts = [f"{number:,} flagged {word}{'' if number == 1 else 's'}" for word, number in numbers.items() if number]
        return f", without {' and '.join(parts)}" if parts else ""
