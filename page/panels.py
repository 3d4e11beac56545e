"""Panels that are computed when they are opened, unless they still show what they would show."""

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr

from page.backend import PageBackend
from page.visitor import Visitor


def remember(panel: str, function: Callable) -> Callable:
    """`function`, whose answer the panel shows from now on."""

    @functools.wraps(function)
    def answer(backend: PageBackend, visitor: Visitor, *inputs: Any) -> Any:
        visitor.panels_shown.pop(panel, None)  # an error is shown in its place
        state = _state(backend, visitor, inputs)
        value = function(backend, visitor, *inputs)
        visitor.panels_shown[panel] = state
        return value

    return answer


def unless_shown(panel: str, function: Callable) -> Callable:
    """`function` for the moment at which the panel is opened: skipped if session, weights and fields are those of the
    answer that it shows."""
    compute = remember(panel, function)

    @functools.wraps(function)
    def answer(backend: PageBackend, visitor: Visitor, *inputs: Any) -> Any:
        is_shown = visitor.panels_shown.get(panel) == _state(backend, visitor, inputs)
        return gr.skip() if is_shown else compute(backend, visitor, *inputs)

    return answer


def _state(backend: PageBackend, visitor: Visitor, inputs: tuple) -> tuple:
    version = backend.manager_for(visitor).served.version if visitor.profile else None
    return visitor.visit, version, inputs
