"""The events of a page that wait for an answer."""

from playwright.sync_api import Page, Request


class Pending:
    """Watches a page's requests from the start.

    Gradio's own script may lose the answer of an event that is sent at the very moment when the stream of answers to
    earlier ones is being closed; who presses many buttons one after the other settles in between.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._waiting: set[Request] = set()
        page.on("request", lambda request: "/queue/" in request.url and self._waiting.add(request))
        for end in ("requestfinished", "requestfailed"):
            page.on(end, lambda request: self._waiting.discard(request))

    def settle(self) -> None:
        """Until every event has been answered."""
        while self._waiting:
            self._page.wait_for_timeout(20)  # lets what happens in the page come in
