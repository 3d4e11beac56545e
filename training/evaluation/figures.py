"""Figures of frame errors: over the frames of a recording, their distribution, and by action.

Each function draws on an empty matplotlib figure, which the caller sizes, shows and saves.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from training.evaluation.frame_errors import MEASURES, ActionAverage, Measure, columns
from training.evaluation.results import EvaluationResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Okabe and Ito's colours: distinct with any colour vision, and these two also in grey.
COLOUR, OTHER_COLOUR, MARK_COLOUR = "#0072b2", "#d55e00", "#555555"
TEXT, SMALL_TEXT = 9, 8
TRACK_COLUMNS = 400  # a figure of 6.4 in has not many more visible dots
BINS = 30
MAX_CHARACTERS = 100  # of SMALL_TEXT fill a line
SMALLEST = 1e-9  # a logarithmic axis cannot show an error of zero
FEW_FRAMES = 80  # so few are drawn as dots too
MIN_TICKS = 3


def draw_track(
    figure: "Figure",
    errors: EvaluationResult,
    other: EvaluationResult | None = None,
    baselines: Mapping[Measure, Mapping[str, float]] = MappingProxyType({}),
) -> None:
    """Draw the MSE over frames, a panel for each measure. In a long recording the line is the mean of each few frames,
    and a shade extends up to the highest of them. `baselines`: for a measure the mean errors of trivial guesses by
    name, as lines."""
    for axes, measure in zip(figure.subplots(2, 1, sharex=True), MEASURES, strict=True):
        guesses = {name: mse for name, mse in baselines.get(measure, {}).items() if mse > SMALLEST}
        limits = _draw_axes(axes, axes.yaxis, measure, errors, other, tuple(guesses.values()))
        axes.set_ylabel("MSE", fontsize=TEXT)
        if limits:
            axes.set_ylim(*limits)
            _draw_guesses(axes, guesses)
        for one, colour in _with_colours(errors, other):
            _draw_line(axes, np.maximum(one.track.of(measure), SMALLEST), colour)
    grouped = -(-errors.track.frame_count // TRACK_COLUMNS)
    note = f" (line: mean of {grouped} frames, shade: up to the highest of them)" if grouped > 1 else ""
    axes.set_xlabel(f"frame{note}", fontsize=TEXT)
    axes.set_xlim(-0.5, max(errors.track.frame_count, 1) - 0.5)
    figure.align_ylabels()
    _name_results(figure, errors, other)


def draw_histogram(figure: "Figure", errors: EvaluationResult, other: EvaluationResult | None = None) -> None:
    """Draw a histogram of the MSE, in bins of equal ratio: the first result filled, the other outlined."""
    for axes, measure in zip(figure.subplots(1, 2), MEASURES, strict=True):
        limits = _draw_axes(axes, axes.xaxis, measure, errors, other)
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
    repeated: Sequence[ActionAverage] = (),
) -> None:
    """Draw the mean MSE and the number of the frames that each action led to. `labels` name the groups of actions;
    `repeated` are the errors of repeating the last frame, a mark for each group."""
    axes = figure.subplots()
    groups = [(averages, COLOUR, "shown")] + ([(other_averages, OTHER_COLOUR, "compared")] if other_averages else [])
    numbers = sorted({one.group for some, _, _ in groups for one in some}, key=lambda one: (one is None, one))
    thick = 0.8 / len(groups)
    for number, (some, colour, name) in enumerate(groups):
        levels = [numbers.index(one.group) + thick * (number - (len(groups) - 1) / 2) for one in some]
        means = [one.mean for one in some]
        bars = axes.barh(levels, means, 0.9 * thick, color=colour, label=name)
        counts = [f"{one.count:,} frame{'' if one.count == 1 else 's'}" for one in some]
        axes.bar_label(bars, counts, padding=3, fontsize=SMALL_TEXT)
    for one in repeated:
        if one.group in numbers:
            place, name = numbers.index(one.group), None if axes.lines else "repeating the last frame"
            axes.plot([one.mean] * 2, [place - 0.46, place + 0.46], color=MARK_COLOUR, linewidth=2.2, label=name)
    names = ["other" if one is None else labels[one] for one in numbers]
    axes.set_yticks(range(len(numbers)), names, fontsize=SMALL_TEXT, parse_math=False)
    axes.set_ylim(max(len(numbers), 1) - 0.5, -0.5)
    axes.margins(x=0.22)  # space for the numbers after the bars
    axes.set_xlabel("mean MSE", fontsize=TEXT)
    axes.set_ylabel("action", fontsize=TEXT)
    axes.xaxis.get_major_locator().set_params(nbins=5)
    _quiet(axes, "x")
    if len(groups) > 1 or axes.lines:
        figure.legend(loc="outside upper left", ncols=3, fontsize=SMALL_TEXT, frameon=False)


def _with_colours(errors: EvaluationResult, other: EvaluationResult | None) -> list[tuple[EvaluationResult, str]]:
    return [(errors, COLOUR), *([(other, OTHER_COLOUR)] if other else [])]


def _present(errors: EvaluationResult, measure: Measure) -> np.ndarray:
    values = errors.track.of(measure)
    return np.maximum(values[~np.isnan(values)], SMALLEST)


def _draw_axes(
    axes: "Axes",
    along: "Axis",
    measure: Measure,
    errors: EvaluationResult,
    other: EvaluationResult | None,
    guesses: tuple[float, ...] = (),
) -> tuple[float, float] | None:
    """Draw title, grid and a logarithmic axis of errors that holds the `guesses` too; returns its limits, or None if
    there is nothing to draw."""
    axes.set_title(measure.capitalize(), fontsize=TEXT + 1, loc="left")
    is_upright = along is axes.yaxis
    _quiet(axes, "both" if is_upright else "y")
    values = np.concatenate([_present(one, measure) for one, _ in _with_colours(errors, other)])
    if not len(values):
        axes.text(0.5, 0.5, "no frame has one", transform=axes.transAxes, ha="center", va="center", fontsize=TEXT)
        along.set_ticks([])
        return None
    values = np.concatenate([values, guesses])
    margin = max(1.05, (values.max() / values.min()) ** 0.05)
    low, high = float(values.min() / margin), float(values.max() * margin)
    axes.set_yscale("log") if is_upright else axes.set_xscale("log")
    _mark_log(along, low, high)
    return low, high


def _draw_guesses(axes: "Axes", guesses: Mapping[str, float]) -> None:
    """Draw the errors of trivial guesses as dashed lines, with a legend beside the panel's title."""
    for (name, mse), style in zip(guesses.items(), ("--", ":"), strict=False):
        axes.axhline(mse, color="#444444", linewidth=1, linestyle=style, label=name)
    if guesses:
        place = dict(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, ncols=len(guesses), frameon=False)
        axes.legend(fontsize=SMALL_TEXT, **place)


