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
from pathlib import Path
from typing import Any

# Importing torch takes 1.5 s, and beside Gradio's own import nothing: together 3.0 s instead of 4.6 s.
threading.Thread(target=__import__, args=("torch",), daemon=True).start()

import gradio as gr

import models
import training
from page import messages
from page.binding import LeftMeanwhile, PageError, bind
from page.components import APP_CSS, OpenDropdown, OpenNumber, OpenSlider, Place, build_frame_player, go_to
from page.facts import frame_facts, session_facts, session_labels, status_line
from page.frame_route import recorded_routes, recording_version, run_route
from page.numbers import BadNumber, whole_number
from page.results import prediction_view, reconstruction_view
from page.serving import Settings, free_port, has_screen, parse_command_line
from page.training_view import NO_JOB, job_line, training_view
from page.visitor import Visitor
from session import (
    RecordedSession,
    RobotProfile,
    SessionCache,
    SessionError,
    SessionNotFound,
    list_sessions,
    record_demo,
)
from session.batch import build_batch, frame_tensor, scaled_candidates
from training.figures import loss_chart
from training.form import ADVANCED, ONE_FRAME, RANGE, STANDARD, SUBJECT, WHOLE, read_config, read_subject, whole

WANDB_PROJECT = None  # "my-project-name" sends the numbers of every training run to Weights & Biases

logger = logging.getLogger("session_explorer")

ALL_ROBOTS = "All robots"
DEMO_FRAMES = 60
MAX_DIGITS = 9
QUICK_AT_ONCE = 4  # visitors whose short events are answered at the same time
READERS = ("refresh", "load-session", "run-autoencoder", "run-predictor")  # buttons that change nothing for others
FORM_FIELDS = ("frame", "history_length", "is_log", *SUBJECT, *ADVANCED)


USER_ERRORS = (PageError, SessionError, BadNumber, models.NotFinite, training.CheckpointError, *training.REFUSALS)


class Explorer:
    """What the server holds for all visitors: where files lie, opened recordings, one world model a robot."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sessions_folder = settings.data / "sessions"
        self.checkpoints_folder = settings.data / "checkpoints"
        self.sessions = SessionCache(self.sessions_folder)
        self.device = models.choose_device(settings.device)
        self.world_models = models.WorldModels(self.device)
        self.workshops = training.Workshops(self.checkpoints_folder, settings.wandb_project)

    def shared_model(self, profile: RobotProfile) -> models.SharedWorldModel:
        # A robot that recorded no action has no channel; its frames can be reconstructed all the same.
        return self.world_models.get(f"{profile.name} {profile.channel_names}", max(1, len(profile.channels)))

    def workshop(self, visitor: Visitor) -> training.Workshop:
        """Where the weights of the visitor's robot change."""
        if visitor.profile is None:
            raise PageError(messages.NOTHING_LOADED)
        workshop = self.workshops.get(self.shared_model(visitor.profile), visitor.profile.name)
        if self.settings.read_only:
            workshop.load_defaults()
        return workshop

    def shown_prefix(self) -> str:
        return f"{self.settings.data.resolve().name}/checkpoints"

    def require_writer(self) -> None:
        if self.settings.read_only:
            raise PageError("This server is read-only: nobody loads, trains, records or saves here.")


# ---- the functions behind the page ----------------------------------------------------------------------------------


def refresh_sessions(explorer: Explorer, visitor: Visitor, robot: str | None = None) -> tuple:
    """Scan the disk for recordings; `robot`: show only that robot's ("All robots" for all)."""
    summaries = list_sessions(explorer.sessions_folder)
    titles = [ALL_ROBOTS, *sorted({summary.robot_title for summary in summaries})]
    robot = robot if robot in titles else ALL_ROBOTS
    shown = [summary for summary in summaries if robot in (ALL_ROBOTS, summary.robot_title)]
    ids = [summary.session_id for summary in shown]
    choices = list(zip(session_labels(shown), ids, strict=True))
    value = visitor.session_id if visitor.session_id in ids else next(iter(ids), None)
    return (
        OpenDropdown(choices=titles, value=robot),
        OpenDropdown(choices=choices, value=value),
        gr.Column(visible=not summaries and not explorer.settings.read_only),
    )


