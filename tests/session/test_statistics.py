import itertools
import json
import warnings

import numpy as np
import pytest

from session import load_session, session_statistics
from tests.cases import every_case
from tests.session.session_files import RIGHT, STAY, action, events_of, jpeg, meta_of, observation, png, write_session

SLIGHT = {"motor_left": 0, "motor_right": 0.05, "duration": 0.2}  # not in the action space


def at(event, seconds):
    return event | {"timestamp": 1_000_000.0 + seconds}


@pytest.fixture
def measure(tmp_path):
    """A function that measures a new session written from events, after ``change`` of its frames folder."""
    numbers = itertools.count()

    def measure_it(events, meta=None, change=None):
        folder = write_session(tmp_path / str(next(numbers)) / "robots" / "session_1", events, meta)
        if change:
            change(folder / "frames")
        return session_statistics(load_session(folder))

    return measure_it


def test_actions_are_counted_by_candidate_and_others_apart(measure):
    """The candidates are STAY and RIGHT; a float32 of 0.12 and a minimally larger value are RIGHT as well."""
    almost = RIGHT | {"motor_right": 0.1200005}
    actions = [RIGHT, STAY, RIGHT, SLIGHT, almost]
    statistics = measure(
        [event for n, one in enumerate(actions) for event in (observation(2 * n), action(2 * n + 1, one))]
    )
    assert statistics.action_counts.tolist() == [1, 3] and statistics.action_counts.dtype == np.int64
    assert statistics.other_actions == 1 and statistics.action_count == 5 and statistics.frame_count == 5


def test_counts_agree_with_the_candidate_of_each_action(tmp_path):
    random = np.random.default_rng(3)
    space = [{"turn": float(value)} for value in (0.0, 1e-7, 1.0, 1.000001, -1.0)]  # some fit the same action
    values = [*random.choice([0.0, 1.0, -1.0, 1.0000005, 5e-7, 0.3], 200), 3e38, -3e38]
    events = [action(step, {"turn": float(value)}) for step, value in enumerate(values)]
    recording = load_session(write_session(tmp_path / "session_1", events, meta_of(robot_type="X", action_space=space)))
    each = [recording.candidate_index(index) for index in range(recording.action_count)]
    statistics = session_statistics(recording)
    assert statistics.action_counts.tolist() == [each.count(place) for place in range(5)]
    assert statistics.other_actions == each.count(None) > 0


def test_times_between_events_and_the_frame_of_the_longest(measure):
    """Frames at 0.0, 0.5, 2.5, 3.0 s, actions at 0.1, 0.6, 2.75 s.

    Frame to frame 0.5, 2.0, 0.5; action to frame 0.4, 1.9, 0.25; frame to action 0.1, 0.1, 0.25.
    """
    times = (0.0, 0.1, 0.5, 0.6, 2.5, 2.75, 3.0)
    statistics = measure([at(event, time) for event, time in zip(events_of("oaoaoao"), times, strict=True)])
    assert statistics.frame_to_frame.seconds == pytest.approx([0.5, 2.0, 0.5])
    assert statistics.frame_to_frame.median_s == pytest.approx(0.5)
    assert (statistics.frame_to_frame.longest_s, statistics.frame_to_frame.longest_frame) == (pytest.approx(2.0), 2)
    assert statistics.action_to_frame.seconds == pytest.approx([0.4, 1.9, 0.25])
    assert (statistics.action_to_frame.median_s, statistics.action_to_frame.longest_frame) == (pytest.approx(0.4), 2)
    assert statistics.frame_to_action.seconds == pytest.approx([0.1, 0.1, 0.25])
    assert (statistics.frame_to_action.longest_s, statistics.frame_to_action.longest_frame) == (pytest.approx(0.25), 2)


def test_the_shares_of_intervals_that_are_shorter(measure):
    """101 intervals of 0, 1, …, 100 s: 5 of them are shorter than 5 s, 50 than 50 s, 95 than 95 s."""
    times = np.cumsum([0, *range(101)])
    statistics = measure([at(observation(step), float(time)) for step, time in enumerate(times)]).frame_to_frame
    assert (statistics.low_s, statistics.median_s, statistics.high_s) == (5.0, 50.0, 95.0)
    assert (statistics.longest_s, statistics.longest_frame) == (100.0, 101)


def test_only_direct_successors_are_timed_between_actions_and_frames(measure):
    """o a a o: from the second action alone; o a . o: not at all, as a step is missing between."""
    statistics = measure(events_of("oaao"))
    assert statistics.action_to_frame.seconds == pytest.approx([0.1]) and statistics.action_to_frame.longest_frame == 1
    assert statistics.frame_to_action.seconds == pytest.approx([0.1]) and statistics.frame_to_action.longest_frame == 0


def test_nothing_is_timed_across_a_missing_step(measure):
    statistics = measure(events_of("o.a.o"))
    assert statistics.action_to_frame.longest_frame is None and statistics.frame_to_action.longest_s is None
    assert statistics.frame_to_frame.seconds == pytest.approx([0.4])