def _mark_log(axis: "Axis", low: float, high: float) -> None:
    """Label a logarithmic axis with a few plain numbers."""
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
    drawn = columns(values, TRACK_COLUMNS)
    middles = (drawn.starts[:-1] + drawn.starts[1:] - 1) / 2
    if len(values) > TRACK_COLUMNS:
        axes.fill_between(middles, drawn.mean, drawn.highest, color=colour, alpha=0.3, linewidth=0)
    axes.plot(middles, drawn.mean, color=colour, linewidth=1.1, marker="." if len(values) <= FEW_FRAMES else "")


def _name_results(figure: "Figure", errors: EvaluationResult, other: EvaluationResult | None) -> None:
    """Draw a legend above all panels: the recording, and the weights of each colour."""
    from matplotlib.patches import Patch

    names = _names(errors, other)
    handles = [Patch(color=colour) for _, colour in _with_colours(errors, other)]
    position = dict(loc="outside upper left", alignment="left", frameon=False)
    title = _cut(errors.session_id)
    legend = figure.legend(handles, names, title=title, fontsize=SMALL_TEXT, title_fontsize=SMALL_TEXT, **position)
    for text in (*legend.get_texts(), legend.get_title()):  # a file may be named "$x"
        text.set_parse_math(False)


def _names(errors: EvaluationResult, other: EvaluationResult | None) -> list[str]:
    """A name for each result: its full origin, or the parts that differ if there are two."""
    parts = [_parts(one) for one in (errors, other) if one]
    differing = [i for i in range(len(parts[0])) if len(parts) == 1 or parts[0][i] != parts[1][i]]
    if len(parts) == 1:
        differing.pop()  # the time is of interest only beside another one
    return [_cut(" · ".join(part[i] for i in differing)) for part in parts]


def _parts(errors: EvaluationResult) -> list[str]:
    return [
        errors.weights["autoencoder"],
        errors.weights["predictor"],
        f"history {errors.history_length}",
        errors.made_at.replace("T", " ")[:16],
    ]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"
