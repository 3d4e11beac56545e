"""Periodic updates: what every open page asks for once a second, all in one request.

A request costs a browser and the server more than what it asks for, so one timer serves all parts of the page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from page.handlers import Answer, unless_superseded
from page.status import CHECKPOINTS, tick_models, tick_status
from page.tabs import PageParts
from page.tabs.errors import EVALUATED, tick_errors_notice, tick_evaluation
from page.tabs.training_view import OFFERED, TICKED, tick_offer, tick_training
from page.visitor import Visitor


@dataclass(frozen=True)
class Tick:
    """An update of some components, by name: `function(backend, visitor, *values of the inputs)`. It answers by name,
    or with the value of its only output, or skips. It takes part in one of `every` requests."""

    function: Callable
    inputs: tuple[Block, ...]
    outputs: tuple[str, ...]
    every: int = 1


def periodic_updates(page: PageParts) -> list[Tick]:
    """Everything that changes on the page without the visitor: once a second, or every three."""
    errors = page.errors
    return [
        Tick(tick_status, (), ("status",), every=3),
        Tick(tick_models, (), CHECKPOINTS, every=3),
        Tick(tick_offer, (), OFFERED, every=3),
        Tick(tick_training, (*vars(page.training.chart).values(),), TICKED),
        Tick(tick_errors_notice, (errors.shown, page.predictor.history_length), ("errors.notice",), every=3),
        Tick(unless_superseded(tick_evaluation), (errors.shown, errors.compared), EVALUATED),
    ]


def together(ticks: list[Tick], refusals: tuple[type[Exception], ...]) -> Callable:
    """A function that makes all updates, on the inputs of all in order. An update that is refused is omitted: the
    visitor's next action reports the problem. Of updates of the same component the last one holds."""
    names = [name for one in ticks for name in one.outputs]

    def tick(backend: object, visitor: Visitor, /, *values: Any) -> Answer | dict[str, Any]:
        visitor.ticks += 1
        changes: Answer = {}
        rest = list(values)
        for one in ticks:
            given, rest = rest[: len(one.inputs)], rest[len(one.inputs) :]
            if visitor.ticks % one.every == 0:
                changes |= _changes(one, refusals, backend, visitor, *given)
        return dict.fromkeys(names, gr.skip()) | changes if changes else gr.skip()

    return tick


def _changes(one: Tick, refusals: tuple[type[Exception], ...], *arguments: Any) -> Answer:
    """What an update changes, by name."""
    try:
        answer = one.function(*arguments)
    except refusals:
        return {}
    if answer == gr.skip():
        return {}
    answer = answer if len(one.outputs) > 1 else {one.outputs[0]: answer}
    return {name: value for name, value in answer.items() if value != gr.skip()}
