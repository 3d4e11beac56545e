"""Session Explorer: the Blocks page, with its layout, the functions behind its buttons, and its command line.

Every function behind a button takes the server's `Explorer`, then the visitor, then the values of the fields. Errors
that a visitor can cause are named exceptions, whose message becomes a message of the page. A function with several
outputs answers by name: a dict of values by the names of components in `PageParts`, such as "errors.view".
"""

# For `uv run session_explorer_gradio.py`; the versions of requirements.txt.
# /// script
# requires-python = ">=3.11"
# dependencies = ["gradio==6.31.0", "torch==2.13.0", "numpy==2.4.6", "pillow==12.3.0", "matplotlib==3.11.2",
#   "wandb==0.31.0", "orjson==3.13.0", "tqdm==4.70.1"]
# ///

import logging
import sys
import threading
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

# Importing torch takes 1.5 s, and no time in parallel with Gradio's import: together 3.0 s instead of 4.6 s.
threading.Thread(target=__import__, args=("torch",), daemon=True).start()

from page.server.shell import without_foreign_settings

with without_foreign_settings():
    import gradio as gr

import models
import training
from page import handlers, messages, opening, tabs, verdicts
from page.agents.endpoints import add_endpoints
from page.clip import ClipEmpty, ClipTooLong
from page.components import FramePosition
from page.facts import frame_facts
from page.handlers import Answer, On, PageError, may_train, name_of
from page.panels import remember, unless_shown
from page.reports.own_dream import show_dream
from page.selection import history_of, length_of, recording_of, selected
from page.server.blocks import PageBlocks
from page.server.serving import Explorer, serve
from page.server.settings import parse_command_line
from page.server.web_app import limit_waiting
from page.status import CHECKPOINTS, checkpoint_choices, describe_status, load_one
from page.tabs import PageParts
from page.tabs.accuracy import accuracy_view
from page.tabs.errors import CHOSEN, IN_USE, evaluation_status
from page.tabs.imagine_view import imagine_answer, imagine_refusal, rollout_view, true_pictures
from page.tabs.networks import prediction_view, reconstruction_view
from page.tabs.training_view import (
    OFFERED,
    goal_notes,
    name_run,
    offer_world_model,
    recall_title,
    show_title,
    training_status,
)
from page.ticks import periodic_updates, together
from page.versions import checkpoint_history, restore_version
from page.visitor import Visitor
from session import SessionError, session_statistics
from session.batch import build_batch, frame_tensor, scaled_values
from training import whole

WANDB_PROJECT = None  # "my-project-name" sends the numbers of every training run to Weights & Biases

logger = logging.getLogger("session_explorer")

QUICK_AT_ONCE = 4  # visitors whose short events are answered at the same time
WAITING_AT_MOST = 40  # events of one kind; one more is refused because the server is busy
NETWORKS = dict(concurrency_id="networks", concurrency_limit=1)
SLOW = dict(concurrency_id="slow", concurrency_limit=1)
PANELS = dict(concurrency_id="panels", concurrency_limit=1, show_progress="minimal")
QUICK = dict(show_progress="hidden", concurrency_limit=QUICK_AT_ONCE)
PRIVATE, SILENT = dict(api_visibility="private"), dict(queue=False, show_progress="hidden")
TICK = PRIVATE | SILENT | dict(refuse=handlers.ignore)
OPENED = dict(refuse=messages.notice, **PRIVATE)  # a panel or tab that is opened; errors are reported inside it
USER_ERRORS = (
    *(PageError, SessionError, ClipEmpty, ClipTooLong),
    *(models.NotFinite, training.CheckpointError, *training.REFUSALS),
)


# ---- the functions behind the page ----------------------------------------------------------------------------------


def load_session(explorer: Explorer, visitor: Visitor, session_id: str | None = None) -> Answer:
    """Open a recording for this visitor, at its first frame that can be predicted, or again at the visitor's frame."""
    frame = visitor.frame if session_id == visitor.session_id else None
    return opening.open_session(explorer, visitor, session_id, frame)


