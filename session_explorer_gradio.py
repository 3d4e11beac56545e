"""Session Explorer: the one Blocks page. Layout, the wiring of components and events, and the command line.

Every function behind a button takes the server's `Explorer`, then the visitor, then what the visitor typed. What goes
wrong by a visitor's hand is raised as a named exception and reaches the page as its one sentence.
"""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from html import escape
from typing import Any

# Importing torch takes 1.5 s, and beside Gradio's own import nothing: together 3.0 s instead of 4.6 s.
threading.Thread(target=__import__, args=("torch",), daemon=True).start()

import gradio as gr

import models
import training
from page import handlers, messages
from page.backend import PageBackend
from page.clip import ClipEmpty, ClipTooLong
from page.components import FramePosition
from page.facts import frame_facts
from page.handlers import PageError, as_message, bind, may_train, name_of, select_outputs
from page.opening import open_newest, open_page, open_session, refresh_sessions
from page.selection import history_of, length_of, recording_of, selected
from page.server.access_policy import AccessPolicy
from page.server.blocks import PageBlocks
from page.server.launch import announce, exit_now, free_port
from page.server.settings import Settings, parse_command_line
from page.server.web_app import limit_waiting, web_options
from page.status import checkpoint_choices, describe_status
from page.tabs.accuracy import truth_view
from page.tabs.actions import diagnostics_view
from page.tabs.attention import attention_view, build_inside_tab, parse_attention
from page.tabs.errors import (
    CHOSEN,
    IN_USE,
    build_errors_tab,
    check_clip,
    clip_view,
    evaluation_status,
    tick_errors_notice,
    tick_evaluation,
)
from page.tabs.imagine import Press, build_imagine_tab, pressed, way_of
from page.tabs.imagine_view import imagine_answer, imagine_refusal, rollout_view
from page.tabs.networks import (
    build_autoencoder_tab,
    build_models_panel,
    build_predictor_tab,
    prediction_view,
    reconstruction_view,
)
from page.tabs.recording import build_recording_column
from page.tabs.statistics import statistics_view
from page.tabs.training import NO_JOB, TRAINER_BUTTONS, build_training_tab, training_view
from page.tabs.weights import weights_view
from page.visitor import Visitor
from session import SessionError, list_sessions, record_demo, session_statistics, simulator_names
from session.batch import build_batch, frame_tensor, scaled_candidates
from training.options import ADVANCED, ONE_FRAME, RANGE, STANDARD, SUBJECT, WHOLE, read_config, read_subject, whole

WANDB_PROJECT = None  # "my-project-name" sends the numbers of every training run to Weights & Biases

logger = logging.getLogger("session_explorer")

DEMO_FRAMES = 60
QUICK_AT_ONCE = 4  # visitors whose short events are answered at the same time
WAITING_AT_MOST = 40  # events of one kind; one more is told that the server is busy
PREDICTOR = models.ActionPredictorConfig()
ERRORS = ("errors_view", "errors_data", "shown_errors", "compared_errors")
FORM_FIELDS = ("frame", "history_length", "is_log", *SUBJECT, *ADVANCED)
USER_ERRORS = (
    *(PageError, SessionError, ClipEmpty, ClipTooLong),
    *(models.NotFinite, training.CheckpointError, *training.REFUSALS),
)


