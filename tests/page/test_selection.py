"""From what a page or a program sent to a recording and a frame, or to a sentence."""

import shutil
from types import SimpleNamespace

import pytest

from page.components import FramePosition
from page.handlers import PageError, StaleRequest
from page.selection import history_of, length_of, recording_of, selected
from page.visitor import Visitor
from session import SessionCache, record_demo
from tests.cases import every_case
from training import InvalidValue


@pytest.fixture
def server(tmp_path):
    return SimpleNamespace(sessions=SessionCache(tmp_path))


@pytest.fixture
def opened(tmp_path, server):
    """A visitor at frame 3 of a recording of 6 frames."""
    visitor, session_id = Visitor(), record_demo(tmp_path, "toroidal_dot", 6, seed=1)
    visitor.go_to_session(session_id, server.sessions.get(session_id).profile, 3)
    return visitor


def replace_by(folder, visitor, robot, frames):
    shutil.rmtree(folder / visitor.session_id)
    (folder / record_demo(folder, robot, frames, seed=2)).rename(folder / visitor.session_id)


def test_nothing_opened(server):
    with pytest.raises(PageError, match="No session is open: choose one"):
        recording_of(server, Visitor())


def test_a_recording_deleted_meanwhile(tmp_path, server, opened):
    shutil.rmtree(tmp_path / opened.session_id)
    with pytest.raises(PageError, match="deleted or moved"):
        selected(server, opened, None)


def test_a_recording_replaced_by_one_with_other_actions_is_to_be_opened_anew(tmp_path, server, opened):
    replace_by(tmp_path, opened, "jetbot_sim", 6)
    with pytest.raises(PageError, match="press Load Session to open it anew"):
        recording_of(server, opened)


def test_a_recording_replaced_by_a_shorter_one_of_the_same_robot_goes_on(tmp_path, server, opened):
    replace_by(tmp_path, opened, "toroidal_dot", 2)
    recording, frame = selected(server, opened, None)
    assert (recording.frame_count, frame) == (2, 1)


def test_a_place_in_a_session_that_was_left_is_dropped(server, opened):
    with pytest.raises(StaleRequest):
        selected(server, opened, FramePosition("another", 0))
    assert opened.frame == 3


@every_case("frame", [-1, 6, 2.5, "2", True, [], float("nan"), 10**400])
def test_a_frame_that_is_none_is_refused_and_the_visitor_stays(server, opened, frame):
    with pytest.raises(InvalidValue, match="The frame number must be a whole number from 0 to 5"):
        selected(server, opened, FramePosition(opened.session_id, frame))
    assert opened.frame == 3


def test_the_frame_sent_is_remembered(server, opened):
    assert selected(server, opened, FramePosition(None, 5))[1] == 5
    assert selected(server, opened, FramePosition(None, None))[1] == 5


def test_the_standard_history_if_none_was_sent(server, opened):
    recording, _ = selected(server, opened, None)
    assert length_of(None) == 3
    assert history_of(recording, 4, 2).target == 4
    for length in (1, 9, "3", 2.5):
        with pytest.raises(InvalidValue, match="The history length must be a whole number from 2 to 8"):
            length_of(length)
