"""Results of the models as colours, in arrays; no files, no page."""

from dataclasses import dataclass

import numpy as np

STRIP_COLOURS = 120
LEAST_DIFFERENCE = 0.05  # brightness from 0 to 1


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Maps as colours: `pixels` uint8 (..., H, W, 3), and `strip` uint8 (1, N, 3), the scale that ends at `top`.

    The scale begins at 0 for an error, at −`top` for differences.
    """

    pixels: np.ndarray
    strip: np.ndarray
    top: float


def draw_error(error: np.ndarray) -> HeatMap:
    """A squared error (H, W) in colours that reach from 0 to its highest value."""
    top = float(error.max())
    strip = error_heat_map(np.linspace(0, 1, STRIP_COLOURS, dtype=np.float32)[None], 1.0)
    return HeatMap(error_heat_map(error, top), strip, top)


def error_heat_map(error: np.ndarray, top: float) -> np.ndarray:
    """Colours of a squared error (H, W): uint8 (H, W, 3), black for none, bright for `top` and above.

    Maps drawn with one `top` share a scale. The colours are matplotlib's "inferno": perceptually uniform,
    ordered in lightness, and readable with any colour vision. Raises ValueError if `top` is not a number ≥ 0.
    """
    return _coloured(error, top, "inferno", zero=0.0)


def draw_differences(differences: np.ndarray, top: float) -> HeatMap:
    """Signed differences (C, H, W) on one scale from −`top` to `top`, but no finer than ±0.05: differences that are
    invisible in the pictures are pale here as well. Without any difference the scale is 0."""
    top = max(top, LEAST_DIFFERENCE) if top else top
    strip = difference_map(np.linspace(-1, 1, STRIP_COLOURS, dtype=np.float32)[None], 1.0)
    return HeatMap(difference_map(differences, top), strip, top)


def difference_map(difference: np.ndarray, top: float) -> np.ndarray:
    """Colours of signed differences (..., H, W): uint8 (..., H, W, 3), white for none.

    Orange for positive and purple for negative ones, darkest at `top` and beyond: matplotlib's "PuOr", whose two
    sides are distinct with any colour vision. Raises ValueError if `top` is not a number ≥ 0.
    """
    return _coloured(difference, top, "PuOr_r", zero=0.5)


def _coloured(values: np.ndarray, top: float, colour_map: str, zero: float) -> np.ndarray:
    """Values in the colours of a map: 0 at the share `zero` of it, `top` and above at its end."""
    # Imported here: matplotlib's colour maps take a few tenths of a second, which not every program needs.
    from matplotlib import colormaps

    if not (np.isfinite(top) and top >= 0):
        raise ValueError(f"The top of a colour scale has to be a finite number of at least 0, not {top}.")
    share = np.clip(zero + (1 - zero) * (values / top), 0, 1) if top > 0 else np.full(np.shape(values), zero)
    return colormaps[colour_map](share, bytes=True)[..., :3]
