"""Screenshots of docs/ and the README: `python -m tests.app.screenshots`.

All of them are of the demo that comes with the program: light, dark, narrow.
"""

import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from page.server.settings import Settings
from tests.app.conftest import fill, serving
from tests.app.get_chromium import FLAGS, find_chromium

ROOT = Path(__file__).parent.parent.parent
DOCS, SHIPPED = ROOT / "docs", ROOT / "saved"
JETBOT = "jetbot/session_20261127_234947"
FRAME, STEPS = 18, 100  # a turn leads to that frame
log = logging.getLogger("screenshots")


def opened(browser: Browser, address: str, width: int, height: int, theme: str) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
    page.goto(f"{address}&tab=autoencoder&__theme={theme}")
    page.wait_for_selector("#player canvas.frame[data-frame]")
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
    fill(page, "autoencoder-steps", str(STEPS))
    page.locator("#train-autoencoder-steps").click()
    page.wait_for_selector("#training-outcome", timeout=120_000)
    page.wait_for_timeout(1700)
    photograph(page, "training-light.png")


def photograph_page(browser: Browser, address: str) -> None:
    for theme in ("light", "dark"):
        page = opened(browser, address, 1400, 1000, theme)
        predict(page)
        photograph(page, f"page-{theme}.png")
    narrow = opened(browser, address, 390, 844, "dark")
    reconstruct(narrow)
    narrow.evaluate("document.querySelector('#session-facts').scrollIntoView()")
    narrow.screenshot(path=DOCS / "page-narrow-dark.png")


def photograph_inside(browser: Browser, address: str) -> None:
    page = opened(browser, address, 1400, 1000, "light")
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
    """So many turns that nothing of the first picture is left."""
    page = opened(browser, address, 1400, 1000, "light")
    page.get_by_role("tab", name="Imagine", exact=True).click()
    for count in range(1, 14):
        page.locator("#imagine-pad").get_by_role("button", name="turn left").click()
        page.wait_for_selector(f"#imagine-pad .imagine[data-steps='{count}']")
    page.locator("#measure-truth").click()
    page.wait_for_selector("#truth-figure")
    photograph(page, "imagine-light.png")


def photograph_sessions(browser: Browser, address: str) -> None:
    page = opened(browser, address, 1400, 760, "light")
    page.get_by_role("button", name="All sessions").click()
    page.wait_for_function("document.querySelectorAll('#session-table td img').length > 4")
    page.screenshot(path=DOCS / "sessions-light.png")


def photograph_sliders(browser: Browser, address: str) -> None:
    """A pendulum of Gymnasium, whose torque is continuous."""
    page = opened(browser, address, 1400, 900, "light")
    page.get_by_role("tab", name="Imagine", exact=True).click()
    page.wait_for_selector("#imagine-pad .slider-row")
    page.wait_for_timeout(1500)
    page.screenshot(path=DOCS / "sliders-light.png")


def photograph(page: Page, name: str, most: int = 2000) -> None:
    """Take a screenshot from the top of the page, with its full height or that of `most`."""
    height = page.evaluate("document.querySelector('.gradio-container').scrollHeight")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": min(most, height)})
    page.wait_for_timeout(800)
    page.screenshot(path=DOCS / name)


def record_pendulum(data: Path) -> str:
    """Record a pendulum of Gymnasium; returns the session's id."""
    command = [sys.executable, "-m", "session.record", "--robot", "gym:Pendulum-v1", "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    log.setLevel(logging.INFO)
    DOCS.mkdir(exist_ok=True)
    shots = dict.fromkeys((photograph_page, photograph_inside, photograph_imagine, photograph_sessions), JETBOT)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        data = Path(temporary) / "saved"
        shutil.copytree(SHIPPED, data)
        shots |= {photograph_training: JETBOT, photograph_sliders: record_pendulum(data)}
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        with serving(Settings(data=data), is_narrow=False) as address:
            for photograph, session_id in shots.items():
                log.info(photograph.__name__)
                photograph(browser, f"{address}?session={session_id}&frame={FRAME}")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
