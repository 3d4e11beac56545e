"""The web application around the Blocks page: our routes, the doorkeeper before everything, theme and style."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import LRUCache
from starlette.middleware import Middleware

from page.components import APP_CSS
from page.server.access_middleware import AccessMiddleware
from page.server.access_policy import ROLE, AccessPolicy
from page.server.routes import recorded_routes, run_route
from page.server.theme import page_theme
from page.visitor import TABS_REMEMBERED
from session import SessionCache

# Five times the tabs that are remembered: whoever listens has fetched an answer long before its place is needed.
MAILBOXES = 500


def web_options(
    sessions: SessionCache, find_run: Callable[[str], Path | None], entrance: AccessPolicy
) -> dict[str, Any]:
    """What `launch` needs for the page to look and work as it should, and to be closed to those who may not come in."""
    routes = [*recorded_routes(sessions), run_route(find_run)]
    return dict(
        app_kwargs={"routes": routes, "middleware": [Middleware(AccessMiddleware, entrance=entrance)]},
        auth_dependency=lambda request: request.scope[ROLE],  # Gradio calls it a user's name
        theme=page_theme(),
        css_paths=[APP_CSS],
        run_history=False,
        state_session_capacity=TABS_REMEMBERED,
        ssr_mode=False,
        footer_links=["api"],
    )


class BoundedMailboxes(LRUCache):
    """Answers that wait to be fetched, by tab; the oldest go where nobody fetches them.

    What comes for a tab that was forgotten goes nowhere. Gradio's loop over the queue would end with it, and with the
    loop every button of every visitor: enough tabs that ask and never listen could do that.
    """

    def __missing__(self, tab: str) -> asyncio.Queue:
        return asyncio.Queue()


def limit_waiting(demo: gr.Blocks, at_most: int) -> gr.Blocks:
    """Let at most so many events of one kind wait, those that share a concurrency_id; one more gets a 503. Answers wait
    for at most `MAILBOXES` tabs.

    Gradio's own limit counts all kinds together: clips that wait would keep a trainer from pressing Stop.
    """
    queue, push = demo._queue, demo._queue.push
    queue.pending_messages_per_session = BoundedMailboxes(MAILBOXES)
    # Gradio would keep what each of the last 10,000 events took, for a page of its own that is not served here.
    queue.ANALYTICS_MAX_EVENTS = 1
    busy = f"The server is busy: {at_most} visitors wait for this already. Try again in a moment."

    async def push_unless_full(**event: Any) -> tuple:
        function = demo.fns.get(event["body"].fn_index)
        if function is None:
            return False, "This page has no such function.", "error"
        waiting = queue.event_queue_per_concurrency_id.get(function.concurrency_id)
        if waiting is not None and len(waiting.queue) >= at_most:
            return False, busy, "queue_full"
        return await push(**event)

    queue.push = push_unless_full
    return demo
