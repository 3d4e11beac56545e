"""Drawings of error tracks: over the frames of a recording, how errors are distributed, and by action.

Each function draws on an empty matplotlib figure; its size, its background and what becomes of it are the caller's.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from training.evaluation.frame_errors import MEASURES, ActionAverage, Measure, columns
from training.evaluation.results import EvaluationResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Okabe and Ito's colours: told apart with any colour vision, and these two also in grey.
COLOUR, OTHER_COLOUR = "#0072b2", "#d55e00"
TEXT, SMALL_TEXT = 9, 8
TRACK_COLUMNS = 400  # a figure of 6.4 in has not many more dots that an eye can tell apart
BINS = 30
MAX_WORDS = 100  # of SMALL_TEXT fill a line
SMALLEST = 1e-9  # a logarithmic axis has no place for an error of zero
FEW_FRAMES = 80  # that are drawn as dots too
MIN_TICKS = 3


def draw_track(figure: "Figure", errors: EvaluationResult, other: EvaluationResult | None = None) -> None:
    """MSE over frames, a panel for each measure. In a long recording the line is the mean of each few frames, and a
    shade reaches up to the highest of them."""
    for axes, measure in zip(figure.subplots(2, 1, sharex=True), MEASURES, strict=True):
        limits = _begin_panel(axes, axes.yaxis, measure, errors, other)
        axes.set_ylabel("MSE", fontsize=TEXT)
        if limits:
            axes.set_ylim(*limits)
        for one, colour in _with_colours(errors, other):
            _draw_line(axes, np.maximum(one.track.of(measure), SMALLEST), colour)
    grouped = -(-errors.track.frame_count // TRACK_COLUMNS)
    note = f" (line: mean of {grouped} frames, shade: up to the highest of them)" if grouped > 1 else ""
    axes.set_xlabel(f"frame{note}", fontsize=TEXT)
    axes.set_xlim(-0.5, max(errors.track.frame_count, 1) - 0.5)
    figure.align_ylabels()
    _name_results(figure, errors, other)


def draw_histogram(figure: "Figure", errors: EvaluationResult, other: EvaluationResult | None = None) -> None:
    """How many frames have which MSE, in bins of equal ratio: the first result filled, the other outlined."""
    for axes, measure in zip(figure.subplots(1, 2), MEASURES, strict=True):
        limits = _begin_panel(axes, axes.xaxis, measure, errors, other)
        axes.set_xlabel("MSE", fontsize=TEXT)
        axes.set_ylabel("frames", fontsize=TEXT)
        if not limits:
            continue
        edges = np.geomspace(*limits, BINS + 1)
        axes.set_xlim(*limits)
        axes.yaxis.get_major_locator().set_params(integer=True)
        for one, colour in _with_colours(errors, other):
            counts = np.histogram(_present(one, measure), edges)[0]
            is_filled = one is errors
            axes.stairs(counts, edges, fill=is_filled, color=colour, alpha=0.7 if is_filled else 1, linewidth=1.6)
    _name_results(figure, errors, other)


def draw_by_action(
    figure: "Figure",
    labels: Sequence[str],
    averages: Sequence[ActionAverage],
    other_averages: Sequence[ActionAverage] | None = None,
) -> None:
    """Mean MSE of the frames that each action led to, with their number. `labels` name the candidate actions."""
    axes = figure.subplots()
    groups = [(averages, COLOUR, "shown")] + ([(other_averages, OTHER_COLOUR, "compared")] if other_averages else [])
    candidates = sorted({one.candidate for some, _, _ in groups for one in some}, key=lambda one: (one is None, one))
    thick = 0.8 / len(groups)
    for number, (some, colour, name) in enumerate(groups):
        levels = [candidates.index(one.candidate) + thick * (number - (len(groups) - 1) / 2) for one in some]
        means = [one.mean for one in some]
        bars = axes.barh(levels, means, 0.9 * thick, color=colour, label=name)
        counts = [f"{one.count:,} frame{'' if one.count == 1 else 's'}" for one in some]
        axes.bar_label(bars, counts, padding=3, fontsize=SMALL_TEXT)
    names = ["other" if candidate is None else labels[candidate] for candidate in candidates]
    axes.set_yticks(range(len(candidates)), names, fontsize=SMALL_TEXT, parse_math=False)
    axes.set_ylim(max(len(candidates), 1) - 0.5, -0.5)
    axes.margins(x=0.22)  # room for the numbers behind the bars
    axes.set_xlabel("mean MSE", fontsize=TEXT)
    axes.set_ylabel("action", fontsize=TEXT)
    axes.xaxis.get_major_locator().set_params(nbins=5)
    _quiet(axes, "x")
    if len(groups) > 1:
        figure.legend(loc="outside upper left", ncols=2, fontsize=SMALL_TEXT, frameon=False)


def _with_colours(errors: EvaluationResult, other: EvaluationResult | None) -> list[tuple[EvaluationResult, str]]:
    return [(errors, COLOUR), *([(other, OTHER_COLOUR)] if other else [])]


def _present(errors: EvaluationResult, measure: Measure) -> np.ndarray:
    found = errors.track.of(measure)
    return np.maximum(found[~np.isnan(found)], SMALLEST)


def _begin_panel(
    axes: "Axes", along: "Axis", measure: Measure, errors: EvaluationResult, other: EvaluationResult | None
) -> tuple[float, float] | None:
    """Title, grid, and a logarithmic axis of errors; returns its limits, None where there is nothing to draw."""
    axes.set_title(measure.capitalize(), fontsize=TEXT + 1, loc="left")
    is_upright = along is axes.yaxis
    _quiet(axes, "both" if is_upright else "y")
    found = np.concatenate([_present(one, measure) for one, _ in _with_colours(errors, other)])
    if not len(found):
        axes.text(0.5, 0.5, "no frame has one", transform=axes.transAxes, ha="center", va="center", fontsize=TEXT)
        along.set_ticks([])
        return None
    margin = max(1.05, (found.max() / found.min()) ** 0.05)
    low, high = float(found.min() / margin), float(found.max() * margin)
    axes.set_yscale("log") if is_upright else axes.set_xscale("log")
    _mark_log(along, low, high)
    return low, high


def _mark_log(axis: "Axis", low: float, high: float) -> None:
    """A handful of plain numbers on a logarithmic axis."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        ticks = [step * power for power in powers for step in steps if low <= step * power <= high]
        if len(ticks) >= MIN_TICKS:
            break
    axis.set_major_locator(FixedLocator(ticks) if len(ticks) >= MIN_TICKS else MaxNLocator(4))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))


