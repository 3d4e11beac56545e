"""How fast and how truly frames are imagined: `python -m benchmarks.imagining [--checkpoints DIR] [--json PATH]`.

Speed at history 3, both ways of going on: the step alone, a whole press as the server answers it (with truth and
pictures), and presses through the page in a real browser, one after the other. The reference, in the same run and in
turns with it: the networks alone (encode one picture where the way does, predict, decode).

Truth, with checkpoints of the Toroidal Dot (`autoencoder.pth` and `predictor_0.pth` in one folder): rollouts of 30
steps under the actions of a simulated recording, both ways, against repeating the start frame.
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
from tests.app.get_chromium import FLAGS, find_chromium
from training import apply_command, load_checkpoint, roll_out
from training.checkpoints.paths import default_checkpoints

HISTORY, MOVE = 3, 1
ROUNDS = 15
PAGE_PRESSES = 20
SEED = 90210  # of no recording that anything is likely to be trained on
STEPS, STARTS = 30, range(3, 63, 6)
NEAR_PX = 2.0
PAD = "#imagine-pad .imagine"


def networks_alone(shared: SharedWorldModel, recording: RecordedSession, way: RolloutMode) -> Callable[[], object]:
    """A step of nothing but the networks, over a context that lies ready."""
    batch = build_batch(recording, recording.history(6, HISTORY))
    model, frames, actions = shared.model, batch.frames.to(shared.device), batch.actions.to(shared.device)
    with torch.inference_mode():
        context = model.encode_history(frames)

    @torch.inference_mode()
    def step() -> object:
        latents = context
        if way == "pictures":
            latents = torch.cat([context[:, :-1], model.encode(frames[:, -1])[:, None]], dim=1)
        return model.decode(model.predict(latents, actions)).cpu()

    return step


def measure_steps(shared: SharedWorldModel, recording: RecordedSession, way: RolloutMode) -> dict[str, float]:
    """Frames a second of the step, of the whole press with its answer, and of the networks alone."""
    alone = networks_alone(shared, recording, way)
    action = scaled_candidates(recording)[MOVE]
    dream = apply_command(shared, recording, None, 6, MOVE, way, HISTORY)
    taken: dict[str, list[float]] = {"networks": [], "step": [], "press": []}

    def answered() -> None:
        nonlocal dream
        dream = apply_command(shared, recording, dream, 6, MOVE, way, HISTORY)
        imagine_answer(recording, "session", dream, PadInput(MOVE, 1), False)

    for _ in range(HISTORY):
        answered()
    for _ in range(ROUNDS):
        context = dream.steps[-1].context
        taken["networks"].append(seconds(alone, shared.device))
        taken["step"].append(seconds(lambda: imagine(shared, context, action, way, HISTORY), shared.device))  # noqa: B023
        taken["press"].append(seconds(answered, shared.device))
    rates = {name: 1 / statistics.median(found) for name, found in taken.items()}
    return {
        "frames_per_s": rates["step"],
        "press_per_s": rates["press"],
        "networks_per_s": rates["networks"],
        "share_of_networks": rates["step"] / rates["networks"],
    }


def measure_page(data: Path) -> dict[str, float]:
    """Imagined frames a second through the page, the next press sent when the answer to the last has come."""
    with running_server(data), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"http://localhost:{PORT}/?frame=6")
        page.wait_for_selector("#player canvas.frame[data-frame]")
        page.get_by_role("tab", name="Imagine", exact=True).click()
        page.get_by_label("Repeat").check()
        page.locator("#imagine-pad [data-part=speed]").select_option("0")
        page.locator("#imagine-pad [data-part=actions] button").nth(MOVE).click()
        reached = f"least => Number(document.querySelector('{PAD}').dataset.steps) >= least"
        page.wait_for_function(reached, arg=3)
        before, began = int(page.locator(PAD).get_attribute("data-steps")), time.perf_counter()
        page.wait_for_function(reached, arg=before + PAGE_PRESSES)
        taken_s = time.perf_counter() - began
        done = int(page.locator(PAD).get_attribute("data-steps")) - before
        browser.close()
    return {"frames_per_s": done / taken_s, "presses": done}


def measure_truth(shared: SharedWorldModel, recording: RecordedSession) -> dict[str, dict[str, float]]:
    """For each way, and for repeating the start frame: MSE after 1, 10 and 30 steps and its mean, the share of steps
    with the dot within 2 px of where it was recorded, and the same of the last step."""
    found = [list(roll_out(shared, recording, start, STEPS, HISTORY)) for start in STARTS]
    results = {}
    for way in (*ROLLOUT_MODES, None):
        errors = [[step.repeat_mse if way is None else step.mse[way] for step in steps] for steps in found]
        places = [[step.repeat_px if way is None else step.distance_px[way] for step in steps] for steps in found]
        near = [[place is not None and place <= NEAR_PX for place in steps] for steps in places]
        results[f"30 steps by truth, {way or 'repeating the start frame'}"] = {
            **{f"mse_{at}": statistics.mean(steps[at - 1] for steps in errors) for at in (1, 10, STEPS)},
            "mse_mean": statistics.mean(map(statistics.mean, errors)),
            "near_share": statistics.mean(map(statistics.mean, near)),
            "near_share_last": statistics.mean(steps[-1] for steps in near),
        }
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, help="folder of the networks (default saved/checkpoints/…)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the recording: which row its dot moves on")
    parser.add_argument("--no-page", action="store_true", help="without the browser")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    usual = [
        Path("saved/checkpoints") / name for name in default_checkpoints(Path("saved/checkpoints"), "toroidal_dot")
    ]
    paths = [arguments.checkpoints / path.name for path in usual] if arguments.checkpoints else usual
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
        for way in ROLLOUT_MODES:
            results[f"imagining at history 3, {way}"] = measure_steps(shared, recording, way)
        if not arguments.no_page:
            results["imagining through the page"] = measure_page(Path(temporary))
    report(results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
