"""Takes the pictures of docs/ and the README: `python -m tests.app.screenshots`.

Records a demo, trains both networks on one of its frames for a few minutes, and photographs the page: light, dark,
narrow.
"""

import logging
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

import session_explorer_gradio as script
from session import record_demo
from tests.app.conftest import serving
from tests.app.get_chromium import FLAGS, find_chromium
from training import FixedSteps, Order, Subject

DOCS = Path(__file__).parent.parent.parent / "docs"
FRAME, AUTOENCODER_STEPS, PREDICTOR_STEPS = 20, 1500, 250
log = logging.getLogger("screenshots")


def train(data: Path, session_id: str) -> None:
    explorer, visitor = script.Explorer(script.Settings(data=data)), script.Visitor()
    script.load_session(explorer, visitor, session_id)
    recording, workshop = explorer.sessions.get(session_id), explorer.workshop(visitor)
    for network, steps in (("autoencoder", AUTOENCODER_STEPS), ("predictor", PREDICTOR_STEPS)):
        job = workshop.train(Order(network, recording, Subject(FRAME, FRAME), FixedSteps(steps)))
        while not job.wait(10):
            now = job.snapshot()
            log.info("%s: step %d, loss %s", network, now.step, now.loss)


def opened(browser: Browser, address: str, width: int, height: int, theme: str) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
    page.goto(f"{address}&__theme={theme}")
    page.wait_for_selector("#player canvas.frame[data-frame]")
    page.get_by_role("button", name="Load Models").click()
    page.wait_for_selector("#models-message p")
    return page


def predict(page: Page) -> None:
    page.get_by_role("tab", name="Predictor").click()
    page.get_by_role("button", name="Run Predictor").click()
    page.wait_for_selector("#sweep-pictures")
    page.wait_for_timeout(500)


def photograph(browser: Browser, address: str) -> None:
    wide = opened(browser, address, 1400, 1000, "light")
    predict(wide)
    wide.screenshot(path=DOCS / "page-light.png", full_page=True)
    wide.get_by_role("tab", name="Training").click()
    wide.locator("#autoencoder-steps input").fill("60")
    wide.locator("#train-autoencoder-steps").click()
    wide.wait_for_selector("#training-outcome", timeout=60_000)
    wide.wait_for_timeout(500)
    wide.screenshot(path=DOCS / "training-light.png", full_page=True)
    dark = opened(browser, address, 1400, 1000, "dark")
    dark.get_by_role("button", name="Run Autoencoder").click()
    dark.wait_for_selector("#autoencoder-pictures")
    dark.wait_for_timeout(500)
    dark.screenshot(path=DOCS / "page-dark.png", full_page=True)
    narrow = opened(browser, address, 390, 844, "dark")
    narrow.screenshot(path=DOCS / "page-narrow-dark.png")
    predict(narrow)
    narrow.screenshot(path=DOCS / "page-narrow-dark-full.png", full_page=True)


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        data = Path(temporary) / "saved"
        session_id = record_demo(data / "sessions", "jetbot_sim", 60, seed=0)
        record_demo(data / "sessions", "toroidal_dot", 60, seed=0)
        train(data, session_id)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        with serving(script.Settings(data=data)) as address:
            photograph(browser, f"{address}?session={session_id}&frame={FRAME}")
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