def load_session(explorer: Explorer, visitor: Visitor, session_id: str | None = None) -> tuple:
    """Open a recording for this visitor, at its first frame, or anew where the visitor is."""
    return open_session(explorer, visitor, session_id, visitor.frame if session_id == visitor.session_id else 0)


def open_session(explorer: Explorer, visitor: Visitor, session_id: str | None, frame: int) -> tuple:
    if not isinstance(session_id, str) or not session_id:
        raise PageError("Pick a session first, then press Load Session.")
    recording = explorer.sessions.get(session_id)
    frame = min(frame, max(0, recording.frame_count - 1))
    visitor.go_to_session(session_id, recording.profile, frame)
    return (
        go_to(session_id, recording_version(recording), frame, visitor.visit),
        session_facts(recording),
        describe_frame(recording, frame),
        *checkpoint_choices(explorer, recording.profile),
        describe_status(explorer, visitor),
        messages.EMPTY_AUTOENCODER,
        messages.EMPTY_PREDICTOR,
        checkpoint_advice(explorer, recording.profile),
        OpenNumber(value=max(0, recording.frame_count - 1)),
    )


def open_page(explorer: Explorer, visitor: Visitor, request: gr.Request) -> tuple:
    """First sight of the page: the place its address names, or else the newest recording."""
    wanted, frame = request.query_params.get("session"), request.query_params.get("frame", "0")
    index = int(frame) if frame.isdecimal() and len(frame) < MAX_DIGITS else 0
    shown = None
    if wanted:
        try:
            shown = open_session(explorer, visitor, wanted, index)
            if str(visitor.frame) != frame:
                gr.Warning(f"That address names a frame that is not there; this is frame {visitor.frame}.", duration=20)
        except USER_ERRORS as problem:
            gr.Warning(escape(str(problem)), duration=20)
    return *refresh_sessions(explorer, visitor), *(shown or open_newest(explorer, visitor))


def open_newest(explorer: Explorer, visitor: Visitor) -> tuple:
    newest = next((summary.session_id for summary in list_sessions(explorer.sessions_folder)), None)
    if newest:
        return open_session(explorer, visitor, newest, 0)
    no_path, status = gr.Dropdown(choices=[], value=""), describe_status(explorer, visitor)
    empty = (messages.EMPTY_AUTOENCODER, messages.EMPTY_PREDICTOR, "", OpenNumber(value=0))
    return go_to("", "", 0, visitor.visit), messages.NO_SESSION, messages.NO_SESSION, no_path, no_path, status, *empty


def show_frame(explorer: Explorer, visitor: Visitor, frame: Place | None = None) -> Any:
    """Remember the frame a visitor has settled on, and tell about it."""
    try:
        return frame_facts(*selected(explorer, visitor, frame))
    except (PageError, SessionError) as problem:  # asked without a queue: an error would not reach the page
        return messages.notice(problem)


def describe_frame(recording: RecordedSession, index: int) -> str:
    try:
        return frame_facts(recording, index)
    except SessionError as problem:
        return messages.notice(problem)


def selected(explorer: Explorer, visitor: Visitor, place: Place | None) -> tuple[RecordedSession, int]:
    """The visitor's recording and frame; where no frame is given, the one last shown. Raises LeftMeanwhile where the
    visitor has gone to another session since the event was sent."""
    if visitor.session_id is None:
        raise PageError(messages.NOTHING_LOADED)
    if place and place.session not in (None, "", visitor.session_id):
        raise LeftMeanwhile
    recording = recording_of(explorer, visitor)
    if recording.frame_count == 0:
        raise PageError("This recording has no frames; pick another session.")
    if place and place.frame is not None:
        visitor.frame = whole_number(place.frame, "The frame number", 0, recording.frame_count - 1)
    return recording, min(visitor.frame, recording.frame_count - 1)


