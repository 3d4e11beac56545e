"""A robot that learns while it acts: `python -m training.live --robot toroidal_dot --selector uncertainty`.

The command line over the live loop. It records a session that the page shows while it grows, and trains and saves the
robot's usual checkpoints. Exit codes: 0 all steps done, 1 ended before (told to, the robot failed, not saved), 2 wrong
usage.
"""

import argparse
import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from models import DeviceUnavailable, NotFinite, WorldModels, choose_device
from session import ActionSelector, LiveRecording, SessionError, SessionRecorder, UncertaintySelector, simulator_names
from session.recorder.robot_adapter import CheckedRobot, load_robot
from session.recorder.selector_options import SELECTORS, add_selector_options, make_selector, steps_or
from session.recorder.simulation import unlimited_budget_gb
from training.checkpoints.errors import CheckpointError
from training.checkpoints.writer import FILES
from training.cli import (
    DONE,
    NOT_DONE,
    WRONG_USAGE,
    CommandParser,
    StopRequest,
    add_advanced_options,
    load_default_checkpoints,
    print_loaded,
    typed_number,
)
from training.config import MAX_STEPS, TrainingConfig
from training.failures import describe_failure, is_expected, may_have_corrupted_weights
from training.jobs.manager import TrainingManager
from training.jobs.request import JobRunning
from training.jobs.trainer import Lesson, LessonHooks
from training.online import MAX_PASSES, MAX_TURNS, LiveConfig, OnlineLoop, OnlineStep
from training.options import read_config
from training.steps import LossNotFinite, PartialUpdate, TrainState
from training.values import InvalidValue, check_whole

