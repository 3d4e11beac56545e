"""Finding and opening recordings: the list of sessions, and everything that the page shows of an opened one."""

from html import escape

import gradio as gr

from page import messages
from page.backend import PageBackend
from page.components import OpenDropdown, OpenNumber, go_to
from page.facts import frame_facts_or_notice, session_choices, session_facts
from page.handlers import Answer, PageError, may_train
from page.status import checkpoint_advice, checkpoint_choices, describe_status
from page.tabs import accuracy, cleared
from page.tabs.errors import errors_of
from page.visitor import Visitor
from session import SessionError, list_sessions

MAX_DIGITS = 9
TRAINER_BUTTONS = (  # they change what others see, so they are enabled for visitors who may train
    *("recording.demo", "models.load", "training.save", "training.pause", "training.resume", "training.stop"),
    "training.world_model.run",
    *("training.autoencoder.to_threshold", "training.autoencoder.for_steps"),
    *("training.predictor.to_threshold", "training.predictor.for_steps"),
)


def refresh_sessions(backend: PageBackend, visitor: Visitor, robot: str | None = None) -> Answer:
    """Scan the disk for recordings; `robot`: show only that robot's ("All robots" for all)."""
    summaries = list_sessions(backend.sessions_folder)
    titles, robot, choices = session_choices(summaries, robot)
    ids = [session_id for _, session_id in choices]
    value = visitor.session_id if visitor.session_id in ids else next(iter(ids), None)  # unreadable ones come last
    return {
        "recording.robot": OpenDropdown(choices=titles, value=robot),
        "recording.picker": OpenDropdown(choices=choices, value=value),
        "recording.offer": gr.Column(visible=not summaries and not backend.is_read_only),
    }


def open_session(backend: PageBackend, visitor: Visitor, session_id: str | None, frame: int) -> Answer:
    """Everything that the page shows of a recording, opened at `frame` or at its last; raises PageError and
    SessionError."""
    if not isinstance(session_id, str) or not session_id:
        raise PageError("Pick a session first, then press Load Session.")
    recording = backend.sessions.get(session_id)
    frame = min(frame, max(0, recording.frame_count - 1))
    visitor.go_to_session(session_id, recording.profile, frame)
    return {
        **cleared(),
        "recording.player": go_to(session_id, recording.version, frame, visitor.visit),
        "recording.facts": session_facts(recording),
        "recording.about_frame": frame_facts_or_notice(recording, frame),
        **checkpoint_choices(backend, recording.profile),
        "status": describe_status(backend, visitor),
        "models.message": checkpoint_advice(backend, visitor),
        **accuracy.shown_for(recording),
        "training.form.last": OpenNumber(value=max(0, recording.frame_count - 1)),
        **errors_of(backend, visitor, (None, None), is_drawn=False),
    }


def open_page(backend: PageBackend, visitor: Visitor, request: gr.Request) -> Answer:
    """The first content of a page: the session and frame that its address names, or else the newest recording."""
    wanted, frame = request.query_params.get("session"), request.query_params.get("frame", "0")
    index = int(frame) if frame.isdecimal() and len(frame) < MAX_DIGITS else 0
    visitor.may_train, content = may_train(request), None
    if wanted:
        try:
            content = open_session(backend, visitor, wanted, index)
            if str(visitor.frame) != frame:
                gr.Warning(f"That address names a frame that is not there; this is frame {visitor.frame}.", duration=20)
        except (PageError, SessionError) as problem:
            gr.Warning(escape(str(problem)), duration=20)
    buttons = dict.fromkeys(TRAINER_BUTTONS, gr.Button(interactive=visitor.may_train))
    return buttons | refresh_sessions(backend, visitor) | (content or open_newest(backend, visitor))


def open_newest(backend: PageBackend, visitor: Visitor) -> Answer:
    """The content of the page for the newest recording, or without any if there is none."""
    summaries = list_sessions(backend.sessions_folder)
    newest = next((summary.session_id for summary in summaries if summary.is_readable), None)
    if newest:
        return open_session(backend, visitor, newest, 0)
    facts = {"recording.facts": messages.ALL_UNREADABLE} if summaries else {}
    player = go_to("", "", 0, visitor.visit)
    return {**cleared(), **facts, "recording.player": player, "status": describe_status(backend, visitor)}
