import inspect
from dataclasses import dataclass

import gradio as gr
import pytest

from page.components import FramePosition
from page.handlers import (
    On,
    PageError,
    StaleRequest,
    WrongAnswer,
    as_newest_choice,
    bind,
    components_of,
    discard_if_stale,
    if_open,
    ignore,
    on_open,
    unless_overtaken,
    unless_superseded,
    without,
)
from page.visitor import Visitor
from session import JETBOT
from tests.cases import every_case


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


def test_a_result_that_follows_the_frame_is_dropped_if_another_one_was_selected(visitor):
    def run(backend, visitor, frame, selected):
        visitor.frame = selected
        return f"result of {frame.frame}"

    follow = unless_overtaken(run)
    assert follow("server", visitor, FramePosition(None, 3), 3) == "result of 3"
    with pytest.raises(StaleRequest):
        follow("server", visitor, FramePosition(None, 3), 4)


def test_an_answer_in_time_arrives(visitor):
    assert bind("server", look, ())(visitor, None, 3) == "server jetbot/first 3"


def test_an_answer_is_dropped_after_the_visitor_went_to_another_session(visitor):
    assert is_skipped(bind("server", look, ())(visitor, go_on))
    assert visitor.session_id == "jetbot/other"


def test_an_answer_is_dropped_too_if_the_visitor_came_back_to_the_same_session(visitor):
    """It may show another frame of it meanwhile."""

    def there_and_back(visitor):
        go_on(visitor)
        visitor.go_to_session("jetbot/first", JETBOT, 5)

    assert is_skipped(bind("server", look, ())(visitor, there_and_back))


def test_a_refusal_is_dropped_after_the_visitor_went_to_another_session(visitor):
    """It concerns a session that the visitor has left."""

    def go_on_and_fail(visitor):
        go_on(visitor)
        raise PageError("There is no such frame.")

    assert is_skipped(bind("server", look, (PageError,), note)(visitor, go_on_and_fail))


def test_the_next_answer_after_a_dropped_one_arrives(visitor):
    handler = bind("server", look, ())
    handler(visitor, go_on)
    assert handler(visitor, None) == "server jetbot/other 1"


def test_an_unforeseen_failure_is_not_answered_as_a_refusal(visitor):
    def fail(visitor):
        raise Unforeseen("a mistake")

    with pytest.raises(Unforeseen):
        bind("server", look, (PageError,), note)(visitor, fail)


def refusing(server, message):
    raise PageError(message)


def test_a_refusal_is_a_message_over_the_page_with_its_sentence_as_text():
    with pytest.raises(gr.Error) as caught:
        bind(None, refusing, (PageError,))("<img src=x onerror=alert(1)>")
    assert caught.value.message == "&lt;img src=x onerror=alert(1)&gt;"
    assert caught.value.duration == 20 and not caught.value.print_exception


def test_half_a_character_that_was_typed_does_not_break_the_answer():
    with pytest.raises(gr.Error) as caught:
        bind(None, refusing, (PageError,))("not \ud800.")
    assert caught.value.message == "not ?."


def test_a_refusal_may_be_shown_in_the_panel_itself():
    assert bind(None, refusing, (PageError,), note)("Choose another.") == "note: Choose another."


def test_only_the_refusals_named_are_answered():
    with pytest.raises(PageError):
        bind(None, refusing, (Unforeseen,), note)("Choose another.")


def test_a_stale_request_has_no_answer():
    def leave(server, visitor):
        raise StaleRequest

    assert is_skipped(bind(None, leave, (Exception,), note)("visitor"))


def test_gradio_sees_the_arguments_without_the_server():
    handler = bind("server", look, ())
    assert list(inspect.signature(handler).parameters) == ["visitor", "during", "count"]
    assert inspect.signature(handler).parameters["count"].annotation is int
    assert inspect.signature(handler).parameters["count"].default == 1
    assert handler.__name__ == "look" and handler.__doc__ == "Look at something for a while."


def test_the_fields_of_a_form_arrive_by_name():
    def train(server, steps: int, **form):
        return server, steps, form

    handler = bind("server", train, (), form=("batch", "rate"))
    parameters = inspect.signature(handler).parameters
    assert list(parameters) == ["steps", "batch", "rate"] and parameters["rate"].default is None
    assert handler(5, 8, 0.1) == ("server", 5, {"batch": 8, "rate": 0.1})


