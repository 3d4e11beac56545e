"""The state of a training job as the Training tab shows it, and what is said there before one begins."""

import time
from typing import Any, NamedTuple

import gradio as gr

from page import messages
from page.backend import PageBackend
from page.components import OpenDropdown
from page.handlers import Answer
from page.tabs.job_view import rough_duration, training_view
from page.tabs.looks import LookSlider, run_looks
from page.tabs.training import GOALS, NEWEST, NO_JOB, STANDARD_SMOOTHING, STEPS
from page.verdicts import in_use_lines, verdicts_in_use
from page.visitor import Visitor
from training import (
    JobSnapshot,
    RunTitle,
    TrainingManager,
    Verdict,
    draw_charts,
    is_number,
    typed_title,
)

REPEAT_S = 3.0
TICKED = (  # what a tick may change
    *("training.view", "training.looks", "training.fold", "training.chart.earlier"),
    *("training.naming.run", "training.naming.name", "training.naming.note"),
    *("models.message", "models.autoencoder_path", "models.predictor_path"),
)
OFFERED = ("training.world_model.note", "training.world_model.run")
JOINT_NOTE = "Trains jointly with the autoencoder; its reconstruction error may rise and is drawn too."
ALONE_NOTE = "The autoencoder is frozen."


class ShownJob(NamedTuple):
    """The state of a job, and of the networks in use, that a visitor's page shows; without a job its status is ""."""

    verdicts: tuple[Verdict, ...]
    chart: tuple[Any, ...]
    log: str = ""
    title: RunTitle = RunTitle()
    network: str = ""
    subject: str = ""
    step: int = 0
    status: str = ""
    message: str = ""
    evaluated_at: int = -1
    repeat: float = 0.0


def _state(job: JobSnapshot | None, verdicts: tuple[Verdict, ...], chart: tuple[Any, ...]) -> ShownJob:
    if job is None:
        return ShownJob(verdicts, chart)
    # Repeated every few seconds: an answer may be lost on its way, and the slower answer to a button may put an older
    # view over it.
    repeat = time.monotonic() // REPEAT_S
    names = "log", "title", "network", "subject", "step", "status", "message", "evaluated_at"
    return ShownJob(verdicts, chart, **{name: vars(job)[name] for name in names}, repeat=repeat)


def training_status(
    explorer: PageBackend,
    visitor: Visitor,
    is_log: bool = True,
    smoothing: float | None = STANDARD_SMOOTHING,
    earlier: list[str] | None = None,
) -> str:
    """The state of this robot's training job: bar, numbers, curves, outcome. `smoothing`: of training losses, 0 to
    0.99; `earlier`: logs of runs whose losses are drawn as well."""
    if visitor.profile is None:
        return NO_JOB
    manager = explorer.manager_for(visitor)
    job, in_use = manager.last_run(), in_use_lines(verdicts_in_use(explorer, visitor))
    if job is None:
        return NO_JOB + in_use
    runs = manager.earlier_losses(earlier if isinstance(earlier, list) else [])
    smooth = min(max(smoothing, 0.0), 0.99) if is_number(smoothing) else 0.0
    charts = draw_charts(job, bool(is_log), smooth, runs)
    # While a job runs, each step changes the networks in use: nothing was computed with them.
    return training_view(job, charts, f"runs/{visitor.profile.name}", "" if job.is_active else in_use)


def tick_training(
    explorer: PageBackend, visitor: Visitor, is_log: bool, smoothing: float | None = None, earlier: list | None = None
) -> Answer | dict[str, Any]:
    """The same every second, with what changes when a job begins or ends: skipped while nothing changes."""
    chart = is_log, smoothing, earlier
    manager = explorer.manager_for(visitor) if visitor.profile else None
    job = manager.last_run() if manager else None
    state = _state(job, (*verdicts_in_use(explorer, visitor).values(),), chart) if manager else None
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
    answer |= list_runs(manager)
    if before is not None and before.log != job.log:  # what was typed was for the run before
        answer |= {"training.naming.name": job.title.name, "training.naming.note": job.title.note}
    answer["training.fold"] = gr.Accordion(open=not job.is_active)
    if job.saved and before is not None and before.status:
        answer["models.message"] = ""  # what it said, of a robot without checkpoints, is no longer true
        for network, (files, value) in zip(GOALS, explorer.checkpoint_menu(visitor.profile), strict=True):
            answer[f"models.{network}_path"] = gr.Dropdown(choices=files, value=value or None)
    return answer


def list_runs(manager: TrainingManager) -> Answer:
    """The lists of earlier runs, without the one that the page shows: to compare with, and to name."""
    shown = manager.last_run()
    runs = [(label, log) for label, log in manager.earlier_runs() if shown is None or log != shown.log]
    return {
        "training.chart.earlier": OpenDropdown(choices=runs),
        "training.naming.run": OpenDropdown(choices=[NEWEST, *runs]),
    }


def name_run(
    explorer: PageBackend,
    visitor: Visitor,
    request: gr.Request,
    name: str | None = None,
    note: str | None = None,
    run: str | None = None,
    is_log: bool = True,
    smoothing: float | None = STANDARD_SMOOTHING,
    earlier: list[str] | None = None,
) -> Answer:
    """Give a run a name and a note, for everybody; empty ones take them away. `run`: the name of its log, as in the
    list of earlier runs; without it, the run that the page shows."""
    explorer.require_trainer(request)
    manager = explorer.manager_for(visitor)
    manager.name_run(typed_title(name, note), _log_name(run))
    view = training_status(explorer, visitor, is_log, smoothing, earlier)
    return {"training.view": view, **list_runs(manager)}


def show_title(explorer: PageBackend, visitor: Visitor, run: str | None = None) -> Answer:
    """Name and note of a run, to be changed."""
    title = explorer.manager_for(visitor).title_of(_log_name(run))
    return {"training.naming.name": title.name, "training.naming.note": title.note}


def recall_title(explorer: PageBackend, visitor: Visitor, run: str | None = None) -> Answer | dict[str, Any]:
    """The same for a panel that is opened: skipped without a title, because the visitor may be typing one already."""
    title = explorer.manager_for(visitor).title_of(_log_name(run))
    return show_title(explorer, visitor, run) if title.name or title.note else gr.skip()


def _log_name(run: object) -> str | None:
    """The chosen run, which a program may send as anything; None for the one that the page shows."""
    return str(run) if run else None


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
    weights = explorer.manager_for(visitor).served.weights.values()
    estimate = explorer.recipe_estimate(visitor.profile)
    is_measured = estimate is None and explorer.is_measuring(visitor.profile)
    return estimate and estimate.seconds, is_measured, any(source.is_trained for source in weights)


def _offer(seconds: float | None, is_measured: bool, is_trained: bool) -> Answer:
    label, expected = "Train a world model", messages.MEASURING if is_measured else ""
    if seconds is not None:
        label = f"Train a world model (≈ {rough_duration(seconds)})"
        expected = f"Takes about {rough_duration(seconds)} on this machine. "
    replaced = messages.REPLACED_NETWORKS if is_trained else ""
    return {
        "training.world_model.note": f'<p class="fine">{expected}{messages.WORLD_MODEL_TEXT} {replaced}</p>',
        "training.world_model.run": gr.Button(label),
    }


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
                f"<b>{network.capitalize()}:</b> the warm-up ({warmup_steps:,.0f} steps) is longer than this run, "
                f"which ends at {100 * share:.0f} % of the learning rate. Train longer or shorten the warm-up."
            )
    return "".join(f'<p class="fine">{line}</p>' for line in lines)
