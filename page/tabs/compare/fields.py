"""The fields of the Compare tab, and the function behind its button."""

import functools
from dataclasses import dataclass

import gradio as gr

from page import messages
from page.backend import PageBackend
from page.components import NARROW, FramePosition, OpenDropdown, OpenNumber, OpenRadio
from page.handlers import Answer
from page.selection import length_of, selected
from page.tabs.compare.comparison import (
    CHOSEN,
    DREAMS,
    IN_USE,
    RECORDED,
    STANDARD_STEPS,
    Choice,
    compare,
    dreamed_actions,
)
from page.tabs.compare.view import comparison_view
from page.tabs.imagine import parse_mode
from page.versions import version_name
from page.visitor import Visitor
from training import MAX_ROLLOUT, whole_number

FIXED = [("Loaded weights", IN_USE), ("Selected under Models", CHOSEN)]


@dataclass(frozen=True)
class CompareTab:
    """`first` and `second`: the pairs of checkpoints A and B."""

    tab: gr.Tab
    first: OpenDropdown
    second: OpenDropdown
    run: gr.Button
    steps: OpenNumber
    actions: OpenRadio
    result: gr.HTML


def build() -> CompareTab:
    with gr.Tab("Compare", id="compare") as tab:
        with gr.Row():
            first = OpenDropdown(FIXED, value=IN_USE, label="Checkpoints A", elem_id="compared-a", min_width=240)
            second = OpenDropdown(FIXED, value=CHOSEN, label="Checkpoints B", elem_id="compared-b", min_width=240)
        with gr.Row(elem_id="compare-row"):
            steps = OpenNumber(STANDARD_STEPS, label="Dream steps", elem_id="compared-steps", **NARROW)
            options = dict(elem_id="compared-actions", min_width=350, scale=3)
            actions = OpenRadio(DREAMS, value=RECORDED, label="Dream actions", **options)
            run = gr.Button("Compare", variant="primary", elem_id="compare", size="sm", **NARROW)
        return CompareTab(tab, first, second, run, steps, actions, gr.HTML(messages.EMPTY_COMPARE, elem_id="compared"))


def cleared() -> Answer:
    """The tab without a recording."""
    return {
        "compare.first": OpenDropdown(choices=FIXED, value=IN_USE),
        "compare.second": OpenDropdown(choices=FIXED, value=CHOSEN),
        "compare.result": messages.EMPTY_COMPARE,
    }


def compare_choices(
    backend: PageBackend, visitor: Visitor, first: str | None = None, second: str | None = None
) -> Answer:
    """The pairs of checkpoints to choose from. What is chosen stays; at first A is the weights in use, and B the newest
    version that training has replaced."""
    manager = backend.manager_for(visitor)
    choices = [*FIXED, *((version_name(manager, one), one.name) for one in manager.versions())]
    names = [name for _, name in choices]
    newest = next(iter(names[len(FIXED) :]), CHOSEN) if second == CHOSEN else second
    return {
        "compare.first": OpenDropdown(choices=choices, value=first if first in names else IN_USE),
        "compare.second": OpenDropdown(choices=choices, value=newest if newest in names else CHOSEN),
    }


def compare_checkpoints(
    backend: PageBackend,
    visitor: Visitor,
    frame: FramePosition | None = None,
    first: str | None = IN_USE,
    second: str | None = CHOSEN,
    steps: int | None = STANDARD_STEPS,
    actions: str | None = RECORDED,
    history_length: int | None = None,
    way: str | None = None,
    autoencoder_path: str | None = None,
    predictor_path: str | None = None,
    progress: gr.Progress = gr.Progress(),
) -> str:
    """Two pairs of checkpoints on the selected frame, and in one dream of some steps from there on, under the actions
    "Recorded" or "Pressed under Imagine". `first` and `second`: "in use", "selected" (the two paths), or the name of a
    version of the history. Nothing is loaded for other visitors."""
    recording, index = selected(backend, visitor, frame)
    manager, place = backend.manager_for(visitor), (index, length_of(history_length))
    count, mode = whole_number(steps, "The number of steps", 1, MAX_ROLLOUT), parse_mode(way)
    files = {"autoencoder": autoencoder_path, "predictor": predictor_path}
    choices = Choice("A", first, files), Choice("B", second, files)
    sides = tuple(choice.networks(backend, manager) for choice in choices)
    dreamed = dreamed_actions(recording, index, actions, count, visitor.imagination)
    watched = functools.partial(progress.tqdm, desc="Imagining frames", total=len(dreamed.actions))
    return comparison_view(compare(backend, recording, visitor.session_id, place, sides, dreamed, mode, watched))
