import numpy as np
import pytest

from session import JETBOT, InvalidAction, SimulatedJetBot
from tests.cases import every_case

RIGHT = {"motor_left": 0, "motor_right": 0.12, "duration": 0.2}
STAY = {"motor_left": 0, "motor_right": 0, "duration": 0.2}


def test_it_turns_left_while_its_right_motor_runs():
    robot = SimulatedJetBot(1)
    yaw, before = robot.yaw, robot.observe()
    assert robot.act(STAY) == 0.2
    assert np.array_equal(robot.observe(), before)
    robot.act(RIGHT)
    assert (yaw - robot.yaw) % 360 == pytest.approx(6.0)
    turned = robot.observe()
    assert np.abs(turned.astype(int) - before).mean() > 3
    # 6 degrees are 22.4 columns: the left part of the picture before is now 22 columns further right.
    assert np.abs(before[:, :200].astype(int) - turned[:, 22:222]).mean() < 3


def test_pictures_are_224_by_224_rgb():
    picture = SimulatedJetBot().observe()
    assert picture.shape == (224, 224, 3) and picture.dtype == np.uint8


def test_a_full_turn_ends_where_it_began_and_passes_distinct_places():
    robot = SimulatedJetBot(2)
    pictures = []
    for _ in range(60):
        pictures.append(robot.observe().astype(int))
        robot.act(RIGHT)
    assert np.abs(robot.observe().astype(int) - pictures[0]).max() <= 1
    for first in range(0, 60, 10):
        for second in range(first + 10, 60, 10):
            assert np.abs(pictures[first] - pictures[second]).mean() > 8


def test_every_direction_has_a_picture():
    robot = SimulatedJetBot()
    for robot.yaw in np.linspace(0, 359.9999999, 101):
        assert robot.observe().shape == (224, 224, 3)


def test_the_seed_sets_room_and_direction():
    assert np.array_equal(SimulatedJetBot(4).observe(), SimulatedJetBot(4).observe())
    assert not np.array_equal(SimulatedJetBot(4).observe(), SimulatedJetBot(5).observe())


@every_case("change", [{"duration": 0}, {"duration": 99}, {"motor_left": 2}, {"motor_right": "x"}, {"b": 1}])
def test_other_actions_are_refused(change):
    with pytest.raises(InvalidAction):
        SimulatedJetBot().act(RIGHT | change)


@every_case("shift", [0, 1, 2.5, 21.3, -40, 300, 700])
def test_the_error_is_the_shift_along_the_panorama_the_shorter_way_around(shift):
    robot = SimulatedJetBot(7)
    shifted = robot.at((robot.yaw + shift * 360 / 1344, 0)).observe()
    expected = min(abs(shift), 1344 - abs(shift))
    assert robot.error_px(shifted) == pytest.approx(expected, abs=0.02)
    noise = np.random.default_rng(0).normal(0, 15, shifted.shape)
    assert robot.error_px(np.clip(0.8 * shifted + 20 + noise, 0, 255).astype(np.uint8)) == pytest.approx(
        expected, abs=0.3
    )


def test_a_picture_of_no_heading_is_not_recognisable():
    robot = SimulatedJetBot(7)
    view = robot.observe()
    smeared = np.repeat(view.mean(axis=1, keepdims=True), 224, axis=1).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, view.shape, dtype=np.uint8)
    for picture in (smeared, noise, 0 * view, 0 * view + 128, SimulatedJetBot(8).observe()[::-1]):
        assert robot.error_px(picture) is None


def test_its_actions_fit_its_profile():
    robot = SimulatedJetBot()
    assert robot.profile == JETBOT
    assert robot.action_space == [STAY, RIGHT]
