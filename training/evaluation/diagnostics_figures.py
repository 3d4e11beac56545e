"""Figures of the action diagnostics, drawn on a figure that the caller sizes, shows and saves."""

import math
from typing import TYPE_CHECKING

import numpy as np

from training.evaluation.diagnostics import ActionDiagnostics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours of Okabe and Ito; the shapes distinguish the kinds without them.
STYLES = {"true": ("#0072b2", "o"), "shuffled": ("#d55e00", "^"), "zeroed": ("#009e73", "s")}
LABEL_SIZE, TICK_SIZE = 9, 8
ASIDE = 0.22  # between the marks of one target, in targets
MAX_LARGE = 16  # targets with large marks
MAX_NAMED = 10  # frame numbers below the axis
LOG_FROM = 10.0  # a wider range is drawn on a logarithmic axis


def draw_losses(figure: "Figure", diagnostics: ActionDiagnostics) -> None:
    """Draw each target's losses with true, shuffled and zeroed actions, and their means as lines."""
    axes = figure.subplots()
    losses = {
        "true": diagnostics.true_losses,
        "shuffled": diagnostics.shuffled_losses,
        "zeroed": diagnostics.zeroed_losses,
    }
    count = len(diagnostics.targets)
    size = 6 if count <= MAX_LARGE else 3.5
    for index, (name, values) in enumerate(losses.items()):
        colour, shape = STYLES[name]
        label = f"{name} actions, mean {values.mean():.3g}"
        axes.plot(np.arange(count) + ASIDE * (index - 1), values, shape, color=colour, markersize=size, label=label)
        # The dashes of one line fit in the gaps of the others: equal means show as a line of three colours.
        axes.axhline(values.mean(), color=colour, linewidth=1.2, linestyle=(4 * index, (4, 8)), zorder=1)
    _scale(axes, np.concatenate(list(losses.values())))
    _name_targets(axes, diagnostics.targets)
    axes.set_ylabel("loss (MSE of the picture)", fontsize=LABEL_SIZE)
    axes.tick_params(labelsize=TICK_SIZE)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=3, fontsize=TICK_SIZE, frameon=False, handletextpad=0.2)


def _scale(axes: "Axes", values: np.ndarray) -> None:
    if values.min() > 0 and values.max() > LOG_FROM * values.min():
        axes.set_yscale("log")
    else:
        axes.set_ylim(0, 1.1 * values.max() or 1.0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _name_targets(axes: "Axes", targets: tuple[int, ...]) -> None:
    ticks = range(0, len(targets), math.ceil(len(targets) / MAX_NAMED))
    axes.set_xticks(ticks, [str(targets[tick]) for tick in ticks])
    if len(targets) <= MAX_LARGE:
        axes.set_xticks(range(len(targets)), minor=True)
        axes.tick_params(axis="x", which="minor", length=0)
        axes.grid(axis="x", which="both", color="#eeeeee", linewidth=0.6)
    axes.set_xlim(-0.6, len(targets) - 0.4)
    axes.set_xlabel("target (frame number)", fontsize=LABEL_SIZE)
