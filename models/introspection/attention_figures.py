"""Pictures of the predictor's attention: by future token, by part of the sequence, and by patch.

Owns drawing alone, from the arrays of `attention.py`: no network is run, and nothing is saved.

Shapes: T history, P tokens of a frame (197), N tokens of the whole sequence, H and W picture height and width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from models.action_predictor import ACTION_TOKEN, FRAME_TOKEN, FUTURE_TOKEN
from models.figures import STRIP_COLOURS, error_heat_map
from models.introspection.attention import (
    AttentionReport,
    AttentionShares,
    NoSuchToken,
    as_uniform,
    attention_by_part,
    breakdown,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

SMALL, LABEL = 9, 10  # points
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#b8b8b8"
KIND_COLOURS = {FRAME_TOKEN: BLUE, ACTION_TOKEN: ORANGE, FUTURE_TOKEN: "#009e73"}
UNSEEN = "#d9d9d9"
ACTION_WIDTH = 0.015  # of the map's width: one of up to 1,781 columns would be thinner than a pixel
GAP = 0.004  # of the map's width, between parts: a line on top would hide the class token, the first of each frame
DECADES = 4  # that a colour scale reaches down from the highest attention; a saturated head would reach forty
COLOUR_SHARE = 0.55  # of an overlay's pixel; the rest is the picture without its colours
OUTLINE = ((4, 0), (2, 255))  # pixels around a patch and their grey: black and white show on any picture


@dataclass(frozen=True)
class _Part:
    """A frame's, an action's or the future's keys: columns of the attention, and their span in the picture, 0 to 1."""

    kind: int
    place: int
    columns: slice
    left: float
    right: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def _parts(report: AttentionReport) -> list[_Part]:
    """The parts of the sequence from left to right: actions are enlarged, the rest is to scale."""
    changes = np.flatnonzero((np.diff(report.kinds) != 0) | (np.diff(report.places) != 0)) + 1
    spans = list(pairwise([0, *changes.tolist(), len(report.kinds)]))
    actions = int((report.kinds == ACTION_TOKEN).sum())
    a_token = (1 - actions * ACTION_WIDTH - (len(spans) - 1) * GAP) / (len(report.kinds) - actions)
    parts, left = [], 0.0
    for start, end in spans:
        kind = int(report.kinds[start])
        right = left + (ACTION_WIDTH if kind == ACTION_TOKEN else (end - start) * a_token)
        parts.append(_Part(kind, int(report.places[start]), slice(start, end), left, right))
        left = right + GAP
    return parts


def draw_attention_map(figure: "Figure", report: AttentionReport, frame_names: Sequence[str]) -> None:
    """Attention of every future token on every token, on a logarithmic colour scale; later tokens, which it cannot
    attend to, are grey.

    Frames are named by `frame_names` (T).
    """
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm

    assert len(frame_names) == report.history, f"expected {report.history} frame names, got {len(frame_names)}"
    p, n = report.weights.shape
    attention = np.ma.array(report.weights, mask=np.arange(n) > np.arange(n - p, n)[:, None])
    norm = LogNorm(*_scale(attention.compressed()), clip=True)
    colours = colormaps["viridis"].with_extremes(bad=UNSEEN)
    axes = figure.add_subplot()
    parts = _parts(report)
    for part in parts:
        image = axes.imshow(
            attention[:, part.columns],
            extent=(part.left, part.right, p - 0.5, -0.5),
            aspect="auto",
            norm=norm,
            cmap=colours,
            # Several tokens share a pixel: it shows their mean attention, not the mean of their colours.
            interpolation_stage="data",
        )
    axes.set(xlim=(0, 1), ylim=(p - 0.5, -0.5))
    axes.spines[:].set_visible(False)  # they would hide the first frame's class token
    _mark_parts(axes, parts, frame_names)
    _mark_future_tokens(axes.yaxis, report.grid)
    axes.set_ylabel("future token, by patch row", fontsize=LABEL)
    axes.set_xlabel("token it looks at; each action (orange) is one token, drawn wider", fontsize=LABEL)
    _colour_bar(figure, image, report.baseline, is_cut=bool(attention.min() < norm.vmin))


