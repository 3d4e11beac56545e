"""Profiles of robots: their action channels, the ranges of those, and the scaling for the models.

A profile travels with each session and is passed along: there is no "current" robot.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ActionChannel:
    """One number of an action; ``low`` and ``high`` are in the robot's own units."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class RobotProfile:
    """The action channels of a robot. ``name`` is safe as a folder name, ``title`` is shown to visitors."""

    name: str
    title: str
    channels: tuple[ActionChannel, ...]

    @property
    def channel_names(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self.channels)

    def with_constants(self, action: Mapping[str, float]) -> dict[str, float]:
        """The action, completed by the channels that have only one possible value."""
        return self.constants | dict(action)

    @property
    def constants(self) -> dict[str, float]:
        """The channels that have only one possible value, with that value."""
        return {channel.name: channel.low for channel in self.channels if channel.low == channel.high}

    def scale(self, actions: np.ndarray) -> np.ndarray:
        """Clip raw actions (..., A) to their ranges and scale them to [-1, 1], float32.

        A channel whose range has no width gives 0. Raises ValueError if the last axis is not A.
        """
        # Actions and bounds go through the same float32, so that the ends of a range become exactly -1 and 1.
        values = np.asarray(actions, dtype=np.float32).astype(np.float64)
        if values.ndim == 0 or values.shape[-1] != len(self.channels):
            raise ValueError(f"actions of shape {values.shape} do not end in {len(self.channels)} channels")
        bounds = [(channel.low, channel.high) for channel in self.channels]
        low, high = np.array(bounds, dtype=np.float32).reshape(-1, 2).T.astype(np.float64)
        width = high - low
        scaled = 2.0 * (np.clip(values, low, high) - low) / np.where(width > 0, width, 1.0) - 1.0
        return np.where(width > 0, scaled, 0.0).astype(np.float32)
