"""What the page shows of the predictor's attention: measures with how to read them, where it looks, the heat map.
Knows only the shape of such results; figures arrive as PNG."""

from html import escape
from typing import Any

import gradio as gr
import numpy as np

from models import AttentionReport
from models.introspection import attention_figures
from page import messages
from page.components import NARROW, OpenDropdown
from page.figures import figure_card, measure_row, render_figure, table_link
from page.pictures import Picture, colour_bar, picture_grid
from page.tabs.actions import build_actions_panel
from page.tabs.networks import frames_text, untrained_notice, weights_text
from page.tabs.weights import build_weights_panel
from page.text import loss_text
from session import History, RecordedSession, resize_picture
from training import whole_number

PATCHES_ACROSS = 14
MEASURES = {
    "apa": (
        "APA, attention on the last action",
        "How much the predicted frame looks at the action that leads to it. Well above uniform: the action is read; "
        "well below: the predictor hardly asks what the robot did.",
    ),
    "alf": (
        "ALF, attention on the last frame",
        "How much it looks at the newest context frame, all its patches together. Near 1: older frames are not used.",
    ),
    "ttar": (
        "TTAR, actions ÷ frames",
        "Attention on all actions divided by that on all frames. Larger: actions count for more.",
    ),
    "ri16": (
        "RI@16, attention on the last 16 positions",
        "These are other future tokens. Well above uniform: the predictor looks at itself, not at the past.",
    ),
    "entropy": (
        "Entropy, in nats",
        "How widely the attention is spread: 0 is one single token, the uniform value is everything alike.",
    ),
}


def attention_choices(layers: int, heads: int) -> tuple[list, list, list]:
    """What to choose from, each a list of (label, value): layer, head, and the future token that looks. The value 0 of
    the first two is the usual one: last layer, mean of all heads; -1 of the last one: all of them."""
    layer = [("Last layer", 0), *((f"Layer {number}", number) for number in range(1, layers + 1))]
    head = [("Mean of all heads", 0), *((f"Head {number}", number) for number in range(1, heads + 1))]
    patches = [(token_text(token), token) for token in range(1, PATCHES_ACROSS**2 + 1)]
    return layer, head, [("All future tokens, mean", -1), ("Class token", 0), *patches]


def parse_attention(
    layer: object, head: object, token: object, layers: int, heads: int
) -> tuple[int | None, int | None, int | None]:
    """What was chosen, counted from 0, each None for the usual; raises InvalidValue."""
    layer, head = whole_number(layer, "The layer", 0, layers), whole_number(head, "The head", 0, heads)
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
    look: AttentionReport,
    token: int | None,
    on_frames: np.ndarray,
    breakdown: np.ndarray,
) -> str:
    """HTML of a look at the attention. `on_frames` (T, 14, 14): the attention on the context frames' patches of the
    future token `token`, None for the mean of all; `breakdown` (P, 3): for each future token the share on last action,
    last frame and rest."""
    shown = f"layer {look.layer + 1} of {look.layers}, {_head_text(look)}"
    name = f"attention_frame_{history.target}"
    note = f'<div class="notice">{escape(history.note)}</div>' if history.note else ""
    return (
        f'<div class="result" data-frame="{history.target}">{untrained_notice(look.weights_in_use)}{note}'
        f"<p>Frame {history.target} of {escape(recording.profile.title)} {escape(recording.name)}, predicted from "
        f"{frames_text(history.frames)}: {weights_text(look.weights_in_use)}.</p>"
        f"{_overlays(recording, history, token, on_frames, shown)}"
        f"<h3>Measures</h3>{_measures(look, shown)}"
        f'<p class="links">{_measures_link(look, name)}</p>{_figures(history, look, shown, name)}'
        f'<p class="links">{_breakdown_link(breakdown, name)}</p></div>'
    )


def _overlays(
    recording: RecordedSession,
    history: History,
    token: int | None,
    on_frames: np.ndarray,
    shown: str,
) -> str:
    top = float(on_frames.max())
    pictures = []
    for frame, one in zip(history.frames, on_frames, strict=True):
        seen = attention_figures.overlay(_pixels(recording, frame), one, top)
        pictures.append(Picture(seen, f"Context frame {frame}", f"all patches {loss_text(float(one.sum()))}"))
    asker = "the average future token"
    target = _pixels(recording, history.target)
    if token is not None:
        asker, target = _asker_text(token), attention_figures.outline_patch(target, token)
    pictures.append(Picture(target, f"Frame {history.target}, to be predicted", asker))
    return (
        f"<h3>Where the predictor looks</h3><p class='fine'>How much of its attention {asker} gives each patch of the "
        f"context frames: {shown}. All frames share one scale; actions and class tokens are not drawn here.</p>"
        f"{picture_grid(pictures, 'attention-overlays')}"
        f"{colour_bar(attention_figures.overlay_strip(), '0', loss_text(top), 'share of attention on a patch')}"
    )


def _asker_text(token: int) -> str:
    return "the class token" if token == 0 else f"the {token_text(token).replace('Patch', 'token of the patch')}"


