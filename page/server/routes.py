"""The routes the player loads from, beside Gradio's own: a recording's timeline and its frame files.

Only recordings that the session cache knows how to open, and only their frames. Who may ask is decided before, in
`access_middleware.py`.
"""

from collections.abc import Callable
from pathlib import Path

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from page.facts import session_extent
from session import RecordedSession, SessionCache, SessionError

# The address of a frame carries the recording's version, so its bytes never change under that address.
FRAME_CACHE = "private, max-age=86400, immutable"
MAX_DIGITS = 9
LOOK_EVERY_S = 2.0  # how long frames are sent without asking whether the recording has grown


def timeline(session_id: str, recording: RecordedSession) -> bytes:
    """JSON of everything the player needs to know of a recording but the pictures."""
    return orjson.dumps(
        {
            "session": session_id,
            **growth(recording),
            "frames": recording.frame_count,
            "utc_offset_s": recording.utc_offset_s,
            "channels": [{"name": c.name, "low": c.low, "high": c.high} for c in recording.profile.channels],
            "steps": recording.steps,
            "times": recording.times,
            "previous": recording.previous,
            "action_into": recording.action_into,
            "action_after": recording.action_after,
            "actions": recording.actions,
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def growth(recording: RecordedSession) -> dict[str, object]:
    """What a player that shows a recording asks again and again while that may grow."""
    return {"version": recording.version, "may_grow": recording.may_be_recording, "extent": session_extent(recording)}


def recorded_routes(sessions: SessionCache) -> list[Route]:
    """Routes for `launch(app_kwargs={"routes": …})`."""

    def send_timeline(request: Request) -> Response:
        session_id, known = request.path_params["session_id"], request.query_params.get("known")
        recording = sessions.get(session_id, LOOK_EVERY_S / 2 if known else 0.0)
        body = orjson.dumps(growth(recording)) if known == recording.version else timeline(session_id, recording)
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-cache"})

    def send_frame(request: Request) -> Response:
        recording = sessions.get(request.path_params["session_id"], LOOK_EVERY_S)
        index = request.path_params["index"]
        if not (index.isascii() and index.isdecimal() and len(index) <= MAX_DIGITS):
            return _refusal("A frame is asked for by its number, from 0.", 404)
        body, media_type = recording.frame_bytes(int(index))
        headers = {"Cache-Control": FRAME_CACHE, "X-Content-Type-Options": "nosniff"}
        return Response(body, media_type=media_type, headers=headers)

    return [
        Route("/recorded/timeline/{session_id:path}", _guarded(send_timeline)),
        Route("/recorded/frame/{index}/{session_id:path}", _guarded(send_frame)),
    ]


def run_route(find: Callable[[str], Path | None]) -> Route:
    """The numbers of a robot's newest training run, for download; `find` gives the file of a robot's name."""

    def send_run(request: Request) -> Response:
        path = find(request.path_params["robot"])
        if path is None or not path.is_file():
            return _refusal("There are no numbers of a training run yet.", 404)
        return FileResponse(path, media_type="application/jsonl", filename=path.name)

    return Route("/runs/{robot}", _guarded(send_run))


def _guarded(answer: Callable[[Request], Response]) -> Callable:
    async def endpoint(request: Request) -> Response:
        try:
            return await run_in_threadpool(answer, request)
        except SessionError as problem:
            return _refusal(str(problem), 404)

    return endpoint


def _refusal(sentence: str, status: int) -> Response:
    return Response(orjson.dumps({"error": sentence}), status, media_type="application/json")
