"""Tabs of one browser for many tests, each time as a visitor of its own, and watched for errors.

Chromium loads the page again in a third of the processor time of the first load, from the scripts that a tab has
compiled before. So tabs that are left stay open, empty, and are used again. What a server keeps of a visitor ends with
the page; the browser keeps nothing of it but cached files.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request

from tests.app.pending import Pending

VIEWPORT = {"width": 1400, "height": 1000}
EMPTY = "about:blank"
PLAYER = "#player canvas.frame[data-frame]"


class Watch:
    """Records forbidden events of a page: logged errors, exceptions, and requests to other hosts."""

    def __init__(self, page: Page, server: str):
        self.complaints: list[str] = []
        self._page, self._server = page, server
        self._events = {"console": self._hear, "pageerror": self._catch, "request": self._look}
        for name, handler in self._events.items():
            page.on(name, handler)

    def end(self) -> None:
        for name, handler in self._events.items():
            self._page.remove_listener(name, handler)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _catch(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _look(self, request: Request) -> None:
        if not request.url.startswith((self._server, "data:", "blob:")):
            self.complaints.append(f"requested {request.url}")


class Tabs:
    """Tabs of a browser, given out one by one and taken back."""

    def __init__(self, browser: Browser):
        self.browser = browser
        self._context: BrowserContext = browser.new_context(viewport=VIEWPORT)
        self._empty: list[Page] = []

    def take(self) -> Page:
        page = self._empty.pop() if self._empty else self._context.new_page()
        page.bring_to_front()  # in a tab behind another one, timers and drawings wait
        return page

    def take_back(self, page: Page) -> None:
        page.unroute_all(behavior="ignoreErrors")
        page.evaluate("() => sessionStorage.clear()")  # what a visitor typed, kept over a reload
        page.goto(EMPTY)
        page.set_viewport_size(VIEWPORT)
        self._empty.append(page)


class Visits:
    """Pages opened by a test with their `tab` open: called with the query of an address, and the address if it is not
    `server`."""

    def __init__(self, tabs: Tabs, server: str):
        self._tabs, self._server = tabs, server
        self._watches: dict[Page, Watch] = {}
        self._contexts: dict[Page, BrowserContext] = {}
        self._complaints: list[str] = []

    def __call__(
        self, query: str = "", address: str | None = None, awaited: str = PLAYER, tab: str = "autoencoder", **options
    ) -> Page:
        """Open a tab; `options` (of Playwright's `new_context`) give it a browser context of its own."""
        address = address or self._server
        page = self._page_with(options) if options else self._tabs.take()
        self._watches[page] = Watch(page, address)
        pending = Pending(page)
        page.goto(f"{address}{query}{'&' if query else '?'}tab={tab}")
        page.wait_for_selector(awaited, timeout=60_000)
        pending.settle()
        return page

    def _page_with(self, options: dict) -> Page:
        context = self._tabs.browser.new_context(**options)
        page = context.new_page()
        self._contexts[page] = context
        return page

    def leave(self, page: Page) -> None:
        """Leave a page, as a test does before it ends the page's server."""
        watch = self._watches.pop(page)
        watch.end()
        self._complaints += watch.complaints
        if page in self._contexts:
            self._contexts.pop(page).close()
        else:
            self._tabs.take_back(page)

    def end(self) -> None:
        """Leave all pages; fails if any had complaints."""
        for page in list(self._watches):
            self.leave(page)
        assert self._complaints == []


BACK_TO = """address => {
    document.activeElement.blur();
    history.pushState(null, '', address);
    dispatchEvent(new PopStateEvent('popstate'));
}"""
IS_AT = """([session, frame]) =>
    document.querySelector('#player .player').dataset.session === session
    && document.querySelector('#player canvas.frame').dataset.frame === String(frame)"""


class Stay:
    """A page that stays open from test to test: each goes to its session, frame and tab, as the browser's Back does.

    Going there takes a fifth of the processor time of loading the page. For tests that leave nothing behind but the
    place: a field, a panel or a box that a test changes stays as it is for the next one.
    """

    def __init__(self, tabs: Tabs, server: str) -> None:
        self._tabs, self.server = tabs, server
        self._page: Page | None = None
        self._watch: Watch | None = None
        self._pending: Pending | None = None

    def __call__(self, session_id: str, frame: int, tab: str = "autoencoder") -> Page:
        """The page at a frame with a tab open."""
        address = f"{self.server}?session={session_id}&frame={frame}&tab={tab}"
        if self._page is None:
            self._page = self._tabs.take()
            self._watch, self._pending = Watch(self._page, self.server), Pending(self._page)
            self._page.goto(address)
            self._page.wait_for_selector(PLAYER, timeout=60_000)
        else:
            self._page.evaluate(BACK_TO, address)
        self._page.bring_to_front()
        self._page.wait_for_function(IS_AT, arg=[session_id, frame])
        self._pending.settle()
        return self._page

    def check(self, is_over: bool) -> None:
        """End a test; fails if the page had complaints. `is_over`: the next test gets another page."""
        complaints = list(self._watch.complaints) if self._watch else []
        if is_over or complaints:
            self.leave()
        assert complaints == []

    def leave(self) -> None:
        if self._page:
            self._watch.end()
            self._tabs.take_back(self._page)
            self._page = self._watch = None


@contextmanager
def staying(tabs: Tabs, server: str) -> Iterator[Stay]:
    """A shared page of a server, left in the end."""
    stay = Stay(tabs, server)
    yield stay
    stay.leave()