def recording_of(explorer: Explorer, visitor: Visitor) -> RecordedSession:
    try:
        return explorer.sessions.get(visitor.session_id)
    except SessionNotFound:
        raise PageError(messages.SESSION_GONE) from None


def checkpoint_choices(explorer: Explorer, profile: RobotProfile) -> list[gr.Dropdown]:
    """For each network the files of the robot's folder that may be its own, and the usual one chosen."""
    root, prefix = explorer.checkpoints_folder, explorer.shown_prefix()
    found = training.list_checkpoints(root, profile.name)
    choices = []
    for path, other in zip(training.default_checkpoints(root, profile.name), ("predictor", "autoencoder"), strict=True):
        fitting = [name for name in found if not Path(name).name.startswith(other)]
        names = fitting if path in fitting else [path, *fitting]
        choices.append(gr.Dropdown(choices=[f"{prefix}/{name}" for name in names], value=f"{prefix}/{path}"))
    return choices


def checkpoint_advice(explorer: Explorer, profile: RobotProfile) -> str:
    if training.list_checkpoints(explorer.checkpoints_folder, profile.name):
        weights = explorer.shared_model(profile).weights
        is_any_used = explorer.settings.read_only or any(used.is_trained for used in weights.values())
        return "" if is_any_used else messages.LOAD_FIRST
    if explorer.settings.read_only:
        return messages.no_checkpoints_here(profile.title)
    return messages.checkpoint_advice(explorer.shown_prefix(), profile.name)


def load_models(
    explorer: Explorer, visitor: Visitor, autoencoder_path: str | None = None, predictor_path: str | None = None
) -> tuple[str, str]:
    """Load checkpoints into the networks of this robot, for everybody. An empty path leaves that network as it is."""
    explorer.require_writer()
    workshop = explorer.workshop(visitor)
    typed = {"autoencoder": autoencoder_path, "predictor": predictor_path}
    told = [load_one(explorer, workshop, network, path) for network, path in typed.items()]
    return messages.result("".join(told)), describe_status(explorer, visitor)


def load_one(explorer: Explorer, workshop: training.Workshop, network: str, typed: str | None) -> str:
    if not typed or not str(typed).strip():
        return messages.left_as_it_is(network)
    try:
        path = training.checkpoint_path(explorer.checkpoints_folder, str(typed), explorer.shown_prefix())
        info = workshop.load(network, path)
    except (training.CheckpointError, training.JobRunning) as problem:
        return messages.not_loaded(network, problem)
    return messages.loaded(network, workshop.shared.weights[network].describe(), info.notes)


def save_models(explorer: Explorer, visitor: Visitor) -> tuple:
    """Write the networks of this robot that have learned something, with their optimizers."""
    explorer.require_writer()
    saved = explorer.workshop(visitor).save()
    told = messages.result(f"<p>Saved: {escape(saved.describe())}.</p>")
    return told, describe_status(explorer, visitor), *checkpoint_choices(explorer, visitor.profile), ""


def describe_status(explorer: Explorer, visitor: Visitor) -> str:
    """The line on top of the page; asked for every two seconds by every visible page, so it opens no file."""
    device = str(explorer.device).upper()
    note = "read-only" if explorer.settings.read_only else "weights are shared by all visitors"
    if visitor.profile is None:
        return status_line(device, "none yet", {}, note)
    workshop = explorer.workshop(visitor)
    weights = workshop.shared.weights
    told = {network.capitalize(): weights[network].describe() for network in ("autoencoder", "predictor")}
    told["Training"] = job_line(workshop.snapshot())
    others = [job for name, job in explorer.workshops.active() if name != visitor.profile.name]
    told |= {f"Also, {job.subject}": job_line(job) for job in others}
    return status_line(device, visitor.profile.title, told, note)


def run_autoencoder(explorer: Explorer, visitor: Visitor, frame: Place | None = None) -> str:
    """Reconstruct the selected frame: input, reconstruction, error map and MSE."""
    visit = visitor.visit
    recording, index = selected(explorer, visitor, frame)
    shared = explorer.workshop(visitor).shared
    result = models.run_reconstruction(shared, frame_tensor(recording, index))
    if visitor.visit != visit:
        raise LeftMeanwhile
    return reconstruction_view(recording, index, result, models.draw_error(result.error))


