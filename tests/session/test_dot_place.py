import numpy as np
import pytest

from session import ToroidalDotRobot
from session.dot_place import DotPlace, dot_place, torus_distance


def picture_at(x, y):
    robot = ToroidalDotRobot()
    robot.x, robot.y = x, y
    return robot.observe()


@pytest.mark.parametrize(("x", "y"), [(100, 50), (0, 0), (223, 223), (2, 221), (111, 0)])
def test_the_dot_is_found_where_it_is_also_across_the_edges(x, y):
    found = dot_place(picture_at(x, y))
    assert torus_distance(found, DotPlace(x, y), 224) < 0.01


def test_a_dim_glow_beside_the_dot_does_not_pull_it():
    picture = picture_at(60, 60)
    picture[120:200, 120:200] = 60
    assert torus_distance(dot_place(picture), DotPlace(60, 60), 224) < 0.01


def test_a_picture_without_a_dot_has_no_place():
    picture = np.zeros((224, 224, 3), dtype=np.uint8)
    assert dot_place(picture) is None
    picture[10:13, 10:13] = 255
    assert dot_place(picture) is None


def test_distances_take_the_shorter_way_round():
    assert torus_distance(DotPlace(1, 10), DotPlace(222, 10), 224) == pytest.approx(3)
    assert torus_distance(DotPlace(0, 223.5), DotPlace(3, 3.5), 224) == pytest.approx(5)
    assert torus_distance(DotPlace(5, 5), DotPlace(5, 5), 224) == 0
