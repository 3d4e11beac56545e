"""From our functions to Gradio's event handlers: the server's own argument bound, refusals made into messages."""

import inspect
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

MESSAGE_S = 20


class PageError(Exception):
    """Something a visitor asked for cannot be done now; the message says what to do."""


class LeftMeanwhile(Exception):
    """The visitor has gone to another session since asking: nobody waits for this answer any more."""


def bind(first: object, function: Callable, refusals: tuple[type[Exception], ...], rest: Sequence[str]) -> Callable:
    """`function` for Gradio: without its first argument, which is `first`, and with `refusals` shown to the visitor.

    Gradio reads names and annotations of the arguments from the signature; a last one with a star stands for `rest`.
    """
    parameters = list(inspect.signature(function).parameters.values())[1:]

    def handler(*inputs: Any) -> Any:
        try:
            return function(first, *inputs)
        except LeftMeanwhile:
            return gr.skip()
        except refusals as problem:
            raise gr.Error(escape(str(problem)), duration=MESSAGE_S, print_exception=False) from None

    if parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters[-1:] = [inspect.Parameter(name, kind, default=None, annotation=Any) for name in rest]
    handler.__name__, handler.__doc__ = function.__name__, function.__doc__
    handler.__signature__ = inspect.Signature(parameters)
    handler.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return handler
