"""How close the networks come to what the machine can do: `python -m benchmarks.networks [--rounds 5] [--json PATH]`.

Training steps and the sweep of 9 actions at batch 1 in float32, as the program itself takes them. Two references in the
same run: the rate of a matrix product just before each measurement, counted over the operations that are needed
(`benchmarks/flop_counts.py`), and the plain way (`benchmarks/reference_networks.py`). Medians over the rounds.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.flop_counts import NeededWork
from benchmarks.machine import Machine, seconds
from benchmarks.reference_networks import PlainWorldModel
from models import WorldModels, run_prediction
from session.batch import Batch
from training.config import TrainingConfig
from training.steps import AutoencoderTrainer, PredictorTrainer, TrainState

ACTION_CHANNELS, CANDIDATES = 3, 9
MASK_RATIO = 0.575  # the middle of what training draws from
REPEATS = 3  # of ours, for each measurement of the plain way


@dataclass(frozen=True)
class Task:
    """What is measured: operations needed, ours, the plain way, and the goals: share of the machine, times faster."""

    name: str
    needed: int
    ours: Callable[[], object]
    plain: Callable[[], object]
    share_goal: float
    faster_goal: float


def random_batch(history: int, generator: torch.Generator) -> Batch:
    """Pictures and actions without meaning; the networks take as long for any."""
    frames = torch.rand(1, history, 3, 224, 224, generator=generator)
    actions = 2 * torch.rand(1, history, ACTION_CHANNELS, generator=generator) - 1
    return Batch(frames, actions, torch.rand(1, 3, 224, 224, generator=generator))


def tasks() -> list[Task]:
    """On the CPU, over networks of standard size."""
    generator = torch.Generator().manual_seed(0)
    shared = WorldModels(torch.device("cpu")).get("benchmark", ACTION_CHANNELS)
    model, work = shared.model, NeededWork(shared.model.config)
    plain = PlainWorldModel(model)
    short, long = random_batch(3, generator), random_batch(8, generator)
    kept = int(model.autoencoder.config.patches * (1 - MASK_RATIO))
    optimizers = TrainState(model, TrainingConfig(mask_ratio_low=MASK_RATIO, mask_ratio_high=MASK_RATIO))
    autoencoder, predictor = AutoencoderTrainer(model, optimizers), PredictorTrainer(model, optimizers)
    candidates = 2 * torch.rand(CANDIDATES, ACTION_CHANNELS, generator=generator) - 1
    candidates[0] = short.actions[0, -1]

    def step_of(batch: Batch) -> tuple[Callable[[], object], Callable[[], object]]:
        return lambda: predictor.step(batch), lambda: plain.predictor_step(batch.frames, batch.actions, batch.target)

    return [
        Task("predictor step, 3 frames", work.predictor_step(3), *step_of(short), 0.65, 6),
        Task("predictor step, 8 frames", work.predictor_step(8), *step_of(long), 0.60, 8),
        Task(
            "autoencoder step",
            work.autoencoder_step(kept),
            lambda: autoencoder.step(short),
            lambda: plain.autoencoder_step(short.target, MASK_RATIO),
            *(0.40, 2.5),
        ),
        Task(
            "sweep of 9 actions",
            work.sweep(3, CANDIDATES),
            lambda: run_prediction(shared, short.frames, short.actions, short.target, candidates, 0),
            lambda: plain.sweep(short.frames, short.actions, candidates),
            *(0.60, 2),
        ),
    ]


def measure(task: Task, machine: Machine, rounds: int) -> dict[str, float]:
    """Milliseconds of ours and of the plain way, share of the machine's rate, how many times faster."""
    task.ours()
    ours, shares, plain = [], [], []
    for _ in range(rounds):
        for _ in range(REPEATS):
            rate = machine.matrix_rate()
            ours.append(seconds(task.ours, machine.device))
            shares.append(task.needed / ours[-1] / rate)
        plain.append(seconds(task.plain, machine.device))
    return {
        "ms": 1000 * statistics.median(ours),
        "plain_ms": 1000 * statistics.median(plain),
        "share": statistics.median(shares),
        "share_goal": task.share_goal,
        "faster": statistics.median(plain) / statistics.median(ours),
        "faster_goal": task.faster_goal,
    }


def show(machine: dict[str, float], results: dict[str, dict[str, float]]) -> None:
    """The table for people."""
    rates = (machine["matrix_gflop_per_s"], machine["copy_gb_per_s"])
    print("matrix product {:.0f} GFLOP/s, copy of memory {:.1f} GB/s".format(*rates))
    print(f"{'':28}{'ms':>8}{'of the machine':>18}{'plain way ms':>15}{'times faster':>16}")
    for name, told in results.items():
        share = f"{told['share']:.0%} (goal {told['share_goal']:.0%})"
        faster = f"{told['faster']:.1f} (goal {told['faster_goal']:g})"
        print(f"{name:28}{told['ms']:8.0f}{share:>18}{told['plain_ms']:15.0f}{faster:>16}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    machine = Machine(torch.device("cpu"))
    rates = {
        "matrix_gflop_per_s": machine.matrix_rate() / 1e9,
        "copy_gb_per_s": machine.copy_rate() / 1e9,
        "threads": torch.get_num_threads(),
    }
    results = {task.name: measure(task, machine, arguments.rounds) for task in tasks()}
    show(rates, results)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": rates, **results}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
