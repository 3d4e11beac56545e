import numpy as np
import pytest
from PIL import Image

from session import ToroidalDotRobot
from session.robots.toroidal_dot import DotPosition, locate_dot, torus_distance
from tests.cases import every_case


def picture_at(x: int, y: int) -> np.ndarray:
    robot = ToroidalDotRobot()
    robot.x, robot.y = x, y
    return robot.observe()


@every_case("x", [0, 1, 5, 100, 111, 112, 220, 223])
@every_case("y", [0, 3, 112, 223])
def test_the_centre_is_found_anywhere_also_across_the_edges(x, y):
    assert torus_distance(locate_dot(picture_at(x, y)), DotPosition(x, y)) < 0.01


def test_positions_are_inside_the_picture():
    for x in range(224):
        position = locate_dot(picture_at(x, 223 - x))
        assert 0 <= position.x < 224 and 0 <= position.y < 224


def test_the_centre_survives_jpeg_haze_and_noise(tmp_path):
    Image.fromarray(picture_at(222, 40)).save(tmp_path / "dot.jpg", quality=75)
    hazy = np.asarray(Image.open(tmp_path / "dot.jpg")).astype(float) * 0.6 + 50
    hazy += np.random.default_rng(0).normal(0, 8, hazy.shape)
    assert torus_distance(locate_dot(np.clip(hazy, 0, 255).astype(np.uint8)), DotPosition(222, 40)) < 0.5


def test_half_a_pixel_counts():
    between = (picture_at(10, 10).astype(int) + picture_at(11, 10)) // 2
    assert locate_dot(between.astype(np.uint8)).x == pytest.approx(10.5, abs=0.05)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((224, 224, 3), np.uint8),
        np.full((224, 224, 3), 200, np.uint8),
        np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8),
        np.maximum(picture_at(20, 20), picture_at(132, 20)),
        np.maximum(picture_at(20, 20), picture_at(20, 90)),
    ],
    ids=["black", "white", "noise", "two dots opposite", "two dots far apart"],
)
def test_without_a_single_dot_there_is_no_position(picture):
    assert locate_dot(picture) is None


def test_distance_goes_the_shorter_way_around():
    assert torus_distance(DotPosition(2, 10), DotPosition(222, 10)) == pytest.approx(4)
    assert torus_distance(DotPosition(223, 223), DotPosition(0, 0)) == pytest.approx(2**0.5)
    assert torus_distance(DotPosition(0, 0), DotPosition(112, 0)) == pytest.approx(112)
    assert (
        torus_distance(DotPosition(30, 40), DotPosition(0, 0))
        == torus_distance(DotPosition(0, 0), DotPosition(30, 40))
        == 50
    )


def test_a_few_bright_pixels_are_no_dot():
    picture = np.zeros((224, 224, 3), np.uint8)
    picture[10:13, 10:15] = 255
    assert locate_dot(picture) is None
    picture[10:13, 10:16] = 255
    assert locate_dot(picture) is not None
