"""History windows: the frames that precede a frame, and the actions that lead from each to the next.

A moment is a run of observations with no action between them; it counts once, represented by its last observation.
Two moments are joined if exactly one action was recorded between them and no step is missing: steps count all
events, so every lost or skipped event shows as a gap in them.
"""

from dataclasses import dataclass

import numpy as np

from session.errors import HistoryLengthError, NoHistory

MIN_LENGTH, MAX_LENGTH = 2, 8
OBSERVATION, ACTION = 0, 1


@dataclass(frozen=True)
class EventLinks:
    """Links between observations (N of them) and actions; -1 means none.

    ``previous``: the frame that represents the moment before, ``action_into``: the action that led from there to the
    frame, ``action_after``: the action that was taken right after the frame. All int32 (N,).
    """

    previous: np.ndarray
    action_into: np.ndarray
    action_after: np.ndarray


@dataclass(frozen=True)
class History:
    """A target frame and the T context frames before it, oldest first.

    ``actions[i]`` leads from ``frames[i]`` to ``frames[i + 1]``, the last one to ``target``; all are indices.
    ``note`` is empty if the history has the requested length, else a sentence to show.
    """

    frames: tuple[int, ...]
    actions: tuple[int, ...]
    target: int
    note: str


def link_events(kinds: np.ndarray, steps: np.ndarray, has_picture: np.ndarray) -> EventLinks:
    """Link the events of a session: K kinds and steps, ordered by step, no step twice.

    ``has_picture`` (K,) is False for observations whose picture is lost. They happened, so they separate or join
    their neighbours like all others, but they are no frames: the links count without them.
    """
    at = np.flatnonzero(kinds == OBSERVATION)
    gaps = np.concatenate(([0], np.cumsum(np.diff(steps) != 1))) if len(steps) else np.zeros(0, dtype=np.int64)
    action_index = np.cumsum(kinds == ACTION) - 1
    between = np.diff(at) - 1
    is_unbroken = np.diff(gaps[at]) == 0
    starts_moment = np.concatenate(([True], (between > 0) | ~is_unbroken))[: len(at)]
    is_joined = np.concatenate(([False], (between == 1) & is_unbroken))[: len(at)]
    first = np.maximum.accumulate(np.where(starts_moment, np.arange(len(at)), 0))
    is_frame = has_picture[at]
    last_frame = np.maximum.accumulate(np.where(is_frame, np.arange(len(at)), -1))
    # The moment before ends right before this one begins; its last frame, if it has one, represents it.
    representative = last_frame[first - 1]
    has_previous = is_joined[first] & (representative >= first[first - 1])
    previous = np.where(has_previous, (np.cumsum(is_frame) - 1)[representative], -1)
    # The action comes right before the first observation of the moment that it led to.
    action_into = np.where(has_previous, action_index[at[first]], -1)
    after = np.minimum(at + 1, len(kinds) - 1)
    is_followed = (after > at) & (kinds[after] == ACTION) & (gaps[after] == gaps[at])
    action_after = np.where(is_followed, action_index[after], -1)
    return EventLinks(*(_read_only(column[is_frame]) for column in (previous, action_into, action_after)))


def _read_only(column: np.ndarray) -> np.ndarray:
    narrow = column.astype(np.int32)
    narrow.flags.writeable = False
    return narrow


def find_history(links: EventLinks, target: int, length: int) -> History:
    """Walk back from ``target`` over at most ``length`` moments; raises HistoryLengthError and NoHistory."""
    if type(length) is not int or not MIN_LENGTH <= length <= MAX_LENGTH:
        raise HistoryLengthError(f"A history has {MIN_LENGTH} to {MAX_LENGTH} frames; choose one of these lengths.")
    frames: list[int] = []
    actions: list[int] = []
    at = target
    while len(frames) < length and links.previous[at] >= 0:
        actions.append(int(links.action_into[at]))
        at = int(links.previous[at])
        frames.append(at)
    if not frames:
        raise NoHistory(_advise(links, target))
    return History(tuple(frames[::-1]), tuple(actions[::-1]), target, _note(len(frames), length, target))


def _note(available: int, length: int, target: int) -> str:
    if available == length:
        return ""
    verb, these = ("is", "that one") if available == 1 else ("are", "those")
    return f"Only {available} of {length} context frames {verb} available before frame {target}; using {these}."


def _advise(links: EventLinks, target: int) -> str:
    choices = np.flatnonzero(links.previous >= 0)
    if not len(choices):
        return (
            "No frame of this session has a context frame before it; "
            "choose a session where single actions lead from frame to frame."
        )
    # Of two equally near frames the later one: a beginner steps forward from frame 0.
    nearest = int(choices[::-1][np.abs(choices[::-1] - target).argmin()])
    return f"Frame {target} has no context frame before it; choose frame {nearest} instead."
