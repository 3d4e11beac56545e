"""The tabs Inside the model and Errors: their fields and buttons. What they do is decided by those who connect them."""

from typing import Any

import gradio as gr

from page import messages
from page.attention_view import attention_choices
from page.components import OpenDropdown, OpenNumber, OpenRadio

IN_USE, CHOSEN = "Weights in use", "Files chosen under Models"
CLIP_KINDS = ("WebP", "GIF")
NARROW = dict(min_width=120)


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


def build_weights_panel() -> dict[str, Any]:
    with gr.Tab("Weights", id="weights") as tab:
        run = gr.Button("Look again", elem_id="look-at-weights", size="sm")
        result = gr.HTML(messages.EMPTY_WEIGHTS, elem_id="weights-result")
    return dict(weights_tab=tab, weigh=run, weights_result=result)


def build_actions_panel() -> dict[str, Any]:
    with gr.Tab("Use of actions", id="actions") as tab:
        with gr.Row(elem_id="actions-row"):
            targets = OpenNumber(8, label="Frames to look at", elem_id="diagnosed-frames", **NARROW)
            run = gr.Button("Look at these frames", elem_id="diagnose-actions", size="sm", **NARROW)
        result = gr.HTML(messages.EMPTY_ACTIONS, elem_id="actions-result")
    return dict(actions_tab=tab, diagnosed_frames=targets, diagnose=run, actions_result=result)


def build_errors_tab() -> dict[str, Any]:
    """The error track of a whole recording, and clips."""
    with gr.Tab("Errors", id="errors") as tab:
        which = OpenRadio([IN_USE, CHOSEN], value=IN_USE, label="Evaluate with", elem_id="evaluated-weights")
        with gr.Row():
            run = gr.Button("Evaluate recording", variant="primary", elem_id="evaluate", min_width=160, scale=3)
            cancel = gr.Button("Cancel", variant="stop", elem_id="cancel-evaluation", min_width=80, scale=1)
        shown = OpenDropdown([], label="Shown", elem_id="shown-errors")
        compared = OpenDropdown([], label="Compared with", elem_id="compared-errors")
        notice = gr.HTML(elem_id="errors-notice")
        view = gr.HTML(messages.EMPTY_ERRORS, elem_id="errors-view")
        parts = build_clip_panel()
    names = dict(errors_tab=tab, errors_notice=notice, evaluated_weights=which, evaluate=run, cancel_evaluation=cancel)
    return dict(parts, **names, shown_errors=shown, compared_errors=compared, errors_view=view)


def build_clip_panel() -> dict[str, Any]:
    with gr.Accordion("Clip: actual and predicted side by side", open=True, elem_id="clip"):
        with gr.Row():
            first = OpenNumber(0, label="From frame", elem_id="clip-first", **NARROW)
            last = OpenNumber(29, label="To frame", elem_id="clip-last", **NARROW)
            speed = OpenNumber(5, label="Frames a second", elem_id="clip-speed", **NARROW)
            kind = OpenRadio(CLIP_KINDS, value=CLIP_KINDS[0], label="File", elem_id="clip-kind", **NARROW)
        run = gr.Button("Make clip", elem_id="make-clip")
        result = gr.HTML(elem_id="clip-result")
    return dict(clip_first=first, clip_last=last, clip_speed=speed, clip_kind=kind, make_clip=run, clip_result=result)
