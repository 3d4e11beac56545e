"""Session Explorer: the one Blocks page. Layout, the wiring of components and events, and the command line.

Every function behind a button takes the server's `Explorer`, then the visitor, then what the visitor typed. What goes
wrong by a visitor's hand is raised as a named exception and reaches the page as its one sentence.
"""

import argparse
import inspect
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

# Importing torch takes 1.5 s, and beside Gradio's own import nothing: together 3.0 s instead of 4.6 s.
threading.Thread(target=__import__, args=("torch",), daemon=True).start()

import gradio as gr
import numpy as np

import models
import training
from page.facts import action_text, frame_facts, session_facts, session_labels, status_line, values_text
from page.frame_player import APP_CSS, FramePlayer, SessionPicker, build_frame_player
from page.frame_route import recorded_routes, recording_version
from page.numbers import BadNumber, loss_text, whole_number
from page.pictures import Picture, colour_bar, picture_grid, picture_row
from page.visitor import Visitor
from session import RecordedSession, RobotProfile, SessionCache, SessionError, list_sessions, record_demo
from session.batch import build_batch, frame_tensor, scaled_candidates

log = logging.getLogger("session_explorer")

ALL_ROBOTS = "All robots"
DEMO_FRAMES = 60
MAX_DIGITS = 9
NOTHING_LOADED = "No session is loaded: pick one and press Load Session."
EMPTY_AUTOENCODER = '<div class="empty">Press <b>Run Autoencoder</b> to see the selected frame reconstructed.</div>'
EMPTY_PREDICTOR = '<div class="empty">Press <b>Run Predictor</b> to see the selected frame predicted.</div>'


class PageError(Exception):
    """Something a visitor asked for cannot be done now; the message says what to do."""


USER_ERRORS = (PageError, SessionError, BadNumber, training.CheckpointError, models.NotFinite)


@dataclass(frozen=True)
class Settings:
    """What the command line decides."""

    data: Path = Path("saved")
    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    browser: bool = True
    read_only: bool = False
    device: str = "auto"


