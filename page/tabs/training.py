"""The Training tab: its form and buttons, and the view of a training job."""

import time
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from page import messages
from page.backend import PageBackend
from page.components import OpenNumber, OpenRadio
from page.handlers import Answer
from page.pictures import Picture, picture_row
from page.text import duration_text, loss_text, rate_text
from page.visitor import Visitor
from training import ADVANCED, ONE_FRAME, RANGE, STANDARD, WHOLE, JobCharts, JobSnapshot, draw_charts

REPEAT_S = 3.0
GOALS = {"autoencoder": 0.0005, "predictor": 0.001}  # standard thresholds
COMMANDS = {"pause": "Pause", "resume": "Resume", "stop": "Stop", "save": "Save Models"}
SHARE_TITLE = "Gradient on the action parameters"
SHARE_READING = (
    "Which share of the predictor's squared gradient falls on the parameters that take in the actions. Far below the "
    "dashed line, the steps hardly change how actions are read."
)
NO_JOB = '<div class="empty">Nothing is being trained. Choose what to train on, then press one of the buttons.</div>'
HEADINGS = {
    "running": "Training the {}",
    "paused": "Paused: the {}",
    "finished": "Finished {}:",
    "stopped": "Stopped {}:",
    "failed": "Failed {}:",
    "interrupted": "Interrupted {}:",
    "elsewhere": "Another program trains the {}:",
}


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


@dataclass(frozen=True)
class GoalPanel:
    """The two ways to train a network: to a threshold, and for a number of steps."""

    threshold: OpenNumber
    max_steps: OpenNumber
    to_threshold: gr.Button
    steps: OpenNumber
    for_steps: gr.Button


@dataclass(frozen=True)
class TrainingTab:
    form: TrainingForm
    autoencoder: GoalPanel
    predictor: GoalPanel
    pause: gr.Button
    resume: gr.Button
    stop: gr.Button
    save: gr.Button
    save_message: gr.HTML
    is_log: gr.Checkbox
    view: gr.HTML


def build() -> TrainingTab:
    with gr.Tab("Training", id="training"):
        form = build_form()
        with gr.Row():
            goals = {network: build_goal(network, threshold) for network, threshold in GOALS.items()}
        with gr.Row():
            buttons = {name: build_command(name, label) for name, label in COMMANDS.items()}
        save_message = gr.HTML(elem_id="save-message")
        is_log = gr.Checkbox(False, label="Logarithmic losses", elem_id="log-scale")
        view = gr.HTML(NO_JOB, elem_id="training-view")
    return TrainingTab(form, save_message=save_message, is_log=is_log, view=view, **goals, **buttons)


def cleared() -> Answer:
    """The tab without a recording; a job does not depend on one."""
    return {"training.form.last": OpenNumber(value=0)}


def build_form() -> TrainingForm:
    """The frames to train on, and numbers that rarely change."""
    narrow = dict(min_width=110)
    train_on = OpenRadio([ONE_FRAME, RANGE, WHOLE], value=ONE_FRAME, label="Train on", elem_id="train-on")
    with gr.Row(visible=False) as more:
        first = OpenNumber(0, label="From frame", elem_id="first-frame", visible=False, **narrow)
        last = OpenNumber(0, label="To frame", elem_id="last-frame", visible=False, **narrow)
        batch_size = OpenNumber(4, label="Batch size", elem_id="batch-size", **narrow)
        held_out = OpenNumber(0.2, label="Held-out share", elem_id="held-out", **narrow)
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
    return TrainingForm(train_on, first, last, batch_size, held_out, **numbers)


def build_goal(network: str, standard_threshold: float) -> GoalPanel:
    with gr.Column(min_width=240):
        gr.HTML(f'<p class="section-title">{network.capitalize()}</p>')
        with gr.Row():
            narrow = dict(min_width=100)
            threshold = OpenNumber(standard_threshold, label="Threshold", elem_id=f"{network}-threshold", **narrow)
            max_steps = OpenNumber(2000, label="Max steps", elem_id=f"{network}-max-steps", **narrow)
        primary = dict(variant="primary", size="sm")
        to_threshold = gr.Button("Train to Threshold", elem_id=f"train-{network}-threshold", **primary)
        steps = OpenNumber(100, label="Steps", elem_id=f"{network}-steps")
        for_steps = gr.Button("Train N Steps", elem_id=f"train-{network}-steps", **primary)
    return GoalPanel(threshold, max_steps, to_threshold, steps, for_steps)


