"""Event handlers: from the functions behind the page to functions that Gradio calls.

A function with several outputs answers by name: a dict of values by the names of components, such as "errors.view".
A component's name is its path of attributes in the record of the page. Errors for the visitor become messages.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any, NoReturn

import gradio as gr
from gradio.blocks import Block

from page.visitor import Visitor

MESSAGE_S = 20
# For the `select` event of a list, which fires once where `input` fires twice. By default Gradio drops a choice that is
# made while the answer to the previous one is in transit.
CHOICE = dict(api_visibility="private", trigger_mode="always_last")

Answer = dict[str, Any]


class PageError(Exception):
    """A request that cannot be served now; the message says what to do."""


class StaleRequest(Exception):
    """A request of a session that the visitor has left since; its answer is discarded."""


class WrongAnswer(KeyError):
    """An answer whose names are not those of its event's outputs: a mistake in the program."""


def name_of(request: gr.Request) -> str:
    """The sender of a request, as other visitors read it."""
    return f"a visitor at {request.client.host}"


def may_train(request: gr.Request) -> bool:
    """True if the sender may change what others see. The access rules give Gradio the role in place of a user name."""
    return request.username == "train"


def discard_if_stale(function: Callable) -> Callable:
    """`function`, raising StaleRequest if the visitor opens another session before it ends."""

    @functools.wraps(function)  # positional-only arguments, because a form may have fields of the same names
    def answer(backend: object, visitor: Visitor, /, *inputs: Any, **form: Any) -> Any:
        visit = visitor.visit
        try:
            return function(backend, visitor, *inputs, **form)
        finally:  # also in place of an error: it concerns the other session
            if visitor.visit != visit:
                raise StaleRequest

    return answer


def on_open(panel: str, function: Callable) -> Callable:
    """`function` for the moment at which a panel is opened."""

    @functools.wraps(function)
    def answer(backend: object, visitor: Visitor, *inputs: Any) -> Any:
        visitor.panel = panel
        return function(backend, visitor, *inputs)

    return answer


def if_open(panel: str, function: Callable) -> Callable:
    """`function` for the moment at which the tab around the panels is opened: only the open panel is computed."""

    @functools.wraps(function)
    def answer(backend: object, visitor: Visitor, *inputs: Any) -> Any:
        return function(backend, visitor, *inputs) if visitor.panel == panel else gr.skip()

    return answer


def unless_overtaken(function: Callable) -> Callable:
    """`function` of a frame as a result that follows the selected one: discarded if another was selected meanwhile."""

    @functools.wraps(function)
    def answer(backend: object, visitor: Visitor, frame: Any, *inputs: Any) -> Any:
        value = function(backend, visitor, frame, *inputs)
        if visitor.frame != frame.frame:
            raise StaleRequest
        return value

    return answer


def without(function: Callable, *names: str) -> Callable:
    """`function` without the components `names` in its answer: a later choice in such a list would be overwritten."""

    @functools.wraps(function)
    def answer(backend: object, visitor: Visitor, *inputs: Any) -> Answer:
        values = function(backend, visitor, *inputs)
        return {name: value for name, value in values.items() if name not in names}

    return answer


def as_newest_choice(function: Callable) -> Callable:
    """`function` as the answer to a choice of errors to show."""

    @functools.wraps(function)
    def answer(backend: object, visitor: Visitor, *inputs: Any) -> Any:
        visitor.choice_count += 1
        return function(backend, visitor, *inputs)

    return answer


def unless_superseded(function: Callable) -> Callable:
    """`function` as a periodic update of the errors chosen: skipped, and repeated at the next tick, if another choice
    was made meanwhile. The answer to that choice may be in transit, and must not be overwritten by an older one."""

    @functools.wraps(function)
    def answer(backend: object, visitor: Visitor, *inputs: Any) -> Any:
        count, evaluation = visitor.choice_count, visitor.last_evaluation
        values = function(backend, visitor, *inputs)
        if visitor.choice_count == count:
            return values
        visitor.last_evaluation = evaluation
        return gr.skip()

    return answer


def ignore(problem: Exception) -> dict[str, Any]:
    """The answer to an error in a periodic update: none. The visitor's next action reports the problem."""
    return gr.skip()


