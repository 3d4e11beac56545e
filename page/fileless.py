"""A Blocks page that takes no files from visitors.

Gradio looks into every input for files, whatever the component, and fetches the address that one names: a visitor could
have the server ask any host. This page has no use for files, so an input that holds one is refused before that.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction

NO_FILES = "This page takes no files."


class FilelessBlocks(gr.Blocks):
    """`gr.Blocks` that refuses events with a file in any input."""

    def validate_inputs(self, block_fn: BlockFunction, inputs: list[Any]) -> None:
        if holds_file(inputs):
            raise gr.Error(NO_FILES, print_exception=False)
        super().validate_inputs(block_fn, inputs)


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