class Explorer:
    """What the server holds for all visitors: where files lie, opened recordings, one world model a robot."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.sessions_folder = settings.data / "sessions"
        self.checkpoints_folder = settings.data / "checkpoints"
        self.sessions = SessionCache(self.sessions_folder)
        self.device = models.choose_device(settings.device)
        self.world_models = models.WorldModels(self.device)

    def shared_model(self, profile: RobotProfile) -> models.SharedWorldModel:
        # A robot that recorded no action has no channel; its frames can be reconstructed all the same.
        return self.world_models.get(f"{profile.name} {profile.channel_names}", max(1, len(profile.channels)))

    def shown_prefix(self) -> str:
        return f"{self.settings.data.name}/checkpoints"

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
        gr.Dropdown(choices=titles, value=robot),
        SessionPicker(choices=choices, value=value),
        gr.Column(visible=not summaries and not explorer.settings.read_only),
    )


def load_session(explorer: Explorer, visitor: Visitor, session_id: str | None = None) -> tuple:
    """Open a recording for this visitor, at its first frame."""
    return open_session(explorer, visitor, session_id, 0)


def open_session(explorer: Explorer, visitor: Visitor, session_id: str | None, frame: int) -> tuple:
    if not session_id:
        raise PageError("Pick a session first, then press Load Session.")
    recording = explorer.sessions.get(session_id)
    frame = min(frame, max(0, recording.frame_count - 1))
    visitor.go_to_session(session_id, recording.profile, frame)
    return (
        FramePlayer(value=frame, recording=session_id, version=recording_version(recording)),
        session_facts(recording),
        describe_frame(recording, frame),
        *checkpoint_choices(explorer, recording),
        describe_status(explorer, visitor),
        EMPTY_AUTOENCODER,
        EMPTY_PREDICTOR,
        checkpoint_advice(explorer, recording),
    )


def open_page(explorer: Explorer, visitor: Visitor, request: gr.Request) -> tuple:
    """First sight of the page: the place its address names, or else the newest recording."""
    wanted, frame = request.query_params.get("session"), request.query_params.get("frame", "0")
    try:
        index = int(frame) if frame.isdecimal() and len(frame) < MAX_DIGITS else 0
        shown = open_session(explorer, visitor, wanted or newest_session(explorer), index)
    except USER_ERRORS as problem:
        if wanted:
            gr.Warning(escape(str(problem)), duration=20)
        shown = nothing_open(explorer, visitor)
    return *refresh_sessions(explorer, visitor), *shown


def newest_session(explorer: Explorer) -> str | None:
    return next((summary.session_id for summary in list_sessions(explorer.sessions_folder)), None)


def nothing_open(explorer: Explorer, visitor: Visitor) -> tuple:
    nothing = '<p class="fine">No session is loaded.</p>'
    no_path = gr.Dropdown(choices=[], value="")
    status = describe_status(explorer, visitor)
    return (
        FramePlayer(recording=""),
        nothing,
        nothing,
        no_path,
        no_path,
        status,
        EMPTY_AUTOENCODER,
        EMPTY_PREDICTOR,
        "",
    )


def show_frame(explorer: Explorer, visitor: Visitor, frame: int | None = None) -> Any:
    """Remember the frame a visitor has settled on, and tell about it."""
    visit = visitor.visit
    recording, index = selected(explorer, visitor, frame)
    facts = describe_frame(recording, index)
    return facts if visitor.visit == visit else gr.skip()


def describe_frame(recording: RecordedSession, index: int) -> str:
    try:
        return frame_facts(recording, index)
    except SessionError as problem:
        return f'<div class="notice">{escape(str(problem))}</div>'


def selected(explorer: Explorer, visitor: Visitor, frame: int | None) -> tuple[RecordedSession, int]:
    """The visitor's recording and frame; `frame` None: the one last shown."""
    if visitor.session_id is None:
        raise PageError(NOTHING_LOADED)
    recording = explorer.sessions.get(visitor.session_id)
    if recording.frame_count == 0:
        raise PageError("This recording has no frames; pick another session.")
    if frame is not None:
        visitor.frame = whole_number(frame, "The frame number", 0, recording.frame_count - 1)
    return recording, min(visitor.frame, recording.frame_count - 1)


def checkpoint_choices(explorer: Explorer, recording: RecordedSession) -> tuple[gr.Dropdown, gr.Dropdown]:
    root, prefix, name = explorer.checkpoints_folder, explorer.shown_prefix(), recording.profile.name
    found = [f"{prefix}/{path}" for path in training.list_checkpoints(root, name)]
    defaults = [f"{prefix}/{path}" for path in training.default_checkpoints(root, name)]
    autoencoder, predictor = (gr.Dropdown(choices=sorted({*found, path}), value=path) for path in defaults)
    return autoencoder, predictor


def checkpoint_advice(explorer: Explorer, recording: RecordedSession) -> str:
    name, prefix = recording.profile.name, explorer.shown_prefix()
    if training.list_checkpoints(explorer.checkpoints_folder, name):
        return ""
    return (
        f'<p class="fine">There are no checkpoints of this robot yet. Copy <code>autoencoder.pth</code> and '
        f"<code>predictor_0.pth</code> into <code>{escape(prefix)}/{escape(name)}/</code>, then load the session again."
        "</p>"
    )


def load_models(
    explorer: Explorer, visitor: Visitor, autoencoder_path: str | None = None, predictor_path: str | None = None
) -> tuple[str, str]:
    """Load checkpoints into the networks of this robot, for everybody. An empty path leaves that network as it is."""
    explorer.require_writer()
    if visitor.profile is None:
        raise PageError(NOTHING_LOADED)
    shared = explorer.shared_model(visitor.profile)
    typed = {"autoencoder": autoencoder_path, "predictor": predictor_path}
    told = [load_one(explorer, shared, network, path) for network, path in typed.items()]
    return f'<div class="result">{"".join(told)}</div>', describe_status(explorer, visitor)


