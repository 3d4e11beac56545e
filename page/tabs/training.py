"""The Training tab's fields and buttons. What they are for is decided by those who connect them."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import gradio as gr

from page import messages
from page.components import OpenNumber, OpenRadio
from page.pictures import Picture, picture_row
from page.text import duration_text, loss_text, rate_text
from training import JobCharts, JobSnapshot

GOALS = {"autoencoder": 0.0005, "predictor": 0.001}  # thresholds offered at first
TRAINER_BUTTONS = (  # the page's buttons that change what others see: for those who may train
    *("demo", "load_models", "save_models", "pause", "resume", "stop", "autoencoder_to_threshold"),
    *("autoencoder_for_steps", "predictor_to_threshold", "predictor_for_steps"),
)
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


def job_line(job: JobSnapshot | None) -> str:
    """The job in a few words, for the status line."""
    if job is None or not job.is_active:
        return "none in progress"
    who = f" by {job.started_by}" if job.started_by else ""
    left = f", {duration_text(job.seconds_left)} left at most" if job.seconds_left else ""
    return f"{job.status}: {job.network} training{who}, step {job.step:,} of {job.max_steps:,}{left}"


def training_view(job: JobSnapshot | None, charts: JobCharts, log_address: str) -> str:
    """HTML of a job; `charts` are drawn elsewhere, `log_address` is where its numbers can be downloaded."""
    if job is None:
        return NO_JOB
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
    saved = f" Saved: {escape(job.saved)}." if job.saved else " Nothing was saved."
    if job.status == "elsewhere":
        saved = ""  # that is for the other program to tell
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
