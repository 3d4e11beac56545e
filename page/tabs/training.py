"""The Training tab: its components. What it shows of a job is in `training_view.py`."""

from dataclasses import dataclass

import gradio as gr

from models import Network
from page import messages
from page.components import OpenDropdown, OpenNumber, OpenRadio, OpenSlider
from page.handlers import Answer
from page.tabs.looks import LookSlider, build_looks
from page.verdicts import level_list
from training import ADVANCED, ALL, MAX_NAME, MAX_NOTE, ONE_FRAME, RANGE, STANDARD, WHOLE

GOALS: dict[Network, float] = {"autoencoder": 0.0005, "predictor": 0.001}  # standard thresholds
UNTIL, STEPS = "until loss ≤", "for N steps"
COMMANDS = {"pause": "Pause", "resume": "Resume", "stop": "Stop"}
STANDARD_SMOOTHING = 0.6
NO_JOB = '<div class="empty">No training is running.</div>'
NEWEST = ("This run", "")  # in the list of runs that can be named


@dataclass(frozen=True)
class TrainingForm:
    """The fields that every training button sends, named and ordered as programs send them."""

    train_on: OpenRadio
    first: OpenNumber
    last: OpenNumber
    batch_size: OpenNumber
    held_out: OpenNumber
    autoencoder_lr: OpenNumber
    predictor_lr: OpenNumber
    warmup_steps: OpenNumber
    mask_ratio_low: OpenNumber
    mask_ratio_high: OpenNumber
    image_weight: OpenNumber
    latent_weight: OpenNumber
    keeps_autoencoder: gr.Checkbox
    leaves_out_flagged: gr.Checkbox


@dataclass(frozen=True)
class GoalPanel:
    """The two ways to train a network: to a threshold, and for a number of steps. One of the two buttons is visible."""

    way: OpenRadio
    threshold: OpenNumber
    max_steps: OpenNumber
    to_threshold: gr.Button
    steps: OpenNumber
    for_steps: gr.Button


@dataclass(frozen=True)
class WorldModelPanel:
    """The offer to train a world model by the recipe."""

    recordings: OpenRadio
    leaves_out_flagged: gr.Checkbox
    note: gr.HTML
    run: gr.Button


@dataclass(frozen=True)
class ChartOptions:
    """How the losses are drawn, in the order in which programs send it."""

    is_log: gr.Checkbox
    smoothing: OpenSlider
    earlier: OpenDropdown


@dataclass(frozen=True)
class NamingPanel:
    """Name and note of a run, and the run that gets them, in the order in which programs send them."""

    name: gr.Textbox
    note: gr.Textbox
    run: OpenDropdown
    panel: gr.Accordion
    save: gr.Button


@dataclass(frozen=True)
class TrainingTab:
    tab: gr.Tab
    world_model: WorldModelPanel
    form: TrainingForm
    fold: gr.Accordion
    autoencoder: GoalPanel
    predictor: GoalPanel
    goal_note: gr.HTML
    pause: gr.Button
    resume: gr.Button
    stop: gr.Button
    save: gr.Button
    save_message: gr.HTML
    chart: ChartOptions
    naming: NamingPanel
    view: gr.HTML
    looks: LookSlider


def build() -> TrainingTab:
    with gr.Tab("Training", id="training") as tab, gr.Column(elem_id="training-tab"):
        with gr.Row(elem_id="job-buttons"):
            buttons = {name: build_command(name, label) for name, label in COMMANDS.items()}
        world_model = build_world_model()
        view = gr.HTML(NO_JOB, elem_id="training-view")
        gr.Checkbox(False, label="Notify me when it ends", elem_id="notify-end", container=False)  # see notify.js
        chart = build_chart_options()
        naming = build_naming()
        looks = build_looks()
        gr.HTML(level_list(), elem_id="verdict-levels")
        with gr.Accordion("Train one network", open=True, elem_id="training-form") as fold:
            form = build_form()
            goal_note = gr.HTML(elem_id="goal-note")
            with gr.Row():
                goals = {network: build_goal(network, threshold) for network, threshold in GOALS.items()}
        save = gr.Button("Save Models", elem_id="save-models", size="sm")
        save_message = gr.HTML(elem_id="save-message")
    shown = dict(view=view, looks=looks, chart=chart, naming=naming, fold=fold, goal_note=goal_note)
    return TrainingTab(tab, world_model, form, save=save, save_message=save_message, **shown, **goals, **buttons)


def cleared() -> Answer:
    """The tab without a recording; a job does not depend on one."""
    return {"training.form.last": OpenNumber(value=0)}


def build_world_model() -> WorldModelPanel:
    with gr.Column(elem_id="world-model"):
        choices = [ALL, WHOLE]
        recordings = OpenRadio(choices, value=ALL, label="Train a world model on", elem_id="world-model-recordings")
        leaves_out = build_leave_out("world-model-leave-out")
        note = gr.HTML(messages.WORLD_MODEL, elem_id="world-model-note")
        run = gr.Button("Train a world model", variant="primary", elem_id="train-world-model")
    return WorldModelPanel(recordings, leaves_out, note, run)


