"""What the page shows of a training job: bar, numbers, curve, outcome. Knows only the shape of a job's snapshot."""

from html import escape
from typing import Protocol

import numpy as np

from page.numbers import duration_text, loss_text, rate_text
from page.pictures import Picture, picture_row

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


class ComparedPictures(Protocol):
    """uint8 (H, W, 3) each, of the same frame."""

    frame: int
    actual: np.ndarray
    before: np.ndarray
    after: np.ndarray
    before_mse: float
    after_mse: float


class JobProgress(Protocol):
    """What is read of a snapshot."""

    network: str
    subject: str
    started_by: str
    status: str
    step: int
    max_steps: int
    threshold: float | None
    first_loss: float | None
    loss: float | None
    evaluated_at: int
    steps_per_s: float
    seconds: float
    message: str
    comparison: ComparedPictures | None
    saved: str
    is_active: bool
    seconds_left: float | None


class JobCharts(Protocol):
    """SVG, each empty where there is nothing to draw."""

    losses: str
    action_share: str


def job_line(job: JobProgress | None) -> str:
    """The job in a few words, for the status line."""
    if job is None or not job.is_active:
        return "none in progress"
    who = f" by {job.started_by}" if job.started_by else ""
    left = f", {duration_text(job.seconds_left)} left at most" if job.seconds_left else ""
    return f"{job.status}: {job.network} training{who}, step {job.step:,} of {job.max_steps:,}{left}"


def training_view(job: JobProgress | None, charts: JobCharts, log_address: str) -> str:
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


def _numbers(job: JobProgress) -> str:
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


def _outcome(job: JobProgress) -> str:
    if job.is_active:
        return ""
    saved = f" Saved: {escape(job.saved)}." if job.saved else " Nothing was saved."
    if job.status == "elsewhere":
        saved = ""  # that is for the other program to tell
    return f'<div class="notice" id="training-outcome">{escape(job.message)}{_change(job)}{saved}</div>'


def _change(job: JobProgress) -> str:
    if job.evaluated_at < 1:
        return ""
    at = "" if job.evaluated_at == job.step else f" (at step {job.evaluated_at:,})"
    change = f" Loss from {loss_text(job.first_loss)} to {loss_text(job.loss)}{at}."
    if job.loss > job.first_loss and job.saved:
        change += " The loss rose: the files from before this run are still there as backups."
    return change


def _pictures(job: JobProgress) -> str:
    if job.comparison is None or job.is_active:
        return ""
    pictures = [
        Picture(job.comparison.actual, f"Frame {job.comparison.frame}"),
        Picture(job.comparison.before, "Before", f"MSE {loss_text(job.comparison.before_mse)}"),
        Picture(job.comparison.after, "After", f"MSE {loss_text(job.comparison.after_mse)}"),
    ]
    return picture_row(pictures, "training-pictures")
