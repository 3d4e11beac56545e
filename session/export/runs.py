"""Rows of a recording: each frame with the action that was decided after it, in runs without a gap."""

from dataclasses import dataclass

import numpy as np

from session.recording import RecordedSession

UNEVEN = 0.25  # of the usual time between frames
MIDDLE = (10, 90)  # percent


@dataclass(frozen=True, eq=False)
class Run:
    """R rows that follow each other: frames, int64 (R,), and the actions decided after them, int64 (R,), as indices of
    the session. The action of a row is the only one between its frame and that of the next row."""

    frames: np.ndarray
    actions: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)


def find_runs(session: RecordedSession, is_usable: np.ndarray) -> list[Run]:
    """The runs of a session, of its usable frames alone, bool (N,).

    A frame that no action follows, as the last one of a recording, is in none. A lost picture, a lost event and a reset
    each end a run: rows of other programs are one step apart.
    """
    links = session.links
    actions = links.action_after.astype(np.int64)
    led_to = np.flatnonzero(links.previous >= 0)
    actions[links.previous[led_to]] = links.action_into[led_to]
    frames = np.flatnonzero((actions >= 0) & is_usable)
    if not len(frames):
        return []
    starts = np.flatnonzero(links.previous[frames[1:]] != frames[:-1]) + 1
    return [Run(part, actions[part]) for part in np.split(frames, starts)]


@dataclass(frozen=True)
class Pace:
    """How the frames of a recording came. ``rate``: frames a second, by its format if that has a rate, or else
    ``timed``, that of the median time between two; None if it is not known. ``span``: short and long times between two,
    in seconds, if they differ much."""

    rate: float | None
    timed: float | None
    span: tuple[float, float] | None


def pace_of(session: RecordedSession) -> Pace:
    """The pace of the frames of a session that an action leads to another."""
    choices, seconds = session.choices, _intervals(session)
    timed = float(1 / np.median(seconds)) if len(seconds) else None
    rate = choices.rate / choices.current.stride if choices is not None and choices.rate > 0 else timed
    return Pace(rate, timed, _span(seconds))


def _span(seconds: np.ndarray) -> tuple[float, float] | None:
    if not len(seconds):
        return None
    (low, high), usual = np.percentile(seconds, MIDDLE), np.median(seconds)
    is_even = low >= (1 - UNEVEN) * usual and high <= (1 + UNEVEN) * usual
    return None if is_even else (float(low), float(high))


def _intervals(session: RecordedSession) -> np.ndarray:
    """Seconds from frames to those that an action led to, as far as they are known and above 0."""
    led_to = np.flatnonzero(session.previous >= 0)
    seconds = session.times[led_to] - session.times[session.previous[led_to]]
    return seconds[np.isfinite(seconds) & (seconds > 0)]
