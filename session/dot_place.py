"""Where the dot of the Toroidal Dot robot is in a picture, recorded or predicted.

The picture has no edges, so the mean of positions is taken on a circle, for each direction.
"""

from typing import NamedTuple

import numpy as np

LEAST_BRIGHTNESS = 0.3  # darker pixels are no part of a dot
LEAST_PIXELS = 15.0  # full ones; a whole dot has 95


class DotPlace(NamedTuple):
    """Centre of a dot, pixels from the left and from the top."""

    x: float
    y: float


def dot_place(picture: np.ndarray) -> DotPlace | None:
    """Centre of what is bright in a picture uint8 (H, W, 3); None where less than a sixth of a dot is there."""
    grey = picture.mean(axis=2, dtype=np.float64) / 255
    grey[grey < LEAST_BRIGHTNESS] = 0
    if grey.sum() < LEAST_PIXELS:
        return None
    return DotPlace(_circular_mean(grey.sum(axis=0)), _circular_mean(grey.sum(axis=1)))


def torus_distance(one: DotPlace, other: DotPlace, size: int) -> float:
    """Pixels between two places of a picture ``size`` wide and high, the shorter way round."""
    across, down = (abs(a - b) % size for a, b in zip(one, other, strict=True))
    return float(np.hypot(min(across, size - across), min(down, size - down)))


def _circular_mean(weights: np.ndarray) -> float:
    turn = 2 * np.pi * np.arange(len(weights)) / len(weights)
    angle = np.arctan2(weights @ np.sin(turn), weights @ np.cos(turn))
    return float(angle / (2 * np.pi) * len(weights) % len(weights))