def _pixels(recording: RecordedSession, frame: int) -> np.ndarray:
    return np.asarray(resize_picture(recording.picture(frame)))


def _figures(history: History, look: AttentionReport, shown: str, name: str) -> str:
    names = [str(frame) for frame in history.frames]
    parts = render_figure(
        lambda figure: attention_figures.draw_parts(figure, look, names), 0.6 + 0.22 * (2 * len(names) + 1)
    )
    whole = render_figure(lambda figure: attention_figures.draw_attention_map(figure, look, names), 4.4)
    tokens = render_figure(lambda figure: attention_figures.draw_breakdown(figure, look), 3.2)
    return (
        figure_card(parts, "Attention by part", PARTS_SENTENCE.format(shown=shown), f"{name}_parts")
        + figure_card(whole, "Attention map", MAP_SENTENCE.format(shown=shown), f"{name}_map")
        + figure_card(tokens, "Future token by future token", TOKENS_SENTENCE.format(shown=shown), f"{name}_tokens")
    )


PARTS_SENTENCE = (
    "How the attention of the future tokens divides among the frames, the actions and the future tokens themselves, "
    "{shown}. The marks show what uniform attention would give."
)
MAP_SENTENCE = (
    "Each row is a token of the predicted frame, each column a token it may look at, {shown}. Bright columns are "
    "tokens that everyone looks at; a bright diagonal means that a patch looks at itself in an earlier frame."
)
TOKENS_SENTENCE = (
    "For each token of the predicted frame, the share of its attention on the last action, the last frame and all the "
    "rest, {shown}."
)


def _head_text(look: AttentionReport) -> str:
    return f"mean of {look.heads} heads" if look.head is None else f"head {look.head + 1} of {look.heads}"


def _is_usual(look: AttentionReport) -> bool:
    return look.layer == look.layers - 1 and look.head is None


def _measures(look: AttentionReport, shown: str) -> str:
    extra = "" if _is_usual(look) else '<th scope="col" class="number">Shown</th>'
    rows = "".join(_measure_row(look, key) for key in MEASURES)
    told = "" if _is_usual(look) else f" The column Shown is of {shown}."
    return (
        f'<table class="measures" id="attention-measures"><thead><tr><th scope="col">Measure</th>'
        f'<th scope="col" class="number">Value</th>{extra}<th scope="col" class="number">If uniform</th></tr></thead>'
        f"<tbody>{rows}</tbody></table><p class='fine'>Value: last layer, mean of the heads, then of the "
        f"{PATCHES_ACROSS**2 + 1} future tokens.{told} If uniform: the same measure if every token looked at all it "
        f"may see alike; a single token then gets {loss_text(look.baseline)} (the uniform baseline).</p>"
    )


def _measure_row(look: AttentionReport, key: str) -> str:
    title, sentence = MEASURES[key]
    columns = [look.measures, look.uniform] if _is_usual(look) else [look.measures, look.shown, look.uniform]
    numbers = "".join(f'<td class="number">{loss_text(value)}</td>' for value in (vars(one)[key] for one in columns))
    return measure_row(title, numbers, sentence, 1 + len(columns))


def _measures_link(look: AttentionReport, name: str) -> str:
    rows = [
        (MEASURES[key][0], *(float(vars(one)[key]) for one in (look.measures, look.shown, look.uniform)))
        for key in MEASURES
    ]
    return table_link(("measure", "last layer, mean of heads", "shown", "uniform"), rows, f"{name}_measures")


def _breakdown_link(breakdown: np.ndarray, name: str) -> str:
    rows = [(token, token_text(token), *map(float, shares)) for token, shares in enumerate(breakdown)]
    return table_link(("future token", "place", "last action", "last frame", "rest"), rows, f"{name}_tokens")


def build_inside_tab(layers: int, heads: int) -> dict[str, Any]:
    """Attention, weights and the use of actions; of networks with so many layers and heads."""
    with gr.Tab("Inside the model", id="inside") as inside, gr.Tabs():
        parts = build_attention_panel(layers, heads) | build_weights_panel() | build_actions_panel()
    return dict(parts, inside_tab=inside)


def build_attention_panel(layers: int, heads: int) -> dict[str, Any]:
    layer_choices, head_choices, token_choices = attention_choices(layers, heads)
    with gr.Tab("Attention", id="attention") as tab:
        with gr.Row():
            layer = OpenDropdown(layer_choices, value=0, label="Layer", elem_id="attention-layer", **NARROW)
            head = OpenDropdown(head_choices, value=0, label="Head", elem_id="attention-head", **NARROW)
            token = OpenDropdown(token_choices, value=-1, label="Who looks", elem_id="attention-token", **NARROW)
        run = gr.Button("Look at the selected frame", variant="primary", elem_id="look-at-attention")
        result = gr.HTML(messages.EMPTY_ATTENTION, elem_id="attention-result")
    fields = dict(attention_layer=layer, attention_head=head, attention_token=token)
    return dict(fields, attention_tab=tab, attend=run, attention_result=result)
