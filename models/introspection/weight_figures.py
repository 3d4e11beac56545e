"""Figures of weights and of their change by training.

Each function draws into an empty matplotlib figure, already sized, and returns nothing. Good sizes for a width of
6.4 in: norms and changes 5.5 in high, distributions 9.5, position similarity 7, position norms 3.2. The numbers come
from `weights.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from models.introspection.weights import LONGEST_HISTORY, PositionTables, WeightChange, WeightStatistics
from models.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours: distinct with any colour vision.
COLOURS: dict[Network, str] = {"autoencoder": "#0072b2", "predictor": "#d55e00"}
TITLES: dict[Network, str] = {"autoencoder": "Autoencoder", "predictor": "Predictor"}
SMALL, NORMAL = 8, 9  # points
LOG_FROM = 30  # ratio of the longest to the shortest bar above which short ones could not be read
OMITTED = 0.002  # share of the weights beyond the ends of a histogram's panel
BARS = 40  # of a histogram's panel, about
COLUMNS = 3
LEAST_SCALE = 0.25  # of similarities: a finer one would paint the noise of random vectors in full colours


def draw_norms(figure: Figure, groups: Sequence[WeightStatistics] | Sequence[WeightChange]) -> None:
    """Root mean square of the weights of each group, with a mark for the value before if changes are passed."""
    after = [group.after if isinstance(group, WeightChange) else group for group in groups]
    sizes = [group.norm / group.count**0.5 for group in after]
    texts = [f"{size:.3g}" if size else "0 (every weight is 0)" for size in sizes]
    names = [(group.network, group.name) for group in after]
    marks = [group.before.norm / group.before.count**0.5 for group in groups if isinstance(group, WeightChange)]
    legend = " (black mark: before training)" if marks else ""
    _draw_bars(figure, names, sizes, texts, f"root mean square of the weights{legend}", marks)


def draw_changes(figure: Figure, changes: Sequence[WeightChange]) -> None:
    """The change of each group, in percent of its norm before."""
    # A group that was zero has no such share: a bar of 100 % would dwarf the others and mean something else.
    shares = [100 * group.relative if group.before.norm else 0.0 for group in changes]
    names = [(group.after.network, group.after.name) for group in changes]
    texts = [_change_text(group, share) for group, share in zip(changes, shares, strict=True)]
    _draw_bars(figure, names, shares, texts, "norm of the change, in % of the norm before")


def _change_text(group: WeightChange, share: float) -> str:
    if not group.change:
        return "unchanged"
    return f"{share:.2g} %" if group.before.norm else "all new (every weight was 0)"


def _draw_bars(
    figure: Figure,
    names: Sequence[tuple[Network, str]],
    values: Sequence[float],
    texts: Sequence[str],
    label: str,
    marks: Sequence[float] = (),
) -> None:
    """Horizontal bars with a text at the end of each, one panel for each network, on one scale."""
    networks = [network for network in TITLES if any(name[0] == network for name in names)]
    members = [[index for index, name in enumerate(names) if name[0] == network] for network in networks]
    heights = [len(indices) + 1 for indices in members]
    panels = figure.subplots(len(networks), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    low, high, is_log = _scale(values)
    for panel, network, indices in zip(panels, networks, members, strict=True):
        panel.barh(range(len(indices)), [values[index] for index in indices], color=COLOURS[network], height=0.7)
        panel.set_yticks(range(len(indices)), [names[index][1] for index in indices], fontsize=NORMAL)
        panel.invert_yaxis()
        panel.set_title(TITLES[network], fontsize=NORMAL, loc="left", fontweight="bold")
        _plain(panel)
        panel.set_xscale("log" if is_log else "linear")
        panel.set_xlim(low, high)
        for row, index in enumerate(indices):
            if marks and marks[index] >= low:
                panel.plot(marks[index], row, "|", color="black", markersize=9, markeredgewidth=1.5)
            end = (max(values[index], low), row)
            panel.annotate(texts[index], end, (3, 0), textcoords="offset points", va="center", fontsize=SMALL)
    panels[-1].xaxis.set_major_formatter("{x:g}")
    figure.supxlabel(label + (", log scale" if is_log else ""), fontsize=NORMAL)


def _plain(panel: Axes) -> None:
    panel.tick_params(axis="x", labelsize=SMALL)
    panel.spines[["top", "right"]].set_visible(False)


def _scale(values: Sequence[float]) -> tuple[float, float, bool]:
    """Ends of the scale, with room for a text beyond the longest bar, and True if it is logarithmic."""
    positive = [value for value in values if value > 0]
    if not positive or max(positive) < LOG_FROM * min(positive):
        return 0.0, 1.25 * max(positive, default=1.0), False
    low = min(positive) / 2
    return low, max(positive) * (max(positive) / low) ** 0.25, True


def draw_distributions(figure: Figure, groups: Sequence[WeightStatistics] | Sequence[WeightChange]) -> None:
    """The distribution of each group's weights: a panel each, with a line for the one before if changes are passed."""
    rows = -(-len(groups) // COLUMNS)
    panels = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for panel, group in zip(panels, groups, strict=False):
        after = group.after if isinstance(group, WeightChange) else group
        _draw_histogram(panel, after, group.before if isinstance(group, WeightChange) else None)
    for panel in panels[len(groups) :]:
        panel.set_axis_off()
    figure.supxlabel(f"weight (the outermost {100 * OMITTED:g} % of each group are left out)", fontsize=NORMAL)
    figure.supylabel("share of the group's weights in a bar (%)", fontsize=NORMAL)
    _explain(figure, groups)


def _explain(figure: Figure, groups: Sequence[WeightStatistics] | Sequence[WeightChange]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    has_before = any(isinstance(group, WeightChange) for group in groups)
    when = ", after" if has_before else ""
    handles = [Patch(color=COLOURS[name], alpha=0.6, label=TITLES[name] + when) for name in TITLES]
    handles += [Line2D([], [], color="black", linewidth=1, label="before training")] if has_before else []
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=NORMAL, frameon=False)


def _draw_histogram(panel: Axes, after: WeightStatistics, before: WeightStatistics | None) -> None:
    panel.set_title(after.name, fontsize=SMALL)
    panel.tick_params(axis="y", labelsize=SMALL)
    _plain(panel)
    groups = [after] if before is None else [after, before]
    if all(group.low == group.high for group in groups):
        panel.set(xticks=[], yticks=[])
        panel.text(0.5, 0.5, f"all are {after.low:g}", transform=panel.transAxes, ha="center", fontsize=SMALL)
        return
    start, stop, step = _window(sum(group.histogram for group in groups))
    edges = after.edges[start : stop + 1 : step]

    def shares(group: WeightStatistics) -> np.ndarray:
        return 100 * group.histogram[start:stop].reshape(-1, step).sum(axis=1) / group.count

    panel.stairs(shares(after), edges, fill=True, color=COLOURS[after.network], alpha=0.6)
    if before is not None and before.low == before.high:
        # A bar of 100 % would flatten the other bars.
        panel.axvline(before.low, color="black", linewidth=0.8)
        panel.set_title(f"{after.name} (before: all {before.low:g})", fontsize=SMALL)
    elif before is not None:
        panel.stairs(shares(before), edges, color="black", linewidth=0.8)
    panel.locator_params(axis="x", nbins=2)  # three labels as long as 0.00025 would touch
    panel.locator_params(axis="y", nbins=3)
    panel.xaxis.set_major_formatter("{x:g}")


def _window(counts: np.ndarray) -> tuple[int, int, int]:
    """First bin, end and width in bins of the bars that show all but the outermost weights."""
    passed = np.cumsum(counts) / counts.sum()
    start = int(np.searchsorted(passed, OMITTED / 2, side="right"))
    stop = int(np.searchsorted(passed, 1 - OMITTED / 2)) + 1
    step = max(1, round((stop - start) / BARS))
    width = -(-(stop - start) // step) * step
    # Whole bars only: if the last one would exceed the end, all move towards the beginning.
    start = max(0, min(start, len(counts) - width))
    return start, start + width, step


def draw_position_similarity(figure: Figure, positions: PositionTables) -> None:
    """Similarity of positions: above of the autoencoder's patches, below of the predictor's tokens."""
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 2.2))
    _draw_patches(upper, positions)
    _draw_tokens(lower, positions)


