import pytest

from training.rate import Rate


def rate_of(ends, steps=3):
    rate = Rate(steps)
    for at, done in ends:
        rate.add(at, done)
    return rate


def test_without_two_ends_at_different_times_there_is_no_rate():
    assert rate_of([]).per_second == rate_of([(1.0, 8)]).per_second == rate_of([(1.0, 8), (1.0, 16)]).per_second == 0


def test_the_rate_is_that_of_the_last_steps():
    ends = [(0.0, 0), (100.0, 1), (101.0, 2), (102.0, 4), (104.0, 7)]
    assert rate_of(ends[:2]).per_second == pytest.approx(1 / 100)
    assert rate_of(ends).per_second == pytest.approx(6 / 4)


def test_a_pause_is_left_out():
    rate = rate_of([(0.0, 0), (1.0, 1)])
    rate.skip(50.0)
    rate.add(52.0, 2)
    assert rate.per_second == pytest.approx(1.0)
