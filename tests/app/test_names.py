"""Names from files and typed texts with HTML and scripts in them stay plain text in a browser.

The browser ignores the content policy of the page, so that only the page's escaping prevents a script from running.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from page.server.settings import Settings
from session import load_session, record_demo
from tests.app.conftest import TWO_ANIMATION_FRAMES, fill, serving, unfold_models, write_checkpoints
from tests.app.harmful_names import HARM, HARMFUL, names_of, write_session
from tests.app.pending import Pending
from tests.promises import count

PROMISE = "no script from a name"
LONG_MS = 60_000
CANARY = "window.ran = []; window.canary = () => window.ran.push(document.activeElement?.outerHTML ?? '')"
# Effects of an unescaped name: an active attribute, a link to another host or to code, a piece of style or script.
ACTIVE = """() => {
    const leads = value => {
        const url = URL.parse(value, location.href)
        return !(url?.origin === location.origin || /^(blob:|data:image|data:text.csv)/.test(url))
    }
    const acts = ({name, value}) => /canary/.test(value) && (/^(on.*|style|srcdoc|srcset|content)$/.test(name) ||
        /^(href|xlink:href|src|data|action|poster)$/.test(name) && leads(value))
    const found = []
    for (const element of document.querySelectorAll('*')) {
        found.push(...[...element.attributes].filter(acts).map(one => `${element.tagName} ${one.name}=${one.value}`))
        const isCode = /^(script|style)$/i.test(element.tagName) && !/gradio_config/.test(element.textContent)
        if (isCode && /canary/.test(element.textContent)) found.push(element.outerHTML.slice(0, 200))
    }
    return found
}"""


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A data folder of sessions with harmful names, each name once in each kind of place; and their ids."""
    folder = tmp_path_factory.mktemp("named")
    model = folder / "model" / record_demo(folder / "model", "toroidal_dot", 12, seed=1)
    write_checkpoints(folder / "weights", action_channels=1)
    ids = []
    for number in range(count(1, len(HARMFUL))):
        names = names_of(number)
        ids.append(write_session(folder / "sessions", model, names))
        robot = load_session(folder / "sessions" / ids[-1]).profile.name
        (folder / "checkpoints" / robot).mkdir(parents=True, exist_ok=True)
        (folder / "checkpoints" / robot / f"{names[-1]}.pth").hardlink_to(folder / "weights" / "autoencoder.pth")
    return folder, ids