def _draw_patches(figure: Figure, positions: PositionTables) -> None:
    maps = positions.patch_similarity
    panels = figure.subplots(1, len(maps), sharey=True, squeeze=False)[0]
    for panel, (name, (row, column)), similarity in zip(panels, positions.places.items(), maps, strict=True):
        image = panel.imshow(similarity, cmap="viridis", vmin=maps.min(), vmax=1)
        panel.plot(column, row, marker="s", markersize=6, markerfacecolor="none", markeredgecolor="#d55e00")
        panel.set_title(f"to the {name} □", fontsize=NORMAL)
        panel.set_xlabel("column of patches", fontsize=SMALL)
        panel.tick_params(labelsize=SMALL)
        panel.locator_params(nbins=4, integer=True)
    panels[0].set_ylabel("row of patches", fontsize=SMALL)
    bar = figure.colorbar(image, ax=list(panels), shrink=0.8)
    bar.ax.tick_params(labelsize=SMALL)
    bar.set_label("cosine similarity", fontsize=SMALL)
    figure.suptitle("Autoencoder: fixed positions of the patches", fontsize=NORMAL, fontweight="bold")


def _draw_tokens(figure: Figure, positions: PositionTables) -> None:
    similarity, reach, stride = positions.token_similarity, positions.reach, positions.stride
    off_diagonal = np.abs(similarity[~np.eye(len(similarity), dtype=bool)])
    top = max(LEAST_SCALE, float(np.quantile(off_diagonal, 0.995))) if off_diagonal.size else 1.0
    panel = figure.subplots()
    image = panel.imshow(similarity, cmap="PuOr", vmin=-top, vmax=top, extent=(0, reach, reach, 0))
    starts = np.arange(0, reach, stride)
    for direction in (panel.xaxis, panel.yaxis):
        direction.set_ticks(starts[::2], [f"{start:,}" for start in starts[::2]], fontsize=SMALL)
        direction.set_ticks(starts, minor=True)
    panel.set_xlabel("position in the sequence (a mark where each frame begins)", fontsize=SMALL)
    panel.set_ylabel("position in the sequence", fontsize=SMALL)
    bar = figure.colorbar(image, ax=panel, extend="both", shrink=0.9)
    bar.ax.tick_params(labelsize=SMALL)
    bar.set_label("cosine similarity", fontsize=SMALL)
    title = f"Predictor: learned positions, as far as {LONGEST_HISTORY} frames reach"
    panel.set_title(title, fontsize=NORMAL, fontweight="bold")