def load_one(explorer: Explorer, shared: models.SharedWorldModel, network: str, typed: str | None) -> str:
    title = network.capitalize()
    if not typed or not str(typed).strip():
        return f"<p><b>{title}</b> left as it is: no path was given.</p>"
    try:
        path = training.checkpoint_path(explorer.checkpoints_folder, str(typed), explorer.shown_prefix())
        info = training.load_into(shared, network, path)
    except training.CheckpointError as problem:
        return f'<div class="notice"><b>{title} not loaded.</b> {escape(str(problem))} The weights in use stay.</div>'
    notes = "".join(f" {escape(note)}" for note in info.notes)
    return f"<p><b>{title}</b> loaded: {escape(shared.weights[network].describe())}.{notes}</p>"


def describe_status(explorer: Explorer, visitor: Visitor) -> str:
    """The line on top of the page; asked for every two seconds by every visible page, so it opens no file."""
    device = str(explorer.device).upper()
    note = "read-only" if explorer.settings.read_only else "weights are shared by all visitors"
    if visitor.profile is None:
        return status_line(device, "none yet", {}, note)
    weights = explorer.shared_model(visitor.profile).weights
    told = {network.capitalize(): weights[network].describe() for network in ("autoencoder", "predictor")}
    return status_line(device, visitor.profile.title, told, note)


def run_autoencoder(explorer: Explorer, visitor: Visitor, frame: int | None = None) -> str:
    """Reconstruct the selected frame: input, reconstruction, error map and MSE."""
    recording, index = selected(explorer, visitor, frame)
    result = models.run_reconstruction(explorer.shared_model(recording.profile), frame_tensor(recording, index))
    top = float(result.error.max())
    pictures = [
        Picture(result.input, f"Input, frame {index}"),
        Picture(result.reconstruction, "Reconstruction", f"MSE {loss_text(result.mse)}"),
        Picture(models.error_heat_map(result.error, top), "Squared error"),
    ]
    return (
        f'<div class="result">{untrained_notice(autoencoder=result.weights)}'
        f"<p>Frame {index} of {escape(recording.name)}: reconstruction MSE <b>{loss_text(result.mse)}</b>, "
        f"autoencoder {escape(result.weights.describe())}.</p>"
        f"{picture_row(pictures, 'autoencoder-pictures')}{error_legend(top)}</div>"
    )


def run_predictor(
    explorer: Explorer, visitor: Visitor, frame: int | None = None, history_length: int | None = None
) -> str:
    """Predict the selected frame from the frames before it, and sweep all actions in place of the last one."""
    recording, index = selected(explorer, visitor, frame)
    length = whole_number(3 if history_length is None else history_length, "The history length", 2, 8)
    history = recording.history(index, length)
    batch, candidates = build_batch(recording, history), scaled_candidates(recording)
    recorded = recorded_candidate(recording, history.actions[-1])
    shared = explorer.shared_model(recording.profile)
    result = models.run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
    notes = f'<div class="notice">{escape(history.note)}</div>' if history.note else ""
    return (
        f'<div class="result">{untrained_notice(**result.weights)}{notes}'
        f"<p>Frame {index} of {escape(recording.name)}, predicted from {frames_text(history.frames)}: prediction MSE "
        f"<b>{loss_text(result.mse)}</b>.</p>{prediction_pictures(index, result)}"
        f"{sweep_pictures(recording, history.actions[-1], recorded, result)}</div>"
    )


def frames_text(frames: tuple[int, ...]) -> str:
    names = ", ".join(str(frame) for frame in frames)
    return f"frame {names}" if len(frames) == 1 else f"frames {names}"


def recorded_candidate(recording: RecordedSession, action: int) -> int | None:
    """Which candidate action is the recorded one, or None if it is not among them."""
    same = np.isclose(recording.candidate_actions, recording.actions[action], atol=1e-6).all(axis=1)
    return int(same.argmax()) if same.any() else None


