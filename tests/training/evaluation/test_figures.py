import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.cases import every_case
from training.evaluation.figures import COLOUR, OTHER_COLOUR, draw_by_action, draw_histogram, draw_track
from training.evaluation.frame_errors import ActionAverage, FrameErrors
from training.evaluation.results import EvaluationKey, EvaluationResult

NAN = float("nan")


def result_of(reconstruction, prediction, predictor="predictor_0.pth", history=3):
    arrays = [np.array(values, dtype=np.float32) for values in (reconstruction, prediction)]
    track = FrameErrors(*arrays, np.zeros(len(arrays[0]), np.int8), len(arrays[0]))
    weights = {"autoencoder": "autoencoder.pth", "predictor": predictor}
    key = EvaluationKey("jetbot/session_1", "v", history, "a", predictor)
    return EvaluationResult(key, weights, "2026-05-01T12:30:00+00:00", 1.0, track)


FIRST = result_of([0.01, 0.02, 0.04, 0.01], [NAN, 0.1, NAN, 0.4])
SECOND = result_of([0.02, 0.02, 0.02, 0.02], [NAN, 0.2, 0.1, 0.2], "predictor_1.pth")


def render(draw, *arguments):
    figure = Figure(figsize=(6.4, 4.0), layout="constrained", facecolor="white")
    assert draw(figure, *arguments) is None
    figure.draw_without_rendering()
    return figure


def legend_texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_both_errors_are_drawn_over_the_frames_with_gaps_for_missing_ones():
    prediction, reconstruction = render(draw_track, FIRST).axes
    assert (prediction.get_title(loc="left"), reconstruction.get_title(loc="left")) == ("Prediction", "Reconstruction")
    assert (
        reconstruction.get_yscale() == "log"
        and reconstruction.get_ylabel() == "MSE"
        and reconstruction.get_xlabel() == "frame"
    )
    np.testing.assert_allclose(
        reconstruction.lines[0].get_xydata(), [[0, 0.01], [1, 0.02], [2, 0.04], [3, 0.01]], rtol=1e-6
    )
    np.testing.assert_allclose(prediction.lines[0].get_ydata(), [NAN, 0.1, NAN, 0.4], rtol=1e-6)


def test_trivial_guesses_are_lines_inside_the_axes_of_their_panels():
    guesses = {"prediction": {"repeating the last frame": 9.0}, "reconstruction": {"mean image": 0.0}}
    prediction, reconstruction = render(lambda figure, errors: draw_track(figure, errors, None, guesses), FIRST).axes
    assert [line.get_label() for line in prediction.lines[:-1]] == ["repeating the last frame"]
    assert prediction.get_ylim()[0] < 9 < prediction.get_ylim()[1] and len(reconstruction.lines) == 1


def test_many_frames_are_drawn_as_means_with_a_shade_up_to_the_highest():
    errors = result_of(np.tile([0.01, 0.03], 400), np.full(800, NAN))
    _, reconstruction = render(draw_track, errors).axes
    # 800 frames in 400 columns of two: mean (0.01 + 0.03) / 2, in the middle of frames 0 and 1.
    np.testing.assert_allclose(reconstruction.lines[0].get_ydata(), np.full(400, 0.02), rtol=1e-6)
    assert reconstruction.lines[0].get_xdata()[0] == 0.5
    heights = reconstruction.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.max() == pytest.approx(0.03) and heights.min() == pytest.approx(0.02)
    assert reconstruction.get_xlabel() == "frame (line: mean of 2 frames, shade: up to the highest of them)"


def test_a_measure_without_any_error_is_labelled_so():
    errors = result_of([0.1, 0.2], [NAN, NAN])
    for draw in (draw_track, draw_histogram):
        figure = render(draw, errors)
        assert [text.get_text() for text in figure.axes[0].texts] == ["no frame has one"]
        assert not figure.axes[1].texts


