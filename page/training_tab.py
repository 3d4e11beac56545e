"""The Training tab's fields and buttons. What they are for is decided by those who connect them."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from page import messages
from page.components import OpenNumber, OpenRadio
from page.training_view import NO_JOB

GOALS = {"autoencoder": 0.0005, "predictor": 0.001}  # thresholds offered at first
CHANGES = (  # the page's buttons that change what others see: for those who may train
    *("demo", "load_models", "save_models", "pause", "resume", "stop", "autoencoder_to_threshold"),
    *("autoencoder_for_steps", "predictor_to_threshold", "predictor_for_steps"),
)


def build_training_tab(subjects: Sequence[str], advanced: Mapping[str, tuple[str, float]]) -> dict[str, Any]:
    """`subjects`: what can be trained on, one frame, a range, the whole recording; `advanced`: label and standard value
    of the numbers that rarely change, by name."""
    with gr.Tab("Training", id="training"):
        parts = build_training_subject(subjects, advanced)
        with gr.Row():
            for network, threshold in GOALS.items():
                with gr.Column(min_width=240):
                    gr.HTML(f'<p class="section-title">{network.capitalize()}</p>')
                    parts |= build_training_buttons(network, threshold)
        with gr.Row():
            for command in ("Pause", "Resume", "Stop", "Save Models"):
                name = command.lower().replace(" ", "_")
                variant = "stop" if command == "Stop" else "secondary"
                parts[name] = gr.Button(
                    command, variant=variant, elem_id=name.replace("_", "-"), size="sm", min_width=80
                )
        parts["save_message"] = gr.HTML(elem_id="save-message")
        parts["is_log"] = gr.Checkbox(False, label="Logarithmic losses", elem_id="log-scale")
        parts["view"] = gr.HTML(NO_JOB, elem_id="training-view")
    return parts


def build_training_subject(subjects: Sequence[str], advanced: Mapping[str, tuple[str, float]]) -> dict[str, Any]:
    """What to train on, and the numbers that rarely change."""
    one_frame, frame_range, _ = subjects
    narrow = dict(min_width=110)
    train_on = OpenRadio(list(subjects), value=one_frame, label="Train on", elem_id="train-on")
    with gr.Row(visible=False) as more:
        first = OpenNumber(0, label="From frame", elem_id="first-frame", visible=False, **narrow)
        last = OpenNumber(0, label="To frame", elem_id="last-frame", visible=False, **narrow)
        batch_size = OpenNumber(4, label="Batch size", elem_id="batch-size", **narrow)
        held_out = OpenNumber(0.2, label="Held-out share", elem_id="held-out", **narrow)
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        gr.HTML(messages.ADVANCED_NOTE)
        with gr.Row():
            numbers = {
                name: OpenNumber(standard, label=label, elem_id=name.replace("_", "-"), min_width=150)
                for name, (label, standard) in advanced.items()
            }

    def show_fields(what: str) -> tuple:
        return gr.Row(visible=what != one_frame), *(OpenNumber(visible=what == frame_range) for _ in range(2))

    train_on.change(show_fields, train_on, [more, first, last], queue=False, api_visibility="private")
    return dict(numbers, train_on=train_on, first=first, last=last, batch_size=batch_size, held_out=held_out)


def build_training_buttons(network: str, threshold: float) -> dict[str, Any]:
    with gr.Row():
        limits = dict(min_width=100)
        goal = OpenNumber(threshold, label="Threshold", elem_id=f"{network}-threshold", **limits)
        most = OpenNumber(2000, label="Max steps", elem_id=f"{network}-max-steps", **limits)
    to_threshold = gr.Button("Train to Threshold", variant="primary", size="sm", elem_id=f"train-{network}-threshold")
    steps = OpenNumber(100, label="Steps", elem_id=f"{network}-steps")
    for_steps = gr.Button("Train N Steps", variant="primary", size="sm", elem_id=f"train-{network}-steps")
    names = {"threshold": goal, "max_steps": most, "to_threshold": to_threshold, "steps": steps, "for_steps": for_steps}
    return {f"{network}_{name}": component for name, component in names.items()}
