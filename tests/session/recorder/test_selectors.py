import numpy as np
import pytest

from session import (
    ActionPrediction,
    ConstantSelector,
    InvalidAction,
    RandomSelector,
    RecordedSelector,
    ReplayEnded,
    SequenceSelector,
    UncertaintySelector,
    load_session,
    profile_of,
)
from session.recorder.selectors import UniformSelector
from tests.session.session_files import RIGHT, STAY, action, write_session

ZERO, ONE = {"action": 0}, {"action": 1}


def actions_of(selector, number):
    return [selector.next_action() for _ in range(number)]


def test_constant_gives_the_same_action_that_a_caller_cannot_change():
    selector = ConstantSelector(ONE)
    selector.next_action()["action"] = 5
    assert actions_of(selector, 3) == [ONE] * 3


def test_a_sequence_starts_over_at_its_end():
    assert actions_of(SequenceSelector([ZERO, ONE, ONE]), 7) == [ZERO, ONE, ONE, ZERO, ONE, ONE, ZERO]


def test_random_takes_every_action_and_repeats_with_its_seed():
    first = actions_of(RandomSelector([ZERO, ONE], 3), 200)
    assert first == actions_of(RandomSelector([ZERO, ONE], 3), 200)
    assert first != actions_of(RandomSelector([ZERO, ONE], 4), 200)
    assert 60 < sum(one["action"] for one in first) < 140


def test_actions_of_a_continuous_robot_fill_its_ranges_and_repeat_with_their_seed():
    ends = [{"gas": 0.1, "wheel": -3}, {"gas": 0.7, "wheel": 3}]
    profile = profile_of("Car", ends)
    first = actions_of(UniformSelector(profile, 3), 200)
    assert first == actions_of(UniformSelector(profile, 3), 200) != actions_of(UniformSelector(profile, 4), 200)
    gas = sorted(one["gas"] for one in first)
    assert 0.1 <= gas[0] < 0.13 and 0.37 < gas[100] < 0.43 and 0.67 < gas[-1] <= 0.7 and len(set(gas)) == 200
    assert {one["wheel"] for one in actions_of(UniformSelector(profile_of("Car", ends[:1] * 2), 3), 5)} == {-3}
    whole = profile_of("Dial", [{"dial": -1}, {"dial": 2}])
    assert {one["dial"] for one in actions_of(UniformSelector(whole, 3, is_whole=True), 100)} == {-1, 0, 1, 2}


def test_a_replay_gives_the_recorded_actions_once_as_they_were_written(tmp_path):
    session = load_session(write_session(tmp_path / "jetbot" / "session_1", [action(0, RIGHT), action(1, STAY)]))
    selector = RecordedSelector(session)
    assert len(selector) == 2
    assert actions_of(selector, 2) == [RIGHT, STAY]
    with pytest.raises(ReplayEnded):
        selector.next_action()


def test_without_actions_there_is_nothing_to_choose():
    for make in (lambda: SequenceSelector([]), lambda: RandomSelector([], 0)):
        with pytest.raises(InvalidAction):
            make()


def predicted(*uncertainties):
    return [ActionPrediction({"action": k}, np.zeros((1, 1, 3), np.uint8), u) for k, u in enumerate(uncertainties)]


def test_uncertainty_selects_the_most_uncertain_action():
    selector = UncertaintySelector(0)
    assert [selector.next_action(predicted(*u))["action"] for u in ((1, 3, 2), (5, 3, 2), (0, 0, 1e-9))] == [1, 0, 2]


def test_equal_uncertainties_have_equal_probability_and_a_seed_repeats_them():
    def sample(seed):
        selector = UncertaintySelector(seed)
        return [selector.next_action(predicted(2, 1, 2))["action"] for _ in range(200)]

    first = sample(3)
    assert first == sample(3) != sample(4)
    assert set(first) == {0, 2} and 60 < first.count(0) < 140


def test_uncertainty_needs_predictions_with_an_uncertainty():
    for predictions in ((), predicted(None, None)):
        with pytest.raises(InvalidAction, match="choose another selector"):
            UncertaintySelector(0).next_action(predictions)


def test_the_other_selectors_ignore_predictions():
    assert ConstantSelector(ONE).next_action(predicted(9, 1)) == ONE
    assert RandomSelector([ZERO, ONE], 3).next_action() == RandomSelector([ZERO, ONE], 3).next_action(predicted(9, 1))
