from dataclasses import dataclass

import pytest

from page.visitor import Visitor


@dataclass
class Stand:
    done: int
    status: str
    session_id: str = "robot/session_1"

    @property
    def is_active(self) -> bool:
        return self.status == "running"


@pytest.fixture
def visitor():
    return Visitor(session_id="robot/session_1")


def test_progress_and_the_end_are_news_once(visitor):
    assert visitor.has_news_of(Stand(8, "running"))
    assert not visitor.has_news_of(Stand(8, "running"))
    assert visitor.has_news_of(Stand(16, "running"))
    assert visitor.has_news_of(Stand(16, "finished"))
    assert not visitor.has_news_of(Stand(16, "finished"))


@pytest.mark.parametrize("status", ["finished", "cancelled", "failed"])
def test_what_ended_before_the_visitor_came_is_no_news(visitor, status):
    assert not visitor.has_news_of(Stand(16, status))


def test_of_another_recording_only_beginning_and_end_are_news(visitor):
    other = "robot/session_2"
    assert visitor.has_news_of(Stand(8, "running", other)) and not visitor.has_news_of(Stand(16, "running", other))
    assert visitor.has_news_of(Stand(16, "cancelled", other)) and not visitor.has_news_of(Stand(16, "cancelled", other))
    assert not visitor.has_news_of(None) and not Visitor().has_news_of(Stand(8, "running", other))


def test_the_end_of_what_one_began_is_news_however_soon(visitor):
    visitor.last_evaluation = (0, "running")
    assert visitor.has_news_of(Stand(3, "finished"))


def test_a_stored_result_is_not_replaced_by_what_ended_before(visitor):
    visitor.last_evaluation = (400, "finished")
    assert not visitor.has_news_of(Stand(16, "cancelled"))


def test_an_imagination_ends_with_its_session(visitor):
    visitor.imagination = object()
    visitor.go_to_session("robot/session_2", None, 0)
    assert visitor.imagination is None