def show_frame(explorer: Explorer, visitor: Visitor, frame: FramePosition | None = None) -> str:
    """Store the selected frame of a visitor, and describe it."""
    try:
        return frame_facts(*selected(explorer, visitor, frame))
    except (PageError, SessionError) as problem:  # without the queue an error would not reach the page
        return messages.notice(problem)


def load_models(
    explorer: Explorer,
    visitor: Visitor,
    request: gr.Request,
    autoencoder_path: str | None = None,
    predictor_path: str | None = None,
) -> Answer:
    """Load checkpoints into the networks of this robot, for everybody. An empty path leaves that network as it is."""
    explorer.require_trainer(request)
    manager = explorer.manager_for(visitor)
    paths = {"autoencoder": autoencoder_path, "predictor": predictor_path}
    lines = [load_one(explorer, manager, network, path) for network, path in paths.items()]
    return {"models.message": messages.result("".join(lines)), "status": describe_status(explorer, visitor)}


def restore_checkpoint(explorer: Explorer, visitor: Visitor, request: gr.Request, version: str | None = None) -> Answer:
    """Put a version of the history, by its name, in the place of this robot's checkpoints, and load it."""
    explorer.require_trainer(request)
    message = restore_version(explorer.manager_for(visitor), version)
    choices = checkpoint_choices(explorer, visitor.profile)
    return {**choices, "models.message": message, "status": describe_status(explorer, visitor)}


def save_models(explorer: Explorer, visitor: Visitor, request: gr.Request) -> Answer:
    """Save the trained networks of this robot with their optimizers."""
    explorer.require_trainer(request)
    saved = explorer.manager_for(visitor).save()
    return {
        "training.save_message": messages.result(f"<p>Saved: {escape(saved.describe())}.</p>"),
        "status": describe_status(explorer, visitor),
        **checkpoint_choices(explorer, visitor.profile),
        "models.message": "",
    }


def run_autoencoder(explorer: Explorer, visitor: Visitor, frame: FramePosition | None = None) -> str:
    """Reconstruct the selected frame: input, reconstruction, error map and MSE."""
    recording, index = selected(explorer, visitor, frame)
    shared = explorer.manager_for(visitor).served
    version = shared.version
    result = models.run_reconstruction(shared, frame_tensor(recording, index))
    judgement = verdicts.judge_reconstruction(explorer, shared, recording, index, result.mse, version)
    return reconstruction_view(recording, index, result, judgement)


def run_predictor(
    explorer: Explorer,
    visitor: Visitor,
    frame: FramePosition | None = None,
    history_length: int | None = None,
    choice: tabs.own_action.ActionChoice | None = None,
) -> str:
    """Predict the selected frame from the frames before it, with a sweep of actions in place of the last one."""
    recording, index = selected(explorer, visitor, frame)
    history = history_of(recording, index, history_length)
    batch, sweep = build_batch(recording, history), tabs.own_action.sweep_of(recording, history.actions[-1], choice)
    candidates = scaled_values(recording, sweep.actions)
    shared = explorer.manager_for(visitor).served
    version = shared.version
    result = models.run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, sweep.recorded)
    judgement = verdicts.judge_prediction(explorer, shared, recording, index, result, version)
    return prediction_view(recording, history, sweep, result, judgement)


def imagine(
    explorer: Explorer,
    visitor: Visitor,
    press: tabs.imagine.PadInput | None = None,
    frame: FramePosition | None = None,
    history_length: int | None = None,
    way: str | None = None,
) -> dict[str, Any]:
    """Continue the visitor's imagination by an action, given by its number, or "undo", "reset" or "begin"; without any
    step it starts at the selected frame. Returns the imagined frame and the true one, if it is known."""
    recording, start = selected(explorer, visitor, frame)
    shared = explorer.manager_for(visitor).served
    command = tabs.imagine.parse_command(press, recording)
    length, mode, visit = length_of(history_length), tabs.imagine.parse_mode(way), visitor.visit
    imagination = training.apply_command(shared, recording, visitor.imagination, start, command, mode, length)
    if visitor.visit == visit:
        visitor.imagination = imagination
    mean_mses = verdicts.mean_image_errors(explorer, recording, true_pictures(imagination))
    return imagine_answer(recording, visitor.session_id, imagination, press, shared.weights, mean_mses)


