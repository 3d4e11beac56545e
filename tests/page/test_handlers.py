import inspect

import gradio as gr
import pytest

from page.handlers import (
    PageError,
    StaleRequest,
    as_newest_choice,
    bind,
    discard_if_stale,
    if_open,
    ignore,
    on_open,
    select_outputs,
    unless_superseded,
)
from page.visitor import Visitor
from session import JETBOT


class Unforeseen(Exception):
    pass


def is_skipped(answer):
    return answer == gr.skip()


def note(problem):
    return f"note: {problem}"


@discard_if_stale
def look(server, visitor, during=None, count: int = 1):
    """Look at something for a while."""
    if during:
        during(visitor)
    return f"{server} {visitor.session_id} {count}"


def go_on(visitor):
    visitor.go_to_session("jetbot/other", JETBOT, 0)


@pytest.fixture
def visitor():
    return Visitor("jetbot/first", JETBOT)


def test_an_answer_in_time_arrives(visitor):
    assert bind("server", look, (), ())(visitor, None, 3) == "server jetbot/first 3"


def test_an_answer_is_dropped_after_the_visitor_went_to_another_session(visitor):
    assert is_skipped(bind("server", look, (), ())(visitor, go_on))
    assert visitor.session_id == "jetbot/other"


def test_an_answer_is_dropped_too_where_the_visitor_came_back_to_the_same_session(visitor):
    """What was shown meanwhile may be another frame of it."""

    def there_and_back(visitor):
        go_on(visitor)
        visitor.go_to_session("jetbot/first", JETBOT, 5)

    assert is_skipped(bind("server", look, (), ())(visitor, there_and_back))


def test_a_refusal_is_dropped_after_the_visitor_went_to_another_session(visitor):
    """It is about a session that is not looked at any more."""

    def go_on_and_fail(visitor):
        go_on(visitor)
        raise PageError("There is no such frame.")

    assert is_skipped(bind("server", look, (PageError,), (), note)(visitor, go_on_and_fail))


def test_the_next_answer_after_a_dropped_one_arrives(visitor):
    handler = bind("server", look, (), ())
    handler(visitor, go_on)
    assert handler(visitor, None) == "server jetbot/other 1"


def test_a_failure_nobody_foresaw_is_not_told_as_a_refusal(visitor):
    def fail(visitor):
        raise Unforeseen("a mistake")

    with pytest.raises(Unforeseen):
        bind("server", look, (PageError,), (), note)(visitor, fail)


def refusing(server, words):
    raise PageError(words)


def test_a_refusal_is_a_message_over_the_page_with_its_words_as_text():
    with pytest.raises(gr.Error) as told:
        bind(None, refusing, (PageError,), ())("<img src=x onerror=alert(1)>")
    assert told.value.message == "&lt;img src=x onerror=alert(1)&gt;"
    assert told.value.duration == 20 and not told.value.print_exception


def test_half_a_character_that_was_typed_does_not_break_the_answer():
    with pytest.raises(gr.Error) as told:
        bind(None, refusing, (PageError,), ())("not \ud800.")
    assert told.value.message == "not ?."


def test_a_refusal_may_be_told_in_the_panel_itself():
    assert bind(None, refusing, (PageError,), (), note)("Choose another.") == "note: Choose another."


def test_only_the_refusals_named_are_told():
    with pytest.raises(PageError):
        bind(None, refusing, (Unforeseen,), (), note)("Choose another.")


def test_nobody_waits_for_an_answer_that_says_so_itself():
    def leave(server, visitor):
        raise StaleRequest

    assert is_skipped(bind(None, leave, (Exception,), (), note)("visitor"))


def test_gradio_sees_the_arguments_without_the_server():
    handler = bind("server", look, (), ())
    assert list(inspect.signature(handler).parameters) == ["visitor", "during", "count"]
    assert inspect.signature(handler).parameters["count"].annotation is int
    assert inspect.signature(handler).parameters["count"].default == 1
    assert handler.__name__ == "look" and handler.__doc__ == "Look at something for a while."


def test_arguments_with_a_star_get_names():
    def train(server, steps: int, *form):
        return server, steps, form

    handler = bind("server", train, (), ("batch", "rate"))
    parameters = inspect.signature(handler).parameters
    assert list(parameters) == ["steps", "batch", "rate"] and parameters["rate"].default is None
    assert handler(5, 8, 0.1) == ("server", 5, (8, 0.1))


def test_of_the_panels_of_a_tab_only_the_open_one_is_computed():
    asked, visitor = [], Visitor()

    def panel(name):
        return lambda server, visitor: asked.append(name)

    weights, attention = panel("weights"), panel("attention")
    on_open("weights", weights)("server", visitor)
    assert visitor.panel == "weights" and asked == ["weights"]
    assert is_skipped(if_open("attention", attention)("server", visitor)) and asked == ["weights"]
    if_open("weights", weights)("server", visitor)
    assert asked == ["weights", "weights"]


def test_a_panel_keeps_the_name_and_arguments_of_its_function():
    for wrapped in (on_open("weights", look), if_open("weights", look)):
        assert list(inspect.signature(wrapped).parameters) == list(inspect.signature(look).parameters)
        assert wrapped.__name__ == "look"


def news(server, visitor, during=None):
    """What a page is told that watches an evaluation."""
    visitor.seen_evaluation = (3, "running")
    if during:
        during()
    return "news"


def test_news_come_unless_another_choice_was_made_meanwhile_and_then_once_more(visitor):
    visitor.seen_evaluation = (2, "running")
    choose, tick = as_newest_choice(select_outputs(lambda server, visitor: "abcd", (0, 1, 3))), unless_superseded(news)
    assert is_skipped(tick("server", visitor, lambda: choose("server", visitor)))
    assert visitor.seen_evaluation == (2, "running")
    assert tick("server", visitor) == "news" and visitor.seen_evaluation == (3, "running")
    assert choose("server", visitor) == ("a", "b", "d") and tick("server", visitor) == "news"


def test_what_a_page_asks_by_itself_is_refused_in_silence(visitor):
    def gone(server, visitor):
        raise PageError("The session is no longer on disk.")

    assert is_skipped(bind("server", gone, (PageError,), (), ignore)(visitor))
