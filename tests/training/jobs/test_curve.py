import pytest

from tests.cases import every_case
from training.jobs.snapshot import MAX_POINTS, Curve


@every_case("count", [0, 1, 5, 2 * MAX_POINTS - 1])
def test_a_short_curve_keeps_every_point(count):
    curve = Curve()
    for step in range(count):
        curve.add(step, step * 0.5)
    assert curve.points() == tuple((step, step * 0.5) for step in range(count))


@every_case("count", [2 * MAX_POINTS, 2 * MAX_POINTS + 1, 12_345, 200_000])
def test_a_long_curve_stays_bounded_and_keeps_its_shape(count):
    curve = Curve()
    for step in range(1, count + 1):
        curve.add(step, 3.0 * step)
    points = curve.points()
    assert MAX_POINTS <= len(points) <= 2 * MAX_POINTS
    assert all(value == pytest.approx(3 * step) for step, value in points)
    steps = [step for step, _ in points]
    assert steps == sorted(set(steps))
    spacing = count / MAX_POINTS
    assert steps[0] <= spacing and steps[-1] >= count - spacing


def test_points_given_out_do_not_change():
    curve = Curve()
    curve.add(1, 2.0)
    given = curve.points()
    for step in range(2, 5000):
        curve.add(step, 0.0)
    assert given == ((1, 2.0),)


def test_the_newest_values_are_always_in_the_curve():
    curve = Curve()
    for step in range(1, 1001):
        curve.add(step, 0.0)
    curve.add(1001, 9.0)
    assert curve.points()[-1][1] > 0