class Explorer(PageBackend):
    """The shared state of the server, with its settings and its access rules."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.data, settings.device, settings.read_only, settings.wandb_project)
        self.settings, self.access = settings, AccessPolicy(settings)


# ---- the functions behind the page ----------------------------------------------------------------------------------


def load_session(explorer: Explorer, visitor: Visitor, session_id: str | None = None) -> tuple:
    """Open a recording for this visitor, at its first frame, or anew where the visitor is."""
    return open_session(explorer, visitor, session_id, visitor.frame if session_id == visitor.session_id else 0)


def show_frame(explorer: Explorer, visitor: Visitor, frame: FramePosition | None = None) -> Any:
    """Remember the frame a visitor has settled on, and tell about it."""
    try:
        return frame_facts(*selected(explorer, visitor, frame))
    except (PageError, SessionError) as problem:  # asked without a queue: an error would not reach the page
        return messages.notice(problem)


def load_models(
    explorer: Explorer,
    visitor: Visitor,
    request: gr.Request,
    autoencoder_path: str | None = None,
    predictor_path: str | None = None,
) -> tuple[str, str]:
    """Load checkpoints into the networks of this robot, for everybody. An empty path leaves that network as it is."""
    explorer.require_trainer(request)
    manager = explorer.manager_for(visitor)
    typed = {"autoencoder": autoencoder_path, "predictor": predictor_path}
    told = [load_one(explorer, manager, network, path) for network, path in typed.items()]
    return messages.result("".join(told)), describe_status(explorer, visitor)


def load_one(explorer: Explorer, manager: training.TrainingManager, network: str, typed: str | None) -> str:
    if not typed or not str(typed).strip():
        return messages.left_as_it_is(network)
    try:
        info = manager.load(network, explorer.typed_path(typed))
    except (training.CheckpointError, training.JobRunning) as problem:
        return messages.not_loaded(network, problem)
    return messages.loaded(network, manager.shared.weights[network].describe(), info.notes)


def save_models(explorer: Explorer, visitor: Visitor, request: gr.Request) -> tuple:
    """Write the networks of this robot that have learned something, with their optimizers."""
    explorer.require_trainer(request)
    saved = explorer.manager_for(visitor).save()
    told = messages.result(f"<p>Saved: {escape(saved.describe())}.</p>")
    return told, describe_status(explorer, visitor), *checkpoint_choices(explorer, visitor.profile), ""


def run_autoencoder(explorer: Explorer, visitor: Visitor, frame: FramePosition | None = None) -> str:
    """Reconstruct the selected frame: input, reconstruction, error map and MSE."""
    recording, index = selected(explorer, visitor, frame)
    shared = explorer.manager_for(visitor).shared
    result = models.run_reconstruction(shared, frame_tensor(recording, index))
    return reconstruction_view(recording, index, result, models.draw_error(result.error))


def run_predictor(
    explorer: Explorer, visitor: Visitor, frame: FramePosition | None = None, history_length: int | None = None
) -> str:
    """Predict the selected frame from the frames before it, and sweep all actions in place of the last one."""
    recording, index = selected(explorer, visitor, frame)
    history = history_of(recording, index, history_length)
    batch, candidates = build_batch(recording, history), scaled_candidates(recording)
    recorded = recording.candidate_index(history.actions[-1])
    shared = explorer.manager_for(visitor).shared
    result = models.run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
    differences = models.draw_differences(result.differences, result.difference_top)
    return prediction_view(recording, history, result, models.draw_error(result.error), differences)


def imagine(
    explorer: Explorer,
    visitor: Visitor,
    press: Press | None = None,
    frame: FramePosition | None = None,
    history_length: int | None = None,
    way: str | None = None,
) -> dict[str, Any]:
    """Go on with the visitor's dream by an action, given by its number, or "undo", "reset" or "begin"; without any step
    it starts at the selected frame. Answers what was imagined beside the truth, as far as that is known."""
    recording, start = selected(explorer, visitor, frame)
    shared, what = explorer.manager_for(visitor).shared, pressed(press, len(recording.candidate_actions))
    length, way, visit = length_of(history_length), way_of(way), visitor.visit
    dream = training.apply_command(shared, recording, visitor.dream, start, what, way, length)
    if visitor.visit == visit:
        visitor.dream = dream
    return imagine_answer(
        recording, visitor.session_id, dream, press, all(used.is_trained for used in shared.weights.values())
    )


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
    clip of the chosen way to go on ("latents" or "pictures")."""
    recording, start = selected(explorer, visitor, frame)
    shared, length, way = explorer.manager_for(visitor).shared, length_of(history_length), way_of(way)
    rolled = training.roll_out(shared, recording, start, whole(steps), length)
    found = list(progress.tqdm(rolled, desc="Imagining frames"))
    return rollout_view(recording, start, found, int(steps), length, way, shared.weights)