def build_command(name: str, label: str) -> gr.Button:
    elem_id, variant = label.lower().replace(" ", "-"), "stop" if name == "stop" else "secondary"
    return gr.Button(label, variant=variant, elem_id=elem_id, size="sm", min_width=80)


def training_status(explorer: PageBackend, visitor: Visitor, is_log: bool = False) -> str:
    """The state of this robot's training job: bar, numbers, curve, outcome."""
    job = explorer.manager_for(visitor).last_run() if visitor.profile else None
    if job is None:
        return NO_JOB
    return training_view(job, draw_charts(job, bool(is_log)), f"runs/{visitor.profile.name}")


def tick_training(explorer: PageBackend, visitor: Visitor, is_log: bool) -> str | dict[str, Any]:
    """The same twice a second: skipped while nothing changes, but repeated every few seconds. An answer may be lost on
    its way, and the slower answer to a button may put an older view over it."""
    job = explorer.manager_for(visitor).last_run() if visitor.profile else None
    state = job and (job.network, job.subject, job.step, job.status, job.message, is_log, time.monotonic() // REPEAT_S)
    if state == visitor.last_job:
        return gr.skip()
    visitor.last_job = state
    return training_status(explorer, visitor, is_log)


def job_line(job: JobSnapshot | None) -> str:
    """The job in a few words, for the status line."""
    if job is None or not job.is_active:
        return "none in progress"
    who = f" by {job.started_by}" if job.started_by else ""
    left = f", {duration_text(job.seconds_left)} left at most" if job.seconds_left else ""
    return f"{job.status}: {job.network} training{who}, step {job.step:,} of {job.max_steps:,}{left}"


def training_view(job: JobSnapshot, charts: JobCharts, log_address: str) -> str:
    """HTML of a job; `log_address` is the address of its numbers."""
    share = job.step / job.max_steps
    download = f'<p class="fine"><a href="{escape(log_address)}" download>Download the numbers of this run</a></p>'
    return (
        f'<div class="result"><p id="training-status"><b>{HEADINGS[job.status].format(job.network)}</b> '
        f"{escape(job.subject)}</p>"
        f'<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="{job.max_steps}" '
        f'aria-valuenow="{job.step}" aria-label="Training steps"><i style="width:{100 * share:.1f}%"></i></div>'
        f"{_numbers(job)}{charts.losses}{_share(charts)}{_outcome(job)}{_pictures(job)}{download}</div>"
    )


def _numbers(job: JobSnapshot) -> str:
    facts = [("Step", f"{job.step:,} of {job.max_steps:,}")]
    if job.loss is not None:
        facts.append(("Loss", loss_text(job.loss)))
    if job.threshold is not None:
        facts.append(("Threshold", loss_text(job.threshold)))
    if job.steps_per_s:
        facts.append(("Speed", f"{rate_text(job.steps_per_s)} steps/s"))
    facts.append(("Time", duration_text(job.seconds)))
    if job.seconds_left:
        facts.append(("Left at most", duration_text(job.seconds_left)))
    if job.started_by:
        facts.append(("Started by", job.started_by))
    cells = "".join(f"<span><b>{escape(name)}</b> {escape(text)}</span>" for name, text in facts)
    return f'<div class="status-line" id="training-numbers">{cells}</div>'


def _share(charts: JobCharts) -> str:
    if not charts.action_share:
        return ""
    return f'<h3>{SHARE_TITLE}</h3>{charts.action_share}<p class="fine">{SHARE_READING}</p>'


def _outcome(job: JobSnapshot) -> str:
    if job.is_active:
        return ""
    saved = f" {escape(job.saved_sentence)}"
    if job.status == "elsewhere":
        saved = ""  # only the other program can report it
    return f'<div class="notice" id="training-outcome">{escape(job.message)}{_change(job)}{saved}</div>'


def _change(job: JobSnapshot) -> str:
    if job.evaluated_at < 1:
        return ""
    at = "" if job.evaluated_at == job.step else f" (at step {job.evaluated_at:,})"
    change = f" Loss from {loss_text(job.first_loss)} to {loss_text(job.loss)}{at}."
    if job.loss > job.first_loss and job.saved:
        change += " The loss rose: the files from before this run are still there as backups."
    return change


def _pictures(job: JobSnapshot) -> str:
    if job.comparison is None or job.is_active:
        return ""
    pictures = [
        Picture(job.comparison.actual, f"Frame {job.comparison.frame}"),
        Picture(job.comparison.before, "Before", f"MSE {loss_text(job.comparison.before_mse)}"),
        Picture(job.comparison.after, "After", f"MSE {loss_text(job.comparison.after_mse)}"),
    ]
    return picture_row(pictures, "training-pictures")