def build_leave_out(elem_id: str) -> gr.Checkbox:
    return gr.Checkbox(False, label="Leave out flagged frames", elem_id=elem_id, container=False, min_width=200)


def build_chart_options() -> ChartOptions:
    with gr.Row(elem_id="chart-options"):
        is_log = gr.Checkbox(True, label="Log scale", elem_id="log-scale", min_width=140)
        smoothing = OpenSlider(
            0, 0.99, STANDARD_SMOOTHING, step=0.01, label="Smoothing", elem_id="smoothing", min_width=140
        )
        earlier = OpenDropdown(
            [], value=[], multiselect=True, label="Earlier runs", elem_id="earlier-runs", min_width=200
        )
    return ChartOptions(is_log, smoothing, earlier)


def build_naming() -> NamingPanel:
    with gr.Accordion("Name and note", open=False, elem_id="run-naming") as panel, gr.Row(elem_id="run-naming-row"):
        run = OpenDropdown([NEWEST], value=NEWEST[1], label="Run", elem_id="named-run", min_width=180)
        name = gr.Textbox(label="Name", max_lines=1, max_length=MAX_NAME, elem_id="run-name", min_width=160)
        note = gr.Textbox(label="Note", max_lines=1, max_length=MAX_NOTE, elem_id="run-note", min_width=240)
        save = gr.Button("Save name", elem_id="save-run-name", size="sm", min_width=100)
    return NamingPanel(name, note, run, panel, save)


def build_form() -> TrainingForm:
    """The frames to train on, and numbers that rarely change."""
    narrow = dict(min_width=110)
    train_on = OpenRadio([ONE_FRAME, RANGE, WHOLE, ALL], value=ONE_FRAME, label="Train on", elem_id="train-on")
    with gr.Row(visible=False) as more:
        first = OpenNumber(0, label="First frame", elem_id="first-frame", visible=False, **narrow)
        last = OpenNumber(0, label="Last frame", elem_id="last-frame", visible=False, **narrow)
        batch_size = OpenNumber(4, label="Batch size", elem_id="batch-size", **narrow)
        held_out = OpenNumber(0.2, label="Validation split", elem_id="held-out", **narrow)
    leaves_out = build_leave_out("leave-out-flagged")
    keeps_autoencoder = gr.Checkbox(
        False, label="Freeze the autoencoder while the predictor trains", elem_id="keep-autoencoder"
    )
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        gr.HTML(messages.ADVANCED_NOTE)
        with gr.Row():
            numbers = {
                name: OpenNumber(STANDARD[name], label=label, elem_id=name.replace("_", "-"), min_width=150)
                for name, label in ADVANCED.items()
            }

    def show_fields(choice: str) -> dict:
        is_range = choice == RANGE
        return {
            more: gr.Row(visible=choice != ONE_FRAME),
            first: OpenNumber(visible=is_range),
            last: OpenNumber(visible=is_range),
        }

    train_on.change(show_fields, train_on, [more, first, last], queue=False, api_visibility="private")
    choices = dict(keeps_autoencoder=keeps_autoencoder, leaves_out_flagged=leaves_out)
    return TrainingForm(train_on, first, last, batch_size, held_out, **numbers, **choices)


def build_goal(network: str, standard_threshold: float) -> GoalPanel:
    narrow, primary = dict(min_width=100), dict(variant="primary", size="sm")
    with gr.Column(min_width=240):
        gr.HTML(f'<p class="section-title">{network.capitalize()}</p>')
        way = OpenRadio([STEPS, UNTIL], value=STEPS, show_label=False, label="Train", elem_id=f"{network}-way")
        with gr.Row(visible=False) as until:
            threshold = OpenNumber(standard_threshold, label="Loss", elem_id=f"{network}-threshold", **narrow)
            max_steps = OpenNumber(2000, label="Max steps", elem_id=f"{network}-max-steps", **narrow)
        steps = OpenNumber(1000, label="Steps", elem_id=f"{network}-steps")
        to_threshold = gr.Button(f"Train {network}", elem_id=f"train-{network}-threshold", visible=False, **primary)
        for_steps = gr.Button(f"Train {network}", elem_id=f"train-{network}-steps", **primary)

    def show_way(choice: str) -> dict:
        is_until = choice != STEPS
        return {
            until: gr.Row(visible=is_until),
            to_threshold: gr.Button(visible=is_until),
            steps: OpenNumber(visible=not is_until),
            for_steps: gr.Button(visible=not is_until),
        }

    way.change(show_way, way, [until, to_threshold, steps, for_steps], queue=False, api_visibility="private")
    return GoalPanel(way, threshold, max_steps, to_threshold, steps, for_steps)


def build_command(name: str, label: str) -> gr.Button:
    elem_id, variant = label.lower().replace(" ", "-"), "stop" if name == "stop" else "secondary"
    return gr.Button(label, variant=variant, elem_id=elem_id, size="sm", min_width=80)