def prediction_pictures(index: int, result: models.Prediction) -> str:
    top = float(result.error.max())
    pictures = [
        Picture(result.actual, f"Actual, frame {index}"),
        Picture(result.predicted, "Predicted", f"MSE {loss_text(result.mse)}"),
        Picture(models.error_heat_map(result.error, top), "Squared error"),
    ]
    return picture_row(pictures, "prediction-pictures") + error_legend(top)


def sweep_pictures(recording: RecordedSession, action: int, recorded: int | None, result: models.Prediction) -> str:
    labels, shared = candidate_labels(recording)
    pictures = []
    for number, candidate in enumerate(result.candidates):
        marks = ("recorded",) * (number == recorded) + ("lowest error",) * (number == result.best)
        pictures.append(Picture(candidate.picture, labels[number], f"MSE {loss_text(candidate.mse)}", marks))
    outside = ""
    if recorded is None:
        label = escape(action_text(recording, action))
        outside = f'<div class="notice">The recorded action ({label}) is not in this robot\'s action space.</div>'
    return (
        "<h3>Action sweep: what each action would have led to</h3><p class='fine'>Every action of the action space in "
        f"place of the last one{escape(shared)}; MSE to the frame that really followed.</p>{outside}"
        f"{picture_grid(pictures, 'sweep-pictures')}"
    )


def candidate_labels(recording: RecordedSession) -> tuple[list[str], str]:
    """A label for every candidate action with the channels that differ, and what they all have in common."""
    candidates, names = recording.candidate_actions, recording.profile.channel_names
    differs = (candidates != candidates[:1]).any(axis=0)
    if not differs.any():
        return [values_text(names, values) for values in candidates], ""
    common = values_text(np.array(names)[~differs], candidates[0, ~differs])
    labels = [values_text(np.array(names)[differs], values[differs]) for values in candidates]
    return labels, f" (all with {common})" if common else ""


def error_legend(top: float) -> str:
    strip = models.error_heat_map(np.linspace(0, 1, 120, dtype=np.float32)[None], 1.0)
    return colour_bar(strip, "0", loss_text(top), "squared error a pixel, mean of the colours")


def untrained_notice(**weights: models.WeightsInUse) -> str:
    untrained = [network for network, used in weights.items() if not used.is_trained]
    if not untrained:
        return ""
    names = " and the ".join(untrained)
    return (
        f'<div class="notice"><b>Untrained:</b> the {names} of this robot never learned anything, so this is what '
        "random weights give. Load a checkpoint under Models to see what a trained network makes of it.</div>"
    )


def record_demos(explorer: Explorer, visitor: Visitor) -> tuple:
    """Record a short session with each simulated robot, and open the page anew on the newest."""
    explorer.require_writer()
    record_all_demos(explorer)
    shown = open_session(explorer, visitor, newest_session(explorer), 0)
    return *refresh_sessions(explorer, visitor), *shown


def record_all_demos(explorer: Explorer) -> None:
    for robot in ("jetbot_sim", "toroidal_dot"):
        log.info("recorded a demo: %s", record_demo(explorer.sessions_folder, robot, DEMO_FRAMES, seed=0))


# ---- layout and wiring ----------------------------------------------------------------------------------------------


def bind(explorer: Explorer, function: Callable) -> Callable:
    """`function` for Gradio: without its first argument, and with visitors' errors turned into messages."""
    parameters = list(inspect.signature(function).parameters.values())[1:]

    def handler(*inputs: Any) -> Any:
        try:
            return function(explorer, *inputs)
        except USER_ERRORS as problem:
            raise gr.Error(escape(str(problem)), duration=20, print_exception=False) from None

    handler.__name__, handler.__doc__ = function.__name__, function.__doc__
    handler.__signature__ = inspect.Signature(parameters)
    handler.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return handler


