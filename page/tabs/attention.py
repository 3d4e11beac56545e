"""Attention, a panel of Inside the model: the predictor's attention as measures, overlays on the frames and figures."""

from dataclasses import dataclass
from html import escape

import gradio as gr
import numpy as np

from models import ActionPredictorConfig, AttentionReport, MaskedAutoencoderConfig
from models.introspection import attention_figures
from page import messages
from page.components import NARROW, OpenDropdown
from page.facts import clipped_notice
from page.figures import figure_card, measure_row, render_figure, table_link
from page.handlers import Answer
from page.pictures import Picture, colour_bar, picture_grid
from page.tabs.networks import frames_text, source_text, untrained_notice, weights_text
from page.text import loss_text
from session import History, RecordedSession, resize_picture
from training import whole_number

PATCHES_ACROSS = MaskedAutoencoderConfig().grid
LAYERS, HEADS = ActionPredictorConfig().layers, ActionPredictorConfig().heads
MEASURES = {
    "apa": (
        "APA, attention on the last action",
        "Attention of the predicted frame on the action that leads to it. Well above uniform: the predictor attends to "
        "the action (attention alone does not prove use).",
    ),
    "alf": (
        "ALF, attention on the last frame",
        "Attention on all patches of the last context frame. Near 1: older frames are not used.",
    ),
    "ttar": (
        "TTAR, actions ÷ frames",
        "Attention on all actions divided by that on all frames. Larger: actions count for more.",
    ),
    "ri16": (
        "RI@16, attention on the last 16 positions",
        "The last 16 are future tokens. Well above uniform: the predictor attends to itself, not to the past.",
    ),
    "entropy": (
        "Entropy, in nats",
        "Spread of the attention: 0 for a single token, the uniform value if it is spread evenly.",
    ),
}


def attention_choices(layers: int, heads: int) -> tuple[list, list, list]:
    """The choices of layer, head and query token, each a list of (label, value). The value 0 of the first two is the
    standard: last layer, mean of all heads; -1 of the token: the mean of all."""
    layer = [("Last layer", 0), *((f"Layer {number}", number) for number in range(1, layers + 1))]
    head = [("Mean of all heads", 0), *((f"Head {number}", number) for number in range(1, heads + 1))]
    patches = [(token_text(token), token) for token in range(1, PATCHES_ACROSS**2 + 1)]
    return layer, head, [("All future tokens, mean", -1), ("Class token", 0), *patches]


def parse_attention(layer: object, head: object, token: object) -> tuple[int | None, int | None, int | None]:
    """The layer, head and query token of a request, counted from 0, each None for the standard; raises InvalidValue."""
    layer, head = whole_number(layer, "The layer", 0, LAYERS), whole_number(head, "The head", 0, HEADS)
    token = whole_number(token, "The future token", -1, PATCHES_ACROSS**2)
    return layer - 1 if layer else None, head - 1 if head else None, None if token < 0 else token


def token_text(token: int) -> str:
    if token == 0:
        return "Class token"
    row, column = divmod(token - 1, PATCHES_ACROSS)
    return f"Patch in row {row}, column {column}"


def attention_view(
    recording: RecordedSession,
    history: History,
    report: AttentionReport,
    token: int | None,
    on_frames: np.ndarray,
    breakdown: np.ndarray,
) -> str:
    """HTML of an attention report. `on_frames` (T, 14, 14): attention of the query token `token` on each patch of the
    context frames, None for the mean of all tokens; `breakdown` (P, 3): for each future token the share on last action,
    last frame and rest."""
    selection = f"layer {report.layer + 1} of {report.layers}, {_head_text(report)}"
    name = f"attention_frame_{history.target}"
    note = f'<div class="notice">{escape(history.note)}</div>' if history.note else ""
    return (
        f'<div class="result" data-frame="{history.target}">{untrained_notice(report.weights_in_use)}{note}'
        f"{clipped_notice(recording)}"
        f'<p title="{source_text(recording)}, {weights_text(report.weights_in_use)}">Frame {history.target} from '
        f"{frames_text(history.frames)}.</p>"
        f"{_overlays(recording, history, token, on_frames, selection)}"
        f"<h3>Measures</h3>{_measures(report, selection)}"
        f'<p class="links">{_measures_link(report, name)}</p>{_figures(history, report, selection, name)}'
        f'<p class="links">{_breakdown_link(breakdown, name)}</p></div>'
    )


def _overlays(
    recording: RecordedSession,
    history: History,
    token: int | None,
    on_frames: np.ndarray,
    selection: str,
) -> str:
    top = float(on_frames.max())
    pictures = []
    for frame, one in zip(history.frames, on_frames, strict=True):
        overlay = attention_figures.overlay(_pixels(recording, frame), one, top)
        pictures.append(Picture(overlay, f"Context frame {frame}", f"all patches {loss_text(float(one.sum()))}"))
    query = "the mean future token"
    target = _pixels(recording, history.target)
    if token is not None:
        query, target = _query_text(token), attention_figures.outline_patch(target, token)
    pictures.append(Picture(target, f"Predicted frame {history.target}", query))
    return (
        f"<h3>Attention on the context frames</h3><p class='fine'>From {query} to each patch: {selection}. All frames "
        f"share one scale; actions and class tokens are not drawn.</p>"
        f"{picture_grid(pictures, 'attention-overlays')}"
        f"{colour_bar(attention_figures.overlay_strip(), '0', loss_text(top), 'share of attention on a patch')}"
    )


