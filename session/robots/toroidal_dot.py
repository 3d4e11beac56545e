"""The Toroidal Dot, a robot that is easy to predict: a white dot that jumps to the right on a black picture without
edges."""

import math
from collections.abc import Mapping
from typing import NamedTuple, Self

import numpy as np

from session.errors import InvalidAction
from session.robots.actions import checked_action
from session.robots.profiles import ActionChannel, RobotProfile

IMAGE_SIZE = 224
DOT_RADIUS = 5
MOVE_PIXELS = 27
SECONDS_PER_ACTION = 0.1
FULL_TURN = 2.0 * math.pi
# Of a dot against its background: no pixel of an untrained network's picture is this much brighter than the rest.
LEAST_CONTRAST = 40.0
LEAST_PIXELS = 16  # of about 80 that are brighter than half in a whole dot
# Length of the mean direction, 1 if all pixels are in one line: two dots a quarter of the picture apart give 0.7, and
# have no meaningful common centre.
LEAST_AGREEMENT = 0.9
# Of the columns, every fifth is held out: moves of 27 pixels lead from one kind of column to the other and back.
HELD_OUT_EVERY, HELD_OUT_FIRST = 5, 3

TOROIDAL_DOT = RobotProfile(name="toroidal_dot", title="Toroidal Dot", channels=(ActionChannel("action", 0.0, 1.0),))
ACTIONS = {"stay": {"action": 0}, "move": {"action": 1}}


class DotPosition(NamedTuple):
    """The centre of a dot in pixels, 0 ≤ x < width and 0 ≤ y < height; pixel centres are whole numbers."""

    x: float
    y: float


class ToroidalDotRobot:
    """The simulator: action 0 stays, action 1 moves the dot 27 pixels to the right; beyond an edge it continues at the
    opposite one.

    ``seed`` decides the first position, ``x`` and ``y`` (pixels) are the current one.
    """

    profile = TOROIDAL_DOT

    def __init__(self, seed: int = 0) -> None:
        self.x, self.y = (int(value) for value in np.random.default_rng(seed).integers(0, IMAGE_SIZE, size=2))

    @property
    def action_space(self) -> list[dict[str, float]]:
        return [dict(action) for action in ACTIONS.values()]

    @classmethod
    def shown_in(cls, picture: np.ndarray) -> Self | None:
        """The robot whose picture this is, uint8 (H, W, 3), at whole pixels, or None if there is no dot."""
        position = locate_dot(picture)
        return None if position is None else cls().at(position)

    def at(self, state: tuple[float, ...]) -> Self:
        """A robot with its dot at a position, rounded to whole pixels."""
        robot = type(self)()
        robot.x, robot.y = (round(value) % IMAGE_SIZE for value in state)
        return robot

    @property
    def state(self) -> DotPosition:
        return DotPosition(float(self.x), float(self.y))

    @property
    def is_held_out(self) -> bool:
        """True in every fifth column, from 3 on."""
        return self.x % HELD_OUT_EVERY == HELD_OUT_FIRST

    def error_px(self, picture: np.ndarray) -> float | None:
        """Pixels from the centre of the dot in a picture to the true one, or None if there is no dot."""
        position = locate_dot(picture)
        return None if position is None else torus_distance(position, self.state)

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


def locate_dot(picture: np.ndarray) -> DotPosition | None:
    """The centre of the one bright dot of a picture, uint8 (H, W, 3), or None if there is no dot, less than a fifth of
    one, or several far apart."""
    brightness = np.asarray(picture).mean(axis=2, dtype=np.float32)
    background, peak = float(np.median(brightness)), float(brightness.max())
    if peak - background < LEAST_CONTRAST:
        return None
    # Only pixels nearer to the dot's brightness than to the background's: a faint haze over the whole picture, as
    # networks produce it, would shift the centre towards the middle.
    weights = np.clip(brightness - (background + peak) / 2.0, 0.0, None)
    if np.count_nonzero(weights) < LEAST_PIXELS:
        return None
    x, y = (_circular_mean(weights.sum(axis=axis)) for axis in (0, 1))
    return None if x is None or y is None else DotPosition(x, y)


def torus_distance(a: DotPosition, b: DotPosition, size: float = IMAGE_SIZE) -> float:
    """Pixels from one position to the other, the shorter way around in each direction; `size`: width and height."""
    across, down = (abs(first - second) % size for first, second in zip(a, b, strict=True))
    return math.hypot(min(across, size - across), min(down, size - down))


def _circular_mean(weights: np.ndarray) -> float | None:
    """The mean position of weights (N,) on a circle of N positions, or None if they are spread too widely."""
    n = len(weights)
    angles = np.arange(n) * (FULL_TURN / n)
    across, along = float(weights @ np.sin(angles)), float(weights @ np.cos(angles))
    if math.hypot(across, along) < LEAST_AGREEMENT * float(weights.sum()):
        return None
    position = math.atan2(across, along) % FULL_TURN * n / FULL_TURN
    return 0.0 if position >= n else position  # a tiny negative angle is rounded up to a full turn
