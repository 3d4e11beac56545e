"""Finding and opening recordings: what the list offers, and what the whole page shows of the one that was opened."""

from html import escape

import gradio as gr

from page import messages
from page.backend import PageBackend
from page.components import OpenDropdown, OpenNumber, go_to
from page.facts import frame_facts_or_notice, session_choices, session_facts
from page.handlers import PageError, may_train
from page.status import checkpoint_advice, checkpoint_choices, describe_status
from page.tabs.errors import errors_of, no_errors
from page.tabs.training import TRAINER_BUTTONS
from page.visitor import Visitor
from session import SessionError, list_sessions

MAX_DIGITS = 9


def refresh_sessions(explorer: PageBackend, visitor: Visitor, robot: str | None = None) -> tuple:
    """Scan the disk for recordings; `robot`: show only that robot's ("All robots" for all)."""
    summaries = list_sessions(explorer.sessions_folder)
    titles, robot, choices = session_choices(summaries, robot)
    ids = [session_id for _, session_id in choices]
    value = visitor.session_id if visitor.session_id in ids else next(iter(ids), None)
    return (
        OpenDropdown(choices=titles, value=robot),
        OpenDropdown(choices=choices, value=value),
        gr.Column(visible=not summaries and not explorer.is_read_only),
    )


def open_session(explorer: PageBackend, visitor: Visitor, session_id: str | None, frame: int) -> tuple:
    """Everything that the page shows anew for a recording, opened at `frame` or at its last; raises PageError and
    SessionError."""
    if not isinstance(session_id, str) or not session_id:
        raise PageError("Pick a session first, then press Load Session.")
    recording = explorer.sessions.get(session_id)
    frame = min(frame, max(0, recording.frame_count - 1))
    visitor.go_to_session(session_id, recording.profile, frame)
    return (
        go_to(session_id, recording.version, frame, visitor.visit),
        session_facts(recording),
        frame_facts_or_notice(recording, frame),
        *checkpoint_choices(explorer, recording.profile),
        describe_status(explorer, visitor),
        messages.EMPTY_AUTOENCODER,
        messages.EMPTY_PREDICTOR,
        checkpoint_advice(explorer, visitor, recording.profile),
        OpenNumber(value=max(0, recording.frame_count - 1)),
        *(*messages.EMPTY_INSIDE, gr.Accordion(open=False)),
        *errors_of(explorer, visitor, (None, None), is_drawn=False),
        *messages.EMPTY_IMAGINE,
    )


def open_page(explorer: PageBackend, visitor: Visitor, request: gr.Request) -> tuple:
    """First sight of the page: the place its address names, or else the newest recording."""
    wanted, frame = request.query_params.get("session"), request.query_params.get("frame", "0")
    index = int(frame) if frame.isdecimal() and len(frame) < MAX_DIGITS else 0
    visitor.may_train, shown = may_train(request), None
    if wanted:
        try:
            shown = open_session(explorer, visitor, wanted, index)
            if str(visitor.frame) != frame:
                gr.Warning(f"That address names a frame that is not there; this is frame {visitor.frame}.", duration=20)
        except (PageError, SessionError) as problem:
            gr.Warning(escape(str(problem)), duration=20)
    buttons = [gr.Button(interactive=visitor.may_train)] * len(TRAINER_BUTTONS)
    return *buttons, *refresh_sessions(explorer, visitor), *(shown or open_newest(explorer, visitor))


def open_newest(explorer: PageBackend, visitor: Visitor) -> tuple:
    """The same for the newest recording; an empty page where there is none."""
    newest = next((summary.session_id for summary in list_sessions(explorer.sessions_folder)), None)
    if newest:
        return open_session(explorer, visitor, newest, 0)
    no_path, status = gr.Dropdown(choices=[], value=""), describe_status(explorer, visitor)
    empty = (messages.EMPTY_AUTOENCODER, messages.EMPTY_PREDICTOR, "", OpenNumber(value=0), *messages.EMPTY_INSIDE)
    begin = (go_to("", "", 0, visitor.visit), messages.NO_SESSION, messages.NO_SESSION)
    rest = (gr.Accordion(open=False), *no_errors(), *messages.EMPTY_IMAGINE)
    return *begin, no_path, no_path, status, *empty, *rest
