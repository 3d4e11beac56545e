import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.cases import every_case
from training.evaluation.diagnostics import ActionDiagnostics
from training.evaluation.diagnostics_figures import draw_losses


def diagnostics(true, shuffled, zeroed):
    losses = [np.array(values, dtype=np.float64) for values in (true, shuffled, zeroed)]
    return ActionDiagnostics(
        targets=tuple(range(3, 3 + 7 * len(true), 7)),
        history_length=3,
        true_losses=losses[0],
        shuffled_losses=losses[1],
        zeroed_losses=losses[2],
        other_losses=losses[1],
        sensitivity=0.0,
        sensitivity_share=None,
        told_apart=1,
        best_is_recorded=0.5,
        chance=0.5,
        same_share=0.0,
        weights_in_use={},
        is_mixed=False,
    )


def render(result):
    """The axes of the drawn figure, and the texts of its legend."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    draw_losses(figure, result)
    FigureCanvasAgg(figure).draw()
    (axes,), (legend,) = figure.axes, figure.legends
    return axes, [text.get_text() for text in legend.get_texts()]


def test_every_loss_is_a_mark_at_its_target_and_every_mean_a_line():
    result = diagnostics([0.1, 0.3], [0.2, 0.4], [0.5, 0.3])
    axes, names = render(result)
    marks, means = axes.lines[0::2], axes.lines[1::2]
    for line, losses in zip(marks, ([0.1, 0.3], [0.2, 0.4], [0.5, 0.3]), strict=True):
        assert list(line.get_ydata()) == losses
        assert [round(x) for x in line.get_xdata()] == [0, 1]
    assert [line.get_ydata()[0] for line in means] == pytest.approx([0.2, 0.3, 0.4])
    assert names == ["true actions, mean 0.2", "shuffled actions, mean 0.3", "zeroed actions, mean 0.4"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["3", "10"]
    assert axes.get_xlabel() and axes.get_ylabel()


def test_kinds_differ_in_shape_and_colour():
    axes, _ = render(diagnostics([0.1], [0.2], [0.3]))
    marks = axes.lines[0::2]
    assert len({line.get_marker() for line in marks}) == len({line.get_color() for line in marks}) == 3


def test_the_axis_is_logarithmic_only_if_losses_differ_widely():
    assert render(diagnostics([0.1], [0.2], [0.5]))[0].get_yscale() == "linear"
    assert render(diagnostics([0.001], [0.2], [0.5]))[0].get_yscale() == "log"
    assert render(diagnostics([0.0], [0.2], [0.5]))[0].get_yscale() == "linear"  # 0 has no logarithm


def test_losses_of_zero_are_drawn():
    axes, _ = render(diagnostics([0.0], [0.0], [0.0]))
    assert axes.get_ylim() == (0.0, 1.0)


@every_case("count", [1, 2, 10, 16, 64])
def test_frame_numbers_are_few_and_do_not_overlap(count):
    axes, _ = render(diagnostics([0.1] * count, [0.2] * count, [0.3] * count))
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert len(boxes) == {1: 1, 2: 2, 10: 10, 16: 8, 64: 10}[count]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
