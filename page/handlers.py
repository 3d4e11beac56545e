"""From our functions to Gradio's event handlers: the server's own argument bound, refusals made into messages."""

import functools
import inspect
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NoReturn

import gradio as gr

from page.visitor import Visitor

MESSAGE_S = 20
# Of a list's `select`, which comes once where `input` comes twice. By itself Gradio drops what is chosen while the
# answer to the choice before is on its way.
CHOICE = dict(api_visibility="private", trigger_mode="always_last")


class PageError(Exception):
    """Something a visitor asked for cannot be done now; the message says what to do."""


class StaleRequest(Exception):
    """The visitor has gone to another session since asking: nobody waits for this answer any more."""


def name_of(request: gr.Request) -> str:
    """Who asks, for others to read."""
    return f"a visitor at {request.client.host}"


def may_train(request: gr.Request) -> bool:
    """Whether who asks may change what others see; the doorkeeper has told Gradio the role in place of a name."""
    return request.username == "train"


def discard_if_stale(function: Callable) -> Callable:
    """An answer that takes long: dropped where the visitor has gone to another session meanwhile."""

    @functools.wraps(function)
    def answer(first: object, visitor: Visitor, *inputs: Any) -> Any:
        visit = visitor.visit
        try:
            return function(first, visitor, *inputs)
        finally:  # a refusal comes too late as well: it is about the other session
            if visitor.visit != visit:
                raise StaleRequest

    return answer


def on_open(panel: str, function: Callable) -> Callable:
    """The answer of a panel that is being opened."""

    @functools.wraps(function)
    def answer(first: object, visitor: Visitor, *inputs: Any) -> Any:
        visitor.panel = panel
        return function(first, visitor, *inputs)

    return answer


def if_open(panel: str, function: Callable) -> Callable:
    """The answer of a panel that comes into sight with the tab around it; only the one that is open is computed."""

    @functools.wraps(function)
    def answer(first: object, visitor: Visitor, *inputs: Any) -> Any:
        return function(first, visitor, *inputs) if visitor.panel == panel else gr.skip()

    return answer


def select_outputs(function: Callable, parts: Sequence[int]) -> Callable:
    """The answer to a choice in a list: those `parts` of it that do not overwrite the next choice."""

    @functools.wraps(function)
    def answer(first: object, visitor: Visitor, *inputs: Any) -> Any:
        told = function(first, visitor, *inputs)
        return tuple(told[part] for part in parts)

    return answer


def as_newest_choice(function: Callable) -> Callable:
    """The answer to a choice of errors to show."""

    @functools.wraps(function)
    def answer(first: object, visitor: Visitor, *inputs: Any) -> Any:
        visitor.choices += 1
        return function(first, visitor, *inputs)

    return answer


def unless_superseded(function: Callable) -> Callable:
    """News of an evaluation for what was chosen until now: dropped, and told again, where another choice was made
    meanwhile. Its answer may be on its way already, and must not be followed by one to the choice before."""

    @functools.wraps(function)
    def answer(first: object, visitor: Visitor, *inputs: Any) -> Any:
        before, seen = visitor.choices, visitor.seen_evaluation
        told = function(first, visitor, *inputs)
        if visitor.choices == before:
            return told
        visitor.seen_evaluation = seen
        return gr.skip()

    return answer


def ignore(problem: Exception) -> dict[str, Any]:
    """For what the page asks by itself, twice a second: the visitor's own next press tells what is wrong."""
    return gr.skip()


def as_message(problem: Exception) -> NoReturn:
    """Tell a refusal as a message over the page: what was shown before stays."""
    # What was typed may be half a character, which no answer can carry.
    words = str(problem).encode("utf-8", "replace").decode("utf-8")
    raise gr.Error(escape(words), duration=MESSAGE_S, print_exception=False) from None


def bind(
    first: object,
    function: Callable,
    refusals: tuple[type[Exception], ...],
    rest: Sequence[str],
    refuse: Callable[[Exception], Any] = as_message,
) -> Callable:
    """`function` for Gradio: without its first argument, which is `first`, and with `refusals` told by `refuse`.

    Gradio reads names and annotations of the arguments from the signature; a last one with a star stands for `rest`.
    """
    parameters = list(inspect.signature(function).parameters.values())[1:]

    def handler(*inputs: Any) -> Any:
        try:
            return function(first, *inputs)
        except StaleRequest:
            return gr.skip()
        except refusals as problem:
            return refuse(problem)

    if parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters[-1:] = [inspect.Parameter(name, kind, default=None, annotation=Any) for name in rest]
    handler.__name__, handler.__doc__ = function.__name__, function.__doc__
    handler.__signature__ = inspect.Signature(parameters)
    handler.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return handler
