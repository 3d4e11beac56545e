"""The actions to compare at one frame: those that the robot could have taken in place of the recorded one.

Shapes: A channels, C actions of the sweep.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from session.robots.actions import SAME_WITHIN
from session.robots.continuous import MAX_DISCRETE

VALUES = 5  # of a channel


@dataclass(frozen=True, eq=False)
class ActionSweep:
    """Raw actions, float32 (C, A), the recorded one among them at index ``recorded``, the visitor's own at ``own``.

    ``varied``: for each action the channel whose value was set, the others being as recorded; None if it is an action
    of the robot, the recorded or the own one.
    """

    actions: np.ndarray
    recorded: int
    varied: tuple[int | None, ...]
    own: int | None = None


def sweep_choices(choices: np.ndarray, recorded: np.ndarray, own: np.ndarray | None = None) -> ActionSweep:
    """All actions (C, A) that a robot chooses from, behind them the recorded one (A,) if it is none of them."""
    return _completed(list(choices), [None] * len(choices), recorded, own)


def sweep_channels(
    actions: np.ndarray, channels: Sequence[int], recorded: np.ndarray, own: np.ndarray | None = None
) -> ActionSweep:
    """Values of each of some channels, from the lowest to the highest of recorded actions (M, A), one channel after the
    other, the others as in the recorded action (A,). Beyond them no network has learned anything."""
    rows: list[np.ndarray] = []
    varied: list[int | None] = []
    for channel in channels:
        for value in _values(actions[:, channel]):
            rows.append(recorded.copy())
            rows[-1][channel] = value
            varied.append(channel)
    return _completed(rows, varied, recorded, own)


def _values(recorded: np.ndarray) -> np.ndarray:
    """Up to five values of a channel (M,), evenly spread; of a channel with few different ones, such as a gripper that
    is open or closed, only values that were recorded."""
    known = np.unique(recorded)
    even = np.linspace(known[0], known[-1], VALUES, dtype=np.float32)
    if len(known) > MAX_DISCRETE:
        return even
    return np.unique(known[np.abs(known[:, None] - even).argmin(axis=0)])


def _completed(
    rows: list[np.ndarray], varied: list[int | None], recorded: np.ndarray, own: np.ndarray | None
) -> ActionSweep:
    place, rows, varied = _placed(rows, varied, recorded)
    own_place = None
    if own is not None:
        own_place, rows, varied = _placed(rows, varied, own)
    return ActionSweep(np.array(rows, dtype=np.float32), place, tuple(varied), own_place)


def _placed(
    rows: list[np.ndarray], varied: list[int | None], action: np.ndarray
) -> tuple[int, list[np.ndarray], list[int | None]]:
    """The index of an action among rows, which get it at their end if it is none of them."""
    for place, row in enumerate(rows):
        if np.isclose(row, action, atol=SAME_WITHIN).all():
            return place, rows, varied
    return len(rows), [*rows, action], [*varied, None]
