"""The actions to compare at one frame: those that the robot could have taken in place of the recorded one.

Shapes: A channels, C actions of the sweep.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from session.robots.actions import SAME_WITHIN

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
    """Values of each of some channels from the lowest to the highest of recorded actions (M, A), one channel after the
    other, the others as in the recorded action (A,). Beyond them no network has learned anything."""
    rows: list[np.ndarray] = []
    for channel in channels:
        values = actions[:, channel]
        for value in np.linspace(values.min(), values.max(), VALUES, dtype=np.float32):
            rows.append(recorded.copy())
            rows[-1][channel] = value
    return _completed(rows, [channel for channel in channels for _ in range(VALUES)], recorded, own)


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
