"""Screenshots of docs/ and the README: `python -m tests.app.screenshots`.

Records a demo, trains both networks on one of its frames for a few minutes, and takes screenshots of the page: light,
dark, narrow; and of the Imagine tab with the demo that comes with the program.
"""

import logging
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

import session_explorer_gradio as script
from page.server.settings import Settings
from session import record_demo
from tests.app.conftest import fill, serving, unfold_models
from tests.app.get_chromium import FLAGS, find_chromium
from training import FixedSteps, FrameSelection, TrainingRequest

ROOT = Path(__file__).parent.parent.parent
DOCS, SHIPPED = ROOT / "docs", ROOT / "saved"
SHIPPED_SESSION = "toroidal_dot/session_20261123_231857"
FRAME, FIRST_STEPS, AUTOENCODER_STEPS, PREDICTOR_STEPS = 20, 300, 2100, 120
log = logging.getLogger("screenshots")


def train(data: Path, session_id: str, network: str, steps: int) -> None:
    explorer, visitor = script.Explorer(Settings(data=data)), script.Visitor()
    script.load_session(explorer, visitor, session_id)
    manager = explorer.manager_for(visitor)
    manager.load_defaults()
    recording = explorer.sessions.get(session_id)
    job = manager.train(TrainingRequest(network, recording, FrameSelection(FRAME, FRAME), FixedSteps(steps)))
    while not job.wait(10):
        snapshot = job.snapshot()
        log.info("%s: step %d, loss %s", network, snapshot.step, snapshot.loss)


def opened(browser: Browser, address: str, width: int, height: int, theme: str, networks: str = "") -> Page:
    """A tab with the checkpoints of `networks` loaded ("", "autoencoder" or "both")."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
    page.goto(f"{address}&tab=autoencoder&__theme={theme}")
    page.wait_for_selector("#player canvas.frame[data-frame]")
    if networks:
        unfold_models(page)
    if networks == "autoencoder":
        page.locator("#predictor-path input").fill("")
        page.locator("#predictor-path input").press("Tab")
    if networks:
        page.get_by_role("button", name="Load Models").click()
        page.wait_for_selector("#models-message p b")
    return page


def predict(page: Page) -> None:
    page.get_by_role("tab", name="Predictor").click()
    page.get_by_role("button", name="Run Predictor").click()
    page.wait_for_selector("#sweep-pictures")
    page.wait_for_timeout(500)


def reconstruct(page: Page) -> None:
    page.get_by_role("button", name="Run Autoencoder").click()
    page.wait_for_selector("#autoencoder-pictures")
    page.wait_for_timeout(500)


def photograph_training(browser: Browser, address: str) -> None:
    page = opened(browser, address, 1400, 1000, "light")
    page.get_by_role("tab", name="Training").click()
    fill(page, "autoencoder-steps", str(FIRST_STEPS))
    page.locator("#train-autoencoder-steps").click()
    page.wait_for_selector("#training-outcome", timeout=120_000)
    page.wait_for_timeout(1700)
    photograph(page, "training-light.png")


def photograph_autoencoder(browser: Browser, address: str) -> None:
    light = opened(browser, address, 1400, 1000, "light", "autoencoder")
    reconstruct(light)
    photograph(light, "page-light.png")
    narrow = opened(browser, address, 390, 844, "dark", "autoencoder")
    reconstruct(narrow)
    narrow.evaluate("document.querySelector('#session-facts').scrollIntoView()")
    narrow.screenshot(path=DOCS / "page-narrow-dark.png")


def photograph_predictor(browser: Browser, address: str) -> None:
    dark = opened(browser, address, 1400, 1000, "dark", "both")
    predict(dark)
    photograph(dark, "page-dark.png")


def photograph_inside(browser: Browser, address: str) -> None:
    page = opened(browser, address, 1400, 1000, "light", "both")
    page.get_by_role("tab", name="Inside the model").click()
    page.wait_for_selector("#attention-measures")
    photograph(page, "attention-light.png")
    page.get_by_role("tab", name="Weights").click()
    page.wait_for_selector("#weights-result figure.chart")
    photograph(page, "weights-light.png")
    page.get_by_role("tab", name="Errors").click()
    page.locator("#evaluate").click()
    page.wait_for_selector("#errors-summary", timeout=120_000)
    photograph(page, "errors-light.png")


def photograph_imagine(browser: Browser, address: str) -> None:
    """Ten moves of the demo that comes with the program."""
    page = opened(browser, address, 1400, 1000, "light")
    page.get_by_role("tab", name="Imagine", exact=True).click()
    for count in range(1, 11):
        page.get_by_role("button", name="move").click()
        page.wait_for_selector(f"#imagine-pad .imagine[data-steps='{count}']")
    page.locator("#measure-truth").click()
    page.wait_for_selector("#truth-figure")
    photograph(page, "imagine-light.png")


def photograph(page: Page, name: str, most: int = 2000) -> None:
    """Take a screenshot from the top of the page, with its full height or that of `most`."""
    height = page.evaluate("document.querySelector('.gradio-container').scrollHeight")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": min(most, height)})
    page.wait_for_timeout(800)
    page.screenshot(path=DOCS / name)


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        data = Path(temporary) / "saved"
        session_id = record_demo(data / "sessions", "jetbot_sim", 60, seed=0)
        record_demo(data / "sessions", "toroidal_dot", 60, seed=0)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        shots = {
            photograph_training: None,
            photograph_autoencoder: ("autoencoder", AUTOENCODER_STEPS),
            photograph_predictor: ("predictor", PREDICTOR_STEPS),
            photograph_inside: None,
        }
        for photograph, before in shots.items():
            if before:
                train(data, session_id, *before)
            with serving(Settings(data=data), is_narrow=False) as address:
                photograph(browser, f"{address}?session={session_id}&frame={FRAME}")
        with serving(Settings(data=SHIPPED), is_narrow=False) as address:
            photograph_imagine(browser, f"{address}?session={SHIPPED_SESSION}&frame=3")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
