"""Training by the recipe: `python -m training.learn --robot toroidal_dot --data learning`.

Trains a fresh pair of networks on all recordings of a robot, and writes it to `checkpoints/` of the same folder. Ctrl-C
and SIGTERM save; `--resume` goes on with the same run, to the bit on a CPU. Exit codes: 0 done, 1 stopped, failed or
not saved, 2 wrong usage.
"""

import argparse
import dataclasses
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from models import DeviceUnavailable, Network
from session import TOROIDAL_DOT, RecordedSession, SessionError, list_sessions
from session.command_line import path_option, run_command, terminal_words
from session.data_folder import data_option
from session.ground_truth import held_out_state, may_be_simulated
from training.backend import Backend
from training.checkpoints.errors import CheckpointError
from training.checkpoints.writer import FILES
from training.cli import DONE, NOT_DONE, WRONG_USAGE, CommandParser, StopRequest, follow_job, print_loaded, typed_number
from training.evaluation.accuracy import measure_truth
from training.jobs.manager import TrainingManager
from training.jobs.request import JobRunning, RunRequest
from training.jobs.run_reader import RecordedRun, newest_log, read_run
from training.phase import Phase
from training.recipe.config import RecipeConfig
from training.recipe.held_out import is_held_out
from training.recipe.phases import recipe_phases
from training.recipe.unique_frames import UniqueFrames
from training.robots import keep_robots
from training.values import InvalidValue

MEASURED_FRAMES = 12  # of each of two recordings, in one measurement
MEASURE_EVERY = 250
STARTED_BY = "the recipe"
DEFAULT_ROBOT = TOROIDAL_DOT.name
FIELDS = dataclasses.fields(RecipeConfig)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """A run of the recipe, as its log holds it: recordings by id, and networks taken over, with their steps."""

    config: RecipeConfig
    recordings: tuple[str, ...]
    loaded: dict[Network, int]
    is_half: bool

    @classmethod
    def of_run(cls, run: RecordedRun) -> "Recipe":
        """The recipe of a recorded run; raises InvalidValue if it is a run of something else."""
        try:
            entry = run.config["recipe"]
            config = RecipeConfig(**entry["config"])
            return cls(config, tuple(map(str, entry["recordings"])), dict(entry["loaded"]), bool(entry["is_half"]))
        except (KeyError, TypeError, ValueError) as problem:
            raise InvalidValue(
                "The newest run of this robot is not one of the recipe: leave out --resume."
            ) from problem


def main(arguments: list[str]) -> int:
    """Train by the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    stop = StopRequest()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        backend = Backend(options.data, options.device, wandb_project=options.wandb_project)
        manager, recipe, recordings = (_resume if options.resume else _begin)(backend, options)
        frames = UniqueFrames(list(recordings.values()), is_held_out)
        phases = _phases(manager, recipe, frames, recordings, options.measure_every)
    except (InvalidValue, SessionError, DeviceUnavailable, CheckpointError) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return WRONG_USAGE
    logger.info("%s, %d different pictures, %d to learn from.", frames.describe(), len(frames), len(frames.learned))
    try:
        return _learn(manager, recipe, frames, phases, stop)
    except (CheckpointError, JobRunning) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return NOT_DONE


def _begin(backend: Backend, options: argparse.Namespace) -> tuple[TrainingManager, Recipe, dict[str, RecordedSession]]:
    """Prepare a new run: random weights drawn from the seed, or those of the checkpoints that are taken over."""
    values = vars(options)
    config = RecipeConfig(**{field.name: values[field.name] for field in FIELDS if field.name in values})
    robot = f"{options.robot}/"
    summaries = list_sessions(backend.sessions_folder)
    unreadable = [one.session_id for one in summaries if not one.is_readable and f"{one.session_id}/".startswith(robot)]
    if unreadable:
        raise InvalidValue(f"These folders cannot be read: {', '.join(unreadable)}; get the right to, or move them.")
    ids = sorted(summary.session_id for summary in summaries if summary.session_id.startswith(robot))
    if not ids:
        raise InvalidValue(f"There is no recording of {robot[:40]}; record some with `python -m session.record`.")
    keep_robots([backend.sessions.get(one).profile for one in ids], backend.checkpoints_folder)
    recordings = _open(backend, ids)
    manager = backend.manager(next(iter(recordings.values())).profile)
    shared = manager.shared
    with shared.lock:
        shared.model.cpu().reset_weights(torch.Generator().manual_seed(config.seed))
        shared.model.to(shared.device)
    paths = {network: values[network] for network in FILES if values[network]}
    for network, path in paths.items():
        print_loaded(manager, network, manager.load(network, path).notes)
    loaded = {network: manager.trainer.state.of(network).steps for network in paths}
    manager.trainer.state.generator.manual_seed(config.seed)
    return manager, Recipe(config, tuple(ids), loaded, options.half), recordings


def _resume(
    backend: Backend, options: argparse.Namespace
) -> tuple[TrainingManager, Recipe, dict[str, RecordedSession]]:
    """Prepare the rest of the robot's newest run, with the checkpoints that it has saved."""
    typed = [field.name for field in FIELDS if field.name in vars(options)]
    if typed or options.autoencoder or options.predictor:
        raise InvalidValue("--resume goes on with the recipe of the run that was interrupted: leave out its numbers.")
    folder = backend.checkpoints_folder / options.robot
    name = newest_log(folder)
    run = read_run(folder, name) if name else None
    if run is None or run.status == "finished":
        raise InvalidValue(f"There is no interrupted run of {options.robot[:40]}: leave out --resume.")
    recipe = Recipe.of_run(run)
    recordings = _open(backend, recipe.recordings)
    manager = backend.manager(next(iter(recordings.values())).profile)
    if run.saved_step is None and run.saving_step is None:
        raise InvalidValue("That run was interrupted before anything was saved: leave out --resume.")
    for network, file in FILES.items():
        print_loaded(manager, network, manager.load(network, manager.directory / file).notes)
    return manager, recipe, recordings