def measure_truth(
    explorer: Explorer, visitor: Visitor, history_length: int | None = None, frames: int | None = 20
) -> str:
    """How far predictions from some frames are from what the simulator would have shown, for every action."""
    recording = recording_of(explorer, visitor)
    shared, length = explorer.manager_for(visitor).shared, length_of(history_length)
    return truth_view(recording, training.measure_truth(shared, recording, visitor.session_id, length, whole(frames)))


def look_at_attention(
    explorer: Explorer,
    visitor: Visitor,
    frame: FramePosition | None = None,
    history_length: int | None = None,
    layer: int | None = 0,
    head: int | None = 0,
    token: int | None = -1,
) -> str:
    """Where the predictor looks when it predicts the selected frame. Layer and head count from 1; 0 is the last layer,
    and the mean of all heads. `token`: which future token looks, from 0, the class token; -1: all of them."""
    recording, index = selected(explorer, visitor, frame)
    history = history_of(recording, index, history_length)
    layer, head, looker = parse_attention(layer, head, token, PREDICTOR.layers, PREDICTOR.heads)
    batch = build_batch(recording, history)
    look = models.run_attention(explorer.manager_for(visitor).shared, batch.frames, batch.actions, layer, head)
    on_frames, shares = models.attention_on_frames(look, looker), models.breakdown(look)
    return attention_view(recording, history, look, looker, on_frames, shares)


def look_at_weights(explorer: Explorer, visitor: Visitor) -> str:
    """Filters, position embeddings and distributions of the weights in use, and what the last training changed."""
    manager = explorer.manager_for(visitor)
    return weights_view(models.inspect_weights(manager.shared), manager.weight_comparison())


def diagnose_actions(
    explorer: Explorer, visitor: Visitor, history_length: int | None = None, frames: int | None = 8
) -> str:
    """Whether the predictor uses the actions: its loss with the true ones, with shuffled ones and with none."""
    recording, _ = selected(explorer, visitor, None)
    count = training.whole_number(frames, "The number of frames to look at", 1, training.MAX_TARGETS)
    shared = explorer.manager_for(visitor).shared
    found = training.diagnose_actions(shared, recording, length_of(history_length), count)
    return diagnostics_view(recording, found)


def describe_session(explorer: Explorer, visitor: Visitor) -> str:
    """Statistics of the recording: its actions, its pace, what is missing or repeated, sizes."""
    recording = recording_of(explorer, visitor)
    return statistics_view(recording, session_statistics(recording))


def evaluate_recording(
    explorer: Explorer,
    visitor: Visitor,
    request: gr.Request,
    history_length: int | None = None,
    weights: str | None = IN_USE,
    autoencoder_path: str | None = None,
    predictor_path: str | None = None,
) -> tuple:
    """Begin to compute the errors of every frame of the recording, in the background; `weights`: those in use, or those
    of the files named by the two paths, which are not loaded for anybody else."""
    recording, _ = selected(explorer, visitor, None)
    if weights not in (IN_USE, CHOSEN):
        raise PageError(f"Evaluate with one of: {IN_USE}, {CHOSEN}.")
    typed = {"autoencoder": autoencoder_path, "predictor": predictor_path} if weights == CHOSEN else {}
    files = {network: explorer.typed_path(path) for network, path in typed.items()}
    asked = (visitor.session_id, recording, length_of(history_length), name_of(request), files)
    order = training.EvaluationRequest(*asked, is_kept=may_train(request))
    begun = explorer.evaluator.start(explorer.manager_for(visitor).shared, order)
    visitor.seen_evaluation = (begun.done, begun.status)  # however soon it ends, its end is news
    return evaluation_status(explorer, visitor, begun.errors.key if begun.errors else None)


