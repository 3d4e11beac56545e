"""Ground truth of a robot whose whole state shows in its picture: a simulator can go on from any frame."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from session.robots.robot import Robot

State = tuple[float, ...]


class StatefulRobot(Robot, Protocol):
    """A simulated robot that shows its state."""

    @property
    def state(self) -> State:
        """The numbers that decide its pictures."""


@dataclass(frozen=True)
class SimulatedTruth:
    """The functions of such a simulator; its pictures are uint8 (224, 224, 3).

    ``locate``: the state in a picture, or None if it shows none. ``simulate``: a simulator in that state.
    ``distance_px``: pixels between two states.
    """

    locate: Callable[[np.ndarray], State | None]
    simulate: Callable[[State], StatefulRobot]
    distance_px: Callable[[State, State], float]

    def error_px(self, picture: np.ndarray, state: State) -> float | None:
        """Pixels from the state in a picture to the true one; None if the picture shows none."""
        predicted = self.locate(picture)
        return None if predicted is None else self.distance_px(predicted, state)