def draw_position_norms(figure: Figure, positions: PositionTables) -> None:
    """Length of the predictor's position vectors, and the end of the longest history."""
    count, reach = len(positions.norms), positions.reach
    panel = figure.subplots()
    panel.plot(positions.norms, color=COLOURS["predictor"], linewidth=0.5, label="norm of a position's vector")
    if reach < count:
        panel.axvspan(reach, count, color="#999999", alpha=0.25, linewidth=0)
        label = f"end of the longest history: {LONGEST_HISTORY} frames, {reach:,} tokens"
        panel.axvline(reach, color="black", linestyle="--", linewidth=1, label=label)
        middle = (reach + count) / 2
        panel.text(
            middle, 0.06, "never used, so nothing is learned here", transform=panel.get_xaxis_transform(), ha="center",
            fontsize=SMALL,
        )  # fmt: skip
    panel.set_xlim(0, count)
    panel.set_ylim(0, 1.1 * float(positions.norms.max()) or 1.0)
    panel.set_xlabel("position in the sequence", fontsize=NORMAL)
    panel.set_ylabel("norm (no unit)", fontsize=NORMAL)
    panel.xaxis.set_major_formatter("{x:,.0f}")
    panel.tick_params(labelsize=SMALL)
    figure.legend(loc="outside upper center", ncols=2, fontsize=SMALL, frameon=False)
