"""Routes of the marks of a recording: what is flagged in it, for everybody, and changes by those who may make any."""

import http

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from page import messages
from page.server.access_policy import ROLE
from page.server.routes import RECHECK_EVERY_S, endpoint
from session import MarksUnusable, RecordedSession, SessionError, SessionMarks
from training import Backend

PATH = "/recorded/marks/{session_id:path}"
NO_CACHE = {"Cache-Control": "no-cache"}
NOT_UNDERSTOOD = "A change of marks is an object with do: flag, remove or restore."


def mark_routes(backend: Backend) -> list[Route]:
    """The routes over the recordings of `backend`, for `launch(app_kwargs={"routes": …})`."""

    def answer(request: Request) -> dict[str, object]:
        session_id, version = request.path_params["session_id"], backend.marks.version
        if version == request.query_params.get("known"):  # asked every few seconds: no recording is looked at
            return {"version": version}
        recording = backend.sessions.get(session_id, RECHECK_EVERY_S)
        is_allowed = request.scope[ROLE] == "train"
        refusal = messages.READ_ONLY if backend.is_read_only else messages.MAY_ONLY_LOOK
        return {"version": version, "refusal": "" if is_allowed else refusal} | _marks(backend, session_id, recording)

    def send_marks(request: Request) -> Response:
        return _json(answer(request))

    def change_marks(request: Request, body: bytes) -> Response:
        if request.scope[ROLE] != "train":
            refusal = messages.READ_ONLY if backend.is_read_only else messages.MAY_ONLY_LOOK
            return _json({"error": refusal}, http.HTTPStatus.FORBIDDEN)
        try:
            session_id = request.path_params["session_id"]
            _change(backend.marks, session_id, backend.sessions.get(session_id, RECHECK_EVERY_S), body)
        except SessionError as problem:
            return _json({"error": str(problem)}, http.HTTPStatus.BAD_REQUEST)
        return _json(answer(request))

    async def receive_change(request: Request) -> Response:
        return await run_in_threadpool(change_marks, request, await request.body())

    return [Route(PATH, endpoint(send_marks)), Route(PATH, receive_change, methods=["POST"])]


def _marks(backend: Backend, session_id: str, recording: RecordedSession) -> dict[str, object]:
    try:
        return {"marks": [one.as_json() for one in backend.marks.of(session_id, recording)], "problem": ""}
    except MarksUnusable as problem:
        return {"marks": [], "problem": str(problem)}


def _change(marks: SessionMarks, session_id: str, recording: RecordedSession, body: bytes) -> None:
    """Do what a page asks for; raises SessionError."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        asked = None
    match asked:
        case {"do": "flag", **fields}:
            marks.flag(session_id, recording, *(fields.get(name) for name in ("first", "last", "note")))
        case {"do": "remove", "key": key}:
            marks.remove(session_id, key)
        case {"do": "restore", "key": key}:
            marks.restore(session_id, key)
        case _:
            raise SessionError(NOT_UNDERSTOOD)


def _json(content: dict[str, object], status: int = http.HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json", headers=NO_CACHE)
