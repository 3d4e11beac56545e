"""Pictures of what the models compute, as arrays; no files, no page."""

from dataclasses import dataclass

import numpy as np

STRIP_COLOURS = 120


@dataclass(frozen=True, eq=False)
class HeatMap:
    """An error as colours: `pixels` uint8 (H, W, 3), and `strip` uint8 (1, N, 3), the scale from 0 to `top`."""

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
    ordered in lightness, and readable with any colour vision. Raises ValueError where `top` is no number ≥ 0.
    """
    # Imported here: matplotlib's colour maps take a few tenths of a second, which not every program needs.
    from matplotlib import colormaps

    if not (np.isfinite(top) and top >= 0):
        raise ValueError(f"The top of an error scale has to be a finite number of at least 0, not {top}.")
    share = np.clip(error / top, 0, 1) if top > 0 else np.zeros_like(error)
    return colormaps["inferno"](share, bytes=True)[..., :3]