def cancel_evaluation(explorer: Explorer, visitor: Visitor, request: gr.Request) -> tuple:
    """End the evaluation in progress; what it has computed is kept, and a later one goes on from there."""
    now = explorer.evaluator.snapshot()
    if now is not None and now.is_active and now.is_kept:  # begun by someone who may train
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
    check_clip(frames_per_s, kind)
    shared, length = explorer.manager_for(visitor).shared, length_of(history_length)
    frames = training.predicted_frames(shared, recording, whole(first), whole(last), length)
    shown = list(progress.tqdm(frames, desc="Predicting frames"))
    return clip_view(recording, shown, shared.weights, length, frames_per_s, kind)


def train_autoencoder_threshold(
    explorer: Explorer, visitor: Visitor, request: gr.Request, threshold: float, max_steps: int, *form: Any
) -> tuple[str, str]:
    """Train the autoencoder until the evaluated loss reaches the threshold, or for `max_steps`."""
    condition = training.LossThreshold(threshold, whole(max_steps))
    return start_training(explorer, visitor, request, "autoencoder", condition, form)


def train_autoencoder_steps(
    explorer: Explorer, visitor: Visitor, request: gr.Request, steps: int, *form: Any
) -> tuple[str, str]:
    """Train the autoencoder for a number of steps."""
    return start_training(explorer, visitor, request, "autoencoder", training.FixedSteps(whole(steps)), form)


def train_predictor_threshold(
    explorer: Explorer, visitor: Visitor, request: gr.Request, threshold: float, max_steps: int, *form: Any
) -> tuple[str, str]:
    """Train predictor and autoencoder jointly until the evaluated loss reaches the threshold, or for `max_steps`."""
    condition = training.LossThreshold(threshold, whole(max_steps))
    return start_training(explorer, visitor, request, "predictor", condition, form)


def train_predictor_steps(
    explorer: Explorer, visitor: Visitor, request: gr.Request, steps: int, *form: Any
) -> tuple[str, str]:
    """Train predictor and autoencoder jointly for a number of steps."""
    return start_training(explorer, visitor, request, "predictor", training.FixedSteps(whole(steps)), form)


def start_training(
    explorer: Explorer,
    visitor: Visitor,
    request: gr.Request,
    network: models.Network,
    condition: training.StopCondition,
    form: tuple,
) -> tuple[str, str]:
    explorer.require_trainer(request)
    fields = dict(zip(FORM_FIELDS, form, strict=True))
    recording, frame = selected(explorer, visitor, fields["frame"])
    subject = read_subject(fields, frame, recording.frame_count)
    order = training.TrainingRequest(network, recording, subject, condition, read_config(fields), name_of(request))
    explorer.manager_for(visitor).train(order)
    return training_status(explorer, visitor, fields["is_log"]), describe_status(explorer, visitor)


def pause_training(explorer: Explorer, visitor: Visitor, request: gr.Request, is_log: bool = False) -> tuple[str, str]:
    """Hold the job before its next step."""
    return command_training(explorer, visitor, request, training.TrainingManager.pause, is_log)


def resume_training(explorer: Explorer, visitor: Visitor, request: gr.Request, is_log: bool = False) -> tuple[str, str]:
    """Go on with a paused job."""
    return command_training(explorer, visitor, request, training.TrainingManager.resume, is_log)


def stop_training(explorer: Explorer, visitor: Visitor, request: gr.Request, is_log: bool = False) -> tuple[str, str]:
    """End the job before its next step; what was learned is kept and saved."""
    return command_training(explorer, visitor, request, training.TrainingManager.stop, is_log)


def command_training(
    explorer: Explorer, visitor: Visitor, request: gr.Request, command: Callable, is_log: bool
) -> tuple[str, str]:
    explorer.require_trainer(request)
    command(explorer.manager_for(visitor))
    return training_status(explorer, visitor, is_log), describe_status(explorer, visitor)


def training_status(explorer: Explorer, visitor: Visitor, is_log: bool = False) -> str:
    """Where the job of this robot stands: bar, numbers, curve, outcome."""
    job = explorer.manager_for(visitor).last_run() if visitor.profile else None
    if job is None:
        return NO_JOB
    return training_view(job, training.draw_charts(job, bool(is_log)), f"runs/{visitor.profile.name}")


