"""Training steps by several processes beside one: `python -m benchmarks.scaling [--quick] [--json PATH]`.

Of one batch: 2 processes of a thread each beside 1 process of 2 threads, on the same cores. The teams take turns, so
that whatever slows the machine slows both; a team that waits does nothing. While the machine does other work, two
processes get more of it than one, and the ratio says nothing; the processor time, which is taken by another team of 1
process and 1 thread too, does. `benchmarks.device` measures the same between the GPUs of a machine. Needs no recording.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from benchmarks import single_modules as single_modules  # before modules of session and training
from benchmarks.machine import seconds
from models import AdaptiveWorldModel, AdaptiveWorldModelConfig
from session.batch import Batch
from session.command_line import path_option
from training.distributed.division import WHOLE, Division, Part
from training.distributed.launch import process_group
from training.steps import OBJECTIVES, TrainState, draw_batch, train_step

BATCHES = {"cpu": 4, "cuda": 64}
HISTORY, ACTION_CHANNELS = 3, 3
STEPS, ROUNDS, QUICK_ROUNDS = 2, 7, 3
SUM = "sum of the predictor step's gradients"
TASKS = ("autoencoder", "predictor", SUM)


@dataclass(frozen=True)
class Team:
    """Processes that share each batch, with a number of threads each."""

    processes: int
    threads: int
    device: str = "cpu"

    def describe(self) -> str:
        if self.device == "cuda":
            return f"{self.processes} GPU{'' if self.processes == 1 else 's'}"
        return f"{self.processes} × {self.threads} thread{'' if self.threads == 1 else 's'}"


class RunningTeam:
    """The processes of a team; they take steps when they are told to."""

    def __init__(self, team: Team) -> None:
        self.team = team
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = str(server.getsockname()[1])
        self._members = [self._start(rank, port) for rank in range(team.processes)]

    def _start(self, rank: int, port: str) -> subprocess.Popen:
        team = self.team
        numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": team.processes, "OMP_NUM_THREADS": team.threads}
        own = {name: str(number) for name, number in numbers.items()} | {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
        }
        command = [sys.executable, "-m", "benchmarks.scaling", "--member", team.device]
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        return subprocess.Popen(command, env=os.environ | own, **pipes)

    def measure(self, task: str) -> tuple[float, float]:
        """Seconds of a step, by the slowest process, and its processor time in all of them."""
        for member in self._members:
            member.stdin.write(f"{task}\n")
        answers = [[float(number) for number in member.stdout.readline().split()] for member in self._members]
        return max(duration for duration, _ in answers), sum(busy for _, busy in answers)

    def end(self) -> None:
        """End the processes, and wait for them."""
        for member in self._members:
            member.stdin.close()
        for member in self._members:
            member.wait()


def compare(teams: Sequence[Team], rounds: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of a step of each task by each team, by name; its processor time in all processes; and the
    times that a team is faster than the first, from pairs of measurements beside each other."""
    running = [RunningTeam(team) for team in teams]
    measured: dict[str, list[list[tuple[float, float]]]] = {task: [] for task in TASKS}
    try:
        for number in range(rounds + 1):
            for task, rows in measured.items():
                row = [team.measure(task) for team in running]
                if number:  # the first round warms up
                    rows.append(row)
    finally:
        for team in running:
            team.end()
    return {
        f"{task}, {team.describe()}": {
            "ms": 1000 * statistics.median(row[place][0] for row in rows),
            "processor_ms": 1000 * statistics.median(row[place][1] for row in rows),
            "faster": statistics.median(row[0][0] / row[place][0] for row in rows),
        }
        for task, rows in measured.items()
        for place, team in enumerate(teams)
    }


def lines(results: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A line of each task by each team."""
    head = f"{'':60}{'ms, median':>12}{'of processors':>16}{'times the first':>18}"
    rows = [
        f"{name:60}{one['ms']:>12.1f}{one['processor_ms']:>16.1f}{one['faster']:>18.2f}"
        for name, one in results.items()
    ]
    return [head, *rows]


def gpu_teams(count: int) -> list[Team]:
    """One process, and as many as there are GPUs, with the powers of 2 between that divide the batch."""
    sizes = [1]
    while sizes[-1] * 2 <= min(count, BATCHES["cuda"]):
        sizes.append(sizes[-1] * 2)
    return [Team(size, 1, "cuda") for size in sizes]


def member(device_name: str) -> None:
    """Take steps of the task that each line of the input names; answer each with its seconds for a step."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    with process_group(device_name) as group:
        device = group.device(torch.device(device_name))
        model = AdaptiveWorldModel(AdaptiveWorldModelConfig(ACTION_CHANNELS))
        model.reset_weights(torch.Generator().manual_seed(1))
        state = TrainState(model.to(device).eval())
        state.division = Division(group)
        gradients = torch.zeros(sum(one.numel() for one in model.parameters()), device=device)
        tasks = {name: _steps(state, name) for name in OBJECTIVES} | {SUM: lambda: group.add(gradients)}
        for line in sys.stdin:
            act = tasks[line.strip()]
            group.agree()  # all begin at once
            busy = time.process_time()
            duration = seconds(lambda act=act: [act() for _ in range(STEPS)], device) / STEPS
            sys.stdout.write(f"{duration} {(time.process_time() - busy) / STEPS}\n")
            sys.stdout.flush()


def _steps(state: TrainState, network: str) -> Callable[[], object]:
    """A function that takes a step of a network on random pictures; networks take as long for any."""
    generator, size = torch.Generator().manual_seed(0), BATCHES[state.generator.device.type]
    frames = torch.rand(size, HISTORY, 3, 224, 224, generator=generator)
    actions = 2 * torch.rand(size, HISTORY, ACTION_CHANNELS, generator=generator) - 1
    target = torch.rand(size, 3, 224, 224, generator=generator)
    objective = OBJECTIVES[network](state.model, state.config)

    def draw(generator: torch.Generator, part: Part = WHOLE) -> Batch:
        rows = part.rows(size)
        return Batch(frames[rows], actions[rows], target[rows])

    return lambda: train_step(state, objective, draw_batch(state, draw))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--json", type=path_option)
    parser.add_argument("--member", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.member:
        member(arguments.member)
        return 0
    results = compare([Team(1, 2), Team(2, 1), Team(1, 1)], QUICK_ROUNDS if arguments.quick else ROUNDS)
    print(*lines(results), sep="\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
