"""Speed and accuracy of imagined frames: `python -m benchmarks.imagining [--checkpoints DIR] [--json PATH]`.

Speed at history 3, in both rollout modes: the step alone, a whole press as the server answers it (with ground truth and
pictures), and presses through the page in a real browser, one after the other. The reference, in the same run and in
turns with it: the networks alone (encode one picture if the mode does, predict, decode).

Accuracy, with checkpoints of the Toroidal Dot (`autoencoder.pth` and `predictor_0.pth` in one folder): rollouts of 30
steps under the actions of a simulated recording, in both modes, compared with repeating the start frame.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright

from benchmarks.machine import seconds
from benchmarks.page_speed import report
from benchmarks.server import PORT, running_server
from models import ROLLOUT_MODES, RolloutMode, SharedWorldModel, choose_device, imagine
from models.adaptive_world_model import AdaptiveWorldModelConfig
from page.tabs.imagine import PadInput
from page.tabs.imagine_view import imagine_answer
from session import RecordedSession, load_session, record_demo
from session.batch import build_batch, scaled_candidates
from session.command_line import path_option
from tests.app.get_chromium import FLAGS, find_chromium
from training import apply_command, load_checkpoint, roll_out
from training.checkpoints.paths import default_checkpoints

HISTORY, MOVE = 3, 1
ROUNDS = 15
PAGE_PRESSES = 20
SEED = 90210  # probably of no recording that was used for training
STEPS, STARTS = 30, range(3, 63, 6)
NEAR_PX = 2.0
PAD = "#imagine-pad .imagine"


def networks_alone(shared: SharedWorldModel, recording: RecordedSession, mode: RolloutMode) -> Callable[[], object]:
    """A step of the networks alone, with a context that is ready in memory."""
    batch = build_batch(recording, recording.history(6, HISTORY))
    model, frames, actions = shared.model, batch.frames.to(shared.device), batch.actions.to(shared.device)
    with torch.inference_mode():
        context = model.encode_history(frames)

    @torch.inference_mode()
    def step() -> object:
        latents = context
        if mode == "pictures":
            latents = torch.cat([context[:, :-1], model.encode(frames[:, -1])[:, None]], dim=1)
        return model.predict(latents, actions, frames[:, -1]).picture.cpu()

    return step


def measure_steps(shared: SharedWorldModel, recording: RecordedSession, mode: RolloutMode) -> dict[str, float]:
    """Frames per second of the step, of the whole press with its answer, and of the networks alone."""
    alone = networks_alone(shared, recording, mode)
    action = scaled_candidates(recording)[MOVE]
    imagination = apply_command(shared, recording, None, 6, MOVE, mode, HISTORY)
    durations: dict[str, list[float]] = {"networks": [], "step": [], "press": []}

    def press() -> None:
        nonlocal imagination
        imagination = apply_command(shared, recording, imagination, 6, MOVE, mode, HISTORY)
        imagine_answer(recording, "session", imagination, PadInput(MOVE, 1), shared.weights)

    for _ in range(HISTORY):
        press()
    for _ in range(ROUNDS):
        context = imagination.context
        durations["networks"].append(seconds(alone, shared.device))
        durations["step"].append(seconds(lambda: imagine(shared, context, action, mode, HISTORY), shared.device))  # noqa: B023
        durations["press"].append(seconds(press, shared.device))
    rates = {name: 1 / statistics.median(times) for name, times in durations.items()}
    return {
        "frames_per_s": rates["step"],
        "press_per_s": rates["press"],
        "networks_per_s": rates["networks"],
        "share_of_networks": rates["step"] / rates["networks"],
    }


def measure_page(data: Path) -> dict[str, float]:
    """Imagined frames per second through the page, each press sent after the answer to the one before."""
    with running_server(data), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"http://localhost:{PORT}/?frame=6")
        page.wait_for_selector("#player canvas.frame[data-frame]")
        page.get_by_role("tab", name="Imagine", exact=True).click()
        page.get_by_label("Repeat").check()
        page.locator("#imagine-pad [data-part=speed]").select_option("0")
        page.locator("#imagine-pad [data-part=actions] button").nth(MOVE).click()
        has_reached = f"least => Number(document.querySelector('{PAD}').dataset.steps) >= least"
        page.wait_for_function(has_reached, arg=3)
        before, began = int(page.locator(PAD).get_attribute("data-steps")), time.perf_counter()
        page.wait_for_function(has_reached, arg=before + PAGE_PRESSES)
        duration_s = time.perf_counter() - began
        done = int(page.locator(PAD).get_attribute("data-steps")) - before
        browser.close()
    return {"frames_per_s": done / duration_s, "presses": done}


def measure_truth(shared: SharedWorldModel, recording: RecordedSession) -> dict[str, dict[str, float]]:
    """For each mode, and for repeating the start frame: MSE after 1, 10 and 30 steps and its mean, the share of steps
    with the dot within 2 px of its recorded position, and the same share at the last step."""
    rollouts = [list(roll_out(shared, recording, start, STEPS, HISTORY)) for start in STARTS]
    results = {}
    for mode in (*ROLLOUT_MODES, None):
        errors = [[step.repeat_mse if mode is None else step.mse[mode] for step in steps] for steps in rollouts]
        pixels = [[step.repeat_px if mode is None else step.distance_px[mode] for step in steps] for steps in rollouts]
        near = [[distance is not None and distance <= NEAR_PX for distance in steps] for steps in pixels]
        results[f"30 steps by truth, {mode or 'repeating the start frame'}"] = {
            **{f"mse_{number}": statistics.mean(steps[number - 1] for steps in errors) for number in (1, 10, STEPS)},
            "mse_mean": statistics.mean(map(statistics.mean, errors)),
            "near_share": statistics.mean(map(statistics.mean, near)),
            "near_share_last": statistics.mean(steps[-1] for steps in near),
        }
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=path_option, help="folder of the networks (default saved/checkpoints/…)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the recording, which decides the row of the dot")
    parser.add_argument("--no-page", action="store_true", help="without the browser")
    parser.add_argument("--json", type=path_option)
    arguments = parser.parse_args()
    defaults = [
        Path("saved/checkpoints") / name for name in default_checkpoints(Path("saved/checkpoints"), "toroidal_dot")
    ]
    paths = [arguments.checkpoints / path.name for path in defaults] if arguments.checkpoints else defaults
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        sessions = Path(temporary) / "sessions"
        recording = load_session(
            sessions / record_demo(sessions, "toroidal_dot", STARTS[-1] + STEPS + 1, arguments.seed)
        )
        shared = SharedWorldModel(AdaptiveWorldModelConfig(1), choose_device("auto"))
        if all(path.is_file() for path in paths):
            load_checkpoint(paths[0], shared.network("autoencoder"))
            load_checkpoint(paths[1], shared.network("predictor"))
            results |= measure_truth(shared, recording)
        for mode in ROLLOUT_MODES:
            results[f"imagining at history 3, {mode}"] = measure_steps(shared, recording, mode)
        if not arguments.no_page:
            results["imagining through the page"] = measure_page(Path(temporary))
    report(results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