def tick_training(explorer: Explorer, visitor: Visitor, is_log: bool) -> Any:
    """The same for a page that is watching, twice a second: nothing is sent while nothing changes."""
    job = explorer.manager_for(visitor).last_run() if visitor.profile else None
    seen = job and (job.network, job.subject, job.step, job.status, job.message, is_log)
    if seen == visitor.seen_job:
        return gr.skip()
    visitor.seen_job = seen
    return training_status(explorer, visitor, is_log)


def record_demos(explorer: Explorer, visitor: Visitor, request: gr.Request) -> tuple:
    """Record a short session with each simulated robot, and open the page anew on the newest."""
    explorer.require_trainer(request)
    record_all_demos(explorer)
    shown = open_newest(explorer, visitor)
    return *refresh_sessions(explorer, visitor), *shown


def record_all_demos(explorer: Explorer) -> None:
    for robot in simulator_names():
        logger.info("recorded a demo: %s", record_demo(explorer.sessions_folder, robot, DEMO_FRAMES, seed=0))


# ---- layout and wiring ----------------------------------------------------------------------------------------------


def wire(explorer: Explorer, demo: gr.Blocks, parts: dict[str, Any], visitor: gr.State, status: gr.HTML) -> None:
    """Connect every component to its function."""
    of = parts.__getitem__
    listing = [of("robot"), of("picker"), of("offer")]
    session_outputs = [
        *map(of, ("player", "facts", "about_frame", "autoencoder_path", "predictor_path")),
        status,
        *map(of, ("autoencoder_result", "predictor_result", "models_message", "last", "attention_result")),
        *map(of, ("weights_result", "actions_result", "statistics_result", "clip_result", "statistics", *ERRORS)),
        *map(of, ("rollout_result", "truth_result")),
    ]
    frame_inputs, predicted = [visitor, of("player")], [of("predictor_result")]
    networks = dict(concurrency_id="networks", concurrency_limit=1)
    quick = dict(show_progress="hidden", concurrency_limit=QUICK_AT_ONCE)
    private, silent = dict(api_visibility="private"), dict(queue=False, show_progress="hidden")
    tick = private | silent | dict(refuse=handlers.ignore)

    def on(
        event: Callable, function: Callable, inputs: list, outputs: list, refuse: Callable = as_message, **options: Any
    ) -> None:
        is_journey = function in (open_page, load_session, record_demos)
        answer = function if is_journey else handlers.discard_if_stale(function)
        handler = bind(explorer, answer, USER_ERRORS, FORM_FIELDS, refuse)
        event(handler, inputs, outputs, **{"api_name": function.__name__, **options})

    whole_page = [*map(of, TRAINER_BUTTONS), *listing, *session_outputs]
    on(demo.load, open_page, [visitor], whole_page, show_progress="hidden", **private)
    on(of("refresh").click, refresh_sessions, [visitor, of("robot")], listing)
    on(
        of("robot").select,
        select_outputs(refresh_sessions, (1, 2)),
        [visitor, of("robot")],
        listing[1:],
        **handlers.CHOICE,
    )
    on(of("load").click, load_session, [visitor, of("picker")], session_outputs, show_progress_on=of("picker"))
    on(of("demo").click, record_demos, [visitor], listing + session_outputs, **private)
    on(of("player").moved, show_frame, frame_inputs, [of("about_frame")], trigger_mode="always_last", **silent)
    paths = [visitor, of("autoencoder_path"), of("predictor_path")]
    on(of("load_models").click, load_models, paths, [of("models_message"), status], **networks)
    on(of("run_autoencoder").click, run_autoencoder, frame_inputs, [of("autoencoder_result")], **networks)
    on(of("run_predictor").click, run_predictor, [*frame_inputs, of("history_length")], predicted, **networks)
    wire_training(on, of, visitor, status, quick)
    wire_inside(on, of, visitor)
    wire_imagine(on, of, visitor)
    on(gr.Timer(0.5).tick, tick_training, [visitor, of("is_log")], [of("view")], **tick)
    pickers, errors = [visitor, *map(of, ERRORS[2:])], [*map(of, ERRORS)]
    on(gr.Timer(1.0).tick, handlers.unless_superseded(tick_evaluation), pickers, errors, **tick)
    noticed = [visitor, of("shown_errors"), of("history_length")]
    on(gr.Timer(2.0).tick, tick_errors_notice, noticed, [of("errors_notice")], **tick)
    on(gr.Timer(2.0).tick, describe_status, [visitor], [status], **tick)


