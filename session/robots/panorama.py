"""A picture all around a robot that turns on the spot: the view in any direction, and the direction that a picture
shows.

Positions are columns of the panorama: a view at position x begins there and may lie between two columns.

Shapes: H height, P width of the panorama, W width of a view, 3 colours.
"""

import math
from dataclasses import dataclass

import numpy as np

ROWS_TOGETHER = 8  # averaged for the first, coarse comparison with all directions
NEIGHBOURS = 2  # columns to each side of the coarse result that are compared exactly


@dataclass(frozen=True, eq=False)
class _Coarse:
    """For comparing a picture with the views at all columns at once: the spectrum of the panorama, and the sum of the
    squares of each view, float64 (P,)."""

    spectrum: np.ndarray
    energy: np.ndarray


class Panorama:
    """A seamless picture, float32 (H, P, 3) in 0..255, seen through a window of ``width`` columns."""

    def __init__(self, picture: np.ndarray, width: int) -> None:
        self.columns, self._width = picture.shape[1], width
        # The first columns are repeated at the end: a window across the seam is then one slice.
        self._picture = np.concatenate((picture, picture[:, : width + 1]), axis=1)
        self._coarse = _measure(picture, self._picture, width)

    def view(self, position: float) -> np.ndarray:
        """The picture at a position, uint8 (H, W, 3), blended from the two columns that it lies between."""
        left = math.floor(position)
        share = position - left
        return np.rint((1.0 - share) * self._window(left) + share * self._window(left + 1)).astype(np.uint8)

    def locate(self, picture: np.ndarray) -> float | None:
        """The position whose view a picture, uint8 (H, W, 3), is nearest to by squared error, to a fraction of a pixel.

        None if it is nearer to itself smeared out sideways, each row in its mean colour, than to any view: a grey or a
        much blurred picture.
        """
        pixels = np.asarray(picture, dtype=np.float32)
        best = self._nearest_column(pixels)
        lefts = range(best - NEIGHBOURS, best + NEIGHBOURS)
        error, position = min(self._between(pixels, left) for left in lefts)
        return position % self.columns if error < _squares(pixels - pixels.mean(axis=1, keepdims=True)) else None

    def distance(self, a: float, b: float) -> float:
        """Pixels from one position to another, the shorter way around."""
        distance = abs(a - b) % self.columns
        return min(distance, self.columns - distance)

    def _window(self, left: int) -> np.ndarray:
        left %= self.columns
        return self._picture[:, left : left + self._width]

    def _nearest_column(self, pixels: np.ndarray) -> int:
        spectrum = np.fft.rfft(_few_rows(pixels), self.columns, axis=1)
        products = np.fft.irfft((self._coarse.spectrum * spectrum.conj()).sum(axis=(0, 2)), self.columns)
        return int((self._coarse.energy - 2.0 * products).argmin())

    def _between(self, pixels: np.ndarray, left: int) -> tuple[float, float]:
        """Squared error and position of the best view between a column and the next.

        A view there is a blend of two, so its squared error is a parabola of the share, whose minimum is known.
        """
        rest = pixels - self._window(left)
        step = self._window(left + 1) - self._window(left)
        share = min(max(float(np.vdot(rest, step)) / max(_squares(step), 1e-9), 0.0), 1.0)
        return _squares(rest - share * step), left + share


def _squares(values: np.ndarray) -> float:
    return float(np.vdot(values, values))


def _few_rows(picture: np.ndarray) -> np.ndarray:
    h, w, colours = picture.shape
    return picture.reshape(h // ROWS_TOGETHER, ROWS_TOGETHER, w, colours).mean(axis=1)


def _measure(picture: np.ndarray, repeated: np.ndarray, width: int) -> _Coarse:
    squares = np.square(_few_rows(repeated), dtype=np.float64).sum(axis=(0, 2))
    sums = np.concatenate(([0.0], np.cumsum(squares)))
    columns = picture.shape[1]
    return _Coarse(np.fft.rfft(_few_rows(picture), axis=1), sums[width : width + columns] - sums[:columns])
