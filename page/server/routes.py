"""Routes beside Gradio's own: timeline and frames of a recording for the player, pictures of answers, log
and pictures of training runs.

They serve recordings that the session cache can open, and nothing but their frames. Access is checked before, in
`access_middleware.py`.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from page.facts import session_extent
from page.pictures import ROUTE, SHOWN
from session import RecordedSession, SessionCache, SessionError, action_name
from training import draw_strip, read_look

# The address of a frame carries the recording's version, so its bytes never change under that address.
FRAME_CACHE = "private, max-age=86400, immutable"
MAX_DIGITS = 9
NO_TIME = 1e15  # seconds, for times that are not known: no date in JavaScript, and JSON has no NaN
STRIP = "strip.png"
MAX_CANDIDATES = 64
RECHECK_EVERY_S = 2.0  # frames are sent for this long without a check for growth of the recording


def timeline(session_id: str, recording: RecordedSession) -> bytes:
    """JSON of a recording for the player: everything but the pictures."""
    return orjson.dumps(
        {
            "session": session_id,
            **growth(recording),
            "frames": recording.frame_count,
            "utc_offset_s": recording.utc_offset_s,
            "has_dates": recording.has_dates,
            "channels": [{"name": c.name, "low": c.low, "high": c.high} for c in recording.profile.channels],
            "order": recording.varying_channels,  # of a continuous robot, the channel first that varies most
            "steps": recording.steps,
            "times": np.nan_to_num(recording.times, nan=NO_TIME),
            "previous": recording.previous,
            "action_into": recording.action_into,
            "action_after": recording.action_after,
            "actions": recording.actions,
            "names": _names(recording),
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def _names(recording: RecordedSession) -> list[str]:
    """The usual name of every recorded action, empty if it has none."""
    different, indices = np.unique(recording.actions, axis=0, return_inverse=True)
    if len(different) > MAX_CANDIDATES:  # of a robot without a fixed set of actions
        return [""] * recording.action_count
    names = [action_name(recording.profile, values) for values in different]
    return [names[index] for index in indices.reshape(-1)]


def growth(recording: RecordedSession) -> dict[str, object]:
    """The part of the timeline that a player requests again and again while the recording may grow."""
    return {"version": recording.version, "may_grow": recording.may_be_recording, "extent": session_extent(recording)}


def recorded_routes(sessions: SessionCache) -> list[Route]:
    """Routes of timelines and frames, for `launch(app_kwargs={"routes": …})`."""

    def send_timeline(request: Request) -> Response:
        session_id, version = request.path_params["session_id"], request.query_params.get("known")
        recording = sessions.get(session_id, RECHECK_EVERY_S / 2 if version else 0.0)
        body = orjson.dumps(growth(recording)) if version == recording.version else timeline(session_id, recording)
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-cache"})

    def send_frame(request: Request) -> Response:
        recording = sessions.get(request.path_params["session_id"], RECHECK_EVERY_S)
        index = request.path_params["index"]
        if not (index.isascii() and index.isdecimal() and len(index) <= MAX_DIGITS):
            return _not_found("A frame is asked for by its number, from 0.")
        body, media_type = recording.browser_frame(int(index))
        headers = {"Cache-Control": FRAME_CACHE, "X-Content-Type-Options": "nosniff"}
        return Response(body, media_type=media_type, headers=headers)

    return [
        Route("/recorded/timeline/{session_id:path}", endpoint(send_timeline)),
        Route("/recorded/frame/{index}/{session_id:path}", endpoint(send_frame)),
    ]


def picture_route() -> Route:
    """Route of the pictures of answers, whose bytes never change under an address."""

    def send_picture(request: Request) -> Response:
        content = SHOWN.get(request.path_params["digest"])
        if content is None:
            return _not_found("That picture is no longer held; run it again.")
        headers = {"Cache-Control": FRAME_CACHE, "X-Content-Type-Options": "nosniff"}
        return Response(content, media_type="image/png", headers=headers)

    return Route(f"/{ROUTE}{{digest}}", endpoint(send_picture))


def run_route(find_file: Callable[[str], Path | None]) -> Route:
    """Route of the log of a robot's newest training run, for download; `find_file` gets the robot's name."""

    def send_run(request: Request) -> Response:
        path = find_file(request.path_params["robot"])
        if path is None or not os.path.isfile(path):
            return _not_found("There are no numbers of a training run yet.")
        return FileResponse(path, media_type="application/jsonl", filename=path.name)

    return Route("/runs/{robot}", endpoint(send_run))


def look_route(folder_of: Callable[[str], Path | None]) -> Route:
    """Route of the pictures of training runs; `folder_of` gets the robot's name, and returns its checkpoint folder."""

    def send_look(request: Request) -> Response:
        robot, run, file = (request.path_params[name] for name in ("robot", "run", "file"))
        is_strip = file == STRIP
        folder = folder_of(robot)
        content = None
        if folder is not None:
            content = draw_strip(folder, run) if is_strip else read_look(folder, run, file)
        if content is None:
            return _not_found("There is no such picture of a training run.")
        cache = "no-cache" if is_strip else FRAME_CACHE
        headers = {"Cache-Control": cache, "X-Content-Type-Options": "nosniff"}
        return Response(content, media_type="image/png" if is_strip else "image/jpeg", headers=headers)

    return Route("/runs/{robot}/{run}/{file}", endpoint(send_look))


def endpoint(respond: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    """`respond` in a thread; a SessionError becomes a response with its message."""

    async def endpoint(request: Request) -> Response:
        try:
            return await run_in_threadpool(respond, request)
        except SessionError as problem:
            return _not_found(str(problem))

    return endpoint


def _not_found(message: str) -> Response:
    return JSONResponse({"error": message}, 404)
