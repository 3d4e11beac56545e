from itertools import pairwise

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from models.introspection.attention import NoSuchToken, attention_by_part, breakdown, uniform_attention
from models.introspection.attention_figures import (
    BLUE,
    GREY,
    ORANGE,
    UNSEEN,
    draw_attention_map,
    draw_breakdown,
    draw_parts,
    outline_patch,
    overlay,
    overlay_strip,
)
from tests.cases import every_case
from tests.models.introspection.test_attention import HAND, look_of

NAMES = ["17", "18", "19"]
T, P, N = 3, 17, 3 * 18 + 17


def rendered(draw, *arguments):
    """The figure, and its pixels uint8 (H, W, 3)."""
    figure = Figure(figsize=(6.4, 4.4), dpi=100, layout="constrained", facecolor="white")
    draw(figure, *arguments)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return figure, np.asarray(canvas.buffer_rgba())[..., :3]


def pixel(axes, pixels, x, y):
    """The colour at a place of the data."""
    across, up = axes.transData.transform((x, y))
    return pixels[len(pixels) - 1 - int(up), int(across)]


def colour(name):
    return np.round(np.array(to_rgb(name)) * 255)


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: "Text" in type(artist).__name__)]


def even():
    return uniform_attention(P, N)


def peaked(key):
    """Half of the attention on one key, the rest even."""
    weights = even() / 2
    weights[:, key] += 0.5
    return look_of(weights, T)


def spans(axes):
    """Left and right end of every part: frame, action, frame, action, …, future."""
    return [image.get_extent()[:2] for image in axes.images]


