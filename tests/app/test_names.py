"""Names from files, and words that were typed, with HTML and scripts in them, seen in a browser: they stay words.

The browser is told to overlook the page's own content policy, so that nothing but the page's care for what it shows
stands between a name and a script.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, Request, expect

import session_explorer_gradio as script
from session import load_session, record_demo
from tests.app.conftest import serving, write_checkpoints
from tests.promises import count

PROMISE = "no script from a name"
LONG_MS = 60_000
HARM = "<img src=x onerror=canary()>"
HARMFUL = (
    HARM,
    "<script>canary()</script>",
    "</script><script>canary()</script>",
    "</textarea></title></style></template><img src=x onerror=canary()>",
    "--><img src=x onerror=canary()>",
    '"><img src=//canary.invalid/a onerror=canary()>',
    "'><img src='//canary.invalid/b' onerror='canary()'>",
    "' onmouseover='canary()' tabindex='0' autofocus onfocus='canary()",
    '" onmouseover="canary()" tabindex="0" autofocus onfocus="canary()',
    "x onpointerenter=canary() style=position:fixed;inset:0",
    "<svg onload=canary()>",
    "<svg><animate onbegin=canary() attributeName=x dur=1s>",
    "<svg><script href=//canary.invalid/c /></svg>",
    "<math><mtext><style><img src=x onerror=canary()></style>",
    '<iframe srcdoc="<script>parent.canary()</script>">',
    "<iframe src=javascript:parent.canary()>",
    "<object data=//canary.invalid/d><embed src=//canary.invalid/e>",
    "<details open ontoggle=canary()>",
    "<video src=//canary.invalid/f onerror=canary()>",
    "<a href=javascript:canary()>a</a>",
    "javascript:canary()",
    "data:text/html,<script>canary()</script>",
    "<link rel=stylesheet href=//canary.invalid/g>",
    "<style>@import url(//canary.invalid/h)</style>",
    "<style>*{background:url(//canary.invalid/i)}</style>",
    "red;background:url(//canary.invalid/j)",
    "<meta http-equiv=refresh content=0;url=//canary.invalid/k>",
    "<base href=//canary.invalid/>",
    "<form action=//canary.invalid/l><button autofocus onfocus=canary()>",
    "![a](http://canary.invalid/m.png) [b](javascript:canary())",
    "<http://canary.invalid/n> http://canary.invalid/o",
    "${canary()} {{canary()}} {canary()} {@html canary()} #{canary()} <%= canary() %>",
    "`${canary()}`",
    "';canary();' \";canary();\" \\';canary();//",
    "&lt;img src=x onerror=canary()&gt;",
    r"\u003cimg src=x onerror=canary()\u003e \x3cscript\x3ecanary()\x3c/script\x3e",
    "%3Cimg%20src=x%20onerror=canary()%3E",
    "a&#?%20b%00<img src=x onerror=canary()>",
    "<<img src=x onerror=canary()>script>canary()<</script>/script>",
    "\u2028canary()//\u202e<img src=x onerror=canary()>",
)
FOR_ACTIONS = [name for name in HARMFUL if name.isprintable()]  # others are left out, with what is named so
FOR_FILES = [name for name in FOR_ACTIONS if not set(name) & set("/\\")]
CANARY = "window.ran = []; window.canary = () => window.ran.push(document.activeElement?.outerHTML ?? '')"
# What a name would have become: an attribute that acts, a link that leads away or runs, a piece of style or script.
BORN = """() => {
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


def names_of(number: int) -> tuple[str, ...]:
    """Harmful names for a robot, a recording, its action, its folder and its files: in turn each in each place."""
    kinds = (HARMFUL, HARMFUL, FOR_ACTIONS, FOR_FILES, FOR_FILES)
    return tuple(names[(number + 7 * place) % len(names)] for place, names in enumerate(kinds))


def write_session(sessions: Path, model: Path, names: Sequence[str]) -> str:
    """A copy of a recording under these names; returns the session's id."""
    robot, title, channel, folder, file = names
    copy = sessions / f"odd{len(list(sessions.glob('*')))}" / f"session_{folder}"
    shutil.copytree(model, copy)
    meta, shard = copy / "session_meta.json", copy / "events_shard_000.jsonl"
    facts = json.loads(meta.read_text())
    meta.write_text(json.dumps({**facts, "robot_type": robot, "action_space": None, "session_name": title}))
    events = [json.loads(line) for line in shard.read_text().splitlines()]
    for event in events:
        if event["type"] == "action":
            event["data"] = {channel: event["data"]["action"]}
        else:
            frame = copy / event["data"]["frame_path"]
            frame = frame.rename(frame.with_stem(f"{frame.stem}{file}"))
            event["data"]["frame_path"] = f"frames/{frame.name}"
    broken = json.dumps({"step": 99, "type": channel, "data": {robot: channel}})
    shard.write_text("\n".join([*map(json.dumps, events), broken, robot, ""]))
    (copy / f"events_shard_{file}.jsonl").write_text("{")
    return f"{copy.parent.name}/{copy.name}"


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
    """A page, and whatever ran in it or was asked for that it should not."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.context = browser.new_context(viewport={"width": 1400, "height": 1400}, bypass_csp=True)
        self.context.add_init_script(CANARY)
        self.page: Page = self.context.new_page()
        self.address, self.asked = address, []
        self.context.on("request", self._look)
        self.page.on("dialog", lambda dialog: self.asked.append(f"dialog {dialog.message}"))

    def _look(self, request: Request) -> None:
        is_own = request.url.startswith((self.address, "data:", "blob:"))
        if not is_own or request.url.rstrip("/").endswith("/x"):
            self.asked.append(request.url)

    def harm(self) -> list[str]:
        """What happened in the page so far."""
        ran = [f"ran {one}" for one in self.page.evaluate("window.ran")]
        return [*ran, *(f"born {one}" for one in self.page.evaluate(BORN)), *self.asked]


@pytest.fixture
def watched(browser: Browser, named: tuple[Path, list[str]]) -> Iterator[Callable[[], Watched]]:
    folder, _ = named
    opened: list[Watched] = []
    with serving(script.Settings(data=folder)) as address:

        def new() -> Watched:
            opened.append(Watched(browser, address))
            return opened[-1]

        yield new
        for one in opened:
            one.context.close()


def press(page: Page, tab: str, button: str, result: str) -> None:
    """Press a button of a tab, and wait until there is a picture in its result."""
    page.get_by_role("tab", name=tab, exact=True).first.click()
    page.locator(button).click()
    expect(page.locator(f"{result} :is(img, svg)").first).to_be_visible(timeout=LONG_MS)


def look_around(page: Page) -> None:
    """Lists, folds and tips."""
    for field in ("#robot-filter", "#session-picker"):
        page.locator(f"{field} input").click()
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.press("Escape")
    page.locator("#autoencoder-path input").click()
    page.get_by_role("option", name="canary").last.click()
    page.locator("#load-models").click()
    expect(page.locator("#models-message")).to_contain_text("Autoencoder loaded", timeout=LONG_MS)
    expect(page.locator("#status")).to_contain_text("canary", timeout=LONG_MS)
    page.locator("#session-facts summary").click()
    page.get_by_role("button", name="About this frame").click()
    for title in page.locator("[title]:visible").all()[:12]:
        title.hover(force=True)


def see_everything(page: Page) -> None:
    """Through the tabs, with all their figures and refusals."""
    press(page, "Autoencoder", "#run-autoencoder", "#autoencoder-result")
    press(page, "Predictor", "#run-predictor", "#predictor-result")
    page.get_by_role("button", name="Session statistics").click()
    expect(page.locator("#statistics-result img").first).to_be_visible(timeout=LONG_MS)
    press(page, "Inside the model", "#look-at-attention", "#attention-result")
    press(page, "Errors", "#evaluate", "#errors-view")
    expect(page.locator("#evaluation-outcome")).to_be_visible(timeout=LONG_MS)
    page.locator("#clip-last input").fill("1")
    page.locator("#make-clip").click()
    expect(page.locator("#clip-picture")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("tab", name="Training", exact=True).first.click()
    page.locator("#autoencoder-steps input").fill("100000")
    page.locator("#train-autoencoder-steps").click()
    expect(page.locator("#training-status")).to_contain_text("Training the autoencoder", timeout=LONG_MS)
    page.locator("#train-predictor-steps").click()  # refused, with the recording's name
    expect(page.locator("[data-testid=toast-text]").first).to_contain_text("trains the autoencoder on", timeout=LONG_MS)
    page.locator("#stop").click()
    expect(page.locator("#training-outcome")).to_be_visible(timeout=LONG_MS)


@pytest.mark.promise(PROMISE)
def test_names_of_every_kind_are_words_on_the_whole_page(named, watched, figure):
    _, ids = named
    harm: list[str] = []
    for session_id in ids:
        tab = watched()
        tab.page.goto(f"{tab.address}?frame=8")
        tab.page.wait_for_selector("#player canvas.frame[data-frame]")
        tab.page.evaluate("id => { location.search = new URLSearchParams({session: id, frame: 8}) }", session_id)
        expect(tab.page.locator("#player .caption")).to_contain_text("Frame 8", timeout=LONG_MS)
        look_around(tab.page)
        see_everything(tab.page)
        harm += [f"{session_id}: {one}" for one in tab.harm()]
        tab.context.close()
    figure(
        f"{len(ids)} sessions with 5 harmful names each, seen in a browser: {len(harm)} scripts run or requests sent"
    )
    assert not harm, "\n".join(harm)


def test_the_watch_sees_what_a_name_would_do(watched):
    tab = watched()
    for harmful in (HARM, "<link rel=stylesheet href=//canary.invalid/g>", "<a href=javascript:canary()>"):
        tab.page.goto(tab.address)
        tab.asked.clear()
        assert tab.harm() == []
        tab.page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", harmful)
        assert tab.harm() != []


@pytest.mark.promise(PROMISE)
def test_what_is_typed_and_what_an_address_names_stays_words(named, watched, figure):
    tab = watched()
    page, harm = tab.page, []
    tried = HARMFUL[:: count(20, 1)]
    for typed in tried:
        page.goto(f"{tab.address}?{urlencode({'session': typed, 'frame': typed})}")
        expect(page.locator("[data-testid=toast-text]").first).to_contain_text(
            "There is no session of that name", timeout=LONG_MS
        )
        field = page.locator("#autoencoder-path input")
        field.fill(f"{typed}.pth")
        field.press("Enter")
        page.locator("#load-models").click()
        expect(page.locator("#models-message")).to_contain_text("There is no checkpoint at", timeout=LONG_MS)
        page.get_by_role("tab", name="Errors", exact=True).first.click()
        page.get_by_label("Files chosen under Models").check()
        page.locator("#evaluate").click()
        toast = page.locator("[data-testid=toast-text]", has_text="There is no checkpoint at")
        expect(toast.first).to_be_visible(timeout=LONG_MS)
        harm += [f"{typed}: {one}" for one in tab.harm()]
    figure(f"{len(tried)} harmful words typed and in addresses: {len(harm)} scripts run or requests sent")
    assert not harm, "\n".join(harm)