def test_a_figure_names_the_recording_and_the_origin_of_the_result():
    figure = render(draw_histogram, FIRST)
    assert figure.legends[0].get_title().get_text() == "jetbot/session_1"
    assert legend_texts(figure) == ["autoencoder.pth · predictor_0.pth · history 3"]


def test_two_results_are_named_by_their_differences():
    assert legend_texts(render(draw_track, FIRST, SECOND)) == ["predictor_0.pth", "predictor_1.pth"]
    assert legend_texts(render(draw_track, FIRST, result_of([1], [1], history=5))) == ["history 3", "history 5"]
    top, _ = render(draw_track, FIRST, SECOND).axes
    assert [line.get_color() for line in top.lines] == [COLOUR, OTHER_COLOUR]


def test_a_histogram_counts_every_frame_once_in_bins_of_both():
    prediction, reconstruction = render(draw_histogram, FIRST, SECOND).axes
    assert (
        reconstruction.get_xscale() == "log"
        and reconstruction.get_ylabel() == "frames"
        and reconstruction.get_xlabel() == "MSE"
    )
    filled, outlined = reconstruction.patches
    assert filled.get_data().values.sum() == outlined.get_data().values.sum() == 4
    assert filled.get_fill() and not outlined.get_fill()
    assert np.array_equal(filled.get_data().edges, outlined.get_data().edges)
    # All four frames of the second have the same reconstruction error, so they are in one bin.
    assert outlined.get_data().values.max() == 4
    assert [step.get_data().values.sum() for step in prediction.patches] == [2, 3]


@every_case("values", [[0.5], [0.5, 0.5], [0.0, 1.0], [0.0, 0.0], [1e-8, 1e4], []])
def test_few_equal_or_extreme_errors_can_be_drawn(values):
    for draw in (draw_track, draw_histogram):
        for axes in render(draw, result_of(values, values)).axes:
            along = axes.yaxis if draw is draw_track else axes.xaxis
            assert len(along.get_ticklocs()) <= 16


def test_actions_are_bars_with_the_number_of_their_frames():
    averages = (ActionAverage(0, 0.5, 1200), ActionAverage(2, 0.25, 1), ActionAverage(None, 1.0, 3))
    (axes,) = render(draw_by_action, ["stay", "left", "right"], averages).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["stay", "right", "other"]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.25, 1.0]
    assert [text.get_text() for text in axes.texts] == ["1,200 frames", "1 frame", "3 frames"]
    assert axes.get_xlabel() == "mean MSE"


def test_repeating_the_last_frame_is_a_mark_at_each_action_that_has_a_bar():
    averages = (ActionAverage(0, 0.5, 9), ActionAverage(2, 0.25, 9))
    repeated = (ActionAverage(0, 0.1, 5), ActionAverage(1, 0.2, 5), ActionAverage(2, 0.75, 5))
    figure = render(draw_by_action, ["stay", "left", "right"], averages, None, repeated)
    stay, right = figure.axes[0].lines
    assert (set(stay.get_xdata()), set(right.get_xdata())) == ({0.1}, {0.75})
    assert stay.get_ydata().mean() == 0 and right.get_ydata().mean() == 1
    assert "repeating the last frame" in legend_texts(figure)


def test_two_results_are_drawn_side_by_side_at_each_action():
    first, second = (ActionAverage(0, 0.5, 2), ActionAverage(1, 0.25, 2)), (ActionAverage(1, 0.75, 2),)
    figure = render(draw_by_action, ["stay", "go"], first, second)
    stay, go, other_go = figure.axes[0].patches
    assert legend_texts(figure) == ["shown", "compared"]
    # "go" is at 1: the first result's bar ends above it, where the second one's begins below.
    assert stay.get_y() < 0 < go.get_y() + go.get_height() <= 1 <= other_go.get_y()
    assert other_go.get_width() == 0.75


def test_no_action_at_all_can_be_drawn():
    assert len(render(draw_by_action, ["stay"], ()).axes[0].patches) == 0