def roll_out(
    explorer: Explorer,
    visitor: Visitor,
    frame: FramePosition | None = None,
    steps: int | None = 30,
    history_length: int | None = None,
    way: str | None = None,
    progress: gr.Progress = gr.Progress(),
) -> str:
    """Imagine what was recorded after the selected frame, under the recorded actions: the error of each step, and a
    clip of the chosen mode ("latents" or "pictures")."""
    recording, start = selected(explorer, visitor, frame)
    shared, length, mode = explorer.manager_for(visitor).served, length_of(history_length), tabs.imagine.parse_mode(way)
    rollout = training.roll_out(shared, recording, start, whole(steps), length)
    imagined = list(progress.tqdm(rollout, desc="Imagining frames"))
    mean_mses = verdicts.mean_image_errors(explorer, recording, [step.actual for step in imagined])
    return rollout_view(recording, start, imagined, int(steps), length, mode, shared.weights, mean_mses)


def measure_truth(
    explorer: Explorer, visitor: Visitor, history_length: int | None = None, frames: int | None = 20
) -> str:
    """Distances between predictions from some frames and what the simulator would have shown, for every action."""
    recording = recording_of(explorer, visitor)
    shared, length = explorer.manager_for(visitor).served, length_of(history_length)
    accuracy = training.measure_truth(shared, recording, visitor.session_id, length, whole(frames))
    return accuracy_view(recording, accuracy)


def look_at_attention(
    explorer: Explorer,
    visitor: Visitor,
    frame: FramePosition | None = None,
    history_length: int | None = None,
    layer: int | None = 0,
    head: int | None = 0,
    token: int | None = -1,
) -> str:
    """The predictor's attention when it predicts the selected frame. Layer and head count from 1; 0 is the last layer,
    and the mean of all heads. `token`: the query, a future token from 0, the class token; -1: all of them."""
    recording, index = selected(explorer, visitor, frame)
    history = history_of(recording, index, history_length)
    layer, head, query = tabs.attention.parse_attention(layer, head, token)
    batch = build_batch(recording, history)
    report = models.run_attention(explorer.manager_for(visitor).served, batch.frames, batch.actions, layer, head)
    on_frames, shares = models.attention_on_frames(report, query), models.breakdown(report)
    return tabs.attention.attention_view(recording, history, report, query, on_frames, shares)


def look_at_weights(explorer: Explorer, visitor: Visitor) -> str:
    """Filters, position embeddings and distributions of the weights in use, and their change by the last training."""
    manager = explorer.manager_for(visitor)
    return tabs.weights.weights_view(models.inspect_weights(manager.served), manager.weight_comparison())


def diagnose_actions(
    explorer: Explorer, visitor: Visitor, history_length: int | None = None, frames: int | None = 8
) -> str:
    """Use of the actions by the predictor: its loss with the true ones, with shuffled ones and with none."""
    recording, _ = selected(explorer, visitor, None)
    count = training.whole_number(frames, "The number of frames to look at", 1, training.MAX_TARGETS)
    shared = explorer.manager_for(visitor).served
    version = shared.version
    diagnostics = training.diagnose_actions(shared, recording, length_of(history_length), count)
    judgement = verdicts.judge_diagnostics(explorer, shared, recording, diagnostics, version)
    return tabs.actions.diagnostics_view(recording, diagnostics, judgement)


def describe_session(explorer: Explorer, visitor: Visitor) -> str:
    """Statistics of the recording: actions, intervals, missing and repeated events, sizes."""
    recording = recording_of(explorer, visitor)
    statistics, foretold = session_statistics(recording), training.foretold_actions(recording)
    return tabs.statistics.statistics_view(recording, statistics, foretold)


