from itertools import pairwise

import pytest

from session.spread import spread, spread_starts


@pytest.mark.parametrize("pick", [spread, spread_starts])
def test_few_items_are_all_picked_and_of_many_as_many_as_allowed(pick):
    assert pick(0, 4) == [] and pick(1, 4) == [0] and pick(4, 4) == [0, 1, 2, 3]
    for count in (5, 16, 17, 1000):
        picks = pick(count, 4)
        assert len(set(picks)) == 4 and picks == sorted(picks) and picks[0] == 0


def test_one_kind_reaches_the_last_item_and_the_other_starts_equal_parts():
    assert spread(10, 4) == [0, 3, 6, 9]
    assert spread_starts(10, 4) == [0, 2, 5, 7]


def test_gaps_between_picks_differ_by_one_at_most():
    for pick in (spread, spread_starts):
        picks = pick(1000, 64)
        gaps = {after - before for before, after in pairwise(picks)}
        assert gaps <= {15, 16}