def test_missing_steps_are_counted_with_the_frames_after_them(measure):
    """o a . o a . . a o . a: gaps of 1, 2 and 1 steps; after them frame 1, frame 2 (an action first), and none."""
    missing = measure(events_of("oa.oa..ao.a")).missing
    assert (missing.steps, missing.gaps, missing.first_gaps) == (4, 3, (1, 2))


def test_only_the_first_gaps_are_named(measure):
    missing = measure(events_of("o." * 9)).missing
    assert (missing.steps, missing.gaps, missing.first_gaps) == (8, 8, (1, 2, 3, 4, 5))


def test_lost_pictures_of_all_kinds_are_counted(measure):
    """Steps 0 to 12, 7 observations: one missing, one empty, one cut short, one no picture, one a folder."""

    def damage(frames):
        paths = sorted(frames.iterdir())
        paths[1].unlink()
        paths[2].write_bytes(b"")
        paths[3].write_bytes(jpeg(6)[:-30])
        paths[4].write_bytes(b"GIF89a" + bytes(100))
        paths[5].unlink()
        paths[5].mkdir()

    statistics = measure(events_of("oaoaoaoaoaoao"), change=damage)
    assert (statistics.missing.lost_pictures, statistics.frame_count) == (5, 2)
    assert (statistics.missing.steps, statistics.missing.gaps) == (5, 5)


def test_lost_events_are_no_lost_pictures(measure):
    bad_path = observation(2) | {"data": {"frame_path": 7}}
    events = [observation(0), action(1), json.dumps(bad_path), "{", action(4, {}), observation(5)]
    missing = measure(events).missing
    assert (missing.lost_pictures, missing.steps, missing.gaps) == (0, 3, 1)


def test_a_whole_folder_of_pictures_lost_is_counted(measure):
    def remove(frames):
        for path in frames.iterdir():
            path.unlink()
        frames.rmdir()

    statistics = measure(events_of("oao"), change=remove)
    assert (statistics.missing.lost_pictures, statistics.frame_count, statistics.missing.unseen_actions) == (2, 0, 1)


@every_case(
    ("letters", "unseen"),
    [("oaoa", 1), ("oaoao", 0), ("oaaao", 2), ("oa.o", 0), ("oa.ao", 1), ("a", 1), ("ao", 0), ("oo", 0)],
)
def test_actions_that_no_frame_follows(measure, letters, unseen):
    """Of a run of actions only the last has a frame after it; the last action of a recording has none."""
    assert measure(events_of(letters)).missing.unseen_actions == unseen


@every_case(
    ("letters", "moments", "extra"),
    [("oaoao", 0, 0), ("ooaoaooo", 2, 3), ("ooo", 1, 2), ("o.o", 0, 0), ("oo.oo", 2, 2), ("aooa", 1, 1)],
)
def test_moments_observed_more_than_once(measure, letters, moments, extra):
    statistics = measure(events_of(letters))
    assert (statistics.repeated_moments, statistics.extra_frames) == (moments, extra)


def test_a_picture_lost_inside_a_moment_does_not_split_it(measure):
    """o a o o o, the picture in the middle lost: the first and the last of the three show one moment."""

    def lose(frames):
        (frames / "frame_000003.jpg").unlink()

    statistics = measure(events_of("oaooo"), change=lose)
    assert (statistics.frame_count, statistics.repeated_moments, statistics.extra_frames) == (3, 1, 1)


@every_case(
    ("letters", "expected"),
    [
        ("oa" * 9 + "o", (9, 7, 2)),  # frames 1 to 9 have 1 to 9 context frames
        ("oao.oaoaoao", (4, 1, 0)),  # 0 1 | 0 1 2 3
        ("oaoaaoao", (2, 0, 0)),  # two actions at once join nothing: 0 1 | 0 1
        ("ooaoo", (2, 0, 0)),  # both frames of the second moment have the first one before them
        ("ooo", (0, 0, 0)),
    ],
)
def test_frames_that_can_be_predicted_from_so_much_history(measure, letters, expected):
    targets = measure(events_of(letters)).targets
    assert (targets.with_context, targets.with_3, targets.with_8) == expected


def test_history_depths_agree_with_the_histories(tmp_path):
    letters = "".join(np.random.default_rng(5).choice(list("oooaaaoao."), 300))
    recording = load_session(write_session(tmp_path / "jetbot" / "session_1", events_of(letters)))
    has_context = np.flatnonzero(recording.previous >= 0).tolist()
    lengths = [len(recording.history(index, 8).frames) for index in has_context]
    targets = session_statistics(recording).targets
    assert targets.with_context == len(has_context) > 20
    assert targets.with_3 == sum(length >= 3 for length in lengths) > 0
    assert targets.with_8 == sum(length == 8 for length in lengths)


