"""Statistics of columns and pictures, in the shapes that LeRobot normalizes by.

Legend: R rows, S numbers of a row.
"""

from collections.abc import Mapping

import numpy as np
from PIL import Image

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
LEVELS = 256
SMALL_SIDE = 150  # pixels of a picture's longer side, about, that count
MIN_SAMPLES, MAX_SAMPLES = 100, 10_000  # pictures of an episode

Stats = Mapping[str, list]


def column_stats(values: np.ndarray) -> Stats:
    """The statistics of a column (R,) or (R, S), each a list of 1 or S numbers."""
    table = values.reshape(len(values), -1)
    exact = table.astype(np.float64)
    stats = {
        "min": table.min(axis=0),
        "max": table.max(axis=0),
        "mean": exact.mean(axis=0),
        "std": exact.std(axis=0),
        "count": np.array([len(table)]),
    }
    quantiles = np.quantile(exact, list(QUANTILES.values()), axis=0)
    stats |= dict(zip(QUANTILES, quantiles, strict=True))
    return {name: value.tolist() for name, value in stats.items()}


def samples_of(rows: int) -> int:
    """The number of pictures that are enough to know those of an episode."""
    return max(min(MIN_SAMPLES, rows), min(int(rows**0.75), MAX_SAMPLES))


class PictureStatistics:
    """Counts the levels of the pixels of some pictures, by channel."""

    def __init__(self) -> None:
        self._levels = np.zeros((3, LEVELS), dtype=np.int64)
        self._pictures = 0

    def add(self, picture: Image.Image) -> None:
        """Count the pixels of an RGB picture, of a large one some of them."""
        step = max(1, max(picture.size) // SMALL_SIDE)
        pixels = np.asarray(picture)[::step, ::step]
        self._levels += [np.bincount(pixels[..., channel].ravel(), minlength=LEVELS) for channel in range(3)]
        self._pictures += 1

    def join(self, other: "PictureStatistics") -> None:
        """Count the pictures of another one as well."""
        self._levels += other._levels
        self._pictures += other._pictures

    def stats(self) -> Stats:
        """The statistics in [0, 1], each of shape (3, 1, 1) as nested lists, and the number of pictures."""
        levels = np.arange(LEVELS) / (LEVELS - 1)
        share = self._levels / self._levels.sum(axis=1, keepdims=True)
        mean = share @ levels
        below = np.cumsum(share, axis=1)
        values = {
            "min": [levels[row > 0][0] for row in share],
            "max": [levels[row > 0][-1] for row in share],
            "mean": mean,
            "std": np.sqrt(np.maximum(share @ levels**2 - mean**2, 0)),
        }
        for name, quantile in QUANTILES.items():
            values[name] = [levels[np.searchsorted(row, quantile)] for row in below]
        return {name: np.reshape(value, (3, 1, 1)).tolist() for name, value in values.items()} | {
            "count": [self._pictures]
        }