def _scale(attention: np.ndarray) -> tuple[float, float]:
    """Ends of a logarithmic scale for attention, at least a decade apart: nearly even attention appears even."""
    top = float(attention.max())
    low = max(float(attention.min()), top / 10**DECADES)
    widening = max(1.0, 10 * low / top) ** 0.5
    return low / widening, top * widening


def _mark_parts(axes: "Axes", parts: Sequence[_Part], frame_names: Sequence[str]) -> None:
    """A strip above that colours the kinds of parts, and the frames' names below."""
    from matplotlib.patches import Rectangle

    strip = axes.get_xaxis_transform()  # x of the data, y of the axes: 1 is the upper edge
    for part in parts:
        size = (part.right - part.left, 0.03)
        colour = KIND_COLOURS[part.kind]
        axes.add_patch(Rectangle((part.left, 1.01), *size, color=colour, lw=0, transform=strip, clip_on=False))
    # Side by side "frame 17" takes the width of four; eight of them have room for two short lines.
    gap = " " if len(frame_names) <= 3 else "\n"
    named = [part for part in parts if part.kind != ACTION_TOKEN]
    names = ["future" if part.kind == FUTURE_TOKEN else f"frame{gap}{frame_names[part.place]}" for part in named]
    axes.set_xticks([part.middle for part in named], names, fontsize=SMALL)
    axes.tick_params(axis="x", length=0)


def _mark_future_tokens(axis: "Axis", grid: int) -> None:
    """Ticks at the class token and in the middle of patch rows."""
    rows = range(1, grid, 2) if grid > 8 else range(grid)
    # Row r, counted from 0 as tokens are, holds tokens 1 + grid·r to grid·(r + 1).
    ticks = [0, *(grid * (row + 0.5) + 0.5 for row in rows)]
    axis.set_ticks(ticks, ["class", *map(str, rows)], fontsize=SMALL)


def _colour_bar(figure: "Figure", image: "AxesImage", baseline: float, is_cut: bool) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    bar = figure.colorbar(image, ax=image.axes, extend="min" if is_cut else "neither", pad=0.02, aspect=30)
    steps = (1,) if image.norm.vmax / image.norm.vmin > 300 else (1, 2, 5)
    bar.ax.yaxis.set_major_locator(LogLocator(subs=steps))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(_in_percent)
    bar.ax.tick_params(labelsize=SMALL)
    bar.ax.axhline(baseline, color="white", linewidth=1.5)
    bar.set_label("share of attention (white line: uniform)", fontsize=LABEL)


def draw_breakdown(figure: "Figure", report: AttentionReport) -> None:
    """Attention of each future token on the last frame, the last action, and the rest.

    The last frame is at the bottom, to be compared with the dashed line, its share of uniform attention.
    """
    action, frame, rest = breakdown(report).T
    edges = np.arange(len(action) + 1) - 0.5
    axes = figure.add_subplot()
    below = np.zeros_like(frame)
    for shares, name, colour in ((frame, "last frame", BLUE), (action, "last action", ORANGE), (rest, "rest", GREY)):
        label = f"{name}, mean {_percent(shares.mean())}"
        axes.stairs(below + shares, edges, baseline=below, fill=True, color=colour, label=label)
        below = below + shares
    even = breakdown(as_uniform(report))[:, 1]
    label = f"last frame if uniform, mean {_percent(even.mean())}"
    axes.plot(even, color="black", linestyle="--", linewidth=1.5, label=label)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, 1))
    _mark_future_tokens(axes.xaxis, report.grid)
    axes.set_xlabel("future token, by patch row", fontsize=LABEL)
    axes.set_ylabel("share of attention", fontsize=LABEL)
    axes.yaxis.set_major_formatter(_in_percent)
    axes.tick_params(labelsize=SMALL)
    figure.legend(loc="outside upper center", ncols=2, fontsize=SMALL, frameon=False)


