import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from models import (
    SharedWorldModel,
    copy_weights,
    weight_changes,
)
from models.introspection.weight_figures import (
    draw_changes,
    draw_distributions,
    draw_norms,
    draw_position_norms,
    draw_position_similarity,
)
from models.introspection.weights import (
    PositionTables,
    WeightChange,
    WeightStatistics,
    position_tables,
    weight_statistics,
)
from tests.models.small import small_config


@pytest.fixture
def shared():
    return SharedWorldModel(small_config(), torch.device("cpu"))


def figure():
    return Figure(figsize=(6.4, 6), layout="constrained", facecolor="white")


def rendered(drawing):
    drawing.canvas.draw()
    return drawing


def group(name, values, network="autoencoder", edges=None):
    """Statistics of a few values."""
    values = np.array(values, dtype=float)
    edges = np.linspace(-1, 1, 401) if edges is None else edges
    moments = values.mean(), values.std(), np.sqrt((values**2).sum()), values.min(), values.max()
    moments = [float(moment) for moment in moments]
    return WeightStatistics(network, name, values.size, *moments, np.histogram(values, edges)[0], edges)


def change(name, before, after, network="autoencoder"):
    first, second = group(name, before, network), group(name, after, network)
    moved = float(np.linalg.norm(np.subtract(after, before)))
    return WeightChange(first, second, moved, moved / first.norm if first.norm else float(moved > 0))


def bars(panel):
    """Length of each bar by its label."""
    labels = [label.get_text() for label in panel.get_yticklabels()]
    return dict(zip(labels, [bar.get_width() for bar in panel.patches], strict=True))


def texts(panel):
    return [text.get_text() for text in panel.texts]


def test_norms_are_drawn_as_root_mean_squares_of_each_network():
    # (3, 4): sqrt((9 + 16) / 2) = sqrt(12.5); (1, 1, 1, 1): 1; (2, -2): 2.
    groups = [group("Block 1", [3, 4]), group("Decoder", [1, 1, 1, 1]), group("Output", [2, -2], "predictor")]
    drawing = figure()
    draw_norms(drawing, groups)
    first, second = rendered(drawing).axes
    assert bars(first) == pytest.approx({"Block 1": 12.5**0.5, "Decoder": 1.0}) and bars(second) == {"Output": 2.0}
    assert texts(first) == ["3.54", "1"] and texts(second) == ["2"]
    assert [panel.get_title(loc="left") for panel in (first, second)] == ["Autoencoder", "Predictor"]
    assert first.get_xlim() == second.get_xlim() and first.get_xscale() == "linear"
    assert drawing.get_supxlabel() == "root mean square of the weights"
    assert first.patches[0].get_facecolor() != second.patches[0].get_facecolor()


def test_norms_far_apart_get_a_logarithmic_scale_that_says_so():
    groups = [group("Block 1", [0.01]), group("Final norm", [0.9]), group("FiLM", [0.0, 0.0], "predictor")]
    drawing = figure()
    draw_norms(drawing, groups)
    first, second = rendered(drawing).axes
    assert first.get_xscale() == second.get_xscale() == "log"
    assert drawing.get_supxlabel() == "root mean square of the weights, log scale"
    low, high = first.get_xlim()
    assert 0 < low < 0.01 and high > 0.9
    assert texts(second) == ["0 (every weight is 0)"]


def test_changes_are_drawn_in_percent():
    # (3, 4) has norm 5; moved to (3, 4.1) by 0.1: 2 %. (1) to (1.03): 3 %.
    changes = [change("Block 1", [3, 4], [3, 4.1]), change("Block 2", [1, 0], [1, 0]), change("Decoder", [1], [1.03])]
    drawing = figure()
    draw_changes(drawing, changes)
    (panel,) = rendered(drawing).axes
    assert bars(panel) == pytest.approx({"Block 1": 2.0, "Block 2": 0.0, "Decoder": 3.0})
    assert texts(panel) == ["2 %", "unchanged", "3 %"]
    assert "%" in drawing.get_supxlabel()


def test_what_was_zero_before_gets_words_and_no_bar():
    drawing = figure()
    draw_changes(drawing, [change("FiLM", [0, 0], [0.1, 0], "predictor"), change("Output", [1], [1.5], "predictor")])
    (panel,) = rendered(drawing).axes
    assert bars(panel) == {"FiLM": 0.0, "Output": 50.0}
    assert texts(panel) == ["all new (every weight was 0)", "50 %"]
    assert panel.get_xlim()[1] < 100


def test_a_job_that_changed_nothing_can_be_drawn(shared):
    drawing = figure()
    draw_changes(drawing, weight_changes(copy_weights(shared.model), shared.model))
    assert all(set(texts(panel)) == {"unchanged"} for panel in rendered(drawing).axes)


