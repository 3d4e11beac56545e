"""A robot that is easy to predict: a white dot that jumps to the right on a black picture without edges."""

from collections.abc import Mapping

import numpy as np

from session.actions import checked_action
from session.errors import InvalidAction
from session.robot_profiles import TOROIDAL_DOT, standard_actions

IMAGE_SIZE = 224
DOT_RADIUS = 5
MOVE_PIXELS = 27
SECONDS_PER_ACTION = 0.1


class ToroidalDotRobot:
    """Action 0 stays, action 1 moves the dot 27 pixels to the right; what leaves on one side enters on the other.

    ``seed`` sets where the dot starts, ``x`` and ``y`` (pixels) say where it is.
    """

    profile = TOROIDAL_DOT

    def __init__(self, seed: int = 0) -> None:
        self.x, self.y = (int(value) for value in np.random.default_rng(seed).integers(0, IMAGE_SIZE, size=2))

    @property
    def action_space(self) -> list[dict[str, float]]:
        return [{name: int(value) for name, value in action.items()} for action in standard_actions(self.profile)]

    def observe(self) -> np.ndarray:
        """The picture, uint8 (224, 224, 3)."""
        across, down = _distances(self.x), _distances(self.y)
        distance = np.hypot(down[:, None], across[None, :])
        # Half a pixel of the rim on either side fades, so that the dot is round.
        brightness = np.clip(DOT_RADIUS + 0.5 - distance, 0.0, 1.0) * 255.0
        return np.repeat(np.rint(brightness).astype(np.uint8)[:, :, None], 3, axis=2)

    def act(self, action: Mapping[str, float]) -> float:
        """Do an action and return the seconds it takes; raises InvalidAction."""
        action = checked_action(action)
        if set(action) != {"action"} or action["action"] not in (0, 1):
            raise InvalidAction('The Toroidal Dot knows two actions; choose {"action": 0} or {"action": 1}.')
        self.x = (self.x + MOVE_PIXELS * int(action["action"])) % IMAGE_SIZE
        return SECONDS_PER_ACTION


def _distances(position: int) -> np.ndarray:
    direct = np.abs(np.arange(IMAGE_SIZE) - position)
    return np.minimum(direct, IMAGE_SIZE - direct)