def evaluate_recording(
    explorer: Explorer,
    visitor: Visitor,
    request: gr.Request,
    history_length: int | None = None,
    weights: str | None = IN_USE,
    autoencoder_path: str | None = None,
    predictor_path: str | None = None,
) -> Answer:
    """Start to compute the errors of every frame of the recording, in the background; `weights`: those in use, or those
    of the files named by the two paths, which are not loaded for other visitors."""
    recording, _ = selected(explorer, visitor, None)
    if weights not in (IN_USE, CHOSEN):
        raise PageError(f"Evaluate with one of: {IN_USE}, {CHOSEN}.")
    paths = {"autoencoder": autoencoder_path, "predictor": predictor_path} if weights == CHOSEN else {}
    files = {network: explorer.typed_path(path) for network, path in paths.items()}
    length, is_kept = length_of(history_length), may_train(request)
    evaluation_request = training.EvaluationRequest(
        visitor.session_id, recording, length, name_of(request), files, is_kept
    )
    evaluation = explorer.evaluator.start(explorer.manager_for(visitor).served, evaluation_request)
    visitor.last_evaluation = (evaluation.done, evaluation.status)  # its end is news even if it comes at once
    return evaluation_status(explorer, visitor, evaluation.errors.key if evaluation.errors else None)


def cancel_evaluation(explorer: Explorer, visitor: Visitor, request: gr.Request) -> Answer:
    """End the evaluation in progress; its results are stored, and a later one continues from there."""
    evaluation = explorer.evaluator.snapshot()
    if evaluation is not None and evaluation.is_active and evaluation.is_kept:  # begun by someone who may train
        explorer.require_trainer(request)
    explorer.evaluator.cancel()
    return evaluation_status(explorer, visitor)


def make_clip(
    explorer: Explorer,
    visitor: Visitor,
    history_length: int | None = None,
    first: int | None = 0,
    last: int | None = 29,
    frames_per_s: float | None = 5,
    kind: str | None = "WebP",
    progress: gr.Progress = gr.Progress(),
) -> str:
    """A short animated picture of the frames from `first` to `last`: actual beside predicted."""
    recording, _ = selected(explorer, visitor, None)
    tabs.errors.check_clip(frames_per_s, kind)
    shared, length = explorer.manager_for(visitor).served, length_of(history_length)
    frames = training.predicted_frames(shared, recording, whole(first), whole(last), length)
    predicted = list(progress.tqdm(frames, desc="Predicting frames"))
    return tabs.errors.clip_view(recording, predicted, shared.weights, length, frames_per_s, kind)


def train_autoencoder_threshold(
    explorer: Explorer, visitor: Visitor, request: gr.Request, threshold: float, max_steps: int, **form: Any
) -> Answer:
    """Train the autoencoder until the evaluated loss reaches the threshold, or for `max_steps`."""
    condition = training.LossThreshold(threshold, whole(max_steps))
    return start_training(explorer, visitor, request, "autoencoder", condition, form)


def train_autoencoder_steps(
    explorer: Explorer, visitor: Visitor, request: gr.Request, steps: int, **form: Any
) -> Answer:
    """Train the autoencoder for a number of steps."""
    return start_training(explorer, visitor, request, "autoencoder", training.FixedSteps(whole(steps)), form)


def train_predictor_threshold(
    explorer: Explorer, visitor: Visitor, request: gr.Request, threshold: float, max_steps: int, **form: Any
) -> Answer:
    """Train predictor and autoencoder jointly until the evaluated loss reaches the threshold, or for `max_steps`."""
    condition = training.LossThreshold(threshold, whole(max_steps))
    return start_training(explorer, visitor, request, "predictor", condition, form)


def train_predictor_steps(explorer: Explorer, visitor: Visitor, request: gr.Request, steps: int, **form: Any) -> Answer:
    """Train predictor and autoencoder jointly for a number of steps."""
    return start_training(explorer, visitor, request, "predictor", training.FixedSteps(whole(steps)), form)


def start_training(
    explorer: Explorer,
    visitor: Visitor,
    request: gr.Request,
    network: models.Network,
    condition: training.StopCondition,
    form: Mapping[str, Any],
) -> Answer:
    explorer.require_trainer(request)
    recording, frame = selected(explorer, visitor, form["frame"])
    selection = training.read_selection(form, frame, recording.frame_count)
    is_all, leaves_out = form["train_on"] == training.ALL, bool(form["leaves_out_flagged"])
    fields = explorer.chosen_frames(visitor.session_id, recording, is_all, leaves_out)
    fields |= dict(selection=selection, config=training.read_config(form), started_by=name_of(request))
    fields |= dict(condition=condition, keeps_autoencoder=bool(form["keeps_autoencoder"]))
    explorer.manager_for(visitor).train(training.TrainingRequest(network, **fields))
    return training_answer(explorer, visitor, form["is_log"])


