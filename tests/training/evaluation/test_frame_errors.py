import numpy as np
import pytest

from session import load_session
from tests.cases import every_case
from tests.session.session_files import RIGHT, STAY, events_of, write_session
from training.evaluation.frame_errors import (
    ActionAverage,
    Difference,
    FrameErrors,
    by_action,
    columns,
    difference,
    summary,
    worst_frames,
)

NAN = float("nan")


def errors_of(*values):
    return np.array(values, dtype=np.float32)


def test_errors_count_evaluated_and_unreadable_frames():
    errors = FrameErrors(errors_of(1, NAN, NAN), errors_of(NAN, 2, NAN), np.array([0, 1, 0], np.int8), 2)
    assert errors.frame_count == 3 and not errors.is_complete
    assert errors.unreadable == 1  # frame 1; frame 2 is not evaluated yet
    assert errors.of("reconstruction") is errors.reconstruction and errors.of("prediction") is errors.prediction


def test_a_summary_counts_frames_that_have_an_error():
    result = summary(errors_of(4, NAN, 1, 2, 3))
    # Mean (1 + 2 + 3 + 4) / 4 = 2.5; median between 2 and 3; 95 % of the way over three gaps: 2.85 after the first.
    assert result.count == 4 and result.mean == result.median == 2.5 and result.highest == 4
    assert result.p95 == pytest.approx(3 + 0.85)
    assert summary(errors_of(NAN, NAN)) is None and summary(errors_of()) is None


def test_of_neighbours_only_the_worst_is_among_the_worst_frames():
    errors = np.zeros(80)
    errors[[9, 10, 11, 40]] = 1, 3, 2, 0.5
    assert [frame for frame, _ in worst_frames(errors, 2)] == [10, 40]


def test_the_worst_frames_are_in_descending_order():
    errors = errors_of(1, 5, NAN, 5, 7)
    assert worst_frames(errors, 3) == ((4, 7.0), (1, 5.0), (3, 5.0))
    assert [index for index, _ in worst_frames(errors)] == [4, 1, 3, 0]


@pytest.fixture
def mixed(tmp_path):
    """Frames 1 to 5 come after STAY, RIGHT, an action that is no candidate, RIGHT, and two actions at once."""
    events = events_of("oaoaoaoaoaao")
    half = RIGHT | {"motor_right": 0.06}
    actions = iter((STAY, RIGHT, half, RIGHT, STAY, RIGHT))
    for event in events:
        if event["type"] == "action":
            event["data"] = next(actions)
    return load_session(write_session(tmp_path / "jetbot" / "session_1", events))


def test_errors_are_averaged_by_the_action_that_led_to_the_frame(mixed):
    # STAY led to frame 1; RIGHT to 2 and 4: (3 + 5) / 2 = 4; half to frame 3. Frames 0 and 5 come after no single one.
    assert by_action(mixed, errors_of(9, 2, 3, 8, 5, 9)) == (
        ActionAverage(0, 2.0, 1),
        ActionAverage(1, 4.0, 2),
        ActionAverage(None, 8.0, 1),
    )


def test_frames_without_an_error_count_for_no_action(mixed):
    assert by_action(mixed, errors_of(9, NAN, 3, NAN, NAN, 9)) == (ActionAverage(1, 3.0, 1),)
    assert by_action(mixed, errors_of(9, NAN, NAN, NAN, NAN, 9)) == ()


def test_two_results_are_compared_over_frames_with_both_errors():
    # Differences 1 and -4 of frames 0 and 3: mean -1.5, the second is lower in one of two.
    assert difference(errors_of(1, NAN, 2, 6), errors_of(2, 5, NAN, 2)) == Difference(-1.5, 1, 2)
    assert difference(errors_of(1, NAN), errors_of(NAN, 1)) is None


def test_a_short_recording_has_one_frame_per_column():
    result = columns(errors_of(3, NAN, 1), 10)
    assert result.starts.tolist() == [0, 1, 2, 3] and result.worst.tolist() == [0, -1, 2]
    np.testing.assert_array_equal(result.mean, errors_of(3, NAN, 1))
    np.testing.assert_array_equal(result.highest, errors_of(3, NAN, 1))


def test_a_long_recording_shows_the_mean_and_the_worst_frame_of_each_column():
    # Seven frames in three columns: from 0, from 7/3 = 2, and from 14/3 = 4.
    result = columns(errors_of(1, 3, NAN, 2, NAN, NAN, NAN), 3)
    assert result.starts.tolist() == [0, 2, 4, 7] and result.worst.tolist() == [1, 3, -1]
    np.testing.assert_array_equal(result.mean, errors_of(2, 2, NAN))
    np.testing.assert_array_equal(result.highest, errors_of(3, 2, NAN))
    assert result.mean.dtype == result.highest.dtype == np.float32


@every_case("n", [1, 99, 640, 641, 50_000])
def test_columns_hold_every_frame_once_and_lose_no_peak(n):
    errors = np.random.default_rng(n).random(n).astype(np.float32)
    result = columns(errors, 640)
    assert len(result.mean) == min(n, 640) and result.starts[0] == 0 and result.starts[-1] == n
    sizes = np.diff(result.starts)
    assert sizes.min() >= 1 and sizes.max() - sizes.min() <= 1
    assert (result.mean * sizes).sum() == pytest.approx(errors.sum(), rel=1e-5)
    assert np.array_equal(errors[result.worst], result.highest) and errors.argmax() in result.worst


def test_an_empty_recording_has_no_columns():
    result = columns(errors_of(), 640)
    assert len(result.mean) == len(result.worst) == 0 and result.starts.tolist() == [0]