UNCERTAINTY = "uncertainty"
PASSES = 10  # variance over so few is within a third of that over many, and each costs as much as a prediction
STANDARD = LiveConfig()
STARTED_BY = "the live loop"

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Run the loop as the command line says; returns the exit code."""
    options = _parser().parse_args(arguments)
    stop = StopRequest(is_impatient=True)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sessions_folder = options.data / "sessions"
    try:
        robot = load_robot(options.robot, _seed(options))
        selector = _selector(options, robot, sessions_folder)
        config, training = _config(options, selector), read_config(vars(options))
        manager = _manager(options, robot)
    except (InvalidValue, SessionError, DeviceUnavailable) as problem:
        sys.stderr.write(f"{problem}\n")
        return WRONG_USAGE
    try:
        _load(manager, options)
        with _lesson(manager, options, training) as lesson:
            return _record(robot, selector, lesson, config, options, stop)
    except (CheckpointError, JobRunning, SessionError) as problem:
        sys.stderr.write(f"{problem}\n")
        return NOT_DONE
    except KeyboardInterrupt:  # the second Ctrl-C
        sys.stderr.write("Ended at once; the recording is whole, what was learned since the last save is not kept.\n")
        return NOT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="python -m training.live", description="A robot that learns while it acts.")
    robots = f"{', '.join(simulator_names())}, or package.module:ClassName of your own, whose code is then run"
    parser.add_argument("--robot", default="toroidal_dot", help=robots)
    parser.add_argument("--data", type=Path, default=Path("saved"), help="folder with sessions/ and checkpoints/")
    parser.add_argument("--steps", type=typed_number, help=f"actions to take (default {STANDARD.steps})")
    add_selector_options(parser, (*SELECTORS, UNCERTAINTY))
    parser.add_argument("--seed", type=typed_number, default=0, help="of a simulated robot, and of all that is drawn")
    parser.add_argument(
        "--dropout-passes", type=typed_number, help=f"for uncertainty: passes with dropout (default {PASSES})"
    )
    numbers = {
        "reconstruction_gate": "train the autoencoder while its loss on the newest frame is above this",
        "prediction_gate": "train the predictor while its loss on the newest frame is above this",
        "max_train_steps": "training steps of each network for one observation, at most",
        "history_length": "context frames, 2 to 8",
        "batch_size": "the newest frame, and the rest drawn from those before",
        "save_every": "observations between two saves",
    }
    for name, told in numbers.items():
        standard = vars(STANDARD)[name]
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=typed_number, default=standard, help=f"{told} (default {standard:g})")
    add_advanced_options(parser)
    parser.add_argument("--autoencoder", type=Path, help="start from this checkpoint, not the robot's usual one")
    parser.add_argument("--predictor", type=Path, help="start from this checkpoint, not the robot's usual one")
    parser.add_argument("--fresh", action="store_true", help="start untrained; what was saved becomes the backup")
    parser.add_argument("--no-training", action="store_true", help="look, predict and record only")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    return parser


def _seed(options: argparse.Namespace) -> int:
    check_whole(options.seed, "The seed", 0, 2**63 - 1)
    return options.seed


def _selector(options: argparse.Namespace, robot: CheckedRobot, sessions_folder: Path) -> ActionSelector:
    if options.selector == UNCERTAINTY:
        return UncertaintySelector(options.seed)
    return make_selector(options, robot, sessions_folder, robot.require_in_range)


def _config(options: argparse.Namespace, selector: ActionSelector) -> LiveConfig:
    """Everything typed, checked; raises InvalidValue and InvalidAction."""
    if options.steps is not None:
        check_whole(options.steps, "The number of steps", 1, MAX_TURNS)
    if options.no_training:
        options.max_train_steps = 0
    else:
        check_whole(options.max_train_steps, "The number of training steps at most", 1, MAX_STEPS)
    return LiveConfig(
        steps=steps_or(STANDARD.steps, options.steps, selector),
        history_length=options.history_length,
        reconstruction_gate=options.reconstruction_gate,
        prediction_gate=options.prediction_gate,
        max_train_steps=options.max_train_steps,
        batch_size=options.batch_size,
        dropout_passes=_passes(options),
        save_every=options.save_every,
        seed=options.seed,
    )


def _passes(options: argparse.Namespace) -> int:
    """With another selector uncertainties are told only where they are asked for: they cost more than the rest."""
    if options.dropout_passes is None:
        return PASSES if options.selector == UNCERTAINTY else 0
    check_whole(options.dropout_passes, "The number of dropout passes", 2, MAX_PASSES)
    return options.dropout_passes


def _manager(options: argparse.Namespace, robot: CheckedRobot) -> TrainingManager:
    profile = robot.profile
    world_models = WorldModels(choose_device(options.device))
    shared = world_models.get(f"{profile.name} {profile.channel_names}", len(profile.channels))
    return TrainingManager(shared, options.data / "checkpoints" / profile.name)


def _load(manager: TrainingManager, options: argparse.Namespace) -> None:
    """The checkpoints that were named, the usual ones for the rest; raises CheckpointError."""
    named = {"autoencoder": options.autoencoder, "predictor": options.predictor}
    if not options.fresh:
        load_default_checkpoints(manager, [network for network in FILES if named[network] is None])
    for network, path in named.items():
        if path is not None:
            print_loaded(manager, network, manager.load(network, path).notes)


@contextlib.contextmanager
def _lesson(manager: TrainingManager, options: argparse.Namespace, training: TrainingConfig) -> Iterator[Lesson]:
    """A lesson that keeps others from training, or, without training, one that keeps nobody from anything."""
    if options.no_training:
        optimizers = TrainState(manager.shared.model, training)
        yield Lesson(manager.shared, optimizers, LessonHooks(lambda network: None, lambda networks: manager.save()))
        return
    with manager.lesson(STARTED_BY, training) as lesson:
        yield lesson


def _record(
    robot: CheckedRobot,
    selector: ActionSelector,
    lesson: Lesson,
    config: LiveConfig,
    options: argparse.Namespace,
    stop: StopRequest,
) -> int:
    """Run the loop to its end, however it ends: the recording is closed and what was learned is saved."""
    sessions_folder = options.data / "sessions"
    budget = unlimited_budget_gb(sessions_folder)
    with SessionRecorder(sessions_folder, robot.robot_type, robot.action_space, max_disk_gb=budget) as recorder:
        sys.stdout.write(f"Recording {recorder.session_id}\n")
        sys.stdout.flush()  # who starts the loop by a program waits for the name
        recording = LiveRecording(recorder, robot.candidates)
        loop = OnlineLoop(robot, recording, selector, lesson, config, lambda: stop.is_made)
        problem = _follow(loop, lesson, config)
    is_saved = not may_have_corrupted_weights(problem) and _save(lesson)
    sys.stdout.write(f"{recorder.session_id}: {recording.frame_count} frames, {len(recording.actions)} actions.\n")
    return DONE if is_saved and problem is None and len(recording.actions) == config.steps else NOT_DONE


def _follow(loop: OnlineLoop, lesson: Lesson, config: LiveConfig) -> Exception | None:
    """Run the loop and tell of each turn; returns the problem that ended it, after telling that too."""
    try:
        for turn in loop.run():
            logger.info("%s", format_step(turn))
            if turn.step and turn.step % config.save_every == 0:
                _save(lesson)
    except (SessionError, NotFinite) as problem:
        logger.error("%s", problem)
        return problem
    except (LossNotFinite, MemoryError, RuntimeError) as problem:
        if not (is_expected(problem) or isinstance(problem, PartialUpdate)):
            raise  # a mistake of this program: it is not for the user to mend
        logger.error("%s", describe_failure(problem))
        return problem
    return None


def _save(lesson: Lesson) -> bool:
    """Save what was learned; False where that failed, which ends nothing."""
    try:
        saved = lesson.save()
    except CheckpointError as problem:
        logger.error("%s", problem)
        return False
    if saved is not None:
        logger.info("Saved %s.", saved.describe())
    return True


def format_step(turn: OnlineStep) -> str:
    """A turn on one line: step, losses with the training steps taken, action, uncertainty of every action."""
    parts = [f"step {turn.step}"]
    for name, gate in (("reconstruction", turn.reconstruction), ("prediction", turn.prediction)):
        parts.append(f"{name} none yet" if gate is None else f"{name} {gate.loss:.4g} (trained {gate.train_steps}×)")
    if turn.uncertainties:
        parts.append(f"uncertainty {' '.join(f'{value:.3g}' for value in turn.uncertainties)}")
    if turn.action is None:
        return ", ".join([*parts, "end"])
    return ", ".join([*parts, "next: " + " ".join(f"{name} {value:g}" for name, value in turn.action.items())])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