def train_world_model(
    explorer: Explorer,
    visitor: Visitor,
    request: gr.Request,
    recordings: str | None = training.ALL,
    is_log: bool = True,
    leaves_out_flagged: bool | None = False,
) -> Answer:
    """Train fresh networks by the recipe in phases, on all recordings of this robot or on the whole of this one."""
    explorer.require_trainer(request)
    recording, _ = selected(explorer, visitor, None)
    if recordings not in (training.ALL, training.WHOLE):
        raise PageError(f"Train a world model on one of: {training.ALL}, {training.WHOLE}.")
    is_all = recordings == training.ALL
    chosen = explorer.recordings_of(recording.profile) if is_all else {visitor.session_id: recording}
    explorer.begin_recipe(chosen, name_of(request), bool(leaves_out_flagged))
    return training_answer(explorer, visitor, is_log)


def pause_training(explorer: Explorer, visitor: Visitor, request: gr.Request, is_log: bool = True) -> Answer:
    """Hold the job before its next step."""
    explorer.require_trainer(request)
    explorer.manager_for(visitor).pause()
    return training_answer(explorer, visitor, is_log)


def resume_training(explorer: Explorer, visitor: Visitor, request: gr.Request, is_log: bool = True) -> Answer:
    """Go on with a paused job, or with a world model whose training was stopped or interrupted."""
    explorer.require_trainer(request)
    manager = explorer.manager_for(visitor)
    last = manager.last_run()
    if last is not None and last.is_resumable:
        explorer.resume_recipe(visitor.profile, name_of(request))
    else:
        manager.resume()
    return training_answer(explorer, visitor, is_log)


def stop_training(explorer: Explorer, visitor: Visitor, request: gr.Request, is_log: bool = True) -> Answer:
    """End the job before its next step; its weights stay in use and are saved."""
    explorer.require_trainer(request)
    explorer.manager_for(visitor).stop()
    return training_answer(explorer, visitor, is_log)


def training_answer(explorer: Explorer, visitor: Visitor, is_log: bool) -> Answer:
    view = training_status(explorer, visitor, is_log)
    if visitor.last_job is not None:  # the answer may arrive after that of a tick, which must then be repeated
        visitor.last_job = visitor.last_job._replace(step=-1)
    return {"training.view": view, "status": describe_status(explorer, visitor)}


# ---- layout and events -----------------------------------------------------------------------------------------------


def build_demo(explorer: Explorer) -> gr.Blocks:
    """The whole page over one `Explorer`."""
    options = dict(analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True)
    with PageBlocks(title="Session Explorer", **options) as demo:
        visitor = gr.State(Visitor())
        with gr.Row(elem_id="header"):
            gr.HTML(messages.TITLE, elem_id="title", min_width=300)
            status = gr.HTML(elem_id="status", min_width=300)
        bar = tabs.recording.build_bar()
        with gr.Row(equal_height=False, elem_id="columns"):
            with gr.Column(scale=5, min_width=340, elem_id="recording-column"):
                column = tabs.recording.build_column()
            with gr.Column(scale=7, min_width=340, elem_id="model-column"):
                models_panel = tabs.networks.build_models()
                with gr.Tabs(selected="imagine"):
                    autoencoder_tab = tabs.networks.build_autoencoder()
                    predictor_tab = tabs.networks.build_predictor()
                    imagine_tab = tabs.imagine.build()
                    training_tab = tabs.training.build()
                    with gr.Tab("Inside the model", id="inside") as inside, gr.Tabs():
                        attention = tabs.attention.build()
                        weights = tabs.weights.build()
                        actions = tabs.actions.build()
                    errors_tab = tabs.errors.build()
                    compare_tab = tabs.compare.build()
                    session_tab = tabs.recording.build_tab()
        gr.HTML(messages.VERSION_LINE, elem_id="version")
        page = PageParts(
            visitor=visitor,
            status=status,
            sessions=bar,
            recording=column,
            session_tab=session_tab,
            models=models_panel,
            autoencoder=autoencoder_tab,
            predictor=predictor_tab,
            imagine=imagine_tab,
            training=training_tab,
            inside=inside,
            attention=attention,
            weights=weights,
            actions=actions,
            errors=errors_tab,
            compare=compare_tab,
        )
        connect(On(explorer, page, USER_ERRORS), demo, page)
        add_endpoints(explorer)
    return limit_waiting(demo.queue(api_open=False), WAITING_AT_MOST)


