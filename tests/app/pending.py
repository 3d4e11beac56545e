"""Events of a page that have not been answered yet."""

import time

from playwright.sync_api import Page, Request

MOST_S = 10.0


class Pending:
    """Tracks the requests of a page from the start.

    Gradio's own script may lose the answer to an event that is sent at the moment when the stream of earlier answers is
    being closed. A test that presses many buttons in a row calls `settle` in between.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._waiting: set[Request] = set()
        page.on("request", lambda request: "/queue/" in request.url and self._waiting.add(request))
        for end in ("requestfinished", "requestfailed"):
            page.on(end, lambda request: self._waiting.discard(request))

    def settle(self) -> None:
        """Wait until every event has been answered, or until the stream of answers is not closed for a while."""
        end = time.monotonic() + MOST_S
        while self._waiting and time.monotonic() < end:
            self._page.wait_for_timeout(20)  # lets Playwright process events of the page
