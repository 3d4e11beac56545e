"""Finding and opening recordings: the list of sessions, and everything that the page shows of an opened one."""

from collections.abc import Sequence
from html import escape

import gradio as gr
import numpy as np

from page import messages
from page.backend import PageBackend
from page.components import FramePosition, OpenDropdown, OpenNumber, go_to
from page.facts import frame_facts_or_notice, session_choices, session_facts
from page.handlers import Answer, PageError, may_train
from page.readings import ACTION_TEXTS, label, readings
from page.status import describe_status, opened_models
from page.tabs import accuracy, cleared
from page.tabs.errors import errors_of
from page.tabs.own_action import form_of
from page.tabs.recording import SCOPES
from page.visitor import Visitor
from session import RecordedSession, SessionError, SessionSummary, plain_id

MAX_DIGITS = 9
TRAINER_BUTTONS = (  # they change what others see, so they are enabled for visitors who may train
    *("sessions.demo", "models.load", "models.restore", "training.save", "training.pause", "training.resume"),
    *("training.stop", "training.world_model.run", "training.naming.save"),
    *("training.autoencoder.to_threshold", "training.autoencoder.for_steps"),
    *("training.predictor.to_threshold", "training.predictor.for_steps"),
    *("session_tab.adoption.adopt", "session_tab.adoption.release"),
)


def refresh_sessions(backend: PageBackend, visitor: Visitor, robot: str | None = None) -> Answer:
    """Scan the disk for recordings; `robot`: show only that robot's ("All robots" for all)."""
    summaries = backend.sessions.list()
    titles, robot, choices = session_choices(summaries, robot)
    choices = _with_opened(backend, visitor, summaries, choices)
    value = _chosen(visitor, choices)
    return {
        "sessions.robot": OpenDropdown(choices=titles, value=robot),
        "sessions.picker": OpenDropdown(choices=choices, value=value),
        "sessions.offer": gr.Column(visible=not summaries and not backend.is_read_only),
    }


def filter_sessions(backend: PageBackend, visitor: Visitor, robot: str | None = None) -> Answer:
    """The recordings of a robot. If the open one is of another robot, the newest is opened: what is shown is always the
    session in the list."""
    summaries = backend.sessions.list()
    chosen = _chosen(visitor, _with_opened(backend, visitor, summaries, session_choices(summaries, robot)[-1]))
    if chosen in (None, visitor.session_id):
        content = dict.fromkeys(opened_names(), gr.skip())
    else:
        content = open_session(backend, visitor, chosen, None)
    answer = refresh_sessions(backend, visitor, robot) | content
    del answer["sessions.robot"]
    return answer


