"""The Robot protocol: the four members that a simulated or real robot must have.

docs/robots.md shows how to attach a robot. An environment of Gymnasium has them too, see `gymnasium_robot`.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from session.robots.profiles import RobotProfile


class Robot(Protocol):
    """A robot that observes and acts. Its class name is the robot type in the recordings."""

    @property
    def profile(self) -> RobotProfile:
        """Its action channels and their ranges; `profile_of` returns the one that its recordings are read with."""

    @property
    def action_space(self) -> list[dict[str, float]]:
        """The actions to choose from, each channel → number."""

    def observe(self) -> np.ndarray:
        """The picture now, RGB, uint8 (H, W, 3)."""

    def act(self, action: Mapping[str, float]) -> float:
        """Do an action and return the seconds it takes; a real robot returns when it is done."""
