"""Routes of the table of sessions: its rows, and what is known of a session once it is opened."""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from page.server.routes import endpoint
from page.server.session_rows import Listing, session_details, table_page
from session import MarksUnusable
from training import Backend

NO_CACHE = {"Cache-Control": "no-cache"}


def table_routes(backend: Backend) -> list[Route]:
    """The routes over the recordings of `backend`, for `launch(app_kwargs={"routes": …})`."""
    listing = Listing(backend.sessions.list)

    def send_rows(request: Request) -> Response:
        try:
            marks, problem = backend.marks.all(), ""
        except MarksUnusable as unusable:  # the sessions are listed all the same
            marks, problem = {}, str(unusable)
        return _json(table_page(listing.summaries(), request.query_params, marks) | {"marks_problem": problem})

    def send_details(request: Request) -> Response:
        session_id = request.path_params["session_id"]
        recording = backend.sessions.get(session_id)
        results = backend.evaluator.kept(session_id, recording.version)
        result = results[0] if results else None
        return _json(session_details(recording, result, backend.baselines.of(recording) if result else None))

    return [
        Route("/recorded/sessions", endpoint(send_rows)),
        Route("/recorded/details/{session_id:path}", endpoint(send_details)),
    ]


def _json(content: dict[str, object]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json", headers=NO_CACHE)
