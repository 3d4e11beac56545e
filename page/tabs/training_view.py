"""The state of a training job as the Training tab shows it, and what is said there before one begins."""

import time
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from page import messages
from page.backend import PageBackend
from page.components import OpenDropdown
from page.handlers import Answer
from page.pictures import Picture, picture_row
from page.tabs.looks import LookSlider, run_looks
from page.tabs.training import GOALS, NO_JOB, STANDARD_SMOOTHING, STEPS
from page.text import count_text, duration_text, loss_text, rate_text
from page.visitor import Visitor
from training import JobCharts, JobSnapshot, draw_charts, is_number

REPEAT_S = 3.0
RISEN = 1.2  # times its first value: then the reconstruction error is reported to have risen
TICKED = (  # what a tick may change
    *("training.view", "training.looks", "training.fold", "training.chart.earlier"),
    *("models.message", "models.autoencoder_path", "models.predictor_path"),
)
SHARE_TITLE = "Gradient on the action parameters"
SHARE_READING = (
    "Which share of the predictor's squared gradient falls on the parameters that take in the actions. Far below the "
    "dashed line, the steps hardly change how actions are read."
)
SKILL_READING = "Skill on {}: 1 − MSE ÷ MSE of the guess at 0 %. At 100 % the pictures are exact."
HEADINGS = {
    "running": "Training the {}",
    "paused": "Paused: the {}",
    "finished": "Finished {}:",
    "stopped": "Stopped {}:",
    "failed": "Failed {}:",
    "interrupted": "Interrupted {}:",
    "elsewhere": "Another program trains the {}:",
}
JOINT_NOTE = (
    "Trains jointly with the autoencoder, which changes: its reconstruction error is drawn as well, and may rise."
)
ALONE_NOTE = "The autoencoder stays as it is."


class ShownJob(NamedTuple):
    """The state of a job that a visitor's page shows."""

    network: str
    subject: str
    step: int
    status: str
    message: str
    evaluated_at: int
    chart: tuple[Any, ...]
    repeat: float


def training_status(
    explorer: PageBackend,
    visitor: Visitor,
    is_log: bool = True,
    smoothing: float | None = STANDARD_SMOOTHING,
    earlier: list[str] | None = None,
) -> str:
    """The state of this robot's training job: bar, numbers, curves, outcome. `smoothing`: of training losses, 0 to
    0.99; `earlier`: logs of runs whose losses are drawn as well."""
    manager = explorer.manager_for(visitor) if visitor.profile else None
    job = manager.last_run() if manager else None
    if job is None:
        return NO_JOB
    runs = manager.earlier_losses(earlier if isinstance(earlier, list) else [])
    smooth = min(max(smoothing, 0.0), 0.99) if is_number(smoothing) else 0.0
    return training_view(job, draw_charts(job, bool(is_log), smooth, runs), f"runs/{visitor.profile.name}")


def tick_training(
    explorer: PageBackend, visitor: Visitor, is_log: bool, smoothing: float | None = None, earlier: list | None = None
) -> Answer | dict[str, Any]:
    """The same every second, with what changes when a job begins or ends: skipped while nothing changes."""
    chart = is_log, smoothing, earlier
    manager = explorer.manager_for(visitor) if visitor.profile else None
    job = manager.last_run() if manager else None
    state = None
    if job is not None:
        # Repeated every few seconds: an answer may be lost on its way, and the slower answer to a button may put an
        # older view over it.
        repeat = time.monotonic() // REPEAT_S
        state = ShownJob(job.network, job.subject, job.step, job.status, job.message, job.evaluated_at, chart, repeat)
    if state == visitor.last_job:
        return gr.skip()
    before, visitor.last_job = visitor.last_job, state
    answer = dict.fromkeys(TICKED, gr.skip())
    answer["training.view"] = training_status(explorer, visitor, *chart)
    is_other_status = before is None or job is None or before.status != job.status
    if is_other_status or before.evaluated_at != job.evaluated_at:
        answer["training.looks"] = LookSlider(value=run_looks(explorer, visitor))
    if job is None or not is_other_status:
        return answer
    answer["training.chart.earlier"] = OpenDropdown(choices=manager.earlier_runs())
    answer["training.fold"] = gr.Accordion(open=not job.is_active)
    if job.saved and before is not None:
        answer["models.message"] = ""  # what it said, of a robot without checkpoints, is no longer true
        for network, (files, _) in zip(GOALS, explorer.checkpoint_menu(visitor.profile), strict=True):
            answer[f"models.{network}_path"] = gr.Dropdown(choices=files)
    return answer


