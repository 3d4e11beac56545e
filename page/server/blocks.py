"""A Blocks page that takes no files from visitors and keeps nothing of what it has answered them."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.state_holder import SessionState

NO_FILES = "This page takes no files."


class PageBlocks(gr.Blocks):
    """`gr.Blocks` that refuses events with a file in any input, and forgets its answers.

    Gradio looks into every input for files, whatever the component, and fetches the address that one names: a visitor
    could have the server ask any host. This page has no use for files.

    For links to a state of the page Gradio keeps the last value of every component for every tab, pictures and all: up
    to 4 MB. The addresses of this page name session and frame, and need none of it.
    """

    def validate_inputs(self, block_fn: BlockFunction, inputs: list[Any]) -> None:
        if holds_file(inputs):
            raise gr.Error(NO_FILES, print_exception=False)
        super().validate_inputs(block_fn, inputs)

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list | dict, state: SessionState | None
    ) -> list[Any]:
        answer = await super().postprocess_data(block_fn, predictions, state)
        if state:
            state.config_values.clear()
        return answer


def holds_file(inputs: Sequence[object]) -> bool:
    """Whether anything in the parsed inputs is what Gradio takes for a file, however deep."""
    rest = list(inputs)
    while rest:
        one = rest.pop()
        if isinstance(one, dict):
            if "path" in one and "meta" in one:
                return True
            rest += one.values()
        elif isinstance(one, list | tuple):
            rest += one
    return False
