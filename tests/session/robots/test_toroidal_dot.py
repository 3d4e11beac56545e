import numpy as np
import pytest

from session import TOROIDAL_DOT, InvalidAction, ToroidalDotRobot
from tests.cases import every_case


def mass_of(picture):
    return int(picture[:, :, 0].astype(int).sum())


def test_a_picture_is_a_white_dot_of_radius_five_on_black():
    robot = ToroidalDotRobot()
    robot.x, robot.y = 100, 50
    picture = robot.observe()
    assert picture.shape == (224, 224, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture[:, :, 0], picture[:, :, 1]) and np.array_equal(picture[:, :, 0], picture[:, :, 2])
    assert (picture[50, 96:105] == 255).all() and picture[50, 107].max() == 0
    rows, columns = np.nonzero(picture[:, :, 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (45, 55, 95, 105)
    assert mass_of(picture) / 255 == pytest.approx(np.pi * 25, rel=0.1)


def test_action_one_moves_right_and_action_zero_stays():
    robot = ToroidalDotRobot()
    robot.x, y = 10, robot.y
    before = robot.observe()
    robot.act({"action": 0})
    assert np.array_equal(robot.observe(), before)
    robot.act({"action": 1})
    assert (robot.x, robot.y) == (37, y)
    assert np.array_equal(robot.observe(), np.roll(before, 27, axis=1))


def test_the_dot_wraps_around_the_edge_without_losing_anything():
    robot = ToroidalDotRobot(3)
    first = robot.observe()
    for move in range(1, 225):
        robot.act({"action": 1})
        assert np.array_equal(robot.observe(), np.roll(first, 27 * move, axis=1))


def test_the_dot_wraps_vertically_as_well():
    robot = ToroidalDotRobot()
    robot.y = 0
    assert robot.observe()[-1].any() and mass_of(robot.observe()) / 255 == pytest.approx(np.pi * 25, rel=0.1)


def test_the_seed_sets_where_it_starts():
    places = {(ToroidalDotRobot(seed).x, ToroidalDotRobot(seed).y) for seed in range(20)}
    assert len(places) == 20
    assert (ToroidalDotRobot(7).x, ToroidalDotRobot(7).y) == (ToroidalDotRobot(7).x, ToroidalDotRobot(7).y)


@every_case("action", [{}, {"action": 2}, {"action": 0.5}, {"move": 1}, {"action": 1, "b": 0}, {"action": "1"}])
def test_other_actions_are_refused(action):
    with pytest.raises(InvalidAction):
        ToroidalDotRobot().act(action)


def test_its_actions_fit_its_profile():
    robot = ToroidalDotRobot()
    assert robot.profile == TOROIDAL_DOT
    assert robot.action_space == [{"action": 0}, {"action": 1}]