def test_sizes_and_bytes_of_the_frame_files(measure):
    """Three JPEG of 16 × 16, one PNG of 9 × 9."""

    def change(frames):
        (frames / "frame_000004.jpg").write_bytes(png(9))

    files = measure(events_of("oaoaoao"), change=change).files
    lengths = sorted([len(jpeg(0)), len(jpeg(2)), len(jpeg(6)), len(png(9))])
    assert dict(files.sizes) == {(16, 16): 3, (9, 9): 1} and next(iter(files.sizes)) == (16, 16)
    assert (files.smallest, files.largest, files.sample_size, files.unreadable) == (lengths[0], lengths[3], 4, 0)
    assert files.median == (lengths[1] + lengths[2]) / 2


def test_pictures_equal_to_the_one_before_are_counted(measure):
    def change(frames):
        files = sorted(frames.iterdir())
        for file, shade in zip(files, (1, 1, 2, 3, 3), strict=True):
            file.write_bytes(jpeg(shade))

    equal = measure(events_of("oaoaoaoao"), change=change).equal_neighbours
    assert (equal.equal, equal.compared) == (2, 4)
    few = measure(events_of("oa")).equal_neighbours
    assert (few.equal, few.compared) == (0, 0)


def test_files_that_cannot_be_read_are_counted_and_skipped(tmp_path):
    """One is deleted after opening, one has a PNG's start and end and nothing between."""
    folder = write_session(tmp_path / "jetbot" / "session_1", events_of("oaoao"))
    (folder / "frames" / "frame_000004.jpg").write_bytes(png()[:8] + png()[-12:])
    recording = load_session(folder)
    (folder / "frames" / "frame_000000.jpg").unlink()
    files = session_statistics(recording).files
    assert (files.sample_size, files.unreadable, dict(files.sizes)) == (3, 2, {(16, 16): 1})
    assert files.smallest == files.median == files.largest == len(jpeg(2))


def test_of_many_frames_some_files_are_sampled_from_the_first_to_the_last(tmp_path, monkeypatch):
    monkeypatch.setattr("session.statistics.MAX_FILES", 3)
    folder = write_session(tmp_path / "jetbot" / "session_1", events_of("oa" * 9))
    for step, size in ((0, 11), (8, 12), (16, 13)):
        (folder / "frames" / f"frame_{step:06d}.jpg").write_bytes(png(size))
    files = session_statistics(load_session(folder)).files
    assert files.sample_size == 3 and dict(files.sizes) == {(11, 11): 1, (12, 12): 1, (13, 13): 1}


def test_times_that_go_backwards_are_counted_over_all_events(measure):
    """1.0 0.5 | 2.0 2.0 1.9 3.0: two steps back; between the frames (1.0, 2.0, 1.9) there is one."""
    times = (1.0, 0.5, 2.0, 2.0, 1.9, 3.0)
    statistics = measure([at(event, time) for event, time in zip(events_of("oaoaoa"), times, strict=True)])
    assert statistics.backward_times == 2
    assert statistics.action_to_frame.seconds == pytest.approx([1.5, -0.1])
    assert statistics.frame_to_frame.seconds == pytest.approx([1.0, -0.1])


@every_case("letters", ["", "o", "a", "oo", "aa", "oa", "ao"])
def test_the_smallest_recordings_have_statistics(measure, letters):
    statistics = measure(events_of(letters))
    assert (statistics.frame_count, statistics.action_count) == (letters.count("o"), letters.count("a"))
    assert int(statistics.action_counts.sum()) == letters.count("a")
    assert statistics.missing.steps == 0 and statistics.backward_times == 0
    assert statistics.files.sample_size == letters.count("o") and (statistics.files.median is None) == (
        "o" not in letters
    )
    assert (statistics.frame_to_frame.median_s is None) == (letters != "oo")


def test_an_unknown_robot_of_five_channels_and_any_times(measure):
    random = np.random.default_rng(1)
    names = [f"joint {number}" for number in range(5)]
    kinds = [dict.fromkeys(names, 3e38), dict.fromkeys(names, -3e38), dict(zip(names, range(5), strict=True))]
    events = []
    for step in range(0, 60, 2):
        events += [observation(step), action(step + 1, kinds[step % 3])]
    events = [event | {"timestamp": float(random.integers(0, 252_000_000_000))} for event in events]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        statistics = measure(events, meta_of(robot_type="Arm", action_space=None))
    assert sorted(statistics.action_counts.tolist()) == [10, 10, 10] and statistics.other_actions == 0
    assert np.isfinite(statistics.frame_to_frame.seconds).all() and 0 < statistics.backward_times < 60


def test_actions_without_any_channel_are_no_actions(measure):
    statistics = measure([observation(0), action(1, {}), observation(2)], meta_of(robot_type="X", action_space=None))
    assert (statistics.action_count, statistics.other_actions, len(statistics.action_counts)) == (0, 0, 0)
