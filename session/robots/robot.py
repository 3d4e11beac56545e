"""What a robot is to those who record it: four members, for simulated robots and for those of metal alike.

How to attach one of your own is told in docs/robots.md.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from session.robots.profiles import RobotProfile


class Robot(Protocol):
    """Something that sees and acts. Its class name is the robot type in the recordings."""

    @property
    def profile(self) -> RobotProfile:
        """Its action channels and their ranges; `profile_of` gives the one under which its recordings are read."""

    @property
    def action_space(self) -> list[dict[str, float]]:
        """The actions that it chooses from, each channel → number."""

    def observe(self) -> np.ndarray:
        """The picture now, RGB, uint8 (H, W, 3)."""

    def act(self, action: Mapping[str, float]) -> float:
        """Do an action and return the seconds it takes; a robot of metal returns when it is done."""
