"""A data folder with recordings and checkpoints, a running server over it, and clients and browsers for tests."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr
import pytest
import torch
from gradio_client import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

import session_explorer_gradio as script
from models import MaskedAutoencoderViT, TransformerActionConditionedPredictor
from page.facts import session_labels
from page.server.launch import free_port
from page.server.serving import launch_options
from page.server.settings import Settings
from session import list_sessions, record_demo
from tests.app.get_chromium import FLAGS, find_chromium
from tests.app.narrow import AUTOENCODER, PREDICTOR, NarrowWorldModels, pause_and_step, small_recipe
from tests.app.tabs import Stay, Tabs, Visits, staying
from tests.promises import IS_FULL
from training.evaluation.spot_check import SpotChecks
from training.jobs import recipe_estimate
from training.jobs.trainer import WorldModelTrainer

CHECK_SPOTS = SpotChecks.begin  # for tests that ask for it


@pytest.fixture(scope="package", autouse=True)
def pauses() -> Iterator[None]:
    """Jobs in this process pause before each step, which leaves the processor to the pages; and nothing is computed
    that no test asks for, or on as little as will do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WorldModelTrainer, "step", pause_and_step)
        patch.setattr(SpotChecks, "begin", lambda *_: False)
        if not IS_FULL:
            patch.setattr(recipe_estimate, "standard_config", small_recipe)
        yield


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Demos of both robots, recordings of 3 and 2,000 frames, and checkpoints of both networks for the JetBot."""
    folder = tmp_path_factory.mktemp("saved")
    sessions = folder / "sessions"
    ids = {
        "jetbot": record_demo(sessions, "jetbot_sim", 40, seed=1),
        "dot": record_demo(sessions, "toroidal_dot", 40, seed=2),
        "short": record_demo(sessions, "toroidal_dot", 3, seed=3),
        "long": record_demo(sessions, "toroidal_dot", 2000, seed=4),
    }
    for name, session_id in ids.items():
        (folder / f"{name}.id").write_text(session_id)
    write_checkpoints(folder / "checkpoints" / "jetbot", action_channels=3)
    return folder


def write_checkpoints(folder: Path, action_channels: int) -> None:
    """Write checkpoints of both networks, as wide as those of the servers of tests."""
    folder.mkdir(parents=True)
    torch.manual_seed(5)
    schedule = {"last_epoch": 1200}
    for name, network in (
        ("autoencoder", MaskedAutoencoderViT(AUTOENCODER)),
        ("predictor_0", TransformerActionConditionedPredictor(action_channels, PREDICTOR)),
    ):
        content = dict(
            model_state_dict=network.state_dict(), optimizer_state_dict=None, scheduler_state_dict=schedule, level=0
        )
        torch.save(content, folder / f"{name}.pth")


@pytest.fixture(scope="session")
def session_ids(data: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in data.glob("*.id")}


@pytest.fixture(scope="session")
def labels(data: Path, session_ids: dict[str, str]) -> dict[str, str]:
    """Labels of the recordings in the picker, by name."""
    summaries = list_sessions(data / "sessions")
    label_of = dict(zip([s.session_id for s in summaries], session_labels(summaries), strict=True))
    return {name: label_of[session_id] for name, session_id in session_ids.items()}


def unfold_models(page: Page) -> None:
    """Open the panel of models, which is folded while trained networks are in use."""
    if not page.locator("#load-models").is_visible():
        page.locator("#models > button").click()


RUNNING: list[gr.Blocks] = []  # in this process


def own_port(first: int) -> int:
    """A free port, outside the ranges of other workers of this test run; another run seldom begins with the same."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return free_port("127.0.0.1", first + 3000 * worker + os.getpid() % 100)


def new_explorer(settings: Settings) -> script.Explorer:
    """The state of a server with the narrow networks."""
    explorer = script.Explorer(settings)
    explorer._world_models = NarrowWorldModels(explorer.device)
    return explorer


@contextmanager
def running(settings: Settings, is_narrow: bool = True) -> Iterator[tuple[script.Explorer, gr.Blocks]]:
    """Start a server, with the narrow networks or the usual ones; yields its `Explorer` and its page."""
    for other in RUNNING:
        await_quiet(other)
    explorer = new_explorer(settings) if is_narrow else script.Explorer(settings)
    demo = script.build_demo(explorer)
    port = own_port(17860)
    demo.launch(prevent_thread_lock=True, quiet=True, server_port=port, **launch_options(explorer))
    RUNNING.append(demo)
    yield explorer, demo
    RUNNING.remove(demo)
    demo.close()


def await_quiet(demo: gr.Blocks) -> None:
    """Wait for events of earlier tests. Otherwise their component updates would be added to the page that is being
    built in the same process: Gradio supports only one such page at a time."""
    end = time.monotonic() + 60
    while time.monotonic() < end and (len(demo._queue) or any(demo._queue.active_jobs)):
        time.sleep(0.01)


@contextmanager
def serving(settings: Settings, is_narrow: bool = True) -> Iterator[str]:
    """Start a server; yields its address, with a slash at the end."""
    with running(settings, is_narrow) as (_, demo):
        yield demo.local_url


@pytest.fixture(scope="session")
def server(data: Path) -> Iterator[str]:
    """A server over the recordings of `data`, shared by all tests."""
    with serving(Settings(data=data)) as address:
        yield address


def api_client(address: str, **options) -> Client:
    """A client of programs; by default it would load the machine's certificates for each of its requests, which takes
    three times as long as the request itself."""
    return Client(address, verbose=False, ssl_verify=False, **options)


@pytest.fixture
def client(server: str) -> Client:
    return api_client(server)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    assert path, "no Chromium found: run `python -m tests.app.get_chromium`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


TWO_ANIMATION_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def fill(page: Page, field: str, value: str) -> None:
    """Type a number into a field and leave it; the value has reached the page's state when this returns.

    When a tab is opened for the first time, Gradio sets its fields again in the animation frame in which they appear.
    A visitor types into a field that is on the screen, so after that frame; a program can be faster and lose its
    number.
    """
    box = page.locator(f"#{field} input[type=number]")
    expect(box).to_be_visible()
    page.evaluate(TWO_ANIMATION_FRAMES)
    box.fill(value)
    box.press("Tab")
    expect(box).to_have_value(value)


@pytest.fixture(scope="session")
def tabs(browser: Browser) -> Tabs:
    return Tabs(browser)


@pytest.fixture(scope="module")
def stay(tabs: Tabs, server: str) -> Iterator[Stay]:
    """The page that tests of a module share."""
    with staying(tabs, server) as stay:
        yield stay


@pytest.fixture
def page_at(stay: Stay, request: pytest.FixtureRequest) -> Iterator[Stay]:
    """Brings the shared page to a session and frame; the test fails if the page has complaints."""
    yield from checked(stay, request)


def checked(stay: Stay, request: pytest.FixtureRequest) -> Iterator[Stay]:
    """A page for one test; after a failure the next one gets another page."""
    failed_before = request.session.testsfailed
    yield stay
    stay.check(is_over=request.session.testsfailed > failed_before)


@pytest.fixture
def open_tab(tabs: Tabs, server: str, stay: Stay, request: pytest.FixtureRequest) -> Iterator[Visits]:
    """Opens tabs, each for a visitor of its own; the test fails if any of them has complaints."""
    if "page_at" not in request.fixturenames:
        stay.leave()  # a page at rest takes a sixth of a processor
    visits = Visits(tabs, server)
    yield visits
    visits.end()
