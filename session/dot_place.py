"""Where the Toroidal Dot is in a picture, recorded, simulated or imagined, and how far apart two places are.

The picture has no edges: a dot that leaves on one side enters on the other, so its centre is a mean of angles, and the
distance between two places is the shorter way around.
"""

import math
from typing import NamedTuple

import numpy as np

from session.toroidal_dot import IMAGE_SIZE

FULL_TURN = 2.0 * math.pi
# A dot that can be told from its ground: an untrained network's picture has no place this much brighter than the rest.
LEAST_CONTRAST = 40.0
LEAST_PIXELS = 16  # of about 80 that are brighter than half in a whole dot
NEAR_PX = 2.0  # a dot this close to where it should be is in its place
# Of the mean of directions, 1 where all pixels lie in one line: two dots a quarter of the picture apart give 0.7, and
# have no common centre that would mean anything.
LEAST_AGREEMENT = 0.9


class DotPlace(NamedTuple):
    """The centre of a dot in pixels, 0 ≤ x < width and 0 ≤ y < height; pixel centres are whole numbers."""

    x: float
    y: float


def dot_place(picture: np.ndarray) -> DotPlace | None:
    """The centre of the one bright dot of a picture, uint8 (H, W, 3); None where there is no dot, less than a
    fifth of one, or more than one far apart."""
    brightness = np.asarray(picture).mean(axis=2, dtype=np.float32)
    ground, peak = float(np.median(brightness)), float(brightness.max())
    if peak - ground < LEAST_CONTRAST:
        return None
    # Only what is nearer to the dot's brightness than to the ground's: a faint haze over the whole picture, as networks
    # leave it, would draw the centre towards the middle.
    weights = np.clip(brightness - (ground + peak) / 2.0, 0.0, None)
    if np.count_nonzero(weights) < LEAST_PIXELS:
        return None
    x, y = (_circular_mean(weights.sum(axis=axis)) for axis in (0, 1))
    return None if x is None or y is None else DotPlace(x, y)


def torus_distance(a: DotPlace, b: DotPlace, size: float = IMAGE_SIZE) -> float:
    """Pixels from one place to the other, the shorter way around in each direction; `size` of the picture's sides."""
    across, down = (abs(first - second) % size for first, second in zip(a, b, strict=True))
    return math.hypot(min(across, size - across), min(down, size - down))


def _circular_mean(weights: np.ndarray) -> float | None:
    """The mean place of weights (N,) on a circle of N places; None where they do not agree on one."""
    n = len(weights)
    angles = np.arange(n) * (FULL_TURN / n)
    across, along = float(weights @ np.sin(angles)), float(weights @ np.cos(angles))
    if math.hypot(across, along) < LEAST_AGREEMENT * float(weights.sum()):
        return None
    place = math.atan2(across, along) % FULL_TURN * n / FULL_TURN
    return 0.0 if place >= n else place  # a tiny negative angle is rounded up to a full turn