def wire_training(on: Callable, of: Callable, visitor: gr.State, status: gr.HTML, quick: dict[str, Any]) -> None:
    """The Training tab. Its events are short: a job is started or told something, never waited for."""
    shown = [of("view"), status]
    form = [of("player" if name == "frame" else name) for name in FORM_FIELDS]
    goals = {
        train_autoencoder_threshold: ("autoencoder_to_threshold", ["autoencoder_threshold", "autoencoder_max_steps"]),
        train_autoencoder_steps: ("autoencoder_for_steps", ["autoencoder_steps"]),
        train_predictor_threshold: ("predictor_to_threshold", ["predictor_threshold", "predictor_max_steps"]),
        train_predictor_steps: ("predictor_for_steps", ["predictor_steps"]),
    }
    for function, (button, fields) in goals.items():
        on(of(button).click, function, [visitor, *map(of, fields), *form], shown, **quick)
    for button, function in (("pause", pause_training), ("resume", resume_training), ("stop", stop_training)):
        on(of(button).click, function, [visitor, of("is_log")], shown, **quick)
    on(of("is_log").change, training_status, [visitor, of("is_log")], [of("view")], **quick)
    saved = [of("save_message"), status, *map(of, ("autoencoder_path", "predictor_path", "models_message"))]
    on(of("save_models").click, save_models, [visitor], saved, concurrency_id="networks")


def wire_inside(on: Callable, of: Callable, visitor: gr.State) -> None:
    """What is seen inside the model: each panel when it is opened, and again by its button."""
    networks, slow = (dict(concurrency_id=name, concurrency_limit=1) for name in ("networks", "slow"))
    opened = dict(refuse=messages.notice, api_visibility="private", **networks)
    fields = ("player", "history_length", "attention_layer", "attention_head", "attention_token")
    look, seen = [visitor, *map(of, fields)], [of("attention_result")]
    on(of("attend").click, look_at_attention, look, seen, **networks)
    for name in fields[2:]:
        on(of(name).select, look_at_attention, look, seen, **opened | handlers.CHOICE)
    on(of("weigh").click, look_at_weights, [visitor], [of("weights_result")], **networks)
    asked, told = [visitor, of("history_length"), of("diagnosed_frames")], [of("actions_result")]
    on(of("diagnose").click, diagnose_actions, asked, told, **slow)
    panels = {
        "attention": (look_at_attention, look, seen, opened),
        "weights": (look_at_weights, [visitor], [of("weights_result")], opened),
        "actions": (diagnose_actions, asked, told, {**opened, **slow}),
    }
    for panel, (function, inputs, outputs, options) in panels.items():
        on(of(f"{panel}_tab").select, handlers.on_open(panel, function), inputs, outputs, **options)
        on(of("inside_tab").select, handlers.if_open(panel, function), inputs, outputs, **options)
    evaluated = ("history_length", "evaluated_weights", "autoencoder_path", "predictor_path")
    errors, pickers = [*map(of, ERRORS)], [visitor, *map(of, ERRORS[2:])]
    on(of("evaluate").click, evaluate_recording, [visitor, *map(of, evaluated)], errors, concurrency_limit=1)
    on(of("cancel_evaluation").click, cancel_evaluation, [visitor], errors)
    on(of("errors_tab").select, evaluation_status, pickers, errors)
    for name, parts in (("shown_errors", (0, 1, 3)), ("compared_errors", (0, 1))):  # what is chosen stays as it is
        chosen = handlers.as_newest_choice(select_outputs(evaluation_status, parts))
        on(of(name).select, chosen, pickers, [errors[part] for part in parts], **handlers.CHOICE)
    clip = ("history_length", "clip_first", "clip_last", "clip_speed", "clip_kind")
    on(of("make_clip").click, make_clip, [visitor, *map(of, clip)], [of("clip_result")], **slow)
    on(of("statistics").expand, describe_session, [visitor], [of("statistics_result")], refuse=messages.notice)