def connect(on: On, demo: gr.Blocks, page: PageParts) -> None:
    """Connect every event to its function."""
    connect_recording(on, demo, page)
    connect_networks(on, page)
    connect_training(on, page.training, page)
    connect_attention(on, page.attention, page)
    connect_weights(on, page.weights, page)
    connect_actions(on, page.actions, page)
    connect_errors(on, page.errors, page)
    connect_clip(on, page.errors.clip, page)
    connect_compare(on, page.compare, page)
    connect_imagine(on, page.imagine, page)
    connect_ticks(on, page)
    tabs.marks.offer_to_programs(on)


def connect_recording(on: On, demo: gr.Blocks, page: PageParts) -> None:
    bar, player, tab, visitor = page.sessions, page.recording.player, page.session_tab, page.visitor
    form, anew, opens = tab.adoption, [*page.listing, *page.opened], dict(is_opening=True)
    robot, whole_page = [visitor, bar.robot], [*on.named(opening.TRAINER_BUTTONS), *anew]
    on(demo.load, opening.open_page, [visitor], whole_page, show_progress="hidden", **opens, **PRIVATE)
    on(bar.refresh.click, opening.refresh_sessions, robot, page.listing)
    picked, listed = dict(show_progress_on=bar.picker, **opens), [bar.picker, bar.offer, *page.opened]
    on(bar.robot.select, opening.filter_sessions, robot, listed, **picked, **handlers.CHOICE)
    on(bar.load.click, load_session, [visitor, bar.picker], page.opened, **picked)
    on(bar.picker.select, load_session, [visitor, bar.picker], page.opened, **picked, **handlers.CHOICE)
    on(bar.demo.click, opening.record_demos, [visitor], anew, **opens, **PRIVATE)
    on(player.revisited, opening.revisit_session, [visitor, player], anew, **picked, **PRIVATE)
    on(player.moved, show_frame, [visitor, player], [tab.about_frame], trigger_mode="always_last", **SILENT)
    on(tab.statistics.expand, describe_session, [visitor], [tab.statistics_result], refuse=messages.notice)
    on(form.panel.expand, opening.robots_to_adopt, [visitor], [form.robot], **TICK)
    on(form.adopt.click, opening.adopt_recording, [visitor, form.robot, form.scope], anew, **opens)
    on(form.release.click, opening.release_recording, [visitor], anew, **opens)


def connect_networks(on: On, page: PageParts) -> None:
    panel, frame = page.models, [page.visitor, page.recording.player]
    paths = [page.visitor, panel.autoencoder_path, panel.predictor_path]
    on(panel.load.click, load_models, paths, [panel.message, page.status], **NETWORKS)
    on(panel.history.expand, checkpoint_history, [page.visitor], [panel.versions, panel.origins])
    shown = on.named([*CHECKPOINTS, "status"])
    on(panel.restore.click, restore_checkpoint, [page.visitor, panel.versions], shown, **NETWORKS)
    on(page.autoencoder.run.click, run_autoencoder, frame, [page.autoencoder.result], **NETWORKS)
    history = [*frame, page.predictor.history_length, page.predictor.own]
    on(page.predictor.run.click, run_predictor, history, [page.predictor.result], **NETWORKS)
    following = dict(trigger_mode="always_last", show_progress="hidden", **OPENED, **NETWORKS)
    player, follow = page.recording.player, handlers.unless_overtaken
    on(player.follow_autoencoder, follow(run_autoencoder), frame, [page.autoencoder.result], **following)
    on(page.predictor.own.changed, run_predictor, history, [page.predictor.result], **following)
    on(player.follow_predictor, follow(run_predictor), history, [page.predictor.result], **following)


