import pytest

from tests.cases import every_case
from training.rate import PhasePace, Rate, seconds_left, total_seconds


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


@every_case(
    ("phases", "expected"),
    [
        ([], 0.0),
        ([PhasePace("a", 10)], None),
        ([PhasePace("a", 10, 4, measured_s=2.0)], 12.0),
        ([PhasePace("a", 10, estimated_s=1.0), PhasePace("b", 5, estimated_s=2.0)], 20.0),
        # Twice as slow as estimated: so will be the phases that follow.
        ([PhasePace("a", 10, 5, 1.0, 2.0), PhasePace("b", 5, 0, 3.0)], 40.0),
        ([PhasePace("a", 10, 10, 1.0, 2.0), PhasePace("b", 5, 0, 3.0)], 30.0),
        ([PhasePace("a", 10, 10), PhasePace("b", 5, 1, None, 3.0)], 12.0),
        ([PhasePace("a", 10, 5, 1.0, 2.0), PhasePace("b", 5)], None),
        # The last one that was measured tells how busy the machine is.
        ([PhasePace("a", 9, 9, 1.0, 5.0), PhasePace("b", 4, 2, 2.0, 1.0), PhasePace("c", 6, 0, 4.0)], 14.0),
    ],
)
def test_the_time_left_follows_from_measured_and_estimated_paces(phases, expected):
    assert seconds_left(phases) == expected


def test_the_whole_time_is_that_of_all_phases():
    assert total_seconds([PhasePace("a", 10, 3, 1.0, 9.0), PhasePace("b", 5, 0, 2.0)]) == 20.0
    assert total_seconds([PhasePace("a", 10, 3, 1.0), PhasePace("b", 5)]) is None
