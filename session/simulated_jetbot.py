"""A JetBot in a drawn room, for trying things out without the robot.

The room is a panorama drawn once from a seed; the camera sees a window of it that moves as the robot turns.
"""

import math
from collections.abc import Mapping

import numpy as np

from session.actions import checked_action
from session.drawn_room import HEIGHT as IMAGE_SIZE
from session.drawn_room import PANORAMA_WIDTH, draw_room
from session.errors import InvalidAction
from session.robot_profiles import JETBOT

# One usual action (0.12 for 0.2 s) turns by 6 degrees, about 22 pixels.
DEGREES_PER_THRUST = 250.0
# The camera sees a sixth of the panorama: 60 degrees.
PIXELS_PER_DEGREE = PANORAMA_WIDTH / 360.0
MAX_MOTOR, MAX_DURATION_S = 1.0, 5.0


class SimulatedJetBot:
    """Turns on the spot by the difference of its motors times their duration; it does not drive.

    ``seed`` sets the room and where the robot looks first; ``yaw`` is in degrees, clockwise.
    """

    profile = JETBOT

    def __init__(self, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.yaw = float(random.uniform(0.0, 360.0))
        panorama = draw_room(random)
        # The first columns once more at the end: a window across the seam is then one slice.
        self._panorama = np.concatenate((panorama, panorama[:, : IMAGE_SIZE + 1]), axis=1)

    @property
    def action_space(self) -> list[dict[str, float]]:
        return [{"motor_left": 0, "motor_right": right, "duration": 0.2} for right in (0, 0.12)]

    def observe(self) -> np.ndarray:
        """The camera's picture, uint8 (224, 224, 3)."""
        position = self.yaw * PIXELS_PER_DEGREE
        left = math.floor(position)
        share, left = position - left, left % PANORAMA_WIDTH
        window = self._panorama[:, left : left + IMAGE_SIZE + 1]
        return np.rint((1.0 - share) * window[:, :-1] + share * window[:, 1:]).astype(np.uint8)

    def act(self, action: Mapping[str, float]) -> float:
        """Do an action and return the seconds it takes; raises InvalidAction."""
        action = checked_action(action)
        if set(action) != set(self.profile.channel_names):
            raise InvalidAction("A JetBot's action is motor_left, motor_right and duration; give all three.")
        left, right, duration = action["motor_left"], action["motor_right"], action["duration"]
        if not (abs(left) <= MAX_MOTOR and abs(right) <= MAX_MOTOR and 0.0 < duration <= MAX_DURATION_S):
            raise InvalidAction(
                "A JetBot's motors go from -1 to 1, an action lasts up to 5 seconds; choose such values."
            )
        self.yaw = (self.yaw + DEGREES_PER_THRUST * (left - right) * duration) % 360.0
        return float(duration)