def _with_opened(
    backend: PageBackend, visitor: Visitor, summaries: Sequence[SessionSummary], choices: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The choices with the visitor's session, if that is one of them in another reading, or one that no list has, such
    as an episode without data."""
    opened = visitor.session_id or ""
    if opened in (session_id for _, session_id in choices):
        return choices
    if opened and plain_id(opened) not in {one.session_id for one in summaries} and _is_there(backend, opened):
        return [(opened, opened), *choices]
    for place, (text, session_id) in enumerate(choices):
        if opened.startswith(f"{session_id}@"):
            return [*choices[: place + 1], (label(text, session_id, opened), opened), *choices[place + 1 :]]
    return choices


def _is_there(backend: PageBackend, session_id: str) -> bool:
    try:
        backend.sessions.get(session_id)
    except SessionError:
        return False
    return True


def _chosen(visitor: Visitor, choices: list[tuple[str, str]]) -> str | None:
    """The visitor's session, or the newest of the list if it is not in it."""
    ids = [session_id for _, session_id in choices]
    return visitor.session_id if visitor.session_id in ids else next(iter(ids), None)


def revisit_session(backend: PageBackend, visitor: Visitor, position: FramePosition) -> Answer:
    """Open the session and frame of an address that the browser went back to."""
    frame = position.frame if isinstance(position.frame, int) else None
    answer = open_session(backend, visitor, position.session, frame)
    return refresh_sessions(backend, visitor) | answer


def open_session(backend: PageBackend, visitor: Visitor, session_id: str | None, frame: int | None) -> Answer:
    """Everything that the page shows of a recording, opened at `frame` or at its last, or, if `frame` is None, at the
    first frame that can be predicted; raises PageError and SessionError."""
    if not isinstance(session_id, str) or not session_id:
        raise PageError("Choose a session in the list.")
    recording = backend.sessions.get(session_id)
    frame = _first_predictable(recording) if frame is None else min(max(0, frame), max(0, recording.frame_count - 1))
    visitor.go_to_session(session_id, recording.profile, frame)
    backend.manager_for(visitor)  # loads the robot's checkpoints, so that everything below shows the weights in use
    return {
        **cleared(),
        "recording.player": go_to(session_id, recording.version, frame, visitor.visit),
        "sessions.facts": session_facts(recording) + readings(recording, session_id),
        "session_tab.about_frame": frame_facts_or_notice(recording, frame),
        **opened_models(backend, visitor),
        "status": describe_status(backend, visitor),
        **accuracy.shown_for(recording),
        "predictor.own": form_of(recording),
        "training.form.last": OpenNumber(value=max(0, recording.frame_count - 1)),
        **errors_of(backend, visitor, (None, None), is_drawn=False),
    }


def opened_names() -> list[str]:
    """The names of everything that opening a session changes."""
    return [*cleared(), "recording.player", "status"]


def _first_predictable(recording: RecordedSession) -> int:
    """The first frame with a history, 0 if there is none."""
    return int(np.argmax(recording.previous >= 0)) if recording.frame_count else 0


def open_page(backend: PageBackend, visitor: Visitor, request: gr.Request) -> Answer:
    """The first content of a page: the session and frame that its address names, or else the newest recording."""
    wanted, frame = request.query_params.get("session"), request.query_params.get("frame", "")
    index = int(frame) if frame.isdecimal() and len(frame) < MAX_DIGITS else None
    visitor.may_train, content = may_train(request), None
    if wanted:
        try:
            content = open_session(backend, visitor, wanted, index)
            if frame and str(visitor.frame) != frame:
                gr.Warning(f"This session has no frame {frame[:20]}; showing frame {visitor.frame}.", duration=20)
        except (PageError, SessionError) as problem:
            gr.Warning(escape(str(problem)), duration=20)
    buttons = dict.fromkeys(TRAINER_BUTTONS, gr.Button(interactive=visitor.may_train))
    content = content or open_newest(backend, visitor)
    return buttons | refresh_sessions(backend, visitor) | content


def robots_to_adopt(backend: PageBackend, visitor: Visitor) -> OpenDropdown:
    """The robots that may adopt the visitor's recording: those of all recordings."""
    titles = sorted({one.robot_title for one in backend.sessions.list() if one.is_readable})
    return OpenDropdown(choices=titles, value=visitor.profile.title if visitor.profile else None)


def adopt_recording(
    backend: PageBackend,
    visitor: Visitor,
    request: gr.Request,
    robot: str | None = None,
    recordings: str | None = SCOPES[0],
) -> Answer:
    """Let the visitor's recording, or all in its folder, count as another robot's, by its name."""
    session_id = _opened(backend, visitor, request)
    folder, _, _ = session_id.rpartition("/")
    if recordings not in SCOPES:
        raise PageError(f"Adopt one of: {', '.join(SCOPES)}.")
    if recordings == SCOPES[1] and not folder:
        raise PageError("This recording is in no folder of its own: adopt it alone.")
    _require_usual_actions(backend.sessions.get(visitor.session_id))
    if str(robot or "").strip().casefold() == visitor.profile.title.casefold():
        raise PageError(
            f"This recording counts as {visitor.profile.title} already. Choose another robot, or type a new name and "
            "leave the field with Tab."
        )
    backend.sessions.adoptions.adopt(folder if recordings == SCOPES[1] else session_id, str(robot or ""))
    return _opened_anew(backend, visitor)


def _require_usual_actions(recording: RecordedSession) -> None:
    """Raise PageError if the actions are read in another way than usual: as such, no robot adopts a recording."""
    choices = recording.choices
    if choices and choices.current.action != choices.usual.action:
        usual = ACTION_TEXTS.get(choices.usual.action, choices.usual.action)
        raise PageError(f"A recording is adopted with its usual actions: choose Action {usual} above, then adopt.")


def release_recording(backend: PageBackend, visitor: Visitor, request: gr.Request) -> Answer:
    """Let the visitor's recording count as the robot that it names again, with all that were adopted together."""
    session_id = _opened(backend, visitor, request)
    if not backend.sessions.adoptions.robot_of(session_id):
        raise PageError("No robot has adopted this recording: there is nothing to undo.")
    backend.sessions.adoptions.release(session_id)
    return _opened_anew(backend, visitor)


def record_demos(backend: PageBackend, visitor: Visitor, request: gr.Request) -> Answer:
    """Record a short session with each simulated robot, and open the newest."""
    backend.require_trainer(request)
    backend.record_all_demos()
    content = open_newest(backend, visitor)
    return refresh_sessions(backend, visitor) | content


def _opened(backend: PageBackend, visitor: Visitor, request: gr.Request) -> str:
    """The id of the visitor's recording, without its reading, if the visitor may change to whom it belongs."""
    backend.require_trainer(request)
    if visitor.session_id is None:
        raise PageError(messages.NOTHING_LOADED)
    return plain_id(visitor.session_id)


def _opened_anew(backend: PageBackend, visitor: Visitor) -> Answer:
    content = open_session(backend, visitor, visitor.session_id, visitor.frame)
    return refresh_sessions(backend, visitor) | content


def open_newest(backend: PageBackend, visitor: Visitor) -> Answer:
    """The content of the page for the newest recording, or without any if there is none."""
    summaries = backend.sessions.list()
    newest = next((summary.session_id for summary in summaries if summary.is_readable), None)
    if newest:
        return open_session(backend, visitor, newest, None)
    facts = {"sessions.facts": messages.ALL_UNREADABLE} if summaries else {}
    player = go_to("", "", 0, visitor.visit)
    return {**cleared(), **facts, "recording.player": player, "status": describe_status(backend, visitor)}
