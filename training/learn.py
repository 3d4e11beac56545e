"""Training by the recipe: `python -m training.learn --robot toroidal_dot --data learning`.

Trains a fresh pair of networks on all recordings of a robot, and writes it to `checkpoints/` of the same folder. Ctrl-C
and SIGTERM save; `--resume` goes on with the same run, to the bit on a CPU. Exit codes: 0 done, 1 stopped, failed or
not saved, 2 wrong usage.
"""

import argparse
import dataclasses
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence

import torch

from models import DeviceUnavailable, Precision
from session import TOROIDAL_DOT, RecordedSession, SessionError
from session.command_line import path_option, run_command, terminal_words
from session.data_folder import data_option
from session.ground_truth import held_out_state, may_be_simulated
from training.backend import Backend
from training.checkpoints.errors import CheckpointError
from training.checkpoints.robots import fit_to_train, is_of_robot
from training.checkpoints.writer import FILES
from training.cli import (
    DONE,
    NOT_DONE,
    WRONG_USAGE,
    CommandParser,
    StopRequest,
    add_accumulate_option,
    add_leave_out_option,
    add_precision_option,
    command_group,
    division_of,
    follow_job,
    load_for_all,
    print_loaded,
    report_problem,
    require_same_options,
    typed_number,
)
from training.distributed import Group, OtherProcessFailed, ProcessLost
from training.evaluation.accuracy import measure_truth
from training.jobs.job import TrainingJob
from training.jobs.manager import TrainingManager
from training.jobs.recipe_run import Recipe, RecipeRun, load_saved, unfinished_recipe
from training.jobs.request import JobRunning
from training.recipe import RecipeConfig, UniqueFrames, is_held_out, standard_config
from training.values import InvalidValue

MEASURED_FRAMES = 12  # of each of two recordings, in one measurement
MEASURE_EVERY = 250
STARTED_BY = "the recipe"
DEFAULT_ROBOT = TOROIDAL_DOT.name
FIELDS = dataclasses.fields(RecipeConfig)

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Train by the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    stop = StopRequest()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        with command_group(options.device) as group:
            return _run(options, group, stop)
    except DeviceUnavailable as problem:
        sys.stderr.write(f"{problem}\n")
        return WRONG_USAGE


def _run(options: argparse.Namespace, group: Group, stop: StopRequest) -> int:
    """Train in this process of a group; returns the exit code."""
    try:
        require_same_options(group, options)
        manager, recipe, frames = (_resume if options.resume else _begin)(options, group)
        with group.together():
            recordings = dict(zip(recipe.recordings, frames.recordings, strict=True))
            measure = _near_share(manager, recordings, recipe.config.history_length)
            run = RecipeRun(manager, recipe, frames, measure, options.measure_every)
    except (InvalidValue, SessionError, CheckpointError, OtherProcessFailed, ProcessLost) as problem:
        report_problem(group, problem)
        return WRONG_USAGE
    logger.info("%s, %d different pictures, %d to learn from.", frames.describe(), len(frames), len(frames.learned))
    try:
        job = (run.resume if options.resume else run.begin)(f"{STARTED_BY}{group.describe()}")
        return _follow(manager, recipe, job, stop)
    except (CheckpointError, JobRunning, OtherProcessFailed, ProcessLost) as problem:
        report_problem(group, problem)
        return NOT_DONE


def _backend(options: argparse.Namespace, group: Group) -> Backend:
    division = division_of(group, options.accumulate)
    return Backend(options.data, options.device, wandb_project=options.wandb_project, division=division)


def _begin(options: argparse.Namespace, group: Group) -> tuple[TrainingManager, Recipe, UniqueFrames]:
    """Prepare a new run, and load the checkpoints that are taken over."""
    with group.together():
        backend, values = _backend(options, group), vars(options)
    own = group.first_then_others(lambda: _own_recordings(backend, options.robot))
    with group.together():
        left_out = backend.left_out(own, options.leave_out_flagged)
        recordings = backend.with_offsets(left_out.rest(own))
        frames = UniqueFrames(list(recordings.values()), is_held_out, left_out.frames(recordings))
        typed = {field.name: values[field.name] for field in FIELDS if field.name in values}
        config = dataclasses.replace(standard_config(frames), **typed)
        manager = backend.manager(next(iter(recordings.values())).profile)
    paths = {network: values[network] for network in FILES if values[network]}

    def load() -> None:
        for network, path in paths.items():
            print_loaded(manager, network, manager.load(network, path).notes)

    load_for_all(manager, load)
    loaded = {network: manager.trainer.state.of(network).steps for network in paths}
    return manager, Recipe(config, tuple(recordings), loaded, options.half, left_out), frames


