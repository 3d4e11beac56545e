"""Rows of a table as events: each row holds a picture and the action that was given at it.

The picture of a row was taken before its action, so the events are picture 0, action 0, picture 1, action 1, …; the
last action of each run of rows has no outcome and is left out. With a stride of s rows, every s-th picture is one.
"""

from dataclasses import dataclass

import numpy as np

from session.history import ACTION, OBSERVATION, EventLinks, link_events


@dataclass(frozen=True, eq=False)
class Strides:
    """N observed rows, ``rows`` int64 (N,), and the M steps between neighbours that belong together: step m leads from
    observation ``before[m]``, int64 (M,), to the one after it."""

    rows: np.ndarray
    before: np.ndarray

    @property
    def begins(self) -> np.ndarray:
        """The first row of each step, int64 (M,)."""
        return self.rows[self.before]

    @property
    def ends(self) -> np.ndarray:
        """The row after the last one of each step, int64 (M,)."""
        return self.rows[self.before + 1]


@dataclass(frozen=True, eq=False)
class RowEvents:
    """The usable events of rows: ``steps`` of the frames, and ``action_steps``, both int64, with their links."""

    steps: np.ndarray
    action_steps: np.ndarray
    links: EventLinks


def stride_rows(numbers: np.ndarray, stride: int, offset: int = 0) -> Strides:
    """Go through rows in steps of ``stride`` rows, from row ``offset`` of each run on.

    ``numbers``: int64 (R,), increasing. Rows whose numbers do not follow each other are not joined.
    """
    starts = np.concatenate(([True], np.diff(numbers) != 1))[: len(numbers)]
    first = np.maximum.accumulate(np.where(starts, np.arange(len(numbers)), 0))
    rows = np.flatnonzero((np.arange(len(numbers)) - first) % stride == offset)
    return Strides(rows, np.flatnonzero(first[rows[1:]] == first[rows[:-1]]))


def link_rows(strides: Strides, has_picture: np.ndarray, is_usable: np.ndarray) -> RowEvents:
    """The events without lost pictures, ``has_picture`` (N,), and without unusable actions, ``is_usable`` (M,)."""
    # Observation n is step 2n, so an action that is left out, or a break between rows, shows as a gap.
    seen, acted = 2 * np.arange(len(strides.rows)), 2 * strides.before[is_usable] + 1
    steps = np.concatenate((seen, acted))
    order = np.argsort(steps, kind="stable")
    kinds = np.where(order < len(seen), OBSERVATION, ACTION)
    is_there = np.concatenate((has_picture, np.ones(len(acted), dtype=bool)))
    links = link_events(kinds, steps[order], is_there[order])
    return RowEvents(frozen(seen[has_picture]), frozen(acted), links)


def frozen(values: np.ndarray) -> np.ndarray:
    """The array, made read-only."""
    values.flags.writeable = False
    return values