def _quiet(axes: "Axes", grid: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=SMALL_TEXT)


def _draw_line(axes: "Axes", values: np.ndarray, colour: str) -> None:
    found = columns(values, TRACK_COLUMNS)
    middles = (found.starts[:-1] + found.starts[1:] - 1) / 2
    if len(values) > TRACK_COLUMNS:
        axes.fill_between(middles, found.mean, found.highest, color=colour, alpha=0.3, linewidth=0)
    axes.plot(middles, found.mean, color=colour, linewidth=1.1, marker="." if len(values) <= FEW_FRAMES else "")


def _name_results(figure: "Figure", errors: EvaluationResult, other: EvaluationResult | None) -> None:
    """Above all panels: which recording, and which colour is which weights."""
    from matplotlib.patches import Patch

    names = _names(errors, other)
    handles = [Patch(color=colour) for _, colour in _with_colours(errors, other)]
    place = dict(loc="outside upper left", alignment="left", frameon=False)
    title = _cut(errors.session_id)
    legend = figure.legend(handles, names, title=title, fontsize=SMALL_TEXT, title_fontsize=SMALL_TEXT, **place)
    for text in (*legend.get_texts(), legend.get_title()):  # a file may be called "$x"
        text.set_parse_math(False)


def _names(errors: EvaluationResult, other: EvaluationResult | None) -> list[str]:
    """Each result in words: all that it comes from, or where there are two, what they differ in."""
    parts = [_parts(one) for one in (errors, other) if one]
    differing = [place for place in range(len(parts[0])) if len(parts) == 1 or parts[0][place] != parts[1][place]]
    if len(parts) == 1:
        differing.pop()  # the time tells something only beside another one
    return [_cut(" · ".join(part[place] for place in differing)) for part in parts]


def _parts(errors: EvaluationResult) -> list[str]:
    return [
        errors.weights["autoencoder"],
        errors.weights["predictor"],
        f"history {errors.history_length}",
        errors.made_at.replace("T", " ")[:16],
    ]


def _cut(words: str) -> str:
    return words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1] + "…"