def wire_imagine(on: Callable, of: Callable, visitor: gr.State) -> None:
    """The Imagine tab. A press is answered in any case, or the pad would wait for ever."""
    networks, place = dict(concurrency_id="networks", concurrency_limit=1), [of("player"), of("history_length")]
    pressed, pad = [visitor, of("imagine_pad"), *place, of("imagine_way")], [of("imagine_pad")]
    # The pad itself sends one press at a time, the next one from within the answer to the last.
    alone = dict(trigger_mode="multiple", show_progress="hidden", **networks)
    on(of("imagine_pad").pressed, imagine, pressed, pad, refuse=imagine_refusal, **alone)
    asked = [visitor, of("player"), of("rollout_steps"), of("history_length"), of("imagine_way")]
    on(of("roll_out").click, roll_out, asked, [of("rollout_result")], **networks)
    compared = [visitor, of("history_length"), of("truth_frames")]
    on(of("measure_truth").click, measure_truth, compared, [of("truth_result")], **networks)


def build_demo(explorer: Explorer) -> gr.Blocks:
    """The whole page over one `Explorer`."""
    with PageBlocks(title="Session Explorer", analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        visitor = gr.State(Visitor())
        gr.HTML(messages.TITLE, elem_id="title")
        status = gr.HTML(elem_id="status")
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=340, elem_id="recording-column"):
                parts = build_recording_column()
            with gr.Column(scale=6, min_width=340):
                parts |= build_models_panel()
                with gr.Tabs():
                    parts |= build_autoencoder_tab() | build_predictor_tab() | build_imagine_tab()
                    numbers = {name: (label, STANDARD[name]) for name, label in ADVANCED.items()}
                    parts |= build_training_tab((ONE_FRAME, RANGE, WHOLE), numbers)
                    parts |= build_inside_tab(PREDICTOR.layers, PREDICTOR.heads) | build_errors_tab()
        wire(explorer, demo, parts, visitor, status)
    return limit_waiting(demo.queue(api_open=False), WAITING_AT_MOST)


def launch_options(explorer: Explorer) -> dict[str, Any]:
    """What `demo.launch` needs for this page to look and work as it should."""
    return web_options(explorer.sessions, explorer.run_file, explorer.access)


# ---- starting ------------------------------------------------------------------------------------------------------


def prepare(explorer: Explorer) -> int:
    """Before the server starts: a demo if there is nothing to see yet, the port, and what others may do."""
    settings = explorer.settings
    if not settings.read_only and not list_sessions(explorer.sessions_folder):
        logger.info("No recordings yet: recording a demo with both simulated robots.")
        try:
            record_all_demos(explorer)
        except SessionError as problem:
            logger.warning("No demo was recorded: %s", problem)
    return free_port(settings.host, settings.port)


def end(*_: object) -> None:
    """Ctrl-C or a request to terminate: jobs stop after their step and save, before the server says goodbye."""
    explorer.evaluator.close(timeout_s=5)
    explorer.close(timeout_s=30)
    exit_now()


settings = parse_command_line(sys.argv[1:] if __name__ == "__main__" else [], WANDB_PROJECT)
try:
    explorer = Explorer(settings)
except models.DeviceUnavailable as problem:
    sys.exit(str(problem))
demo = build_demo(explorer)

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, end)
    demo.launch(
        server_name=settings.host,
        server_port=prepare(explorer),
        share=settings.share,
        quiet=True,
        prevent_thread_lock=True,
        **launch_options(explorer),
    )
    announce(demo, explorer.access, settings.browser)
    models.trim_memory_forever()
