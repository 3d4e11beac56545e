import numpy as np

from session import load_session, record_demo
from tests.cases import every_case
from training import Foretold, foretold_actions
from training.evaluation.skill.foretold import compare

RANDOM = np.random.default_rng(3)
PLACES = RANDOM.permutation(np.repeat(np.arange(10), 20))  # 200 frames of ten places
PICTURES = (20.0 * PLACES)[:, None] * np.ones(16, dtype=np.float32)


def told(kinds):
    return compare(PICTURES.astype(np.float32), np.asarray(kinds), np.arange(len(PLACES)))


def test_an_action_that_follows_from_the_picture_is_foretold():
    result = told(PLACES % 2)
    assert result.agreement == 1 and result.is_foretold and "random actions" in result.warning


def test_random_actions_are_not_foretold():
    result = told(RANDOM.integers(2, size=200))
    assert abs(result.agreement - result.chance) < 0.1 and not result.is_foretold and result.warning == ""


def test_a_rare_action_that_is_taken_at_random_is_not_foretold():
    """Nine of ten actions are the same: guessing that one is right in 90 %, and frames agree in 82 %."""
    result = told(RANDOM.permutation(np.repeat([0, 1], [180, 20])))
    assert result.chance > 0.8 and not result.is_foretold


def test_one_action_is_told():
    result = told(np.zeros(200, dtype=int))
    assert result.is_one_action and not result.is_foretold and result.warning.startswith("Only one action")


def test_a_robot_that_keeps_an_action_for_a_while_is_not_foretold_by_neighbours_in_time():
    """Each picture is like that of the frames right before and after, and of no other ones more than of others."""
    kinds = np.repeat(RANDOM.integers(2, size=50), 4)
    drifting = RANDOM.normal(size=(200, 16)).astype(np.float32).cumsum(axis=0)
    result = compare(drifting, kinds, np.arange(200))
    assert not result.is_foretold


@every_case(
    ("frames", "agreement", "is_foretold"),
    [(9, 1.0, False), (10, 1.0, True), (100, 0.75, True), (100, 0.74, False), (0, 0.0, False)],
)
def test_the_warning_follows_from_its_thresholds(frames, agreement, is_foretold):
    assert Foretold(frames, agreement, 0.5).is_foretold is is_foretold


def test_a_recording_is_compared_by_the_action_that_followed_each_frame(tmp_path):
    recording = load_session(tmp_path / record_demo(tmp_path, "jetbot_sim", 40, seed=1))
    result = foretold_actions(recording)
    assert result.frames == 39 and result.warning == "" and 0.4 < result.chance < 0.7