def as_message(problem: Exception) -> NoReturn:
    """Raise an error as a message over the page, whose content stays."""
    # The visitor's text may hold a lone surrogate, which cannot be encoded.
    message = str(problem).encode("utf-8", "replace").decode("utf-8")
    raise gr.Error(escape(message), duration=MESSAGE_S, print_exception=False) from None


def bind(
    backend: object,
    function: Callable,
    refusals: tuple[type[Exception], ...],
    refuse: Callable[[Exception], Any] = as_message,
    outputs: Sequence[str] = (),
    form: Sequence[str] = (),
) -> Callable:
    """`function` for Gradio: its first argument is `backend`, `refusals` are answered by `refuse`, and its answer is
    put in the order of `outputs`. The last inputs are those of `form`, passed by name.

    Gradio reads names and annotations of the arguments from the signature, so the form's names replace a `**form`.
    """
    parameters = list(inspect.signature(function).parameters.values())[1:]

    def handler(*inputs: Any) -> Any:
        end = len(inputs) - len(form)
        fields = dict(zip(form, inputs[end:], strict=True))
        try:
            return in_order(function(backend, *inputs[:end], **fields), outputs)
        except StaleRequest:
            return gr.skip()
        except refusals as problem:
            return refuse(problem)

    if parameters and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters[-1:] = [inspect.Parameter(name, kind, default=None, annotation=Any) for name in form]
    handler.__name__, handler.__doc__ = function.__name__, function.__doc__
    handler.__signature__ = inspect.Signature(parameters)
    handler.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return handler


def in_order(answer: Any, outputs: Sequence[str]) -> Any:
    """The values of an answer by name, in the order of `outputs`. The value of a single output and `gr.skip()` stay as
    they are. Raises WrongAnswer if a name is missing or unknown."""
    if len(outputs) < 2 or answer == gr.skip():
        return answer
    if answer.keys() != set(outputs):
        raise WrongAnswer(f"missing: {set(outputs) - answer.keys()}, unknown: {answer.keys() - set(outputs)}")
    return [answer[name] for name in outputs]


def components_of(record: object, prefix: str = "") -> dict[str, Block]:
    """Every component in a record of components, by its name: the path of attributes, such as "errors.clip.last"."""
    components: dict[str, Block] = {}
    for field in dataclasses.fields(record):
        value, name = vars(record)[field.name], f"{prefix}{field.name}"
        components |= {name: value} if isinstance(value, Block) else components_of(value, f"{name}.")
    return components


class On:
    """Connects the events of a page to functions: `on(button.click, function, inputs, outputs)`.

    `backend` is the first argument of every function, `page` the record of all components.
    """

    def __init__(self, backend: object, page: object, refusals: tuple[type[Exception], ...]) -> None:
        self._backend, self._refusals = backend, refusals
        self._components = components_of(page)
        self._names = {component: name for name, component in self._components.items()}

    def named(self, names: Iterable[str]) -> list[Block]:
        """The components of these names."""
        return [self._components[name] for name in names]

    def __call__(
        self,
        event: Callable,
        function: Callable,
        inputs: list[Block],
        outputs: list[Block],
        form: Mapping[str, Block] | None = None,
        refuse: Callable[[Exception], Any] = as_message,
        is_opening: bool = False,
        **options: Any,
    ) -> None:
        """Connect an event. `form`: further inputs, passed by name; `is_opening`: the function opens a session, so that
        its answer is valid although it begins another visit; `options`: Gradio's own. The endpoint has the function's
        name."""
        fields = form or {}
        answer = function if is_opening else discard_if_stale(function)
        names = [self._names[output] for output in outputs]
        handler = bind(self._backend, answer, self._refusals, refuse, names, list(fields))
        if options.get("show_progress") == "hidden":
            # At every event Gradio updates each component on which it has ever shown progress, 1 ms each.
            options = {"show_progress_on": outputs[:1], **options}
        event(handler, [*inputs, *fields.values()], outputs, **{"api_name": function.__name__, **options})

    def program(self, function: Callable) -> None:
        """Offer a function to programs alone, under its name; its first argument is the backend, and Gradio reads the
        type of its answer."""
        handler = bind(self._backend, function, self._refusals, as_message)
        answer = inspect.signature(function).return_annotation
        handler.__signature__ = inspect.signature(handler).replace(return_annotation=answer)
        gr.api(handler, api_name=function.__name__)