def _own_recordings(backend: Backend, robot_name: str) -> dict[str, RecordedSession]:
    """All recordings of a robot, scaled alike, by id; raises SessionError and InvalidValue."""
    robot = f"{robot_name}/"
    summaries = backend.sessions.list()
    unreadable = [one.session_id for one in summaries if not one.is_readable and f"{one.session_id}/".startswith(robot)]
    if unreadable:
        raise InvalidValue(f"These folders cannot be read: {', '.join(unreadable)}; get the right to, or move them.")
    ids = backend.session_ids(robot_name)
    if not ids:
        raise InvalidValue(f"There is no recording of {robot[:40]}; record some with `python -m session.record`.")
    return _of_one_robot(backend, robot_name, ids)


def _of_one_robot(backend: Backend, robot: str, ids: Sequence[str]) -> dict[str, RecordedSession]:
    """The robot's recordings, scaled alike, by id; raises SessionError."""
    opened = backend.open_all(ids)
    profiles = [recording.profile for recording in opened.values()]
    profile = next((one for one in profiles if one.name == robot), profiles[0])
    own = {one: recording for one, recording in opened.items() if is_of_robot(recording, profile)}
    if len(own) < len(opened):
        sys.stdout.write(f"Left out, because they have other action channels or ranges: {len(opened) - len(own)}.\n")
    return dict(zip(own, fit_to_train(list(own.values()), backend.checkpoints_folder), strict=True))


def _resume(options: argparse.Namespace, group: Group) -> tuple[TrainingManager, Recipe, UniqueFrames]:
    """Prepare the rest of the robot's newest run, with the checkpoints that it has saved."""
    with group.together():
        backend = _backend(options, group)
        own = _unfinished(backend, options) if group.is_first else None
    content = group.from_first(json.dumps(dataclasses.asdict(own)).encode() if own else b"")
    with group.together():
        recipe = own or Recipe.parse(json.loads(content))
        frames = backend.frames_of(recipe)
        manager = backend.manager(frames.recordings[0].profile)

    def load() -> None:
        for network, info in load_saved(manager).items():
            print_loaded(manager, network, info.notes)

    load_for_all(manager, load)
    return manager, recipe, frames


def _unfinished(backend: Backend, options: argparse.Namespace) -> Recipe:
    """The recipe of the robot's newest run; raises InvalidValue."""
    typed = [field.name for field in FIELDS if field.name in vars(options)]
    if typed or options.autoencoder or options.predictor or options.leave_out_flagged:
        raise InvalidValue("--resume goes on with the recipe of the run that was interrupted: leave out its numbers.")
    return unfinished_recipe(backend.checkpoints_folder / options.robot)


def _follow(manager: TrainingManager, recipe: Recipe, job: TrainingJob | None, stop: StopRequest) -> int:
    """Follow the run, if steps remained, and write the weights if all are done."""
    if job is not None:
        now = follow_job(job, stop, is_shown=manager.group.is_first)
        sys.stdout.write(f"{terminal_words(f'{now.message} {now.saved_sentence}')}\n")
        if now.status != "finished":
            sys.stdout.write("The same command with --resume goes on, without the numbers of the recipe.\n")
            return NOT_DONE
    with manager.group.together():
        if manager.group.is_first:
            saved = manager.save_weights(torch.float16 if recipe.is_half else torch.float32)
            sys.stdout.write(f"Weights alone: {saved.describe()}.\n")
    return DONE


def _near_share(
    manager: TrainingManager, recordings: Mapping[str, RecordedSession], history_length: int
) -> Callable[[], dict[str, float]] | None:
    """Returns a measurement: the share of predictions from held-out states within 2 pixels, of two recordings.

    Returns None for a robot without a simulator.
    """
    simulated = {one: recording for one, recording in list(recordings.items())[:2] if may_be_simulated(recording)}

    def measure() -> dict[str, float]:
        summaries = [
            measure_truth(manager.shared, recording, one, history_length, MEASURED_FRAMES, held_out_state).shares()
            for one, recording in simulated.items()
        ]
        share = sum(summary.near for summary in summaries) / len(summaries)
        logger.info("within 2 px of the truth: %.1f %%", 100 * share)
        return {"near_share": share}

    return measure if simulated else None


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
    add_leave_out_option(parser)
    add_accumulate_option(parser)
    parser.add_argument("--half", action="store_true", help="write the weights in half precision, half as large")
    parser.add_argument("--wandb-project", help="also send the run's numbers to this Weights & Biases project")
    parser.add_argument(
        "--measure-every", type=int, default=MEASURE_EVERY, help="predictor steps between measurements; 0: none"
    )
    for field in FIELDS:
        option = f"--{field.name.replace('_', '-')}"
        if field.type is bool:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS)
        elif field.type is Precision:
            add_precision_option(parser, default=argparse.SUPPRESS)
        else:
            text = f"(default {field.default:g}, or what suits the pictures)"
            parser.add_argument(option, type=typed_number, default=argparse.SUPPRESS, help=text)
    return parser


if __name__ == "__main__":
    run_command(main)