def run_predictor(
    explorer: Explorer, visitor: Visitor, frame: Place | None = None, history_length: int | None = None
) -> str:
    """Predict the selected frame from the frames before it, and sweep all actions in place of the last one."""
    visit = visitor.visit
    recording, index = selected(explorer, visitor, frame)
    length = whole_number(3 if history_length is None else history_length, "The history length", 2, 8)
    history = recording.history(index, length)
    batch, candidates = build_batch(recording, history), scaled_candidates(recording)
    recorded = recording.candidate_of(history.actions[-1])
    shared = explorer.workshop(visitor).shared
    result = models.run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
    if visitor.visit != visit:
        raise LeftMeanwhile
    return prediction_view(recording, history, result, models.draw_error(result.error))


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
    explorer.require_writer()
    fields = dict(zip(FORM_FIELDS, form, strict=True))
    recording, frame = selected(explorer, visitor, fields["frame"])
    who = request.username or f"a visitor at {request.client.host}"
    subject = read_subject(fields, frame, recording.frame_count)
    order = training.Order(network, recording, subject, condition, read_config(fields), who)
    explorer.workshop(visitor).train(order)
    return training_status(explorer, visitor, fields["is_log"]), describe_status(explorer, visitor)


def pause_training(explorer: Explorer, visitor: Visitor, is_log: bool = False) -> tuple[str, str]:
    """Hold the job before its next step."""
    return command_training(explorer, visitor, training.Workshop.pause, is_log)


def resume_training(explorer: Explorer, visitor: Visitor, is_log: bool = False) -> tuple[str, str]:
    """Go on with a paused job."""
    return command_training(explorer, visitor, training.Workshop.resume, is_log)


def stop_training(explorer: Explorer, visitor: Visitor, is_log: bool = False) -> tuple[str, str]:
    """End the job before its next step; what was learned is kept and saved."""
    return command_training(explorer, visitor, training.Workshop.stop, is_log)


def command_training(
    explorer: Explorer, visitor: Visitor, command: Callable[[training.Workshop], None], is_log: bool
) -> tuple[str, str]:
    explorer.require_writer()
    command(explorer.workshop(visitor))
    return training_status(explorer, visitor, is_log), describe_status(explorer, visitor)


def training_status(explorer: Explorer, visitor: Visitor, is_log: bool = False) -> str:
    """Where the job of this robot stands: bar, numbers, curve, outcome."""
    job = explorer.workshop(visitor).snapshot() if visitor.profile else None
    if job is None:
        return NO_JOB
    return training_view(job, loss_chart(job.curves, job.threshold, bool(is_log)), f"runs/{visitor.profile.name}")


def tick_training(explorer: Explorer, visitor: Visitor, is_log: bool) -> Any:
    """The same for a page that is watching, twice a second: nothing is sent while nothing changes."""
    job = explorer.workshop(visitor).snapshot() if visitor.profile else None
    seen = job and (job.network, job.subject, job.step, job.status, job.message, is_log)
    if seen == visitor.seen_job:
        return gr.skip()
    visitor.seen_job = seen
    return training_status(explorer, visitor, is_log)


def record_demos(explorer: Explorer, visitor: Visitor) -> tuple:
    """Record a short session with each simulated robot, and open the page anew on the newest."""
    explorer.require_writer()
    record_all_demos(explorer)
    shown = open_newest(explorer, visitor)
    return *refresh_sessions(explorer, visitor), *shown


def record_all_demos(explorer: Explorer) -> None:
    for robot in ("jetbot_sim", "toroidal_dot"):
        logger.info("recorded a demo: %s", record_demo(explorer.sessions_folder, robot, DEMO_FRAMES, seed=0))


# ---- layout and wiring ----------------------------------------------------------------------------------------------


