import numpy as np
import pytest

from models.figures import difference_map, draw_differences, draw_error, error_heat_map


def test_more_error_is_brighter():
    ramp = np.linspace(0, 0.1, 64, dtype=np.float32)[None].repeat(2, axis=0)
    colours = error_heat_map(ramp, top=0.1)
    assert colours.shape == (2, 64, 3) and colours.dtype == np.uint8
    brightness = colours[0] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(brightness) > 0).all()


def test_one_top_gives_one_scale():
    error = np.array([[0.05]])
    assert np.array_equal(error_heat_map(error, 0.1)[0, 0], error_heat_map(np.array([[0.05, 0.1]]), 0.1)[0, 0])
    assert not np.array_equal(error_heat_map(error, 0.1), error_heat_map(error, 0.2))


def test_errors_above_the_top_are_as_bright_as_it():
    assert np.array_equal(error_heat_map(np.array([[9.0]]), 0.1), error_heat_map(np.array([[0.1]]), 0.1))


def test_no_error_anywhere_is_dark():
    assert error_heat_map(np.zeros((3, 3)), 0.0).max() < 5


def test_an_error_reaches_the_end_of_its_own_scale():
    heat = draw_error(np.array([[0.0, 0.2], [0.4, 0.1]], dtype=np.float32))
    assert heat.top == pytest.approx(0.4)
    assert np.array_equal(heat.pixels[1, 0], heat.strip[0, -1])
    assert np.array_equal(heat.pixels[0, 0], heat.strip[0, 0])


def test_no_difference_is_nearly_white_and_the_sides_are_orange_and_purple():
    darker, same, brighter = difference_map(np.array([[-0.1, 0.0, 0.1]], dtype=np.float32), 0.2)[0].astype(int)
    assert same.min() > 240
    assert brighter[0] > brighter[2] + 50  # more red than blue
    assert darker[2] > darker[0] + 20  # more blue than red


def test_differences_as_large_are_as_far_from_white():
    ramp = np.linspace(0, 1, 20, dtype=np.float32)[None]
    for side in (ramp, -ramp):
        distance = 255 - difference_map(side, 1.0)[0].astype(int).mean(axis=1)
        assert (np.diff(distance) >= 0).all() and distance[-1] > 120


def test_all_differences_share_one_scale_from_minus_top_to_top():
    differences = np.array([[[-0.2, 0.0]], [[0.1, 0.2]], [[9.0, -9.0]]], dtype=np.float32)
    maps = draw_differences(differences, 0.2)
    assert maps.pixels.shape == (3, 1, 2, 3) and maps.pixels.dtype == np.uint8 and maps.top == 0.2
    first, last = maps.strip[0, 0], maps.strip[0, -1]
    assert maps.strip.shape[0] == 1 and not np.array_equal(first, last)
    assert np.array_equal(maps.pixels[0, 0, 0], first) and np.array_equal(maps.pixels[1, 0, 1], last)
    assert np.array_equal(maps.pixels[2, 0], [last, first])


def test_differences_of_nothing_are_white():
    pixels = draw_differences(np.zeros((2, 3, 3), dtype=np.float32), 0.0).pixels
    assert pixels.shape == (2, 3, 3, 3) and pixels.min() > 240


@pytest.mark.parametrize("draw", [error_heat_map, difference_map])
@pytest.mark.parametrize("top", [float("nan"), float("inf"), -1.0])
def test_a_scale_without_an_end_is_refused(draw, top):
    with pytest.raises(ValueError, match="finite number"):
        draw(np.zeros((2, 2)), top)
