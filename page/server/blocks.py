"""A Blocks page that accepts no files from visitors, keeps none of its answers, and holds no connection open."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.routes import App
from gradio.state_holder import SessionState

NO_FILES = "This page takes no files."


class PageBlocks(gr.Blocks):
    """`gr.Blocks` that rejects events with a file in any input, discards its answers, and has no heartbeat.

    Gradio searches the inputs of every component for files, and downloads the address that a file names: a visitor
    could make the server send requests to any host. This page needs no files.

    For links to a state of the page Gradio stores the last value of every component for every tab, pictures included:
    up to 4 MB. The addresses of this page name session and frame, and need none of it.

    For a `gr.State` Gradio holds a response open for every tab, its heartbeat. A browser has six connections to a host,
    for all of its tabs together: with six tabs open, no frame and no Stop would reach the server. The number of tabs
    that are remembered is limited without it.

    Gradio builds a component for every output of an answer, also for one that does not change, as most of a periodic
    update: only those that change are given to it.

    While a page is built Gradio makes three web applications of it, each with all routes, before `launch` makes the one
    that is served: only that one is made.
    """

    def queue(self, **options: Any) -> gr.Blocks:
        with _no_application():
            return super().queue(**options)

    def __exit__(self, *problem: Any) -> None:
        with _no_application():
            super().__exit__(*problem)

    def get_config_file(self) -> dict[str, Any]:
        return {**super().get_config_file(), "connect_heartbeat": False}

    def validate_inputs(self, block_fn: BlockFunction, inputs: list[object]) -> None:
        if holds_file(inputs):
            raise gr.Error(NO_FILES, print_exception=False)
        super().validate_inputs(block_fn, inputs)

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list | dict, state: SessionState | None
    ) -> list[object]:
        values = _by_position(block_fn, predictions)
        self.validate_outputs(block_fn, values)
        changed = [position for position, value in enumerate(values) if not _is_skip(value)]
        answer: list[object] = [gr.skip() for _ in values]
        if changed:
            part = copy.copy(block_fn)
            part.outputs = [block_fn.outputs[position] for position in changed]
            new = [values[position] for position in changed]
            processed = await super().postprocess_data(part, new if len(new) > 1 else new[0], state)
            for position, value in zip(changed, processed, strict=True):
                answer[position] = value
        if state:
            state.config_values.clear()
        return answer


@contextmanager
def _no_application() -> Iterator[None]:
    make = App.create_app
    App.create_app = staticmethod(lambda *_, **__: None)
    try:
        yield
    finally:
        App.create_app = staticmethod(make)


def _by_position(block_fn: BlockFunction, predictions: object) -> list[object]:
    """The value of each output: Gradio passes one value for one output, and may pass one skip for all of them."""
    if _is_skip(predictions):
        return [gr.skip() for _ in block_fn.outputs]
    if len(block_fn.outputs) == 1:
        return [predictions]
    if isinstance(predictions, dict):
        return [predictions.get(block, gr.skip()) for block in block_fn.outputs]
    return list(predictions)


def _is_skip(value: object) -> bool:
    return isinstance(value, dict) and value == gr.skip()


def holds_file(inputs: Sequence[object]) -> bool:
    """True if Gradio would take any part of the parsed inputs for a file, at any depth."""
    rest = list(inputs)
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            if "path" in value and "meta" in value:
                return True
            rest += value.values()
        elif isinstance(value, list | tuple):
            rest += value
    return False
