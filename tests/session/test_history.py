"""History windows before a frame. Letters: o observation, a action, . a step that is missing."""

import pytest

from session import FrameOutOfRange, HistoryLengthError, NoHistory, load_session
from tests.cases import every_case
from tests.session.session_files import action, events_of, observation, write_session


def columns(session):
    return session.previous.tolist(), session.action_into.tolist(), session.action_after.tolist()


@every_case(
    "letters, previous, action_into, action_after",
    [
        ("oaoao", [-1, 0, 1], [-1, 0, 1], [0, 1, -1]),
        ("", [], [], []),
        ("o", [-1], [-1], [-1]),
        ("aaa", [], [], []),
        ("aoa", [-1], [-1], [1]),
        # The same moment twice counts once; its last observation represents it.
        ("oaooao", [-1, 0, 0, 2], [-1, 0, 0, 1], [0, -1, 1, -1]),
        ("ooao", [-1, -1, 1], [-1, -1, 0], [-1, 0, -1]),
        # Two actions between: the result of a single one was never recorded.
        ("oaao", [-1, -1], [-1, -1], [0, -1]),
        ("oaoaaoao", [-1, 0, -1, 2], [-1, 0, -1, 3], [0, 1, 3, -1]),
        # A missing step may have been an action or an observation.
        ("o.o", [-1, -1], [-1, -1], [-1, -1]),
        ("oa.o", [-1, -1], [-1, -1], [0, -1]),
        ("o.ao", [-1, -1], [-1, -1], [-1, -1]),
        ("oao.oao", [-1, 0, -1, 2], [-1, 0, -1, 1], [0, -1, 1, -1]),
        ("oao..oo", [-1, 0, -1, -1], [-1, 0, -1, -1], [0, -1, -1, -1]),
    ],
)
def test_moments_are_joined_by_exactly_one_action(open_letters, letters, previous, action_into, action_after):
    assert columns(open_letters(letters)) == (previous, action_into, action_after)


@every_case(
    "letters, lost, previous",
    [
        # A lost picture of a moment observed twice: the other one represents it.
        ("ooao", [1], [-1, 0]),
        ("ooao", [0], [-1, 0]),
        ("oaooao", [3], [-1, 0, 1]),
        # The only picture of a moment is lost: no single action is known to lead to the next frame.
        ("oaoao", [2], [-1, -1]),
        ("oaoaoao", [2], [-1, -1, 1]),
    ],
)
def test_a_lost_picture_leaves_the_actions_around_it_in_place(tmp_path, letters, lost, previous):
    folder = write_session(tmp_path / "session_1", events_of(letters))
    for step in lost:
        (folder / "frames" / f"frame_{step:06d}.jpg").write_bytes(b"")
    session = load_session(folder)
    assert session.previous.tolist() == previous
    assert len(session.skipped) == len(lost)


def test_a_history_is_the_frames_and_actions_before_the_target(open_letters):
    history = open_letters("oaoaoaoao").history(4, 3)
    assert (history.frames, history.actions, history.target, history.note) == ((1, 2, 3), (1, 2, 3), 4, "")


def test_any_observation_of_a_moment_can_be_the_target(open_letters):
    session = open_letters("oaoaoo")
    assert session.history(2, 2).frames == session.history(3, 2).frames == (0, 1)
    assert session.history(2, 2).actions == session.history(3, 2).actions == (0, 1)


def test_a_short_history_says_so(open_letters):
    session = open_letters("oaoaoao")
    assert session.history(2, 4).note == "Only 2 of 4 context frames are available before frame 2; using those."
    assert session.history(1, 4).note == "Only 1 of 4 context frames is available before frame 1; using that one."


def test_a_history_stops_at_a_gap(open_letters):
    assert open_letters("oaoao.oaoao").history(5, 8).frames == (3, 4)


def test_without_context_the_nearest_frame_that_has_some_is_named(open_letters):
    session = open_letters("oaoaoaaoao")
    for frame, better in ((0, 1), (3, 4)):
        with pytest.raises(NoHistory, match=f"Frame {frame} has no context frame before it; choose frame {better}"):
            session.history(frame, 4)


def test_without_any_joined_frames_the_message_says_so(open_letters):
    with pytest.raises(NoHistory, match="No frame of this session has a context frame"):
        open_letters("ooo").history(1, 4)


@every_case("length", [1, 9, 0, -1, 2.0, "4", True, None, 10**30])
def test_a_length_other_than_two_to_eight_is_refused(open_letters, length):
    with pytest.raises(HistoryLengthError, match="2 to 8"):
        open_letters("oaoao").history(2, length)


@every_case("index", [-1, 2, 1.0, "1", None, True])
def test_a_frame_that_does_not_exist_is_refused(open_letters, index):
    with pytest.raises(FrameOutOfRange, match="choose 0 to 1"):
        open_letters("oao").history(index, 4)


def test_an_unreadable_action_does_not_make_two_observations_one_moment(tmp_path):
    events = [observation(0), '{"step": 1, "type": "action", "da', observation(2), action(3), observation(4)]
    session = load_session(write_session(tmp_path / "jetbot" / "session_1", events))
    assert columns(session) == ([-1, -1, 1], [-1, -1, 0], [-1, 0, -1])


def test_a_skipped_frame_does_not_make_its_neighbours_adjacent(tmp_path):
    folder = write_session(tmp_path / "jetbot" / "session_1", events_of("oaoaoao"))
    (folder / "frames" / "frame_000002.jpg").unlink()
    session = load_session(folder)
    assert columns(session) == ([-1, -1, 1], [-1, -1, 2], [0, 2, -1])


def test_a_missing_shard_breaks_the_chain(tmp_path):
    folder = write_session(tmp_path / "jetbot" / "session_1", events_of("oaoaoaoao"), shard_size=3)
    (folder / "events_shard_001.jsonl").unlink()
    session = load_session(folder)
    assert session.steps.tolist() == [0, 2, 6, 8]
    assert columns(session) == ([-1, 0, -1, 2], [-1, 0, -1, 1], [0, -1, 1, -1])


def test_two_thousand_frames_have_a_full_history(open_letters):
    session = open_letters("oa" * 1999 + "o")
    assert session.frame_count == 2000
    assert session.history(1999, 8).frames == tuple(range(1991, 1999))
    assert session.history(1999, 8).note == ""