def build_recording_column() -> dict[str, Any]:
    """Left column: which session, its frames, its facts."""
    with gr.Row(elem_id="session-row"):
        robot = gr.Dropdown(
            [ALL_ROBOTS], value=ALL_ROBOTS, label="Robot", elem_id="robot-filter", scale=2, min_width=130
        )
        picker = SessionPicker([], label="Session", elem_id="session-picker", scale=5, min_width=240)
    with gr.Row():
        refresh = gr.Button("🔄 Refresh", elem_id="refresh", size="sm", min_width=110)
        load = gr.Button("Load Session", variant="primary", elem_id="load-session", size="sm", min_width=110)
    with gr.Column(visible=False, elem_id="demo-offer") as offer:
        gr.Markdown(
            "There are no recordings yet. Record a demo with the two simulated robots, or copy sessions into "
            "the data folder and press Refresh."
        )
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
        paths = [
            gr.Dropdown(
                [],
                label=f"{network} checkpoint (pick one, or type its path)",
                allow_custom_value=True,
                elem_id=f"{network.lower()}-path",
            )
            for network in ("Autoencoder", "Predictor")
        ]
        load = gr.Button("Load Models", elem_id="load-models", size="sm")
        message = gr.HTML(elem_id="models-message")
    return dict(autoencoder_path=paths[0], predictor_path=paths[1], load_models=load, models_message=message)


def build_autoencoder_tab() -> dict[str, Any]:
    with gr.Tab("Autoencoder", id="autoencoder"):
        run = gr.Button("Run Autoencoder", variant="primary", elem_id="run-autoencoder")
        result = gr.HTML(EMPTY_AUTOENCODER, elem_id="autoencoder-result")
    return dict(run_autoencoder=run, autoencoder_result=result)


def build_predictor_tab() -> dict[str, Any]:
    with gr.Tab("Predictor", id="predictor"):
        length = gr.Slider(2, 8, value=3, step=1, label="History length (context frames)", elem_id="history-length")
        run = gr.Button("Run Predictor", variant="primary", elem_id="run-predictor")
        result = gr.HTML(EMPTY_PREDICTOR, elem_id="predictor-result")
    return dict(history_length=length, run_predictor=run, predictor_result=result)


def wire(explorer: Explorer, demo: gr.Blocks, parts: dict[str, Any], visitor: gr.State, status: gr.HTML) -> None:
    """Connect every component to its function."""
    of = parts.__getitem__
    listing = [of("robot"), of("picker"), of("offer")]
    session_outputs = [
        *map(of, ("player", "facts", "about_frame", "autoencoder_path", "predictor_path")),
        status,
        *map(of, ("autoencoder_result", "predictor_result", "models_message")),
    ]
    frame_inputs = [visitor, of("player")]
    networks = dict(concurrency_id="networks", concurrency_limit=1)
    quiet = dict(queue=False, show_progress="hidden")
    private = dict(api_visibility="private")

    def on(event: Callable, function: Callable, inputs: list, outputs: list, **options: Any) -> None:
        event(bind(explorer, function), inputs, outputs, **{"api_name": function.__name__, **options})

    on(demo.load, open_page, [visitor], listing + session_outputs, show_progress="hidden", **private)
    on(of("refresh").click, refresh_sessions, [visitor, of("robot")], listing)
    on(of("robot").input, refresh_sessions, [visitor, of("robot")], listing, **private)
    on(of("load").click, load_session, [visitor, of("picker")], session_outputs, show_progress_on=of("picker"))
    on(of("demo").click, record_demos, [visitor], listing + session_outputs, **private)
    on(of("player").moved, show_frame, frame_inputs, [of("about_frame")], trigger_mode="always_last", **quiet)
    paths = [of("autoencoder_path"), of("predictor_path")]
    on(of("load_models").click, load_models, [visitor, *paths], [of("models_message"), status], **networks)
    on(of("run_autoencoder").click, run_autoencoder, frame_inputs, [of("autoencoder_result")], **networks)
    inputs = [*frame_inputs, of("history_length")]
    on(of("run_predictor").click, run_predictor, inputs, [of("predictor_result")], **networks)
    tell_player = "(n) => { window.dispatchEvent(new CustomEvent('history-length', { detail: n })); }"
    of("history_length").change(None, [of("history_length")], None, js=tell_player, api_visibility="private")
    on(gr.Timer(2.0).tick, describe_status, [visitor], [status], **quiet, **private)