def test_the_map_names_frames_and_axes():
    figure, _ = rendered(draw_attention_map, peaked(0), NAMES)
    axes, bar = figure.axes
    assert "future token" in axes.get_ylabel() and "action" in axes.get_xlabel() and "wider" in axes.get_xlabel()
    assert "share of attention" in bar.get_ylabel()
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["frame 17", "frame 18", "frame 19", "future"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["class", "0", "1", "2", "3"]
    # Row 1 of 4×4 patches is tokens 5 to 8: its middle is 6.5.
    assert axes.get_yticks() == pytest.approx([0, 2.5, 6.5, 10.5, 14.5])


def test_each_part_of_the_map_has_its_place_and_actions_can_be_seen():
    figure, _ = rendered(draw_attention_map, peaked(0), NAMES)
    parts = spans(figure.axes[0])
    assert len(parts) == 7 and parts[0][0] == 0 and parts[-1][1] == pytest.approx(1)
    assert all(left[1] < right[0] for left, right in pairwise(parts))
    widths = [right - left for left, right in parts]
    assert widths[1::2] == pytest.approx([0.015] * 3)
    assert widths[0::2] == pytest.approx([widths[0]] * 4)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_attention_on_an_action_lights_up_its_column(index):
    figure, pixels = rendered(draw_attention_map, peaked(18 * index + 17), NAMES)
    axes = figure.axes[0]
    values = [pixel(axes, pixels, (left + right) / 2, 8).astype(int).sum() for left, right in spans(axes)]
    assert int(np.argmax(values[:-1])) == 2 * index + 1


def test_attention_on_a_patch_lights_up_where_it_is_drawn():
    figure, pixels = rendered(draw_attention_map, peaked(18 + 8), NAMES)  # token 8 of the second frame
    axes = figure.axes[0]
    left, right = spans(axes)[2]
    centres = left + (np.arange(17) + 0.5) / 17 * (right - left)
    values = [pixel(axes, pixels, x, 3).astype(int).sum() for x in centres]
    assert int(np.argmax(values)) == 8


def test_what_may_not_be_seen_is_grey_and_nothing_else_is():
    figure, pixels = rendered(draw_attention_map, look_of(even(), T), NAMES)
    axes = figure.axes[0]
    left, right = spans(axes)[-1]
    assert np.array_equal(pixel(axes, pixels, right - 0.01, 1), colour(UNSEEN))
    assert not np.array_equal(pixel(axes, pixels, left + 0.01, 15), colour(UNSEEN))


def test_attention_of_zero_is_at_the_dark_end_not_grey():
    weights = np.zeros((P, N))
    weights[:, 5] = 1
    figure, pixels = rendered(draw_attention_map, look_of(weights, T), NAMES)
    dark = np.array(colormaps["viridis"](0.0, bytes=True))[:3]
    assert np.array_equal(pixel(figure.axes[0], pixels, sum(spans(figure.axes[0])[2]) / 2, 8), dark)
    assert figure.axes[0].images[0].norm.vmin == pytest.approx(1e-4)


def test_even_attention_is_not_blown_up_to_the_whole_scale():
    figure, _ = rendered(draw_attention_map, look_of(even(), T), NAMES)
    norm = figure.axes[0].images[0].norm
    assert norm.vmax / norm.vmin == pytest.approx(10)
    assert norm.vmin * norm.vmax == pytest.approx((1 / 55) * (1 / 71))  # the ends of 1/(position + 1): in the middle


def test_eight_frames_and_a_cut_one_can_be_drawn():
    names = [str(1000 + index) for index in range(8)]
    weights = uniform_attention(P, 8 * 18 + 17)
    figure, _ = rendered(draw_attention_map, look_of(weights, 8), names)
    assert "frame\n1007" in [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    cut = look_of(uniform_attention(P, 40), T, most=40)  # 17 future tokens, a frame with its action, and 5 before
    figure, _ = rendered(draw_attention_map, cut, NAMES)
    widths = [right - left for left, right in spans(figure.axes[0])]
    assert widths[0] / widths[2] == pytest.approx(4 / 17)
    rendered(draw_parts, cut, NAMES)
    rendered(draw_breakdown, cut)


@pytest.mark.parametrize("draw", [draw_attention_map, draw_parts])
def test_names_that_do_not_match_the_history_are_refused(draw):
    with pytest.raises(AssertionError, match="expected 3 frame names, got 2"):
        draw(Figure(), peaked(0), NAMES[:2])


def test_the_breakdown_stacks_last_frame_last_action_and_rest():
    report = look_of(HAND, 2)
    figure, pixels = rendered(draw_breakdown, report)
    (axes,) = figure.axes
    # Token 0: last frame 0.35, last action 0.20 on top of it, the rest above.
    assert np.array_equal(pixel(axes, pixels, 0, 0.05), colour(BLUE))
    assert np.array_equal(pixel(axes, pixels, 0, 0.45), colour(ORANGE))
    assert np.array_equal(pixel(axes, pixels, 0, 0.65), colour(GREY))
    # Token 1: 0.35 and 0.10.
    assert np.array_equal(pixel(axes, pixels, 1, 0.40), colour(ORANGE))
    assert np.array_equal(pixel(axes, pixels, 1, 0.50), colour(GREY))
    assert axes.lines[0].get_ydata() == pytest.approx(
        [2 / 7, 2 / 8]
    )  # two tokens of the 7 and 8 that may be attended to


def test_the_breakdown_says_what_is_what():
    figure, _ = rendered(draw_breakdown, look_of(HAND, 2))
    (axes,) = figure.axes
    assert axes.get_xlabel() and axes.get_ylabel() == "share of attention"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        "last frame, mean 35.0 %",
        "last action, mean 15.0 %",
        "rest, mean 50.0 %",
        "last frame if uniform, mean 26.8 %",
    ]
    box = figure.legends[0].get_window_extent()
    assert box.y0 >= axes.get_window_extent().y1  # beside the data, not on them


def test_the_parts_are_bars_as_long_as_their_share():
    report = peaked(18 * 2 + 17)
    figure, _ = rendered(draw_parts, report, NAMES)
    (axes,) = figure.axes
    shares = attention_by_part(report)
    expected = [shares.frames[0], shares.actions[0], shares.frames[1], shares.actions[1], shares.frames[2]]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([*expected, shares.actions[2], shares.future])
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert names[:2] == ["frame 17", "action after 17"] and names[-1] == "future tokens"
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the oldest on top


def test_the_parts_show_how_far_from_uniform_they_are():
    report = peaked(18 * 2 + 17)
    figure, _ = rendered(draw_parts, report, NAMES)
    (axes,) = figure.axes
    marks = np.asarray(axes.collections[0].get_offsets())[:, 0]
    share = report.baseline
    assert marks[:6] == pytest.approx([17 * share, share] * 3)
    # Half of the attention, and half of what is even, on one key whose even share is `share`.
    assert axes.texts[5].get_text() == f"{100 * (0.5 + share / 2):.1f} %  {(0.5 + share / 2) / share:.0f}×"
    assert "uniform attention" in texts(figure) and "uniform" in axes.get_xlabel()


def test_figures_show_the_measures_of_their_report():
    """The same numbers on a figure and in the arrays: the mean in the legend is the breakdown's."""
    report = peaked(18 * 2 + 3)
    figure, _ = rendered(draw_breakdown, report)
    assert f"last frame, mean {100 * breakdown(report)[:, 1].mean():.1f} %" in texts(figure)


def picture(seed=0, size=56):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def test_the_patch_with_most_attention_is_the_brightest_on_the_overlay():
    attention = np.random.default_rng(1).random((14, 14)).astype(np.float32)
    attention[9, 4] = 1.5
    values = overlay(np.full((56, 56, 3), 90, np.uint8), attention, 1.5).astype(int).sum(axis=2)
    patches = values.reshape(14, 4, 14, 4)
    assert (patches.max(axis=(1, 3)) == patches.min(axis=(1, 3))).all()  # sharp: one colour a patch
    assert np.unravel_index(patches[:, 0, :, 0].argmax(), (14, 14)) == (9, 4)


def test_the_picture_can_be_read_under_the_overlay_without_its_colours():
    plain = picture()
    values = overlay(plain, np.zeros((14, 14), np.float32), 1.0)
    grey = plain @ np.array([0.299, 0.587, 0.114])
    assert values.shape == plain.shape and values.dtype == np.uint8
    assert np.corrcoef(values.mean(axis=2).ravel(), grey.ravel())[0, 1] > 0.999
    assert np.ptp(values.astype(int), axis=2).max() <= 3  # inferno begins a breath away from black
    assert values.max() - values.min() > 80


def test_overlays_with_one_top_share_a_scale():
    plain, low, high = picture(), np.full((14, 14), 0.1, np.float32), np.full((14, 14), 0.2, np.float32)
    assert overlay(plain, high, 0.2).mean() > overlay(plain, low, 0.2).mean() + 20
    assert np.array_equal(overlay(plain, high, 0.2), overlay(plain, low, 0.1))


def test_no_attention_at_all_is_dark():
    assert np.array_equal(
        overlay(picture(), np.zeros((14, 14)), 0.0), overlay(picture(), np.zeros((14, 14), np.float32), 1.0)
    )


def test_the_strip_holds_the_colours_of_an_overlay():
    strip = overlay_strip()
    assert strip.shape == (1, 120, 3) and strip.dtype == np.uint8
    grey = np.full((14, 14, 3), 128, np.uint8)
    assert np.array_equal(overlay(grey, np.full((14, 14), 2.0), 2.0)[0, 0], strip[0, -1])
    assert (np.diff(strip[0] @ np.array([0.2126, 0.7152, 0.0722])) > -0.6).all()  # but for rounding


@every_case("token", [110, 16, 1, 14, 183, 196])
def test_the_patch_of_a_token_is_outlined_and_nothing_else_changes(token):
    plain = np.full((224, 224, 3), 100, np.uint8)
    row, column = (token - 1) // 14, (token - 1) % 14
    changed = (outline_patch(plain, token) != plain).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    # The outline is four pixels wide around the patch; at the picture's edge it covers the patch.
    assert rows.min() == max(0, 16 * row - 4) and rows.max() == min(223, 16 * row + 19)
    assert columns.min() == max(0, 16 * column - 4) and columns.max() == min(223, 16 * column + 19)
    assert not changed[16 * row + 4 : 16 * row + 12, 16 * column + 4 : 16 * column + 12].any()
    assert changed.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1) - (np.ptp(rows) - 7) * (np.ptp(columns) - 7)


def test_an_outline_shows_on_black_and_on_white():
    for grey in (0, 255):
        plain = np.full((224, 224, 3), grey, np.uint8)
        assert np.abs(outline_patch(plain, 50).astype(int) - grey).max() == 255


def test_the_class_token_has_no_patch_and_the_picture_given_stays():
    plain = picture(size=224)
    before = plain.copy()
    assert np.array_equal(outline_patch(plain, 0), before)
    outline_patch(plain, 7)
    assert np.array_equal(plain, before)


@pytest.mark.parametrize("token", [-1, 197])
def test_a_patch_that_does_not_exist_is_named(token):
    with pytest.raises(NoSuchToken, match=f"no token {token}; choose one from 0 to 196"):
        outline_patch(picture(size=224), token)
