"""Actions beyond the ranges of their robot, which reach the networks clipped."""

from dataclasses import dataclass

import numpy as np

from session.robots.actions import SAME_WITHIN
from session.robots.profiles import RobotProfile


@dataclass(frozen=True)
class OutsideRanges:
    """``count`` of ``total`` actions lie outside; ``different`` ones of all reach the networks as ``distinguished``.

    ``spans``: lowest and highest value of every channel, by name.
    """

    count: int
    total: int
    different: int
    distinguished: int
    spans: dict[str, tuple[float, float]]

    def __str__(self) -> str:
        return f"{self.count:,} of {self.total:,} actions are outside the robot's ranges and were clipped"


def find_outside(profile: RobotProfile, actions: np.ndarray) -> OutsideRanges | None:
    """The actions (M, A), raw values, that are outside the ranges of ``profile``; None if there are none."""
    if not actions.size:
        return None
    low, high = np.array([(channel.low, channel.high) for channel in profile.channels], dtype=np.float32).T
    margin = SAME_WITHIN * np.maximum(1.0, np.maximum(np.abs(low), np.abs(high)))
    is_outside = ((actions < low - margin) | (actions > high + margin)).any(axis=1)
    if not is_outside.any():
        return None
    different = np.unique(actions, axis=0)
    spans = zip(actions.min(axis=0).tolist(), actions.max(axis=0).tolist(), strict=True)
    return OutsideRanges(
        count=int(is_outside.sum()),
        total=len(actions),
        different=len(different),
        distinguished=len(np.unique(profile.scale(different), axis=0)),
        spans=dict(zip(profile.channel_names, spans, strict=True)),
    )
