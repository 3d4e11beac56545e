"""The server process: what it holds, what it does before it serves the page, and how it ends."""

import contextlib
import logging
import os
import signal
from typing import Any

import gradio as gr

from page.agents.server import mcp_route
from page.backend import PageBackend
from page.facts import holdings
from page.reports.route import document_route, report_route
from page.server.access_policy import ROLE, AccessPolicy
from page.server.launch import announce, exit_now, free_port
from page.server.mark_routes import mark_routes
from page.server.routes import look_route, picture_route, recorded_routes, run_route
from page.server.settings import Settings
from page.server.shell import settings_for_public_link, without_foreign_settings
from page.server.table_routes import table_routes
from page.server.web_app import web_options
from session import (
    SessionError,
    end_signals,
    outlive_terminal,
    require_supported_system,
)

logger = logging.getLogger(__name__)


class Explorer(PageBackend):
    """The shared state of the server, with its settings and its access rules."""

    def __init__(self, settings: Settings) -> None:
        options = dict(wandb_project=settings.wandb_project, precision=settings.precision)
        super().__init__(settings.data, settings.device, settings.read_only, **options)
        self.settings, self.access = settings, AccessPolicy(settings)


def launch_options(explorer: Explorer) -> dict[str, Any]:
    """The options of `demo.launch` for the page."""
    routes = [run_route(explorer.run_file), look_route(explorer.checkpoint_folder), report_route(explorer)]
    routes += [document_route(), picture_route()]
    if explorer.settings.mcp:
        routes.append(mcp_route(explorer, ROLE))
    routes += [*recorded_routes(explorer.sessions), *table_routes(explorer), *mark_routes(explorer)]
    return web_options(routes, explorer.access)


def prepare(explorer: Explorer) -> int:
    """Record a demo if there is no recording yet, and log what is served; returns a free port for the server."""
    settings = explorer.settings
    if not settings.read_only and not explorer.sessions.list():
        logger.info("No recordings yet: recording a demo with both simulated robots.")
        try:
            explorer.record_all_demos()
        except SessionError as problem:
            logger.warning("No demo was recorded: %s", problem)
    logger.info("%s", holdings(settings.data, explorer.sessions.list()))
    return free_port(settings.host, settings.port)


def end_on_signals(explorer: Explorer) -> None:
    """End after Ctrl-C, a request to terminate or a closed terminal: jobs stop after their step and save before."""

    numbers = end_signals()

    def end(*_: object) -> None:
        # A second one, as `make` passes it on, would wait for a lock that this thread holds already.
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        for robot, job in explorer.active_jobs():
            logger.info("Stopping the training of %s after step %d; its networks are saved.", robot, job.step)
        explorer.evaluator.close(timeout_s=5)
        explorer.close(timeout_s=30)
        exit_now()

    outlive_terminal()
    for number in numbers:
        signal.signal(number, end)


def serve(demo: gr.Blocks, explorer: Explorer) -> None:
    """Start to serve the page, and return."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    end_on_signals(explorer)
    require_supported_system()
    # Shells that Jupyter starts name a backend that may not be installed; no figure here needs a window.
    os.environ["MPLBACKEND"] = "agg"
    settings, port = explorer.settings, prepare(explorer)
    with contextlib.ExitStack() as stack:
        stack.enter_context(settings_for_public_link(settings.host) if settings.share else without_foreign_settings())
        demo.launch(
            server_name=settings.host,
            server_port=port,
            share=settings.share,
            quiet=True,
            prevent_thread_lock=True,
            **launch_options(explorer),
        )
    announce(demo, explorer.access, settings.browser)