def build_recording_column() -> dict[str, Any]:
    """Left column: which session, its frames, its facts."""
    picker = OpenDropdown([], label="Session", elem_id="session-picker")
    with gr.Row(elem_id="session-row"):
        robot = OpenDropdown([ALL_ROBOTS], value=ALL_ROBOTS, label="Robot", elem_id="robot-filter", min_width=130)
        refresh = gr.Button("🔄 Refresh", elem_id="refresh", size="sm", min_width=110)
        load = gr.Button("Load Session", variant="primary", elem_id="load-session", size="sm", min_width=110)
    with gr.Column(visible=False, elem_id="demo-offer") as offer:
        gr.Markdown(messages.NO_RECORDINGS)
        demo = gr.Button("Record a demo", variant="primary", elem_id="record-demo")
    facts = gr.HTML(elem_id="session-facts")
    player = build_frame_player(elem_id="player")
    with gr.Accordion("About this frame", open=False):
        about_frame = gr.HTML(elem_id="frame-facts")
    names = dict(robot=robot, picker=picker, refresh=refresh, load=load, offer=offer, demo=demo)
    return dict(names, player=player, facts=facts, about_frame=about_frame)


def build_models_panel() -> dict[str, Any]:
    """Which checkpoints to load."""
    with gr.Accordion("Models", open=True):
        options = dict(allow_custom_value=True, info="pick one, or type its path")
        autoencoder = gr.Dropdown([], label="Autoencoder checkpoint", elem_id="autoencoder-path", **options)
        predictor = gr.Dropdown([], label="Predictor checkpoint", elem_id="predictor-path", **options)
        load = gr.Button("Load Models", elem_id="load-models", size="sm")
        message = gr.HTML(elem_id="models-message")
    return dict(autoencoder_path=autoencoder, predictor_path=predictor, load_models=load, models_message=message)


def build_autoencoder_tab() -> dict[str, Any]:
    with gr.Tab("Autoencoder", id="autoencoder"):
        run = gr.Button("Run Autoencoder", variant="primary", elem_id="run-autoencoder")
        result = gr.HTML(messages.EMPTY_AUTOENCODER, elem_id="autoencoder-result")
    return dict(run_autoencoder=run, autoencoder_result=result)


def build_predictor_tab() -> dict[str, Any]:
    with gr.Tab("Predictor", id="predictor"):
        length = OpenSlider(2, 8, value=3, step=1, label="History length (context frames)", elem_id="history-length")
        run = gr.Button("Run Predictor", variant="primary", elem_id="run-predictor")
        result = gr.HTML(messages.EMPTY_PREDICTOR, elem_id="predictor-result")
    return dict(history_length=length, run_predictor=run, predictor_result=result)


def build_training_tab() -> dict[str, Any]:
    with gr.Tab("Training", id="training"):
        parts = build_training_subject()
        with gr.Row():
            for network, threshold in (("autoencoder", 0.0005), ("predictor", 0.001)):
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


def build_training_subject() -> dict[str, Any]:
    """What to train on, and the numbers that rarely change."""
    narrow = dict(min_width=110)
    train_on = gr.Radio([ONE_FRAME, RANGE, WHOLE], value=ONE_FRAME, label="Train on", elem_id="train-on")
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

    def show_fields(what: str) -> tuple:
        return gr.Row(visible=what != ONE_FRAME), *(OpenNumber(visible=what == RANGE) for _ in range(2))

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