def connect_training(on: On, tab: tabs.training.TrainingTab, page: PageParts) -> None:
    """The events are short: they start or command a job, and do not wait for it."""
    visitor, view = page.visitor, [tab.view, page.status]
    log, is_log = [visitor, tab.chart.is_log], tab.chart.is_log
    fields = dict(frame=page.recording.player, history_length=page.predictor.history_length, is_log=is_log)
    form = dict(form=fields | vars(tab.form), **QUICK)
    for goal, to_threshold, for_steps in (
        (tab.autoencoder, train_autoencoder_threshold, train_autoencoder_steps),
        (tab.predictor, train_predictor_threshold, train_predictor_steps),
    ):
        on(goal.to_threshold.click, to_threshold, [visitor, goal.threshold, goal.max_steps], view, **form)
        on(goal.for_steps.click, for_steps, [visitor, goal.steps], view, **form)
    for button, function in ((tab.pause, pause_training), (tab.resume, resume_training), (tab.stop, stop_training)):
        on(button.click, function, log, view, **QUICK)
    offer, drawn = tab.world_model, [visitor, *vars(tab.chart).values()]
    on(offer.run.click, train_world_model, [visitor, offer.recordings, is_log, offer.leaves_out_flagged], view)
    on(is_log.change, training_status, drawn, [tab.view], **QUICK)
    files = [tab.save_message, page.status, *on.named(CHECKPOINTS)]
    on(tab.save.click, save_models, [visitor], files, concurrency_id="networks")
    run, title = tab.naming.run, [tab.naming.name, tab.naming.note]
    on(tab.naming.save.click, name_run, [visitor, *title, run, *drawn[1:]], [tab.view, tab.chart.earlier, run], **QUICK)
    on(tab.naming.panel.expand, recall_title, [visitor, run], title, **TICK)
    on(run.select, show_title, [visitor, run], title, **handlers.CHOICE)
    connect_training_notes(on, tab, visitor)


def connect_training_notes(on: On, tab: tabs.training.TrainingTab, visitor: gr.State) -> None:
    """What the tab says before training begins."""
    goals = [part for goal in (tab.autoencoder, tab.predictor) for part in (goal.way, goal.max_steps, goal.steps)]
    noted = [tab.form.keeps_autoencoder, tab.form.warmup_steps, *goals]
    for event in (tab.tab.select, *(field.change for field in noted)):
        on(event, goal_notes, [visitor, *noted], [tab.goal_note], **TICK)
    on(tab.tab.select, offer_world_model, [visitor], on.named(OFFERED), **TICK)


def connect_attention(on: On, tab: tabs.attention.AttentionPanel, page: PageParts) -> None:
    choices, place = [tab.layer, tab.head, tab.token], [page.recording.player, page.predictor.history_length]
    event = [page.visitor, *place, *choices], [tab.result]
    look = remember("attention", look_at_attention)
    on(tab.run.click, look, *event, **NETWORKS)
    for choice in choices:
        on(choice.select, look, *event, refuse=messages.notice, **NETWORKS, **handlers.CHOICE)
    connect_opening(on, "attention", tab.tab, page, look_at_attention, *event)


def connect_weights(on: On, tab: tabs.weights.WeightsPanel, page: PageParts) -> None:
    event = [page.visitor], [tab.result]
    on(tab.run.click, remember("weights", look_at_weights), *event, **NETWORKS)
    connect_opening(on, "weights", tab.tab, page, look_at_weights, *event)


def connect_actions(on: On, tab: tabs.actions.ActionsPanel, page: PageParts) -> None:
    event = [page.visitor, page.predictor.history_length, tab.frames], [tab.result]
    on(tab.run.click, remember("actions", diagnose_actions), *event, **SLOW)
    connect_opening(on, "actions", tab.tab, page, diagnose_actions, *event)
    fields = [page.visitor, page.predictor.history_length, tab.skill.frames]
    on(tab.skill.run.click, tabs.skill.measure_skill, fields, [tab.skill.result], **SLOW)


