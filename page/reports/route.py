"""The routes of reports: `/runs/<robot>/report.html`, for download, and `/report.html`, the empty document that a
browser fills with a result."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from page.backend import PageBackend
from page.reports.document import empty_document
from page.reports.run_report import profile_of_robot, run_report

NO_RUN = "There is no training run to report on yet."


def report_route(backend: PageBackend) -> Route:
    """The route; the file is made anew at each request."""

    def report_of(robot: str) -> str | None:
        profile = profile_of_robot(backend, robot)
        return run_report(backend, profile) if profile else None

    async def send(request: Request) -> Response:
        robot = request.path_params["robot"]
        report = await run_in_threadpool(report_of, robot)
        if report is None:
            return JSONResponse({"error": NO_RUN}, status_code=404)
        headers = {"Content-Disposition": 'attachment; filename="report.html"', "Cache-Control": "no-cache"}
        return Response(report, media_type="text/html", headers=headers)

    return Route("/runs/{robot}/report.html", send)


def document_route() -> Route:
    """The route of the empty document."""
    empty = empty_document()

    async def send(_: Request) -> Response:
        return Response(empty, media_type="text/html", headers={"Cache-Control": "no-cache"})

    return Route("/report.html", send)