def test_a_field_of_a_form_may_have_any_name(visitor):
    def train(server, visitor, **form):
        return form

    handler = bind("server", discard_if_stale(train), (), form=("first", "backend", "function"))
    assert handler(visitor, 1, 2, 3) == {"first": 1, "backend": 2, "function": 3}


def test_an_answer_by_name_arrives_in_the_order_of_the_outputs():
    def answer(server):
        return {"errors.view": 1, "status": 2}

    assert bind(None, answer, (), outputs=("status", "errors.view"))() == [2, 1]


@every_case("answer", [{}, {"status": 2}, {"status": 2, "view": 1, "more": 3}, {"status": 2, "veiw": 1}])
def test_an_answer_with_missing_or_unknown_names_is_a_mistake(answer):
    with pytest.raises(WrongAnswer):
        bind(None, lambda server: answer, (), outputs=("status", "view"))()


@pytest.mark.parametrize(("outputs", "answer"), [(("pad",), {"problem": ""}), (("status", "view"), gr.skip())])
def test_the_value_of_a_single_output_and_no_answer_stay_as_they_are(outputs, answer):
    assert bind(None, lambda server: answer, (), outputs=outputs)() == answer


@dataclass(frozen=True)
class Goal:
    run: gr.Button
    steps: gr.Number


@dataclass(frozen=True)
class Parts:
    status: gr.HTML
    goal: Goal


def test_components_are_named_by_their_path_and_connected_by_it():
    def train(server, steps):
        """Train for some steps."""
        return {"status": f"{server} {steps}", "goal.steps": steps + 1}

    with gr.Blocks() as demo:
        parts = Parts(gr.HTML(), Goal(gr.Button(), gr.Number()))
        on = On("server", parts, ())
        on(parts.goal.run.click, train, [parts.goal.steps], [parts.goal.steps, parts.status], is_opening=True)
    assert components_of(parts) == {
        "status": parts.status,
        "goal.run": parts.goal.run,
        "goal.steps": parts.goal.steps,
    }
    assert on.named(["goal.steps", "status"]) == [parts.goal.steps, parts.status]
    (function,) = demo.fns.values()
    assert function.api_name == "train" and function.fn(3) == [4, "server 3"]


def test_only_the_open_panel_of_a_tab_is_computed():
    computed, visitor = [], Visitor()

    def panel(name):
        return lambda server, visitor: computed.append(name)

    weights, attention = panel("weights"), panel("attention")
    on_open("weights", weights)("server", visitor)
    assert visitor.panel == "weights" and computed == ["weights"]
    assert is_skipped(if_open("attention", attention)("server", visitor)) and computed == ["weights"]
    if_open("weights", weights)("server", visitor)
    assert computed == ["weights", "weights"]


def test_a_panel_keeps_the_name_and_arguments_of_its_function():
    for wrapped in (on_open("weights", look), if_open("weights", look), without(look, "errors.shown")):
        assert list(inspect.signature(wrapped).parameters) == list(inspect.signature(look).parameters)
        assert wrapped.__name__ == "look"


def update(server, visitor, during=None):
    """A periodic update of the errors of an evaluation."""
    visitor.last_evaluation = (3, "running")
    if during:
        during()
    return "update"


def test_an_update_is_repeated_if_another_choice_was_made_meanwhile(visitor):
    visitor.last_evaluation = (2, "running")
    answer = {"view": 1, "shown": 2, "compared": 3}
    choose = as_newest_choice(without(lambda server, visitor: answer, "shown"))
    tick = unless_superseded(update)
    assert is_skipped(tick("server", visitor, lambda: choose("server", visitor)))
    assert visitor.last_evaluation == (2, "running")
    assert tick("server", visitor) == "update" and visitor.last_evaluation == (3, "running")
    assert choose("server", visitor) == {"view": 1, "compared": 3} and tick("server", visitor) == "update"


def test_a_refusal_of_a_periodic_update_is_ignored(visitor):
    def gone(server, visitor):
        raise PageError("The session is no longer on disk.")

    assert is_skipped(bind("server", gone, (PageError,), ignore)(visitor))
