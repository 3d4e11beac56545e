"""The status line of the page, and the checkpoints that can be loaded for the robot of a recording."""

import contextlib
import time
from typing import Any

import gradio as gr

from models import NETWORKS, Network, WeightsSource
from page import messages
from page.backend import PageBackend
from page.facts import status_line
from page.handlers import Answer, PageError
from page.selection import recording_of
from page.tabs.errors import evaluation_line
from page.tabs.job_view import job_line
from page.verdicts import verdicts_in_use
from page.versions import history_answer
from page.visitor import Visitor
from session import RobotProfile, SessionError
from training import NOT_JUDGED, CheckpointError, JobRunning, TrainingManager, Verdict

REPEAT_S = 10.0
FORMER = "; until it ends, results are of the networks from before"
CHECKPOINTS = (
    *("models.autoencoder_path", "models.predictor_path", "models.message"),
    *("models.origins", "models.versions"),
)


def describe_status(backend: PageBackend, visitor: Visitor) -> str:
    """The status line. Every visible page requests it every few seconds, so it opens no file."""
    device = backend.describe_device()
    note = messages.role_note(backend.is_read_only, visitor.may_train)
    if visitor.profile is None:
        return status_line(device, "none yet", {}, note)
    manager = backend.manager_for(visitor)
    weights = manager.served.weights
    verdicts = verdicts_in_use(backend, visitor)
    parts = {network.capitalize(): _network_text(weights[network], verdicts[network]) for network in NETWORKS}
    parts["Training"] = job_line(manager.snapshot()) + (FORMER if manager.served is not manager.shared else "")
    if evaluation := evaluation_line(backend.evaluator.snapshot()):
        parts["Evaluating"] = evaluation
    parts |= {
        f"Also training {name}": job_line(job) for name, job in backend.active_jobs() if name != visitor.profile.name
    }
    return status_line(device, visitor.profile.title, parts, note)


def tick_status(backend: PageBackend, visitor: Visitor) -> str | dict[str, Any]:
    """The same every few seconds: skipped while nothing changes. Trained networks are judged in the background."""
    _judge(backend, visitor)
    # Repeated now and then: the slower answer to a button may put an older line over it.
    state = (time.monotonic() // REPEAT_S, describe_status(backend, visitor))
    if state == visitor.last_status:
        return gr.skip()
    visitor.last_status = state
    return state[1]


def _judge(backend: PageBackend, visitor: Visitor) -> None:
    """Begin to compute a few frames of the visitor's recording if nothing was computed with its robot's networks yet,
    which are trained, and not in training."""
    if visitor.session_id is None:
        return
    manager = backend.manager_for(visitor)
    job, shared = manager.snapshot(), manager.served
    is_known = all(one.level != NOT_JUDGED.level for one in verdicts_in_use(backend, visitor).values())
    if not (is_known or (job is not None and job.is_active and shared is manager.shared)):
        with contextlib.suppress(PageError, SessionError):  # the visitor's next action reports it
            backend.spot_checks.begin(shared, recording_of(backend, visitor))


def _network_text(weights: WeightsSource, verdict: Verdict) -> str:
    """The weights of a network and the verdict on it: "autoencoder.pth, step 1,200 · sees"."""
    source = weights.describe()
    return source if verdict.level == source else f"{source} · {verdict.level}"


def checkpoint_choices(backend: PageBackend, profile: RobotProfile) -> Answer:
    """The checkpoints to choose from for each network, the one in use or the default one chosen; and the history."""
    manager = backend.manager(profile)
    weights, answer = manager.served.weights, history_answer(manager)
    for network, (choices, value) in zip(NETWORKS, backend.checkpoint_menu(profile), strict=True):
        in_use = f"{backend.checkpoint_prefix}/{weights[network].file}"
        chosen = in_use if in_use in choices else value
        answer[f"models.{network}_path"] = gr.Dropdown(choices=choices, value=chosen or None)
    return answer


def load_one(backend: PageBackend, manager: TrainingManager, network: Network, path: str | None) -> str:
    """Load a checkpoint into a network of the manager's robot; returns HTML of what became of it."""
    if not path or not str(path).strip():
        return messages.left_as_it_is(network)
    try:
        info = manager.load(network, backend.typed_path(path))
    except (CheckpointError, JobRunning) as problem:
        return messages.not_loaded(network, problem)
    return messages.loaded(network, manager.shared.weights[network].describe(), info.notes)


def tick_models(backend: PageBackend, visitor: Visitor) -> Answer | dict[str, Any]:
    """The checkpoints and the advice, every few seconds: skipped unless other files are in use or a job has ended."""
    if visitor.profile is None:
        return gr.skip()
    state = _models_state(backend, visitor)
    if state == visitor.last_models:
        return gr.skip()
    visitor.last_models = state
    # The message may be the result of Load Models: only advice that no longer holds is taken away.
    has_run = backend.manager_for(visitor).snapshot() is not None
    is_advised = has_run and not checkpoint_advice(backend, visitor)
    return {**checkpoint_choices(backend, visitor.profile), "models.message": "" if is_advised else gr.skip()}


def opened_models(backend: PageBackend, visitor: Visitor) -> Answer:
    """The panel of models for a session that is opened: the checkpoints, and what to do until trained networks are in
    use; folded unless something can be loaded. What a visitor chooses then stays until other files are in use."""
    advice = checkpoint_advice(backend, visitor)
    is_open = bool(advice) and backend.has_checkpoints(visitor.profile)
    visitor.last_models = _models_state(backend, visitor)
    panel = {"models.message": advice, "models.panel": gr.Accordion(open=is_open)}
    return {**checkpoint_choices(backend, visitor.profile), **panel}


def _models_state(backend: PageBackend, visitor: Visitor) -> tuple:
    manager = backend.manager_for(visitor)
    job, weights = manager.snapshot(), manager.served.weights.values()
    return visitor.visit, tuple(source.file for source in weights), job is not None and job.is_active


def checkpoint_advice(backend: PageBackend, visitor: Visitor) -> str:
    """HTML of what to do until trained networks are in use for the visitor's robot; empty if they are."""
    profile = visitor.profile
    if problem := backend.checkpoints_problem(profile):
        return messages.unreadable_checkpoints(backend.checkpoint_prefix, profile.name, problem)
    if backend.has_checkpoints(profile):
        manager = backend.manager_for(visitor)
        weights = manager.served.weights
        problems = {name: one for name, one in manager.unloaded_defaults.items() if not weights[name].is_trained}
        if problems:
            return "".join(messages.not_loaded(network, problem) for network, problem in problems.items())
        is_any_used = backend.is_read_only or any(source.is_trained for source in weights.values())
        return "" if is_any_used else messages.load_first(visitor.may_train)
    if not visitor.may_train:
        return messages.no_checkpoints_here(profile.title)
    return messages.checkpoint_advice(backend.checkpoint_prefix, profile.name)
