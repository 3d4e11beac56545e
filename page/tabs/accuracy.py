"""Accuracy: the comparison of one-step predictions with the simulator, part of the Imagine tab."""

from dataclasses import dataclass
from html import escape

import gradio as gr

from page import messages
from page.components import NARROW, OpenNumber
from page.facts import clipped_notice
from page.figures import table_link
from page.handlers import Answer
from page.tabs.networks import source_text, untrained_notice, weights_text
from page.text import count_text, percent_text
from session import NEAR_PX, RecordedSession, located_part, may_be_simulated
from training import AccuracySummary, CounterfactualAccuracy


@dataclass(frozen=True)
class AccuracyPanel:
    """The panel is shown only where a truth may be known."""

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


def shown_for(recording: RecordedSession) -> Answer:
    """The panel, visible if a simulator may tell the truth about the recording."""
    return {"imagine.accuracy.panel": gr.Accordion(visible=may_be_simulated(recording))}


def accuracy_view(recording: RecordedSession, accuracy: CounterfactualAccuracy) -> str:
    """HTML: one sentence with the share of correct predictions, a row for each action, and a table of all distances."""
    total, frame_count = accuracy.shares(), len({error.frame for error in accuracy.deviations})
    mixed = '<div class="notice">The weights changed during the measurement. Measure again.</div>'
    part, near = located_part(recording.profile), f"Within {NEAR_PX:g} px"
    heads = ("Predictions", near, f"{part.capitalize()} seen", "Mean error", "Median", f"Repeating: {near.lower()}")
    rows = "".join(_row(action, accuracy.shares(index), part) for index, action in enumerate(accuracy.actions))
    rows += _row("all", total, part)
    return (
        f'<div class="result">{untrained_notice(accuracy.weights)}{mixed if accuracy.is_mixed else ""}'
        f"{clipped_notice(recording)}"
        f'<p id="truth-figure" title="{source_text(recording)}, {weights_text(accuracy.weights)}">'
        f"<b>{percent_text(total.near)} within {NEAR_PX:g} px of the simulator.</b> Error of the predicted {part} over "
        f"{count_text(frame_count, 'frame')}, history {accuracy.history_length}.</p>"
        '<table class="measures" id="truth-table"><thead><tr><th scope="col">Action</th>'
        f"{_heads(*heads)}"
        f"</tr></thead><tbody>{rows}</tbody></table><p class='links'>{_link(recording, accuracy)}</p></div>"
    )


def _heads(*titles: str) -> str:
    return "".join(f'<th scope="col" class="number">{title}</th>' for title in titles)


def _row(name: str, summary: AccuracySummary, part: str) -> str:
    pixels = (summary.mean_pixels, summary.median_pixels)
    distances = [f"no {part}" if distance is None else f"{distance:.1f} px" for distance in pixels]
    near, visible, repeat = map(percent_text, (summary.near, summary.visible, summary.repeat_near))
    cells = (f"{summary.pairs:,}", near, visible, *distances, repeat)
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row">{escape(name)}</th>{numbers}</tr>'


def _link(recording: RecordedSession, accuracy: CounterfactualAccuracy) -> str:
    rows = [
        (one.frame, accuracy.actions[one.candidate], _number(one.pixels), _number(one.repeat_pixels))
        for one in accuracy.deviations
    ]
    header = ("frame", "action", "distance in pixels", "distance of repeating the last frame")
    return table_link(header, rows, f"truth_{recording.name}")


def _number(pixels: float | None) -> float | str:
    return "" if pixels is None else float(pixels)
