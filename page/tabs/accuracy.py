"""Accuracy: the comparison of one-step predictions with the simulator, part of the Imagine tab."""

from dataclasses import dataclass
from html import escape

import gradio as gr

from page import messages
from page.components import NARROW, OpenNumber
from page.figures import table_link
from page.handlers import Answer
from page.tabs.networks import source_text, untrained_notice, weights_text
from page.text import count_text
from session import NEAR_PX, RecordedSession, RobotProfile, simulated_truth
from training import AccuracySummary, CounterfactualAccuracy

NO_DOT = "no dot"


@dataclass(frozen=True)
class AccuracyPanel:
    """`panel` is visible for robots with a simulator that can go on from any frame."""

    panel: gr.Accordion
    frames: OpenNumber
    run: gr.Button
    result: gr.HTML


def build() -> AccuracyPanel:
    with gr.Accordion("One-step accuracy vs simulator", open=True, elem_id="truth", visible=False) as panel:
        with gr.Row(elem_id="truth-row"):
            frames = OpenNumber(20, label="Number of frames", elem_id="truth-frames", **NARROW)
            run = gr.Button("Measure", elem_id="measure-truth", size="sm", **NARROW)
        return AccuracyPanel(panel, frames, run, gr.HTML(messages.EMPTY_TRUTH, elem_id="truth-result"))


def cleared() -> Answer:
    """The panel without a recording."""
    return {"imagine.accuracy.panel": gr.Accordion(visible=False), "imagine.accuracy.result": messages.EMPTY_TRUTH}


def offered(profile: RobotProfile) -> Answer:
    """The panel for a recording of this robot."""
    return {"imagine.accuracy.panel": gr.Accordion(visible=simulated_truth(profile) is not None)}


def accuracy_view(recording: RecordedSession, accuracy: CounterfactualAccuracy) -> str:
    """HTML: one sentence with the share of correct predictions, a row for each action, and a table of all distances."""
    total, frame_count = accuracy.shares(), len({error.frame for error in accuracy.deviations})
    mixed = '<div class="notice">The weights changed during the measurement. Measure again.</div>'
    rows = "".join(_row(action, accuracy.shares(index)) for index, action in enumerate(accuracy.actions))
    rows += _row("all", total)
    return (
        f'<div class="result">{untrained_notice(accuracy.weights)}{mixed if accuracy.is_mixed else ""}'
        f'<p id="truth-figure" title="{source_text(recording)}, {weights_text(accuracy.weights)}"><b>{total.near:.0%} '
        f"within {NEAR_PX:g} px of the simulator.</b> Distance between the predicted and the simulated dot, from "
        f"{count_text(frame_count, 'frame')}, history {accuracy.history_length}.</p>"
        '<table class="measures" id="truth-table"><thead><tr><th scope="col">Action</th>'
        f"{_heads('Predictions', f'Within {NEAR_PX:g} px', 'Visible dot', 'Mean distance', 'Median')}</tr></thead>"
        f"<tbody>{rows}</tbody></table><p class='links'>{_link(recording, accuracy)}</p></div>"
    )


def _heads(*titles: str) -> str:
    return "".join(f'<th scope="col" class="number">{title}</th>' for title in titles)


def _row(name: str, summary: AccuracySummary) -> str:
    distances = map(_pixels, (summary.mean_pixels, summary.median_pixels))
    cells = (f"{summary.pairs:,}", f"{summary.near:.0%}", f"{summary.visible:.0%}", *distances)
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row">{escape(name)}</th>{numbers}</tr>'


def _pixels(distance: float | None) -> str:
    return NO_DOT if distance is None else f"{distance:.1f} px"


def _link(recording: RecordedSession, accuracy: CounterfactualAccuracy) -> str:
    rows = [(error.frame, accuracy.actions[error.candidate], _number(error.pixels)) for error in accuracy.deviations]
    return table_link(("frame", "action", "distance in pixels"), rows, f"truth_{recording.name}")


def _number(pixels: float | None) -> float | str:
    return "" if pixels is None else float(pixels)
