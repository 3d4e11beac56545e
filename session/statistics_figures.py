"""Figures of a recording's statistics: counts of actions, and times between events.

Each function draws on an empty figure of any size and holds no state. Numbers come from ``session.statistics``.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from session.statistics import Intervals, SessionStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PALE, GREY = "#0072b2", "#d55e00", "#009e73", "#56b4e9", "#6b7280"
SMALL, NORMAL = 8, 9  # points
MAX_BARS = 16
MAX_LABEL = 36
BARS = 48
LOG_FROM = 10
SHORTEST_MS = 0.01  # below the resolution of any recorder's clock
KINDS = (
    ("From frame to frame", BLUE),
    ("From action to the next frame", GREEN),
    ("From frame to the next action", PALE),
)


def draw_action_counts(figure: "Figure", labels: Sequence[str], statistics: SessionStatistics) -> None:
    """Bars with the count of each candidate action; ``labels`` name them, C of them.

    Of many candidates the most frequent have a bar each, and all the rest one together.
    """
    axes = figure.add_subplot()
    if not statistics.action_count:
        _write_sentence(axes, "No actions were recorded.")
        return
    bars = _bars(labels, statistics)
    names, counts, colours = zip(*bars, strict=True)
    places = np.arange(len(bars))
    drawn = axes.barh(places, counts, color=colours, height=0.7)
    shares = [f"{count:,}  ({100 * count / statistics.action_count:.1f} %)" for count in counts]
    axes.bar_label(drawn, shares, padding=4, fontsize=SMALL)
    # Names come from files: a dollar sign in them begins no formula.
    axes.set_yticks(places, names, fontsize=SMALL, parse_math=False)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, 1.3 * max(counts))
    axes.set_xlabel("actions taken", fontsize=NORMAL)
    axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
    _tidy(axes)


def _bars(labels: Sequence[str], statistics: SessionStatistics) -> list[tuple[str, int, str]]:
    """Label, count and colour of each bar, from top to bottom."""
    counts = statistics.action_counts
    assert len(labels) == len(counts), f"{len(labels)} labels for {len(counts)} candidate actions"
    places = np.arange(len(counts))
    if len(counts) > MAX_BARS:
        places = np.sort(np.argsort(-counts, kind="stable")[: MAX_BARS - 1])
    bars = [(_short(labels[place]), int(counts[place]), BLUE) for place in places]
    if len(places) < len(counts):
        rest = int(counts.sum() - counts[places].sum())
        bars.append((f"{len(counts) - len(places)} rarer ones together", rest, GREY))
    if statistics.other_actions:
        bars.append(("other (not in the action space)", statistics.other_actions, ORANGE))
    return bars


def _short(label: str) -> str:
    """The label cut in the middle: channels are named at the start, values at the end."""
    half = MAX_LABEL // 2
    return label if len(label) <= MAX_LABEL else f"{label[: half - 1]}…{label[-half:]}"


def draw_intervals(figure: "Figure", statistics: SessionStatistics) -> None:
    """Histograms of the time from frame to frame, from action to frame and from frame to action, in milliseconds.

    All three share one axis, logarithmic if the spread is wide; titles count the intervals that it cannot show.
    """
    kinds: list[Intervals] = [statistics.frame_to_frame, statistics.action_to_frame, statistics.frame_to_action]
    everything = 1000 * np.concatenate([intervals.seconds for intervals in kinds])
    if not len(everything):
        _write_sentence(figure.add_subplot(), "There are no two events to measure the time between.")
        return
    panels = figure.subplots(len(kinds), 1, sharex=True)
    is_log = _needs_log(everything)
    edges = _edges(everything, is_log)
    for axes, intervals, (title, colour) in zip(panels, kinds, KINDS, strict=True):
        _draw_histogram(axes, intervals, title, colour, edges)
    bottom = panels[-1]
    if is_log:
        _make_log(bottom, edges)
    bottom.set_xlim(edges[0], edges[-1])
    bottom.set_xlabel(f"milliseconds{', logarithmic' if is_log else ''}", fontsize=NORMAL)
    handles, names = max((axes.get_legend_handles_labels() for axes in panels), key=lambda legend: len(legend[0]))
    figure.align_ylabels(panels)
    figure.legend(handles, names, loc="outside lower center", ncols=3, fontsize=SMALL, frameon=False)


def _needs_log(milliseconds: np.ndarray) -> bool:
    """True if one long interval would squeeze half of all into the first bars of a linear axis."""
    return float(milliseconds.max()) > LOG_FROM * max(float(np.median(milliseconds)), SHORTEST_MS)


def _edges(milliseconds: np.ndarray, is_log: bool) -> np.ndarray:
    """Edges of the bars, from the shortest interval that can be shown to the longest."""
    high = float(milliseconds.max())
    if is_log:
        return np.geomspace(max(float(milliseconds[milliseconds > 0].min()), SHORTEST_MS), 1.1 * high, BARS + 1)
    low = float(milliseconds.min())
    # A simulated clock is exact to the last digit, and needs some room beside its one bar.
    margin = max(0.02 * (high - low), 0.05 * max(abs(low), abs(high)), SHORTEST_MS)
    return np.linspace(low - margin if low < 0 else max(0.0, low - margin), high + margin, BARS + 1)


def _make_log(axes: "Axes", edges: np.ndarray) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if edges[-1] < 1000 * edges[0] else (1.0,), numticks=9))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}" if value < 1e6 else f"{value:.0e}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_histogram(axes: "Axes", intervals: Intervals, title: str, colour: str, edges: np.ndarray) -> None:
    _tidy(axes)
    axes.set_ylabel("count", fontsize=NORMAL)
    if intervals.median_s is None:
        axes.set_title(f"{title}: none", fontsize=NORMAL, loc="left")
        axes.set_yticks([])
        return
    counts, _ = np.histogram(1000 * intervals.seconds, edges)
    axes.stairs(counts, edges, fill=True, color=colour)
    axes.set_ylim(0, 1.05 * max(1, int(counts.max())))
    axes.yaxis.get_major_locator().set_params(integer=True, nbins=3)
    hidden = len(intervals.seconds) - int(counts.sum())
    marks = [1000 * mark for mark in (intervals.low_s, intervals.median_s, intervals.high_s, intervals.longest_s)]
    _mark(axes, *marks, edges)
    low, median, high, longest = map(_text, marks)
    text = f"median {median}, 5 % to 95 %: {low} to {high}, longest {longest} (frame {intervals.longest_frame:,})"
    text += f"\n{hidden:,} of less than {_text(edges[0])} not shown" if hidden else ""
    axes.set_title(f"{title}\n{text}", fontsize=SMALL, loc="left")


def _mark(axes: "Axes", low: float, median: float, high: float, longest: float, edges: np.ndarray) -> None:
    """Mark the shares and the longest interval, in milliseconds, as far as they are within the axis."""
    first = float(edges[0])  # on a logarithmic axis zero and less cannot be shown
    if high >= first:
        axes.axvspan(max(low, first), high, color=GREY, alpha=0.18, linewidth=0, zorder=0, label="5 % to 95 %")
    if median >= first:
        axes.axvline(median, color="black", linewidth=1.2, linestyle="--", label="median")
    if longest >= first:
        at = {"transform": axes.get_xaxis_transform(), "clip_on": False, "label": "longest"}
        axes.plot(longest, 0.06, "v", color=ORANGE, markersize=6, **at)


def _text(milliseconds: float) -> str:
    if abs(milliseconds) >= 1e6:
        return f"{milliseconds / 1000:,.0f} s" if abs(milliseconds) < 1e9 else f"{milliseconds / 1000:.1e} s"
    return f"{milliseconds:,.0f} ms" if abs(milliseconds) >= 100 else f"{milliseconds:.3g} ms"


def _write_sentence(axes: "Axes", sentence: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, sentence, ha="center", va="center", fontsize=NORMAL, transform=axes.transAxes)


def _tidy(axes: "Axes") -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL)