def wire(explorer: Explorer, demo: gr.Blocks, parts: dict[str, Any], visitor: gr.State, status: gr.HTML) -> None:
    """Connect every component to its function."""
    of = parts.__getitem__
    listing = [of("robot"), of("picker"), of("offer")]
    session_outputs = [
        *map(of, ("player", "facts", "about_frame", "autoencoder_path", "predictor_path")),
        status,
        *map(of, ("autoencoder_result", "predictor_result", "models_message", "last")),
    ]
    frame_inputs = [visitor, of("player")]
    networks = dict(concurrency_id="networks", concurrency_limit=1)
    quick = dict(show_progress="hidden", concurrency_limit=QUICK_AT_ONCE)
    tick = dict(queue=False, show_progress="hidden", api_visibility="private")
    private = dict(api_visibility="private")

    def on(event: Callable, function: Callable, inputs: list, outputs: list, **options: Any) -> None:
        handler = bind(explorer, function, USER_ERRORS, FORM_FIELDS)
        event(handler, inputs, outputs, **{"api_name": function.__name__, **options})

    on(demo.load, open_page, [visitor], listing + session_outputs, show_progress="hidden", **private)
    on(of("refresh").click, refresh_sessions, [visitor, of("robot")], listing)
    on(of("robot").input, refresh_sessions, [visitor, of("robot")], listing, **private)
    on(of("load").click, load_session, [visitor, of("picker")], session_outputs, show_progress_on=of("picker"))
    on(of("demo").click, record_demos, [visitor], listing + session_outputs, **private)
    on(
        of("player").moved,
        show_frame,
        frame_inputs,
        [of("about_frame")],
        trigger_mode="always_last",
        queue=False,
        show_progress="hidden",
    )
    paths = [of("autoencoder_path"), of("predictor_path")]
    on(of("load_models").click, load_models, [visitor, *paths], [of("models_message"), status], **networks)
    on(of("run_autoencoder").click, run_autoencoder, frame_inputs, [of("autoencoder_result")], **networks)
    inputs = [*frame_inputs, of("history_length")]
    on(of("run_predictor").click, run_predictor, inputs, [of("predictor_result")], **networks)
    wire_training(on, of, visitor, status, quick)
    on(gr.Timer(0.5).tick, tick_training, [visitor, of("is_log")], [of("view")], **tick)
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


def build_demo(explorer: Explorer) -> gr.Blocks:
    """The whole page over one `Explorer`."""
    with gr.Blocks(title="Session Explorer", analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        visitor = gr.State(Visitor())
        gr.HTML(messages.TITLE, elem_id="title")
        status = gr.HTML(elem_id="status")
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=340):
                parts = build_recording_column()
            with gr.Column(scale=6, min_width=340):
                parts |= build_models_panel()
                with gr.Tabs():
                    parts |= build_autoencoder_tab() | build_predictor_tab() | build_training_tab()
        wire(explorer, demo, parts, visitor, status)
        for part in parts.values() if explorer.settings.read_only else ():
            if isinstance(part, gr.Button):
                part.interactive = part.elem_id in READERS
    return demo


def launch_options(explorer: Explorer) -> dict[str, Any]:
    """What `demo.launch` needs for this page to look and work as it should."""
    # The hue's usual 500 and 600 leave white text below the contrast that small letters need (4.5).
    dark_teal = dict(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        color_accent="*primary_700",
    )
    fonts = dict(font=["system-ui", "Segoe UI", "sans-serif"], font_mono=["ui-monospace", "Consolas", "monospace"])
    return dict(
        app_kwargs={"routes": [*recorded_routes(explorer.sessions), run_route(explorer.workshops.run_file)]},
        theme=gr.themes.Default(primary_hue="teal", neutral_hue="slate", **fonts).set(**dark_teal),
        css_paths=[APP_CSS],
        run_history=False,
        ssr_mode=False,
        footer_links=["api"],
    )


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
    port = free_port(settings.host, settings.port)
    if port != settings.port:
        logger.warning("Port %d is in use; using %d.", settings.port, port)
    shown_host = "localhost" if settings.host == "0.0.0.0" else settings.host
    logger.info("Session Explorer: http://%s:%d (Ctrl-C ends it)", shown_host, port)
    if settings.share or settings.host not in ("127.0.0.1", "localhost", "::1"):
        powers = "look and run the networks" if settings.read_only else "look, run the networks, train and load weights"
        logger.warning("OPEN TO OTHERS WITHOUT A KEY: whoever reaches this server may %s.", powers)
    return port


def end(*_: object) -> None:
    """Ctrl-C or a request to terminate: jobs stop after their step and save, before the server says goodbye."""
    explorer.workshops.close(timeout_s=30)
    raise KeyboardInterrupt


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
        inbrowser=settings.browser and has_screen(),
        quiet=True,
        **launch_options(explorer),
    )
