import numpy as np
import pytest

from session import load_session
from session.robots.sweep import sweep_channels, sweep_choices
from tests.session.session_files import action, observation, write_session

CHOICES = np.array([[0.0, 0.0], [0.0, 0.12]], dtype=np.float32)


def test_the_recorded_action_is_one_of_the_candidates_or_follows_them():
    sweep = sweep_choices(CHOICES, np.array([0.0, 0.12], dtype=np.float32))
    assert sweep.recorded == 1 and np.array_equal(sweep.actions, CHOICES) and sweep.own is None
    sweep = sweep_choices(CHOICES, np.array([0.0, 0.06], dtype=np.float32))
    assert sweep.recorded == 2 and sweep.actions[2].tolist() == pytest.approx([0.0, 0.06])


def test_an_own_action_is_found_among_the_others_or_follows_them():
    recorded, own = CHOICES[0], np.array([0.5, 0.5], dtype=np.float32)
    assert sweep_choices(CHOICES, recorded, own).own == 2
    assert sweep_choices(CHOICES, recorded, CHOICES[1]).own == 1
    assert sweep_choices(CHOICES, own, own).own == sweep_choices(CHOICES, own, own).recorded == 2


@pytest.fixture
def driven(tmp_path):
    """A car whose steering goes from -1 to 1, with a throttle that varies less and a lamp that stays off."""
    events, steering = [observation(0)], np.linspace(-1, 1, 40)
    for number, angle in enumerate(steering.tolist()):
        values = {"lamp": 0.0, "steering": angle, "throttle": 0.25 * (number % 20 == 0) + 0.1}
        events += [action(2 * number + 1, values), observation(2 * number + 2)]
    return load_session(write_session(tmp_path / "car" / "session_1", events, {"robot_type": "car"}))


def test_many_different_actions_make_a_continuous_robot_with_a_few_typical_ones(driven):
    assert driven.is_continuous
    usual, left, right, *others = driven.candidate_actions.tolist()  # a low or high throttle is as rare as 1 in 20
    assert usual == pytest.approx([0.0, 0.0, 0.1], abs=0.03) and others == []
    assert left == pytest.approx([0.0, -0.8, 0.1], abs=0.03) and right == pytest.approx([0.0, 0.8, 0.1], abs=0.03)
    values = [set(driven.actions[:, channel].tolist()) for channel in range(3)]
    assert all(value in values[channel] for row in (usual, left, right) for channel, value in enumerate(row))


def test_the_channels_that_vary_come_first_and_a_constant_one_is_left_out(driven):
    assert [driven.profile.channel_names[channel] for channel in driven.varying_channels] == ["steering", "throttle"]


def test_one_channel_after_the_other_is_swept_over_its_range_with_the_others_as_recorded(driven):
    sweep = driven.sweep(5)
    recorded = driven.actions[5]
    assert sweep.varied == (1,) * 5 + (2,) * 2 and sweep.recorded == 5  # at the lowest of two throttles
    assert sweep.actions[:5, 1].tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert (sweep.actions[:5, [0, 2]] == recorded[[0, 2]]).all() and (sweep.actions[5:, :2] == recorded[:2]).all()
    assert np.array_equal(sweep.actions[sweep.recorded], recorded)
    assert driven.sweep(5, [1]).varied == (1,) * 5 + (None,) and driven.sweep(5, [1]).recorded == 5


def test_a_recorded_action_on_the_grid_is_not_repeated(driven):
    sweep = sweep_channels(driven.actions, [1], driven.actions[0])
    assert len(sweep.actions) == 5 and sweep.recorded == 0


def test_bins_of_a_channel_hold_each_action_once(driven):
    members = np.array([one.holds(driven.actions) for one in driven.action_bins])
    assert [one.name for one in driven.action_bins] == ["steering"] * 5 + ["throttle"] * 5
    assert (members[:5].sum(axis=0) == 1).all() and (members[5:].sum(axis=0) == 1).all()
    assert members[:5].sum(axis=1).tolist() == [8, 8, 8, 8, 8]
    assert str(driven.action_bins[0]) == "steering -1 to -0.6"


def test_a_robot_of_few_actions_stays_a_discrete_one(tmp_path):
    events = [observation(0)]
    for number in range(40):
        events += [action(2 * number + 1, {"turn": float(number % 16)}), observation(2 * number + 2)]
    recording = load_session(write_session(tmp_path / "turner" / "session_1", events, {"robot_type": "turner"}))
    assert not recording.is_continuous and len(recording.candidate_actions) == 16
    assert recording.action_bins == () and len(recording.sweep(0).actions) == 16
