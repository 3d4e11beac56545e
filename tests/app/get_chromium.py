"""Find or install a Chromium for the browser tests: `python -m tests.app.get_chromium`."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# The first one draws into memory alone, and takes a sixth less time of the processor for the same tests.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The browser itself must not use the network: tests fail on requests to other hosts.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
log = logging.getLogger("get_chromium")


def find_chromium() -> str | None:
    """Path of a Chromium or Chrome of the system or of Playwright, or None if there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install_chromium() -> None:
    """Install the system's package if this user may, otherwise the download of Playwright."""
    is_root = os.geteuid() == 0
    if shutil.which("apt-get") and (is_root or shutil.which("sudo")):
        sudo = [] if is_root else ["sudo", "-n"]
        quiet = dict(env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdout=subprocess.DEVNULL)
        subprocess.run([*sudo, "apt-get", "update", "-qq"], check=False, **quiet)
        for package in NAMES[:2]:  # not every system has the first
            if find_chromium() is None:
                subprocess.run([*sudo, "apt-get", "install", "-y", "-qq", package], check=False, **quiet)
    if find_chromium() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if find_chromium() is None:
        log.info("No Chromium found: installing one for the browser tests.")
        install_chromium()
    path = find_chromium()
    log.info("Chromium: %s", path or "none; install the package chromium and try again")
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
