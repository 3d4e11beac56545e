"""Robots whose actions are continuous: the channels that vary, typical actions, and bins of their values.

A recording tells nothing of what its robot could have done if it lists no actions. Of a few different ones each counts
as a choice; of many, such as the steering of a car, choices are made here.

Shapes: M recorded actions, A channels, C actions to choose from.
"""

from dataclasses import dataclass

import numpy as np

from session.robots.actions import MAX_CANDIDATES
from session.robots.profiles import RobotProfile

MAX_DISCRETE = 16  # a robot that took more different actions than this is a continuous one
MAX_TYPICAL_CHANNELS = 2
LOW, HIGH = 10, 90  # percentiles of a channel in a typical action
MAX_BINNED_CHANNELS = 3
BINS = 5


@dataclass(frozen=True, eq=False)
class Candidates:
    """Actions to choose from, float32 (C, A); ``is_continuous``: they were made, as the robot took too many."""

    actions: np.ndarray
    is_continuous: bool = False


def recorded_candidates(profile: RobotProfile, actions: np.ndarray, is_continuous: bool = False) -> Candidates:
    """The different ones of recorded actions (M, A), or typical ones if these are many, or if the robot is known to be
    continuous."""
    if not actions.size:
        return Candidates(actions)
    recorded = np.unique(actions, axis=0)
    if len(recorded) <= MAX_DISCRETE and not is_continuous:
        return Candidates(recorded)
    return Candidates(typical_actions(profile, actions), is_continuous=True)


def typical_actions(profile: RobotProfile, actions: np.ndarray) -> np.ndarray:
    """The medians of all channels, and a low and a high value of each channel that varies most, the others at their
    medians; float32 (C, A), each once. All values were recorded: between two of them a gripper may have none."""
    middle = np.percentile(actions, 50, axis=0, method="nearest")
    rows = [middle]
    for channel in varying_channels(profile, actions)[:MAX_TYPICAL_CHANNELS]:
        for value in np.percentile(actions[:, channel], (LOW, HIGH), method="nearest"):
            rows.append(middle.copy())
            rows[-1][channel] = value
    rows = np.array(rows, dtype=np.float32)
    return rows[np.sort(np.unique(rows, axis=0, return_index=True)[1])]


def candidates_of_ranges(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """A few actions within ranges (A,), float32 (C, A), each once: all channels at 0, or at the end nearest to it; all
    at their lowest and all at their highest values; then each in turn at its ends, as far as MAX_CANDIDATES allow."""
    rest = np.clip(0.0, low, high)
    rows = [rest, low, high]
    for channel in range(len(low)):
        for end in (low, high):
            rows.append(rest.copy())
            rows[-1][channel] = end[channel]
    rows = np.array(rows, dtype=np.float32)
    return rows[np.sort(np.unique(rows, axis=0, return_index=True)[1])][:MAX_CANDIDATES]


def varying_channels(profile: RobotProfile, actions: np.ndarray) -> list[int]:
    """The channels of recorded actions (M, A) that vary, the one first that varies most over its range."""
    if not len(actions):
        return []
    spread = profile.scale(actions).std(axis=0, dtype=np.float64)
    return [int(channel) for channel in np.argsort(-spread, kind="stable") if spread[channel] > 0]


@dataclass(frozen=True)
class ActionBin:
    """The values of one channel from ``low`` up to ``high``; the last bin of a channel includes its ``high``."""

    channel: int
    name: str
    low: float
    high: float
    is_last: bool

    def __str__(self) -> str:
        return f"{self.name} {self.low:.3g} to {self.high:.3g}"

    def holds(self, actions: np.ndarray) -> np.ndarray:
        """For each of some actions (M, A) if it is in this bin, bool (M,)."""
        values = actions[:, self.channel].astype(np.float64)
        below = values <= self.high if self.is_last else values < self.high
        return (values >= self.low) & below


def action_bins(profile: RobotProfile, actions: np.ndarray) -> tuple[ActionBin, ...]:
    """Bins of equal width between the lowest and highest value of each channel that varies most."""
    bins = []
    for channel in varying_channels(profile, actions)[:MAX_BINNED_CHANNELS]:
        values = actions[:, channel].astype(np.float64)
        edges = np.linspace(values.min(), values.max(), BINS + 1)
        for number, (low, high) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True), 1):
            bins.append(ActionBin(channel, profile.channel_names[channel], low, high, number == BINS))
    return tuple(bins)
