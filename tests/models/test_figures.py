import numpy as np
import pytest

from models.figures import error_heat_map


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


@pytest.mark.parametrize("top", [float("nan"), float("inf"), -1.0])
def test_a_scale_without_an_end_is_refused(top):
    with pytest.raises(ValueError, match="finite number"):
        error_heat_map(np.zeros((2, 2)), top)