def heights(patch):
    return patch.get_data().values


def test_a_panel_shows_the_share_of_each_bar():
    # A quarter at -0.5 and three quarters at 0.5, which some 40 bars still separate.
    drawing = figure()
    draw_distributions(drawing, [group("Block 1", [-0.5, 0.5, 0.5, 0.5])])
    panel = rendered(drawing).axes[0]
    (filled,) = panel.patches
    shares = heights(filled)
    assert sorted(shares[shares > 0]) == [25.0, 75.0] and shares.sum() == 100.0
    assert 35 <= len(shares) <= 45 and panel.get_title() == "Block 1"


def test_distributions_have_a_panel_for_each_group_and_no_other(shared):
    groups = weight_statistics(shared.model)
    drawing = figure()
    draw_distributions(drawing, groups)
    visible = [panel for panel in rendered(drawing).axes if panel.axison]
    assert [panel.get_title() for panel in visible] == [group.name for group in groups]
    for panel, group in zip(visible, groups, strict=True):
        if group.low == group.high:
            assert texts(panel) == ["all are 0"]
        else:
            assert 99.8 <= heights(panel.patches[0]).sum() <= 100.0001
    labels = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert labels == ["Autoencoder", "Predictor"]


@pytest.mark.parametrize("far", [-1.0, 1.0])
def test_a_few_far_weights_do_not_squeeze_the_others(far):
    values = [*np.linspace(-0.1, 0.1, 9999), far]
    drawing = figure()
    draw_distributions(drawing, [group("Block 1", values)])
    low, high = rendered(drawing).axes[0].get_xlim()
    assert low > -0.2 and high < 0.2
    assert "outermost 0.2 %" in drawing.get_supxlabel()


def test_before_is_a_line_over_the_same_bars():
    drawing = figure()
    draw_distributions(drawing, [change("Block 1", [-0.5, -0.5, 0.0, 0.5], [-0.5, 0.0, 0.5, 0.5])])
    after, before = rendered(drawing).axes[0].patches
    assert after.get_fill() and not before.get_fill()
    assert np.array_equal(after.get_data().edges, before.get_data().edges)
    assert heights(after)[heights(after) > 0].tolist() == [25.0, 25.0, 50.0]
    assert heights(before)[heights(before) > 0].tolist() == [50.0, 25.0, 25.0]
    labels = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert labels == ["Autoencoder, after", "Predictor, after", "before training"]


def test_a_layer_that_was_all_zero_does_not_dwarf_what_it_became():
    drawing = figure()
    draw_distributions(drawing, [change("FiLM", [0.0] * 4, [-0.2, -0.1, 0.1, 0.2], "predictor")])
    panel = rendered(drawing).axes[0]
    (after,) = panel.patches
    assert heights(after).max() == 25.0 and panel.get_ylim()[1] < 30
    assert list(panel.lines[0].get_xdata()) == [0.0, 0.0] and panel.get_title() == "FiLM (before: all 0)"


def test_similarities_of_positions_mark_each_place_and_each_frame(shared):
    positions = position_tables(shared.model)
    drawing = figure()
    draw_position_similarity(drawing, positions)
    panels = rendered(drawing).axes
    maps = [panel for panel in panels if panel.images]
    assert len(maps) == 4
    for panel, (row, column), similarity in zip(
        maps, positions.places.values(), positions.patch_similarity, strict=False
    ):
        assert np.array_equal(panel.images[0].get_array(), similarity)
        (mark,) = panel.lines
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (column, row)
    tokens = maps[-1]
    assert np.array_equal(tokens.images[0].get_array(), positions.token_similarity)
    assert tokens.images[0].get_extent() == [0, 161, 161, 0]
    assert sorted([*tokens.get_xticks(), *tokens.get_xticks(minor=True)]) == list(range(0, 161, 18))
    assert all(panel.get_xlabel() and panel.get_ylabel() for panel in (maps[0], tokens))


def test_norms_of_positions_tell_how_far_histories_reach(shared):
    positions = position_tables(shared.model)
    drawing = figure()
    draw_position_norms(drawing, positions)
    (panel,) = rendered(drawing).axes
    line, end = panel.lines
    assert np.array_equal(line.get_ydata(), positions.norms)
    assert list(end.get_xdata()) == [161, 161]
    labels = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert labels[1] == "end of the longest history: 8 frames, 161 tokens"
    assert texts(panel) == ["never used, so nothing is learned here"]


def test_where_histories_reach_every_position_no_end_is_drawn():
    positions = PositionTables({}, np.zeros((0, 2, 2)), np.ones(5), np.arange(5), np.eye(5), 5, 3)
    drawing = figure()
    draw_position_norms(drawing, positions)
    (panel,) = rendered(drawing).axes
    assert len(panel.lines) == 1 and texts(panel) == []