def connect_opening(on: On, name: str, panel: gr.Tab, page: PageParts, function: Callable, *event: list) -> None:
    """Compute a panel of Inside the model when it is opened, and when the tab around the panels is."""
    compute = unless_shown(name, function)
    on(panel.select, handlers.on_open(name, compute), *event, **OPENED, **PANELS)
    on(page.inside.select, handlers.if_open(name, compute), *event, **OPENED, **PANELS)


def connect_errors(on: On, tab: tabs.errors.ErrorsTab, page: PageParts) -> None:
    """An answer to a choice in a list leaves that list as it is: another choice may follow before the answer."""
    visitor, length, data = page.visitor, page.predictor.history_length, page.recording.errors_data
    lists, paths = [visitor, tab.shown, tab.compared], [page.models.autoencoder_path, page.models.predictor_path]
    on(tab.run.click, evaluate_recording, [visitor, length, tab.weights, *paths], page.evaluated, concurrency_limit=1)
    on(tab.cancel.click, cancel_evaluation, [visitor], page.evaluated)
    on(tab.tab.select, evaluation_status, lists, page.evaluated)
    choice = handlers.as_newest_choice(handlers.without(evaluation_status, "errors.shown", "errors.cancel"))
    on(tab.shown.select, choice, lists, [tab.view, data, tab.compared], **handlers.CHOICE)
    others = "errors.shown", "errors.compared", "errors.cancel"
    choice = handlers.as_newest_choice(handlers.without(evaluation_status, *others))
    on(tab.compared.select, choice, lists, [tab.view, data], **handlers.CHOICE)


def connect_clip(on: On, panel: tabs.errors.ClipPanel, page: PageParts) -> None:
    fields = [page.predictor.history_length, panel.first, panel.last, panel.speed, panel.kind]
    on(panel.run.click, make_clip, [page.visitor, *fields], [panel.result], **SLOW)


def connect_compare(on: On, tab: tabs.compare.CompareTab, page: PageParts) -> None:
    visitor, models_panel = page.visitor, page.models
    on(tab.tab.select, tabs.compare.compare_choices, [visitor, tab.first, tab.second], [tab.first, tab.second], **TICK)
    dream = [tab.steps, tab.actions, page.predictor.history_length, page.imagine.mode]
    fields = [page.recording.player, tab.first, tab.second, *dream]
    fields += [models_panel.autoencoder_path, models_panel.predictor_path]
    on(tab.run.click, tabs.compare.compare_checkpoints, [visitor, *fields], [tab.result], **NETWORKS)


def connect_imagine(on: On, tab: tabs.imagine.ImagineTab, page: PageParts) -> None:
    """Every use of the pad is answered, also by an error: the pad waits for the answer before it sends the next one."""
    visitor, player, length = page.visitor, page.recording.player, page.predictor.history_length
    pad = dict(refuse=imagine_refusal, trigger_mode="multiple", show_progress="hidden", **NETWORKS)
    on(tab.pad.pressed, imagine, [visitor, tab.pad, player, length, tab.mode], [tab.pad], **pad)
    on(tab.whole.click, show_dream, [visitor], [tab.dream], **SLOW)
    steps, run, result = tab.rollout.steps, tab.rollout.run, tab.rollout.result
    on(run.click, roll_out, [visitor, player, steps, length, tab.mode], [result], **NETWORKS)
    accuracy = tab.accuracy
    on(accuracy.run.click, measure_truth, [visitor, length, accuracy.frames], [accuracy.result], **NETWORKS)


def connect_ticks(on: On, page: PageParts) -> None:
    """Everything that changes without the visitor."""
    ticks = periodic_updates(page)
    inputs = [page.visitor, *(one for tick in ticks for one in tick.inputs)]
    outputs = on.named(dict.fromkeys(name for tick in ticks for name in tick.outputs))
    on(gr.Timer(1.0).tick, together(ticks, USER_ERRORS), inputs, outputs, **TICK)


settings = parse_command_line(sys.argv[1:] if __name__ == "__main__" else [], WANDB_PROJECT)
try:
    explorer = Explorer(settings)
except models.DeviceUnavailable as problem:
    sys.exit(str(problem))
demo = build_demo(explorer)

if __name__ == "__main__":
    serve(demo, explorer)
    models.trim_memory_forever()
