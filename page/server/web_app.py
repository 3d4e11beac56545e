"""The web application around the Blocks page: routes, access middleware, theme, style and limits of the queue."""

import asyncio

import fastapi
import gradio as gr
from gradio.data_classes import PredictBodyInternal
from gradio.utils import LRUCache
from starlette.middleware import Middleware
from starlette.routing import Route

from page.components import APP_CSS
from page.server.access_middleware import AccessMiddleware
from page.server.access_policy import ROLE, AccessPolicy
from page.server.theme import page_theme
from page.visitor import TABS_REMEMBERED

# Five times the remembered tabs: a tab that listens has fetched its answers long before its mailbox is dropped.
MAILBOXES = 500


def web_options(routes: list[Route], policy: AccessPolicy) -> dict[str, object]:
    """Arguments of `launch` for routes beside Gradio's own, access, theme and style of the page."""
    return dict(
        app_kwargs={"routes": routes, "middleware": [Middleware(AccessMiddleware, policy=policy)]},
        root_path=policy.root,
        auth_dependency=lambda request: request.scope[ROLE],  # Gradio calls the result a user name
        theme=page_theme(),
        css_paths=[APP_CSS],
        run_history=False,
        state_session_capacity=TABS_REMEMBERED,
        ssr_mode=False,
        footer_links=["api"],
        # Gradio says this to screen readers after every event, and has no words for it in any language.
        i18n=gr.I18n(en={"common.complete": "Done"}),
    )


class BoundedMailboxes(LRUCache):
    """Answers that wait to be fetched, by tab; beyond the limit the oldest tabs are dropped.

    Answers for a dropped tab are discarded. Without `__missing__` they would end Gradio's loop over the queue, and with
    it every button of every visitor: enough tabs that send events and never listen could cause that.
    """

    def __missing__(self, tab: str) -> asyncio.Queue:
        return asyncio.Queue()


QUEUE_POLL_S = 0.01  # how often the server looks for waiting events


def limit_waiting(demo: gr.Blocks, at_most: int) -> gr.Blocks:
    """Limit the waiting events of each concurrency_id to `at_most`; a further one gets a 503. Answers wait for at most
    `MAILBOXES` tabs.

    Gradio's own limit counts all events together: waiting clips would keep a trainer from pressing Stop.
    """
    queue, push = demo._queue, demo._queue.push
    queue.pending_messages_per_session = BoundedMailboxes(MAILBOXES)
    # Gradio would store the durations of the last 10,000 events, for a page of its own that is not served here.
    queue.ANALYTICS_MAX_EVENTS = 1
    # By default 1,000 times a second, which takes a tenth of a processor of a server that nobody uses.
    queue.sleep_when_free = QUEUE_POLL_S
    busy = f"The server is busy: {at_most} visitors wait for this already. Try again in a moment."

    async def push_unless_full(
        body: PredictBodyInternal, request: fastapi.Request, username: str | None
    ) -> tuple[bool, str | list[dict], str]:
        function = demo.fns.get(body.fn_index)
        if function is None:
            return False, "This page has no such function.", "error"
        waiting = queue.event_queue_per_concurrency_id.get(function.concurrency_id)
        if waiting is not None and len(waiting.queue) >= at_most:
            return False, busy, "queue_full"
        return await push(body=body, request=request, username=username)

    queue.push = push_unless_full
    return demo
