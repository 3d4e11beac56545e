"""Frames and rows: a mark counts the rows of a recording, so that it is right in every reading of it.

A frame stands for its own row and for those after it that no other frame shows: what happened there lies between it and
the next one.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from session.recording import RecordedSession

Range = Sequence[int | None]  # the first and the last row; None for the last: to the end


def row_numbers(recording: RecordedSession) -> np.ndarray:
    """The row of each frame, int64 (N,), increasing."""
    return np.arange(recording.frame_count) if recording.rows is None else recording.rows[: recording.frame_count]


def rows_of(recording: RecordedSession, first: int, last: int) -> tuple[int, int]:
    """The first and the last row of a range of frames."""
    numbers = row_numbers(recording)
    return int(numbers[first]), int(numbers[last])


def frames_of(recording: RecordedSession, rows: Range) -> tuple[int, int] | None:
    """The first and the last frame that stand for these rows; None if the reading has none of them."""
    numbers = row_numbers(recording)
    if not len(numbers):
        return None
    end = numbers[-1] + (recording.choices.current.stride if recording.choices else 1)
    first = end if rows[0] is None else rows[0]
    last = end if rows[1] is None else rows[1]
    if first >= end or last < numbers[0]:
        return None
    start, stop = np.searchsorted(numbers, [first, last], side="right") - 1
    return max(int(start), 0), int(stop)


def flagged_frames(recording: RecordedSession, ranges: Iterable[Range]) -> np.ndarray:
    """True for each frame that stands for one of these rows, bool (N,)."""
    is_flagged = np.zeros(recording.frame_count, dtype=bool)
    for rows in ranges:
        found = frames_of(recording, rows)
        if found is not None:
            is_flagged[found[0] : found[1] + 1] = True
    return is_flagged
