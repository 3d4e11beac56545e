"""Marks for programs: functions that list, make and remove them. The page uses routes (page/server/mark_routes.py)."""

import gradio as gr

from page.backend import PageBackend
from page.handlers import On, PageError
from session import RecordedSession


def list_marks(backend: PageBackend, session_id: str = "") -> list[dict]:
    """What is flagged in a session, in its frames; without a session, all marks, in rows of their recordings."""
    if session_id:
        return [one.as_json() for one in backend.marks.of(session_id, _opened(backend, session_id))]
    return [{"session": session} | mark.as_json() for session, marks in backend.marks.all().items() for mark in marks]


def flag_frames(
    backend: PageBackend,
    request: gr.Request,
    session_id: str,
    first: int | None = None,
    last: int | None = None,
    note: str = "",
) -> list[dict]:
    """Flag the frames from `first` to `last`, one frame without `last`, or the whole session without either; returns
    the session's marks."""
    backend.require_trainer(request)
    backend.marks.flag(session_id, _opened(backend, session_id), first, last, note)
    return list_marks(backend, session_id)


def remove_mark(backend: PageBackend, request: gr.Request, session_id: str, key: str) -> list[dict]:
    """Take a mark away, by its key in the list; returns the session's other marks."""
    backend.require_trainer(request)
    _opened(backend, session_id)
    backend.marks.remove(session_id, key)
    return list_marks(backend, session_id)


def restore_mark(backend: PageBackend, request: gr.Request, session_id: str, key: str) -> list[dict]:
    """Put back a mark that was removed, by its key; returns the session's marks."""
    backend.require_trainer(request)
    _opened(backend, session_id)
    backend.marks.restore(session_id, key)
    return list_marks(backend, session_id)


def _opened(backend: PageBackend, session_id: object) -> RecordedSession:
    """The recording; raises PageError and SessionError."""
    if not isinstance(session_id, str):
        raise PageError("Name a session by its id, such as jetbot/session_20250921_142133.")
    return backend.sessions.get(session_id)


def offer_to_programs(on: On) -> None:
    """Make endpoints of the functions."""
    for function in (list_marks, flag_frames, remove_mark, restore_mark):
        on.program(function)