def build_demo(explorer: Explorer) -> gr.Blocks:
    """The whole page over one `Explorer`."""
    with gr.Blocks(title="Session Explorer", analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        visitor = gr.State(Visitor())
        gr.HTML(
            "<h1>Session Explorer</h1><p>What the robot saw, what its world model makes of it, and what another "
            "action would have led to.</p>",
            elem_id="title",
        )
        status = gr.HTML(elem_id="status")
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=340):
                parts = build_recording_column()
            with gr.Column(scale=6, min_width=340):
                parts |= build_models_panel()
                with gr.Tabs():
                    parts |= build_autoencoder_tab() | build_predictor_tab()
        wire(explorer, demo, parts, visitor, status)
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
        app_kwargs={"routes": recorded_routes(explorer.sessions)},
        theme=gr.themes.Default(primary_hue="teal", neutral_hue="slate", **fonts).set(**dark_teal),
        css_paths=[APP_CSS],
        run_history=False,
        ssr_mode=False,
        footer_links=["api", "settings"],
    )


# ---- command line ---------------------------------------------------------------------------------------------------


def parse_command_line(arguments: list[str]) -> Settings:
    """Settings from the command line, with Gradio's own environment variables as defaults."""
    parser = argparse.ArgumentParser(description="Explore recorded robot sessions in the browser.")
    parser.add_argument("--data", type=Path, default=Path("saved"), help="folder with sessions/ and checkpoints/")
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 lets the whole network in (127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on; the next free one if it is taken (7860)")
    parser.add_argument("--share", action="store_true", help="also open a public link through Gradio's tunnel")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--read-only", action="store_true", help="nobody loads, records or saves")
    parser.add_argument("--open", action="store_true", help="a trusted network: listen on 0.0.0.0 without keys")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    typed = parser.parse_args(arguments)
    host = typed.host or os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if typed.open else "127.0.0.1")
    try:
        port = whole_number(typed.port or int(os.environ.get("GRADIO_SERVER_PORT") or 7860), "The port", 1, 65535)
    except ValueError as problem:
        parser.error(str(problem))
    return Settings(typed.data, host, port, typed.share, not typed.no_browser, typed.read_only, typed.device)


def free_port(host: str, port: int) -> int:
    """The first port from `port` on that nobody listens on."""
    for candidate in range(port, min(port + 100, 65536)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
        return candidate
    raise SystemExit(f"No port from {port} on is free at {host}; choose another with --port.")


def prepare(explorer: Explorer) -> int:
    """Before the server starts: a demo if there is nothing to see yet, the port, and what others may do."""
    settings = explorer.settings
    if not settings.read_only and not list_sessions(explorer.sessions_folder):
        log.info("No recordings yet: recording a demo with both simulated robots.")
        record_all_demos(explorer)
    port = free_port(settings.host, settings.port)
    if port != settings.port:
        log.warning("Port %d is in use; using %d.", settings.port, port)
    if settings.share or settings.host not in ("127.0.0.1", "localhost", "::1"):
        powers = "look and run the networks" if settings.read_only else "look, run the networks and load weights"
        log.warning("OPEN TO OTHERS WITHOUT A KEY: whoever reaches this server may %s.", powers)
    return port


def has_screen() -> bool:
    """Whether a browser can be opened here: on a server without a screen, one in the terminal would take it over."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


settings = parse_command_line(sys.argv[1:] if __name__ == "__main__" else [])
explorer = Explorer(settings)
demo = build_demo(explorer)

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    demo.launch(
        server_name=settings.host,
        server_port=prepare(explorer),
        share=settings.share,
        inbrowser=settings.browser and has_screen(),
        **launch_options(explorer),
    )