def offer_world_model(explorer: PageBackend, visitor: Visitor) -> Answer:
    """What training a world model takes and does, before it is pressed; the time begins to be measured."""
    if visitor.profile is not None and visitor.may_train and not explorer.active_jobs():
        explorer.measure_recipe(visitor.profile)
    visitor.last_offer = _offer_state(explorer, visitor)
    return _offer(*visitor.last_offer)


def tick_offer(explorer: PageBackend, visitor: Visitor) -> Answer | dict[str, Any]:
    """The same once a second, for a visitor who has opened the tab: skipped while nothing changes."""
    if visitor.last_offer in (None, _offer_state(explorer, visitor)):
        return gr.skip()
    visitor.last_offer = _offer_state(explorer, visitor)
    return _offer(*visitor.last_offer)


def _offer_state(explorer: PageBackend, visitor: Visitor) -> tuple[float | None, bool, bool]:
    """Seconds that the recipe takes, None if unknown; if that is being measured; and if there are trained networks."""
    if visitor.profile is None:
        return None, False, False
    weights = explorer.manager_for(visitor).shared.weights.values()
    estimate = explorer.recipe_estimate(visitor.profile)
    is_measured = estimate is None and explorer.is_measuring(visitor.profile)
    return estimate and estimate.seconds, is_measured, any(source.is_trained for source in weights)


def _offer(seconds: float | None, is_measured: bool, is_trained: bool) -> Answer:
    label, expected = "Train a world model", messages.MEASURING if is_measured else ""
    if seconds is not None:
        label = f"Train a world model (≈ {max(1, round(seconds / 60))} min)"
        expected = f"It takes about {rough_duration(seconds)} on this machine. "
    replaced = messages.REPLACED_NETWORKS if is_trained else ""
    return {
        "training.world_model.note": f'<p class="fine">{expected}{messages.WORLD_MODEL_TEXT} {replaced}</p>',
        "training.world_model.run": gr.Button(label),
    }


def rough_duration(seconds: float) -> str:
    """About how long: 40 minutes, 2.5 hours."""
    minutes = max(1, round(seconds / 60))
    return count_text(minutes, "minute") if minutes < 90 else f"{seconds / 3600:.1f} hours"


def goal_notes(
    explorer: PageBackend,
    visitor: Visitor,
    keeps_autoencoder: bool,
    warmup_steps: float | None,
    *goals: Any,
) -> str:
    """What is worth knowing before a network is trained; `goals`: of each network the way, and its numbers of steps."""
    lines = [f"<b>Predictor:</b> {ALONE_NOTE if keeps_autoencoder else JOINT_NOTE}"]
    for network, (way, max_steps, steps) in zip(GOALS, (goals[:3], goals[3:]), strict=True):
        taken = explorer.manager_for(visitor).warm_steps(network) if visitor.profile else 0
        wanted = steps if way == STEPS else max_steps
        if is_number(wanted) and is_number(warmup_steps) and 0 < taken + wanted < warmup_steps:
            share = (taken + wanted) / warmup_steps
            lines.append(
                f"<b>{network.capitalize()}:</b> the warm-up of {warmup_steps:,.0f} steps is longer than this run, "
                f"which ends at {100 * share:.0f} % of the learning rate. Take more steps, or fewer of warm-up."
            )
    return "".join(f'<p class="fine">{line}</p>' for line in lines)


def job_line(job: JobSnapshot | None) -> str:
    """The job in a few words, for the status line."""
    if job is None or not job.is_active:
        return "none in progress"
    who = f" by {job.started_by}" if job.started_by else ""
    left = f", about {rough_duration(job.seconds_left)} left" if job.seconds_left else ""
    return f"{job.status}: {job.network} training{who}, step {job.step:,} of {job.max_steps:,}{left}"


