"""Speed of the page in a real browser: `python -m benchmarks.page_speed [--json PATH]`.

Time from process start to page served, and the memory at that moment; from slider move to painted frame; frames played
at 30 per second; time from a click on each Run button to its pictures. The references, in the same run: for the start,
a process that only imports torch and Gradio; for scrubbing, a plain image of the same route, and a slider whose moves
go through Gradio events; for the buttons, in turns with them, the networks alone and as many plain images.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import gradio as gr
import numpy as np
import torch
from playwright.sync_api import Browser, Page, sync_playwright
from torch import Tensor

from benchmarks.machine import seconds
from benchmarks.server import PORT, running_server
from models import WorldModels
from session import load_session, record_demo
from session.command_line import path_option
from tests.app.get_chromium import FLAGS, find_chromium

MOVES = 100
PLAYED_S = 6
STARTS = 3
CLICKS, FIRST_CLICKED = 7, 10
CHANNELS = 3

# Resolves with the milliseconds from the slider's input event to the frame callback after the picture is drawn.
MOVE = """async ([slider, to, isPainted]) => {
  const control = document.querySelector(slider), began = performance.now();
  const painted = new Function('to', 'return ' + isPainted);
  control.value = to;
  control.dispatchEvent(new Event('input', { bubbles: true }));
  await new Promise((done) => {
    const look = () => painted(to) ? done() : requestAnimationFrame(look);
    look();
  });
  return performance.now() - began;
}"""
DRAWN = "Number(document.querySelector('#player canvas.frame').dataset.frame) === to"
# Resolves with the milliseconds from a click to the frame callback after all its pictures are decoded.
CLICK = """async ([button, pictures]) => {
  document.querySelectorAll(pictures).forEach((one) => one.remove());
  const began = performance.now();
  document.querySelector(button).click();
  await new Promise((done) => {
    const look = () => {
      const images = [...document.querySelectorAll(pictures + ' img')];
      const isShown = images.length && images.every((image) => image.complete && image.naturalWidth);
      requestAnimationFrame(isShown ? done : look);
    };
    look();
  });
  return performance.now() - began;
}"""
# Resolves with the milliseconds until some recorded frames, each an image element, are drawn.
PLAIN = """async ([session, first, count]) => {
  const began = performance.now(), images = Array.from({ length: count }, () => new Image());
  images.forEach((image, number) => {
    image.src = 'recorded/frame/' + (first + number) + '/' + session + '?fresh=' + Math.random();
    document.body.append(image);
  });
  await new Promise((done) => {
    const look = () => requestAnimationFrame(images.every((image) => image.complete) ? done : look);
    look();
  });
  images.forEach((image) => image.remove());
  return performance.now() - began;
}"""
IMPORTS = """
import resource, torch, gradio
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
"""
EVENT_PAINTED = """(() => {
  const image = document.querySelector('#image img'), number = document.querySelector('#number input');
  if (!image?.complete || Number(number?.value) !== to || image.src === window.lastSeen) return false;
  window.lastSeen = image.src;
  return true;
})()"""
COUNT_PLAYED = """(seconds) => new Promise((done) => {
  const canvas = document.querySelector('#player canvas.frame'), shown = [];
  const watch = new MutationObserver(() => shown.push([Number(canvas.dataset.frame), performance.now()]));
  watch.observe(canvas, { attributes: true, attributeFilter: ['data-frame'] });
  setTimeout(() => { watch.disconnect(); done(shown); }, seconds * 1000);
})"""


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {"median_ms": statistics.median(ordered), "p95_ms": ordered[int(0.95 * (len(ordered) - 1))]}


def scrub(page: Page, slider: str, frames: int, is_painted: str) -> dict[str, float]:
    """Move to frames that were not displayed before, in steps that no prefetch can predict."""
    frame_numbers = np.random.default_rng(0).permutation(frames)[:MOVES]
    return percentiles([page.evaluate(MOVE, [slider, int(frame), is_painted]) for frame in frame_numbers if frame])


def play(page: Page) -> dict[str, float]:
    page.get_by_label("Speed", exact=True).select_option("30")
    page.evaluate(MOVE, ["#player .slider", 0, DRAWN])  # a key would go to the list of speeds
    button = page.locator("#player [data-act=play]")
    button.click()
    shown = page.evaluate(COUNT_PLAYED, PLAYED_S)
    button.click()
    gaps = [later[1] - earlier[1] for earlier, later in pairwise(shown)]
    seconds = (shown[-1][1] - shown[0][1]) / 1000
    skipped = sum(later[0] - earlier[0] != 1 for earlier, later in pairwise(shown))
    late = sum(gap > 50 for gap in gaps)  # one and a half periods
    return {"frames_per_s": (len(shown) - 1) / seconds, "skipped": skipped, "late": late, **percentiles(gaps)}


def click(page: Page, session_id: str, network: str, alone: Callable[[], object]) -> dict[str, float]:
    """Click on one frame after the other, in turns with the networks `alone` and with as many plain images; the first
    is not counted, since it draws parts that later ones reuse."""
    page.get_by_role("tab", name=network.capitalize()).click()
    page.locator(f"#{network}-follow input").uncheck()  # else the result is there before the click
    pictures, rounds = f"#{network}-result .pictures", []
    for turn in range(CLICKS + 1):
        page.evaluate(MOVE, ["#player .slider", FIRST_CLICKED + turn, DRAWN])  # the same answer again draws nothing
        page.wait_for_timeout(400)
        clicked = page.evaluate(CLICK, [f"#run-{network}", pictures])
        count = page.locator(f"{pictures} img").count()
        plain = page.evaluate(PLAIN, [session_id, 0, count])
        rounds.append((clicked, 1000 * seconds(alone, torch.device("cpu")), plain))
    clicked, networks, plain = zip(*rounds[1:], strict=True)
    around = [whole - own for whole, own in zip(clicked, networks, strict=True)]
    return {
        **percentiles(list(clicked)),
        "networks_ms": statistics.median(networks),
        "around_ms": statistics.median(around),
        "images": count,
        "images_ms": statistics.median(plain),
        "around_per_images": statistics.median(one / other for one, other in zip(around, plain, strict=True)),
    }


def measure_page(browser: Browser, address: str) -> dict[str, dict[str, float]]:
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("#player canvas.frame[data-frame]")
    frames = int(page.locator("#player .slider").get_attribute("max")) + 1
    session_id = page.evaluate("new URLSearchParams(location.search).get('session')")
    plain = [page.evaluate(PLAIN, [session_id, turn % frames, 1]) for turn in range(MOVES)]
    results = {
        "slider move to painted frame": scrub(page, "#player .slider", frames, DRAWN),
        "reference: one plain image": percentiles(plain),
        "play at 30/s": play(page),
    }
    page.close()
    return results


def measure_clicks(browser: Browser, address: str, session_id: str, actions: int) -> dict[str, dict[str, float]]:
    """Times of clicks for a recording whose robot has this number of actions, with those of the networks alone."""
    page = browser.new_page()
    page.goto(f"{address}?session={session_id}&frame=9")
    page.wait_for_selector("#player canvas.frame[data-frame='9']")
    reconstruct, predict = networks_alone(actions)
    results = {}
    for network, alone in (("autoencoder", reconstruct), ("predictor", predict)):
        name = f"Run {network.capitalize()}, {actions} actions, whole click"
        results[name] = click(page, session_id, network, alone)
    page.close()
    return results


def bare_imports() -> dict[str, float]:
    """Seconds and peak memory of a process that only imports torch and Gradio: the best of a few."""
    runs = []
    for _ in range(STARTS):
        began = time.perf_counter()
        answer = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)
        runs.append((time.perf_counter() - began, float(answer.stdout.splitlines()[-1])))
    return {"s": min(seconds for seconds, _ in runs), "mb": min(memory for _, memory in runs)}


def networks_alone(actions: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """A reconstruction, and a prediction from 3 frames with the sweep of this number of actions, as tensors."""
    model = WorldModels(torch.device("cpu")).get("benchmark", CHANNELS).model
    frames, image = torch.rand(1, 3, 3, 224, 224), torch.rand(1, 3, 224, 224)
    history, candidates = torch.rand(1, 3, CHANNELS), torch.rand(actions, CHANNELS)

    def predict() -> Tensor:
        return model.predict_counterfactuals(model.encode_history(frames), history, candidates, frames[:, -1]).picture

    return torch.inference_mode()(lambda: model.reconstruct(image)), torch.inference_mode()(predict)


def record_with_actions(data: Path, actions: int) -> str:
    """Record a demo session whose robot has this number of actions; returns its id."""
    session_id = record_demo(data / "sessions", "jetbot_sim", 30, seed=actions)
    path = data / "sessions" / session_id / "session_meta.json"
    space = [
        {"motor_left": 0, "motor_right": round(right, 4), "duration": 0.2} for right in np.linspace(0, 0.12, actions)
    ]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"action_space": space}))
    return session_id


def measure_events(browser: Browser, folder: Path) -> dict[str, float]:
    """Measure the reference: the same frames through a Gradio slider's event and an image component."""
    recording = load_session(folder)

    def show(index: float) -> tuple[np.ndarray, float]:
        picture = np.asarray(recording.picture(int(index))).copy()
        picture[0, 0] = (int(index) % 256, int(index) // 256, 0)  # all different, so that each has its own address
        return picture, index

    with gr.Blocks() as demo:
        slider = gr.Slider(0, recording.frame_count - 1, step=1, elem_id="slider")
        image, number = gr.Image(elem_id="image"), gr.Number(elem_id="number")
        slider.input(show, slider, [image, number], show_progress="hidden", trigger_mode="always_last", queue=False)
    demo.launch(prevent_thread_lock=True, quiet=True, server_port=PORT + 1, ssr_mode=False)
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{PORT + 1}/")
    page.wait_for_selector("#slider input[type=range]")
    times = scrub(page, "#slider input[type=range]", recording.frame_count, EVENT_PAINTED)
    page.close()
    demo.close()
    return times


def report(results: dict[str, dict[str, float]], path: Path | None) -> None:
    """Print a line for each measurement, and write all of them as JSON if a path is given."""
    for name, figures in results.items():
        print(f"{name:42}", "  ".join(f"{key} {value:.2f}" for key, value in figures.items()))
    if path:
        path.write_text(json.dumps(results, indent=1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=path_option)
    arguments = parser.parse_args()
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        data = Path(temporary)
        with_actions = {actions: record_with_actions(data, actions) for actions in (2, 9)}
        session_id = record_demo(data / "sessions", "jetbot_sim", 600, seed=1)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        results["reference: torch and Gradio imported"] = bare_imports()
        with running_server(data) as server:
            results["process start to page served"] = {"s": server.started_s, "mb": server.resource_use().memory_mb}
            results |= measure_page(browser, f"{server.address}?session={session_id}")
            for actions, recorded in with_actions.items():
                results |= measure_clicks(browser, server.address, recorded, actions)
        reference = measure_events(browser, data / "sessions" / session_id)
        results["reference: slider through Gradio events"] = reference
        ratio = reference["median_ms"] / results["slider move to painted frame"]["median_ms"]
        results["scrubbing, times faster than events"] = {"ratio": ratio}
        browser.close()
    report(results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