def _open(backend: Backend, ids: tuple[str, ...] | list[str]) -> dict[str, RecordedSession]:
    return {one: backend.sessions.get(one) for one in ids}


def _phases(
    manager: TrainingManager,
    recipe: Recipe,
    frames: UniqueFrames,
    recordings: Mapping[str, RecordedSession],
    measure_every: int,
) -> list[Phase]:
    measure = _near_share(manager, recordings, recipe.config.history_length)
    return recipe_phases(
        manager.shared.model, frames, recipe.config, recipe.loaded, measure, measure_every if measure else 0
    )


def _learn(
    manager: TrainingManager, recipe: Recipe, frames: UniqueFrames, phases: list[Phase], stop: StopRequest
) -> int:
    """Run the remaining phases, and write the weights if all are done."""
    steps_taken = [_steps_taken(manager, phase) for phase in phases]
    remaining = [phase for phase, steps in zip(phases, steps_taken, strict=True) if steps < phase.condition.max_steps]
    if remaining:
        entry = dataclasses.asdict(recipe)
        request = RunRequest(
            network="predictor",
            subject=frames.describe(),
            started_by=STARTED_BY,
            phases=remaining,
            max_steps=sum(phase.condition.max_steps for phase in phases),
            first_step=sum(steps_taken),
            config={"recipe": entry},
        )
        now = follow_job(manager.run(request), stop)
        sys.stdout.write(f"{terminal_words(f'{now.message} {now.saved_sentence}')}\n")
        if now.status != "finished":
            sys.stdout.write("The same command with --resume goes on, without the numbers of the recipe.\n")
            return NOT_DONE
    saved = manager.save_weights(torch.float16 if recipe.is_half else torch.float32)
    sys.stdout.write(f"Weights alone: {saved.describe()}.\n")
    return DONE


def _steps_taken(manager: TrainingManager, phase: Phase) -> int:
    steps = manager.trainer.state.of(phase.objective.network).steps - phase.first_step
    return min(max(steps, 0), phase.condition.max_steps)


def _near_share(
    manager: TrainingManager, recordings: Mapping[str, RecordedSession], history_length: int
) -> Callable[[], dict[str, float]] | None:
    """Returns a measurement: the share of predictions from held-out states within 2 pixels, of two recordings.

    Returns None if no simulator knows their states, or none of those is held out.
    """
    simulated = {one: recording for one, recording in list(recordings.items())[:2] if _has_held_out(recording)}

    def measure() -> dict[str, float]:
        summaries = [
            measure_truth(manager.shared, recording, one, history_length, MEASURED_FRAMES, held_out_state).shares()
            for one, recording in simulated.items()
        ]
        share = sum(summary.near for summary in summaries) / len(summaries)
        logger.info("within 2 px of the truth: %.1f %%", 100 * share)
        return {"near_share": share}

    return measure if simulated else None


def _has_held_out(recording: RecordedSession) -> bool:
    """True if a held-out frame has another after it."""
    return may_be_simulated(recording) and any(
        held_out_state(recording, frame) for frame in range(recording.frame_count - 1)
    )


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m training.learn", description="Train a fresh pair of networks on all recordings of a robot."
    )
    parser.add_argument(
        "--data", type=data_option, required=True, help="folder with sessions/; checkpoints/ is written there"
    )
    parser.add_argument("--robot", default=DEFAULT_ROBOT, help=f"folder of its recordings (default {DEFAULT_ROBOT})")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    parser.add_argument("--resume", action="store_true", help="go on with the newest run, which was interrupted")
    parser.add_argument(
        "--autoencoder", type=path_option, help="a checkpoint to take over instead of learning to reconstruct"
    )
    parser.add_argument(
        "--predictor", type=path_option, help="likewise: one that can predict, and now learns to roll out"
    )
    parser.add_argument("--half", action="store_true", help="write the weights in half precision, half as large")
    parser.add_argument("--wandb-project", help="also send the run's numbers to this Weights & Biases project")
    parser.add_argument(
        "--measure-every", type=int, default=MEASURE_EVERY, help="predictor steps between measurements; 0: none"
    )
    for field in FIELDS:
        option = f"--{field.name.replace('_', '-')}"
        if field.type is bool:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS)
        else:
            text = f"(default {field.default:g})"
            parser.add_argument(option, type=typed_number, default=argparse.SUPPRESS, help=text)
    return parser


if __name__ == "__main__":
    run_command(main)