def _query_text(token: int) -> str:
    return "the class token" if token == 0 else f"the {token_text(token).replace('Patch', 'token of the patch')}"


def _pixels(recording: RecordedSession, frame: int) -> np.ndarray:
    return np.asarray(resize_picture(recording.picture(frame)))


def _figures(history: History, report: AttentionReport, selection: str, name: str) -> str:
    names = [str(frame) for frame in history.frames]
    parts = render_figure(
        lambda figure: attention_figures.draw_parts(figure, report, names), 0.6 + 0.22 * (2 * len(names) + 1)
    )
    whole = render_figure(lambda figure: attention_figures.draw_attention_map(figure, report, names), 4.4)
    tokens = render_figure(lambda figure: attention_figures.draw_breakdown(figure, report), 3.2)
    return (
        figure_card(parts, "Attention by part", PARTS_SENTENCE.format(selection=selection), f"{name}_parts")
        + figure_card(whole, "Attention map", MAP_SENTENCE.format(selection=selection), f"{name}_map", is_map=True)
        + figure_card(
            tokens, "Attention by future token", TOKENS_SENTENCE.format(selection=selection), f"{name}_tokens"
        )
    )


PARTS_SENTENCE = (
    "Attention of the future tokens on each frame, action and the future tokens themselves, {selection}. Marks: "
    "uniform attention."
)
MAP_SENTENCE = (
    "Rows: tokens of the predicted frame; columns: tokens they may attend to, {selection}. Bright columns: tokens that "
    "all attend to; a bright diagonal: patches attend to the same place in an earlier frame."
)
TOKENS_SENTENCE = (
    "Attention of each token of the predicted frame on the last action, the last frame and the rest, {selection}."
)


def _head_text(report: AttentionReport) -> str:
    return f"mean of {report.heads} heads" if report.head is None else f"head {report.head + 1} of {report.heads}"


def _is_standard(report: AttentionReport) -> bool:
    return report.layer == report.layers - 1 and report.head is None


def _measures(report: AttentionReport, selection: str) -> str:
    extra = "" if _is_standard(report) else '<th scope="col" class="number">Selected</th>'
    rows = "".join(_measure_row(report, key) for key in MEASURES)
    column = "" if _is_standard(report) else f" Selected: {selection}."
    return (
        f'<table class="measures" id="attention-measures"><thead><tr><th scope="col">Measure</th>'
        f'<th scope="col" class="number">Value</th>{extra}<th scope="col" class="number">Uniform</th></tr></thead>'
        f"<tbody>{rows}</tbody></table><p class='fine'>Value: last layer, mean of heads and future tokens."
        f"{column} Uniform: value if attention were spread evenly; one token gets {loss_text(report.baseline)}.</p>"
    )


def _measure_row(report: AttentionReport, key: str) -> str:
    title, sentence = MEASURES[key]
    columns = (
        [report.measures, report.uniform] if _is_standard(report) else [report.measures, report.shown, report.uniform]
    )
    numbers = "".join(f'<td class="number">{loss_text(value)}</td>' for value in (vars(one)[key] for one in columns))
    return measure_row(title, numbers, sentence, 1 + len(columns))


def _measures_link(report: AttentionReport, name: str) -> str:
    rows = [
        (MEASURES[key][0], *(float(vars(one)[key]) for one in (report.measures, report.shown, report.uniform)))
        for key in MEASURES
    ]
    return table_link(("measure", "last layer, mean of heads", "shown", "uniform"), rows, f"{name}_measures")


def _breakdown_link(breakdown: np.ndarray, name: str) -> str:
    rows = [(token, token_text(token), *map(float, shares)) for token, shares in enumerate(breakdown)]
    return table_link(("future token", "place", "last action", "last frame", "rest"), rows, f"{name}_tokens")


@dataclass(frozen=True)
class AttentionPanel:
    tab: gr.Tab
    layer: OpenDropdown
    head: OpenDropdown
    token: OpenDropdown
    run: gr.Button
    result: gr.HTML


def build() -> AttentionPanel:
    layers, heads, tokens = attention_choices(LAYERS, HEADS)
    with gr.Tab("Attention", id="attention") as tab:
        with gr.Row():
            layer = OpenDropdown(layers, value=0, label="Layer", elem_id="attention-layer", **NARROW)
            head = OpenDropdown(heads, value=0, label="Head", elem_id="attention-head", **NARROW)
            token = OpenDropdown(tokens, value=-1, label="Query token", elem_id="attention-token", **NARROW)
        run = gr.Button("Show attention", variant="primary", size="sm", elem_id="look-at-attention")
        result = gr.HTML(messages.EMPTY_ATTENTION, elem_id="attention-result")
    return AttentionPanel(tab, layer, head, token, run, result)


def cleared() -> Answer:
    """The panel without a recording."""
    return {"attention.result": messages.EMPTY_ATTENTION}
