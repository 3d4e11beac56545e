import pytest

from session import (
    ConstantSelector,
    InvalidAction,
    RandomSelector,
    RecordedSelector,
    ReplayEnded,
    SequenceSelector,
    load_session,
)
from tests.session.make import RIGHT, STAY, action, write_session

ZERO, ONE = {"action": 0}, {"action": 1}


def taken(selector, number):
    return [selector.next_action() for _ in range(number)]


def test_constant_gives_the_same_action_that_a_caller_cannot_change():
    selector = ConstantSelector(ONE)
    selector.next_action()["action"] = 5
    assert taken(selector, 3) == [ONE] * 3


def test_a_sequence_starts_over_at_its_end():
    assert taken(SequenceSelector([ZERO, ONE, ONE]), 7) == [ZERO, ONE, ONE, ZERO, ONE, ONE, ZERO]


def test_random_takes_every_action_and_repeats_with_its_seed():
    first = taken(RandomSelector([ZERO, ONE], 3), 200)
    assert first == taken(RandomSelector([ZERO, ONE], 3), 200)
    assert first != taken(RandomSelector([ZERO, ONE], 4), 200)
    assert 60 < sum(chosen["action"] for chosen in first) < 140


def test_a_replay_gives_the_recorded_actions_once_as_they_were_written(tmp_path):
    session = load_session(write_session(tmp_path / "jetbot" / "session_1", [action(0, RIGHT), action(1, STAY)]))
    selector = RecordedSelector(session)
    assert len(selector) == 2
    assert taken(selector, 2) == [RIGHT, STAY]
    with pytest.raises(ReplayEnded):
        selector.next_action()


def test_without_actions_there_is_nothing_to_choose():
    for make in (lambda: SequenceSelector([]), lambda: RandomSelector([], 0)):
        with pytest.raises(InvalidAction):
            make()
