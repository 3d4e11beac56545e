"""Effect of each part of the recipe: `python -m benchmarks.learning [--minutes 5] [--figure docs/learning.png]`.

New recordings of the Toroidal Dot, and one autoencoder for all variations. Then the predictor is trained for the same
number of minutes each time: with the whole recipe, without one of its parts, and with the plain recipe of the Training
tab, which gets the autoencoder's time in addition. Measured from frames that were not used for training: the share of
predictions within 2 pixels. Time spent on measuring does not count.
"""

import argparse
import copy
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from matplotlib.figure import Figure

from models import AdaptiveWorldModelConfig, SharedWorldModel
from session import RecordedSession, SimulatorEntry, held_out_state, load_session
from session.command_line import path_option
from session.recorder.selectors import RandomSelector
from session.recorder.simulation import record_simulation, unlimited_budget_gb
from session.robots.toroidal_dot import ToroidalDotRobot
from training import AutoencoderTrainer, FrameDataset, FrameSelection, PredictorTrainer, TrainState
from training.evaluation.accuracy import AccuracySummary, measure_truth, summarize
from training.jobs.trainer import WorldModelTrainer
from training.recipe import RecipeConfig, UniqueFrames, is_held_out, recipe_phases
from training.recipe.phase import Phase

TRAINING_SEEDS, UNSEEN_SEEDS = range(1, 13), (15, 18)  # the dots of the latter move on rows of their own
ACTIONS = 460  # with a move every second time, a dot visits every column
MEASURED_RECORDINGS, MEASURED_FRAMES = 4, 12
POINTS = 6  # of each curve
PLAIN = "plain recipe of the Training tab, batches of 8"
STANDARD = RecipeConfig()
VARIATIONS = {
    "the recipe": STANDARD,
    "from random weights (no space-time start)": replace(STANDARD, starts_in_space_and_time=False),
    "all patches in each step": replace(STANDARD, kept_patches=0),
    "no weight on the foreground": replace(STANDARD, foreground_weight=0.0),
    "pictures alone (no latent error)": replace(STANDARD, latent_weight=0.0),
}
Point = tuple[float, float]  # minutes, share within 2 pixels


def record(folder: Path, seeds: Iterable[int]) -> list[RecordedSession]:
    """Record a session for each seed, which decides the row of the dot."""
    recordings = []
    for seed in seeds:
        selector = RandomSelector(ToroidalDotRobot().action_space, seed)
        made_by, budget = SimulatorEntry("toroidal_dot", seed), unlimited_budget_gb(folder)
        recordings.append(load_session(folder / record_simulation(folder, made_by, selector, ACTIONS, budget)))
    return recordings


def untrained_model() -> SharedWorldModel:
    return SharedWorldModel(AdaptiveWorldModelConfig(1), torch.device("cpu"))


def measure(
    shared: SharedWorldModel, recordings: list[RecordedSession], frames: int = MEASURED_FRAMES
) -> AccuracySummary:
    """Accuracy over held-out columns of some recordings."""
    results = [
        measure_truth(shared, one, one.name, STANDARD.history_length, frames, held_out_state)
        for one in recordings[:MEASURED_RECORDINGS]
    ]
    return summarize(error for result in results for error in result.deviations)


def run(steps: Iterator[object], minutes: float, measured: Callable[[], float]) -> list[Point]:
    """Take steps for some minutes; measures at intervals, which takes none of these minutes."""
    curve, spent = [(0.0, measured())], 0.0
    began = time.monotonic()
    for _ in steps:
        now = spent + time.monotonic() - began
        if now >= 60 * minutes * len(curve) / POINTS:
            spent = now
            curve.append((spent / 60, measured()))
            began = time.monotonic()
        if now >= 60 * minutes:
            break
    return curve


def phase_steps(shared: SharedWorldModel, phase: Phase) -> Iterator[object]:
    """The steps of one phase of the recipe, without evaluations and saves."""
    trainer = WorldModelTrainer(shared, Path())
    trainer.begin_phase(phase)
    phase.dataset.prepare()
    for _ in range(phase.condition.max_steps):
        yield trainer.step(phase.objective, phase.dataset.draw(trainer.state.generator))


def plain_steps(shared: SharedWorldModel, recordings: list[RecordedSession], minutes: float) -> Iterator[object]:
    """Steps of the page's trainers: the autoencoder for half of the time, then both jointly."""
    optimizers, generator = TrainState(shared.model), torch.Generator().manual_seed(0)
    sets = [
        FrameDataset(one, FrameSelection(0, one.frame_count - 1, batch_size=8), needs_history=True)
        for one in recordings
    ]
    began = time.monotonic()
    for trainer in (AutoencoderTrainer(shared.model, optimizers), PredictorTrainer(shared.model, optimizers)):
        while trainer.name == "predictor" or time.monotonic() - began < 30 * minutes:
            dataset = sets[int(torch.randint(len(sets), (), generator=generator))]
            yield trainer.step(dataset.draw(generator))


def draw(curves: dict[str, list[Point]], path: Path) -> None:
    figure = Figure(figsize=(7.5, 4), dpi=150, layout="constrained", facecolor="white")
    axes = figure.subplots()
    for name, curve in curves.items():
        axes.plot(*zip(*curve, strict=True), marker="o", markersize=3, label=name)
    axes.set(
        xlabel="minutes of the predictor's training", ylabel="held-out predictions within 2 px", ylim=(-0.03, 1.03)
    )
    axes.legend(fontsize="small")
    figure.savefig(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="for each variation (default 5)")
    parser.add_argument("--autoencoder-steps", type=int, default=STANDARD.autoencoder_steps)
    parser.add_argument("--json", type=path_option)
    parser.add_argument("--figure", type=path_option)
    arguments = parser.parse_args()
    curves: dict[str, list[Point]] = {}
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        recordings, unseen = record(Path(temporary), TRAINING_SEEDS), record(Path(temporary), UNSEEN_SEEDS)
        frames, base = UniqueFrames(recordings, is_held_out), untrained_model()
        began = time.monotonic()
        config = replace(STANDARD, autoencoder_steps=arguments.autoencoder_steps)
        for _ in phase_steps(base, recipe_phases(base.model, frames, config)[0]):
            pass
        autoencoder_minutes = (time.monotonic() - began) / 60
        print(f"The autoencoder was trained in {autoencoder_minutes:.1f} minutes.", flush=True)
        for name, config in {**VARIATIONS, PLAIN: None}.items():
            shared, minutes = untrained_model(), arguments.minutes
            if config is None:
                minutes += autoencoder_minutes
                steps = plain_steps(shared, recordings, minutes)
            else:
                shared.model.autoencoder = copy.deepcopy(base.model.autoencoder)
                steps = phase_steps(shared, recipe_phases(shared.model, frames, config)[1])
            curves[name] = run(steps, minutes, lambda shared=shared: measure(shared, recordings).near)
            known, elsewhere = measure(shared, recordings, 25), measure(shared, unseen, 25)
            results[name] = {"near": known.near, "visible": known.visible, "unseen_rows_near": elsewhere.near}
            print(f"{name:50}" + "".join(f"  {key} {value:.1%}" for key, value in results[name].items()), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"results": results, "curves": curves}, indent=1))
    if arguments.figure:
        draw(curves, arguments.figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