class Watched:
    """A page with its scripts run and requests sent because of a name."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.page: Page = self.context.new_page()
        self.pending = Pending(self.page)
        self.address, self.requests = address, []
        self.context.on("request", self._record)
        self.page.on("dialog", lambda dialog: self.requests.append(f"dialog {dialog.message}"))

    def close(self) -> None:
        self.context.remove_listener("request", self._record)
        self.page.close()

    def _record(self, request: Request) -> None:
        is_own = request.url.startswith((self.address, "data:", "blob:"))
        if not is_own or request.url.rstrip("/").endswith("/x"):
            self.requests.append(request.url)

    def turn_to(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).first.click()
        self.pending.settle()

    def press(self, button: str, result: str, words: str) -> None:
        """Press a button and wait for its result with these words."""
        self.page.locator(button).click()
        expect(self.page.locator(result).first).to_contain_text(words, timeout=LONG_MS)
        self.pending.settle()

    def harm(self) -> list[str]:
        """Scripts run, active elements and requests of the page so far."""
        scripts = [f"ran {one}" for one in self.page.evaluate("window.ran")]
        return [*scripts, *(f"active {one}" for one in self.page.evaluate(ACTIVE)), *self.requests]


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1400, "height": 1400}, bypass_csp=True)
    context.add_init_script(CANARY)
    yield context
    context.close()


@pytest.fixture(scope="module")
def address(named: tuple[Path, list[str]]) -> Iterator[str]:
    with serving(Settings(data=named[0])) as address:
        yield address


@pytest.fixture
def watched(context: BrowserContext, address: str) -> Iterator[Callable[[], Watched]]:
    tabs: list[Watched] = []

    def new() -> Watched:
        tabs.append(Watched(context, address))
        return tabs[-1]

    yield new
    for tab in tabs:
        tab.close()


def look_around(tab: Watched) -> None:
    """Open lists, collapsed parts and tooltips."""
    page = tab.page
    for field in ("#robot-filter", "#session-picker"):
        page.locator(f"{field} input").click()
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.press("Escape")
    unfold_models(page)
    page.locator("#autoencoder-path input").click()
    page.get_by_role("option", name="canary").last.click()
    tab.press("#load-models", "#models-message", "Autoencoder loaded")
    expect(page.locator("#status")).to_contain_text("canary", timeout=LONG_MS)
    page.locator("#session-facts summary").first.click()
    for title in page.locator("[title]:visible").all()[:12]:
        title.hover(force=True)


def see_everything(tab: Watched) -> None:
    """Visit all tabs, with their figures and error messages."""
    page = tab.page
    tab.turn_to("Autoencoder")
    tab.press("#run-autoencoder", "#autoencoder-result", "MSE")
    tab.turn_to("Predictor")
    tab.press("#run-predictor", "#predictor-result", "MSE")
    tab.turn_to("Imagine")
    tab.press("#imagine-pad [data-part=actions] button:first-child", "#imagine-pad [data-part=summary]", "1 step")
    tab.press("#roll-out", "#rollout-result", "Download WebP")
    tab.turn_to("Session")
    tab.press("#session-statistics > button", "#statistics-result", "Actions")
    tab.turn_to("Inside the model")
    tab.press("#look-at-attention", "#attention-result", "Measures")
    tab.turn_to("Errors")
    tab.press("#evaluate", "#errors-view", "Evaluated 12 frames")
    fill(page, "clip-last", "1")
    tab.press("#make-clip", "#clip-result", "Download")
    tab.turn_to("Training")
    fill(page, "autoencoder-steps", "100000")
    tab.press("#train-autoencoder-steps", "#training-status", "Training the autoencoder")
    expect(page.locator("#train-predictor-steps")).to_be_hidden()  # the form is folded
    page.get_by_role("button", name="Train one network").click()
    # Rejected, with the name of the recording in the message.
    tab.press("#train-predictor-steps", "[data-testid=toast-text]", "autoencoder on")
    tab.press("#stop", "#training-outcome", "Stopped")
    page.get_by_role("button", name="Name and note").click()
    name = page.locator("#run-name input, #run-name textarea")
    expect(name).to_be_visible()
    page.evaluate(TWO_ANIMATION_FRAMES)  # as before `fill` of numbers
    name.fill(HARM)
    tab.press("#save-run-name", "#training-status", HARM)
    expect(page.locator("#training-view .legend")).to_contain_text(HARM)
    fill(page, "autoencoder-steps", "1")
    tab.press("#train-autoencoder-steps", "#training-outcome", "Done after 1 step")
    page.locator("#earlier-runs input").click()
    page.get_by_role("option", name=HARM).click()
    expect(page.locator("#training-view .legend")).to_contain_text(f"earlier: {HARM}")
    page.locator("#training-view .loss-chart").hover()
    expect(page.locator(".chart-tip")).to_contain_text(HARM)


@pytest.mark.promise(PROMISE)
def test_names_of_every_kind_are_words_on_the_whole_page(named, watched, figure):
    _, ids = named
    harm: list[str] = []
    for session_id in ids:
        tab = watched()
        tab.page.goto(f"{tab.address}?{urlencode({'session': session_id, 'frame': 8})}")
        expect(tab.page.locator("#player .caption")).to_contain_text("Frame 8", timeout=LONG_MS)
        tab.pending.settle()
        look_around(tab)
        see_everything(tab)
        harm += [f"{session_id}: {one}" for one in tab.harm()]
        tab.page.goto("about:blank")
    figure(
        f"{len(ids)} sessions with 5 harmful names each, seen in a browser: {len(harm)} scripts run or requests sent"
    )
    assert not harm, "\n".join(harm)


def test_the_watch_notices_what_a_name_would_do(watched):
    tab = watched()
    tab.page.goto(f"{tab.address}theme.css")  # of the same origin, and sooner there than the page
    tab.requests.clear()
    noticed = len(tab.harm())
    assert noticed == 0
    for harmful in (HARM, "<link rel=stylesheet href=//canary.invalid/g>", "<a href=javascript:canary()>"):
        tab.page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", harmful)
        assert len(tab.harm()) > noticed, harmful
        noticed = len(tab.harm())


@pytest.mark.promise(PROMISE)
def test_what_is_typed_and_what_an_address_names_stays_words(named, watched, figure):
    tab = watched()
    page, harm = tab.page, []
    texts = HARMFUL[:: count(20, 1)]
    for text in texts:
        page.goto(f"{tab.address}?{urlencode({'session': text, 'frame': text})}")
        expect(page.locator("[data-testid=toast-text]").first).to_contain_text(
            "There is no session of that name", timeout=LONG_MS
        )
        expect(page.locator("#player .player")).to_be_visible()
        unfold_models(page)
        field = page.locator("#autoencoder-path input")
        expect(field).to_be_visible()
        field.fill(f"{text}.pth")
        field.press("Enter")
        tab.pending.settle()
        tab.press("#load-models", "#models-message", "There is no checkpoint at")
        tab.turn_to("Errors")
        page.get_by_label("Selected checkpoints").check()
        page.locator("#evaluate").click()
        toast = page.locator("[data-testid=toast-text]", has_text="There is no checkpoint at")
        expect(toast.first).to_be_visible(timeout=LONG_MS)
        harm += [f"{text}: {one}" for one in tab.harm()]
    figure(f"{len(texts)} harmful words typed and in addresses: {len(harm)} scripts run or requests sent")
    assert not harm, "\n".join(harm)