def draw_parts(figure: "Figure", report: AttentionReport, frame_names: Sequence[str]) -> None:
    """Attention on each frame (named by `frame_names`, T), each action and the future, beside uniform attention."""
    assert len(frame_names) == report.history, f"expected {report.history} frame names, got {len(frame_names)}"
    names = [text for name in frame_names for text in (f"frame {name}", f"action after {name}")]
    names.append("future tokens")
    kinds = [FRAME_TOKEN, ACTION_TOKEN] * report.history + [FUTURE_TOKEN]
    shares, even = _in_order(attention_by_part(report)), _in_order(attention_by_part(as_uniform(report)))
    axes = figure.add_subplot()
    rows = np.arange(len(names))
    axes.barh(rows, shares, color=[KIND_COLOURS[kind] for kind in kinds], height=0.7)
    axes.scatter(even, rows, marker="|", s=90, color="black", linewidth=1.6, zorder=3, label="uniform attention")
    top = max(shares.max(), even.max())
    for row, share, expected in zip(rows, shares, even, strict=True):
        text = f"{_percent(share)}  {_times(share, expected)}"
        axes.text(max(share, expected) + 0.02 * top, row, text, va="center", fontsize=SMALL)
    axes.set(xlim=(0, 1.32 * top), ylim=(len(names) - 0.4, -0.6))  # room for the numbers behind the longest bar
    axes.set_yticks(rows, names, fontsize=SMALL)
    axes.xaxis.set_major_formatter(_in_percent)
    axes.tick_params(axis="x", labelsize=SMALL)
    axes.set_xlabel("share of attention, mean of all future tokens (× of uniform)", fontsize=LABEL)
    figure.legend(loc="outside upper right", fontsize=SMALL, frameon=False)


def _in_order(shares: AttentionShares) -> np.ndarray:
    """Shares in the order of the sequence, (2T + 1,): frame, action, frame, action, …, future."""
    pairs = np.stack([shares.frames, shares.actions], axis=1)
    return np.append(pairs.flatten(), shares.future)


def _in_percent(share: float, _position: int | None) -> str:
    """Text of a tick, as a formatter of matplotlib."""
    return f"{100 * share:g} %"


def _percent(share: float) -> str:
    return "< 0.01 %" if 0 < share < 1e-4 else f"{100 * share:.{1 if share >= 0.1 else 2}f} %"


def _times(share: float, expected: float) -> str:
    """The ratio to the expected share, empty for a part that was cut and expects none."""
    if expected == 0:
        return ""
    ratio = share / expected
    return "< 0.01×" if 0 < ratio < 0.01 else f"{ratio:.{0 if ratio >= 10 else 2}f}×"


def overlay(picture: np.ndarray, attention: np.ndarray, top: float) -> np.ndarray:
    """Attention (grid, grid) as colours over a picture uint8 (H, W, 3): the same kind of picture, patches sharp.

    Bright is `top` and above; pictures drawn with one `top` can be compared.
    """
    height, width = picture.shape[:2]
    grid = len(attention)
    rows, columns = np.arange(height) * grid // height, np.arange(width) * grid // width
    colours = error_heat_map(attention, top)[rows][:, columns]
    return _blend(picture, colours)


def overlay_strip() -> np.ndarray:
    """The colours of an overlay from 0 to its top, over a grey picture: uint8 (1, N, 3)."""
    colours = error_heat_map(np.linspace(0, 1, STRIP_COLOURS, dtype=np.float32)[None], 1.0)
    return _blend(np.full_like(colours, 128), colours)


def _blend(picture: np.ndarray, colours: np.ndarray) -> np.ndarray:
    grey = picture @ np.array([0.299, 0.587, 0.114])  # Rec. 601, as Pillow's grey
    return (COLOUR_SHARE * colours + (1 - COLOUR_SHARE) * grey[..., None]).round().astype(np.uint8)


def outline_patch(picture: np.ndarray, token: int, grid: int = 14) -> np.ndarray:
    """A picture uint8 (H, W, 3) with the patch of a future token outlined; the class token, 0, has no patch."""
    copy = picture.copy()
    if token == 0:
        return copy
    if not 0 < token <= grid**2:
        raise NoSuchToken(token, grid**2 + 1)
    box = [
        _inside(index * size // grid, (index + 1) * size // grid, size)
        for index, size in zip(divmod(token - 1, grid), picture.shape, strict=False)
    ]
    for pixels, grey in OUTLINE:
        copy[tuple(slice(start - pixels, end + pixels) for start, end in box)] = grey
    patch = tuple(slice(start, end) for start, end in box)
    copy[patch] = picture[patch]
    return copy


def _inside(start: int, end: int, size: int) -> tuple[int, int]:
    """A patch's span, with room for its outline: at the picture's edge the outline covers the patch itself."""
    room = OUTLINE[0][0]
    return max(start, room), min(end, size - room)
