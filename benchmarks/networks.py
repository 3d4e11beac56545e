"""Speed of the networks, beside that of the machine: `python -m benchmarks.networks [--rounds 5] [--json PATH]`.

Training steps and the sweep of 9 actions at batch 1 in float32, as the program itself runs them. Two references in the
same run: the rate of a matrix product just before each measurement, counted over the operations that are needed
(`benchmarks/flop_counts.py`), and the same networks written plainly (`benchmarks/reference_networks.py`). Medians over
the rounds.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch

from benchmarks.flop_counts import FlopCounts
from benchmarks.machine import Machine, seconds
from benchmarks.reference_networks import ReferenceWorldModel
from models import Precision, SharedWorldModel, WorldModels, run_prediction
from session.batch import Batch
from session.command_line import path_option
from training.config import TrainingConfig
from training.steps import AutoencoderTrainer, PredictorTrainer, TrainState

ACTION_CHANNELS, CANDIDATES = 3, 9
MASK_RATIO = 0.575  # the middle of what training draws from
REPEATS = 3  # of the task, for each measurement of its reference


@dataclass(frozen=True)
class Task:
    """A training step or a sweep as the program runs it, and the floating-point operations that its result needs."""

    name: str
    flops: int
    run: Callable[[], object]


@dataclass(frozen=True)
class Comparison:
    """A task beside its reference, and the targets: share of the machine's rate, times faster than the reference."""

    task: Task
    reference: Callable[[], object]
    share_target: float
    faster_target: float


@dataclass(frozen=True)
class Inputs:
    """Pictures and actions without meaning, since networks take as long for any: batches with 3 and with 8 frames of
    history, and scaled candidate actions (C, A), the first of them the recorded one of the short batch."""

    short: Batch
    long: Batch
    candidates: torch.Tensor


def random_batch(history: int, generator: torch.Generator) -> Batch:
    """A batch with a history of this length, on the CPU."""
    frames = torch.rand(1, history, 3, 224, 224, generator=generator)
    actions = 2 * torch.rand(1, history, ACTION_CHANNELS, generator=generator) - 1
    return Batch(frames, actions, torch.rand(1, 3, 224, 224, generator=generator))


def random_inputs() -> Inputs:
    """Always the same, on the CPU."""
    generator = torch.Generator().manual_seed(0)
    short, long = random_batch(3, generator), random_batch(8, generator)
    candidates = 2 * torch.rand(CANDIDATES, ACTION_CHANNELS, generator=generator) - 1
    candidates[0] = short.actions[0, -1]
    return Inputs(short, long, candidates)


def program_tasks(shared: SharedWorldModel, inputs: Inputs, precision: Precision = "float32") -> list[Task]:
    """Training steps and, always in float32, the sweep on the device of a shared model."""
    model, count = shared.model, FlopCounts(shared.model.config)
    kept = int(model.autoencoder.config.patches * (1 - MASK_RATIO))
    config = TrainingConfig(mask_ratio_low=MASK_RATIO, mask_ratio_high=MASK_RATIO, precision=precision)
    state = TrainState(model, config)
    autoencoder, predictor = AutoencoderTrainer(model, state), PredictorTrainer(model, state)
    short = inputs.short

    def sweep() -> object:
        return run_prediction(shared, short.frames, short.actions, short.target, inputs.candidates, 0)

    return [
        Task("predictor step, 3 frames", count.predictor_step(3), lambda: predictor.step(short)),
        Task("predictor step, 8 frames", count.predictor_step(8), lambda: predictor.step(inputs.long)),
        Task("autoencoder step", count.autoencoder_step(kept), lambda: autoencoder.step(short)),
        Task("sweep of 9 actions", count.sweep(3, CANDIDATES), sweep),
    ]


def comparisons() -> list[Comparison]:
    """The tasks and their references on the CPU, over networks of standard size with the same weights."""
    shared, inputs = WorldModels(torch.device("cpu")).get("benchmark", ACTION_CHANNELS), random_inputs()
    reference, short = ReferenceWorldModel(shared.model), inputs.short

    def step_of(batch: Batch) -> Callable[[], object]:
        return lambda: reference.predictor_step(batch.frames, batch.actions, batch.target)

    references = (
        (step_of(short), 0.65, 6),
        (step_of(inputs.long), 0.60, 8),
        (lambda: reference.autoencoder_step(short.target, MASK_RATIO), 0.40, 2.5),
        (lambda: reference.sweep(short.frames, short.actions, inputs.candidates), 0.60, 2),
    )
    return [Comparison(task, *row) for task, row in zip(program_tasks(shared, inputs), references, strict=True)]


def measure(comparison: Comparison, machine: Machine, rounds: int) -> dict[str, float]:
    """Milliseconds of a task and of its reference, share of the machine's rate, how many times faster."""
    task = comparison.task
    task.run()
    durations, shares, reference = [], [], []
    for _ in range(rounds):
        for _ in range(REPEATS):
            rate = machine.matrix_rate()
            durations.append(seconds(task.run, machine.device))
            shares.append(task.flops / durations[-1] / rate)
        reference.append(seconds(comparison.reference, machine.device))
    return {
        "ms": 1000 * statistics.median(durations),
        "reference_ms": 1000 * statistics.median(reference),
        "share": statistics.median(shares),
        "share_target": comparison.share_target,
        "faster": statistics.median(reference) / statistics.median(durations),
        "faster_target": comparison.faster_target,
    }


def print_table(machine: dict[str, float], results: dict[str, dict[str, float]]) -> None:
    """The figures for people to read."""
    rates = (machine["matrix_gflop_per_s"], machine["copy_gb_per_s"])
    print("matrix product {:.0f} GFLOP/s, copy of memory {:.1f} GB/s".format(*rates))
    print(f"{'':28}{'ms':>8}{'of the machine':>18}{'reference ms':>15}{'times faster':>16}")
    for name, row in results.items():
        share = f"{row['share']:.0%} (target {row['share_target']:.0%})"
        faster = f"{row['faster']:.1f} (target {row['faster_target']:g})"
        print(f"{name:28}{row['ms']:8.0f}{share:>18}{row['reference_ms']:15.0f}{faster:>16}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=path_option)
    arguments = parser.parse_args()
    machine = Machine(torch.device("cpu"))
    rates = {
        "matrix_gflop_per_s": machine.matrix_rate() / 1e9,
        "copy_gb_per_s": machine.copy_rate() / 1e9,
        "threads": torch.get_num_threads(),
    }
    results = {one.task.name: measure(one, machine, arguments.rounds) for one in comparisons()}
    print_table(rates, results)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": rates, **results}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