def training_view(job: JobSnapshot, charts: JobCharts, log_address: str) -> str:
    """HTML of a job; `log_address` is the address of its numbers."""
    share = 1.0 if job.status == "finished" else job.step / job.max_steps
    download = f'<p class="fine"><a href="{escape(log_address)}" download>Download the numbers of this run</a></p>'
    buttons = f' data-buttons="{_buttons(job)}"' if _buttons(job) else ""
    return (
        f'<div class="result" data-title="{escape(tab_title(job))}"{buttons}>'
        f'<p id="training-status"><b>{HEADINGS[job.status].format(job.network)}</b> {escape(job.subject)}'
        f"{_phase(job)}</p>"
        f'<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="{job.max_steps}" '
        f'aria-valuenow="{job.step}" aria-label="Training steps"><i style="width:{100 * share:.1f}%"></i></div>'
        f"{_numbers(job)}{_warning(job)}{_outcome(job)}{_skill(job, charts)}{charts.losses}{_share(charts)}"
        f"{_pictures(job)}{download}</div>"
    )


def _buttons(job: JobSnapshot) -> str:
    """The buttons that do something now; the style of the page hides the others."""
    if job.is_active:
        return "resume stop" if job.status == "paused" else "pause stop"
    return "resume" if job.is_resumable else ""


def tab_title(job: JobSnapshot) -> str:
    """The progress of a job for the title of the browser's tab, or its end; empty for one of another program."""
    if job.is_active:
        paused = "paused, " if job.status == "paused" else ""
        return f"{paused}{100 * job.step // job.max_steps} % trained"
    return "" if job.status in ("elsewhere", "interrupted") else f"Training {job.status}"


def _phase(job: JobSnapshot) -> str:
    names = [pace.name for pace in job.paces]
    if job.phase not in names or len(names) < 2:
        return ""
    return f" · {escape(job.phase)}, phase {names.index(job.phase) + 1} of {len(names)}"


def _skill(job: JobSnapshot, charts: JobCharts) -> str:
    if not charts.skill:
        return ""
    frames = "frames that are not learned from" if "held out" in job.curves else "frames that are learned from"
    return f'<h3>Skill</h3>{charts.skill}<p class="fine">{SKILL_READING.format(frames)}</p>'


def _warning(job: JobSnapshot) -> str:
    """The warning of a predictor training that spoils the autoencoder."""
    points = job.curves.get("reconstruction", ())
    if not points or points[-1][1] <= RISEN * points[0][1]:
        return ""
    return (
        f'<div class="notice" id="reconstruction-rises">The reconstruction error has risen from '
        f"{loss_text(points[0][1])} to {loss_text(points[-1][1])}: joint training changes the autoencoder. To keep it, "
        "stop, restore the version before under Models, and train with the autoencoder kept as it is.</div>"
    )


def _numbers(job: JobSnapshot) -> str:
    facts = [("Step", f"{job.step:,} of {job.max_steps:,}")]
    if job.measures.get("skill"):
        facts.append(("Skill", _skill_text(job)))
    if job.loss is not None:
        facts.append(("Loss", loss_text(job.loss)))
    if job.threshold is not None:
        facts.append(("Threshold", loss_text(job.threshold)))
    if job.steps_per_s:
        facts.append(("Speed", f"{rate_text(job.steps_per_s)} steps/s"))
    facts.append(("Time", duration_text(job.seconds)))
    if job.seconds_left:
        facts.append(("Left", f"about {rough_duration(job.seconds_left)}"))
    if job.started_by:
        facts.append(("Started by", job.started_by))
    cells = "".join(f"<span><b>{escape(name)}</b> {escape(text)}</span>" for name, text in facts)
    return f'<div class="status-line" id="training-numbers">{cells}</div>'


def _skill_text(job: JobSnapshot) -> str:
    skill, reference = job.measures["skill"][-1][1], next(iter(job.references), "a guess")
    return f"worse than {reference}" if skill < 0 else f"{100 * skill:.0f} % better than {reference}"


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
        change += " The loss rose: the checkpoints from before this run are in the checkpoint history, under Models."
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
