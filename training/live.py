"""Online learning of a robot: `python -m training.live --robot toroidal_dot --selector uncertainty`.

The command line over the online loop. It records a session that the page shows while it grows, and trains and saves
the robot's default checkpoints. Exit codes: 0 all steps done, 1 ended before (stopped, the robot failed, not saved), 2
wrong usage.
"""

import argparse
import contextlib
import dataclasses
import logging
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from models import DeviceUnavailable, NotFinite
from session import (
    ActionSelector,
    LiveRecording,
    RobotProfile,
    SessionError,
    UncertaintySelector,
    simulator_names,
)
from session.command_line import path_option, run_command, terminal_words
from session.data_folder import data_option
from session.recorder.robot_adapter import CheckedRobot, load_robot
from session.recorder.selector_options import (
    SELECTORS,
    add_robot_options,
    add_selector_options,
    make_selector,
    simulator_values,
    steps_or,
)
from session.recorder.simulation import unlimited_budget_gb
from training.backend import Backend
from training.checkpoints.errors import CheckpointError
from training.checkpoints.robots import fit_profile, keep_robot
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
from training.jobs.run_log import LIVE, RunInfo, RunLog, unique_path
from training.jobs.snapshot import Status
from training.jobs.tracking import start_trackers
from training.jobs.trainer import WorldModelTrainer
from training.online import MAX_ONLINE_STEPS, MAX_PASSES, LiveConfig, OnlineLoop, OnlineStep
from training.options import read_config
from training.references import REPEATING
from training.steps import LossNotFinite, PartialUpdate
from training.values import InvalidValue, check_whole

UNCERTAINTY = "uncertainty"
PASSES = 10  # their variance is within a third of that of many passes; each costs as much as a prediction
STANDARD = LiveConfig()
STARTED_BY = "the live loop"

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Run the loop by the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    stop = StopRequest(is_impatient=True)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sessions_folder = options.data / "sessions"
    try:
        robot = load_robot(options.robot, _seed(options), simulator_values(options), options.repeat)
        selector = _selector(options, robot, sessions_folder)
        config, training = _config(options, selector), read_config(vars(options))
        backend = Backend(options.data, options.device)
        manager = backend.manager(fit_profile(robot.profile, backend.checkpoints_folder))
    except (InvalidValue, SessionError, DeviceUnavailable) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return WRONG_USAGE
    try:
        _load(manager, options)
        with _trainer(manager, options, training) as trainer:
            return _record(robot, selector, manager, trainer, config, options, stop)
    except (CheckpointError, JobRunning, SessionError) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return NOT_DONE
    except KeyboardInterrupt:  # the second Ctrl-C
        sys.stderr.write("Ended at once; the recording is whole, what was learned since the last save is not kept.\n")
        return NOT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="python -m training.live", description="A robot that learns while it acts.")
    names = ", ".join((*simulator_names(), "gym:ENV_ID for an environment of Gymnasium"))
    robots = f"{names}, or package.module:ClassName of your own, whose code is then run"
    parser.add_argument("--robot", default="toroidal_dot", help=robots)
    parser.add_argument("--data", type=data_option, default="saved", help="folder with sessions/ and checkpoints/")
    parser.add_argument("--steps", type=typed_number, help=f"actions to take (default {STANDARD.steps})")
    add_robot_options(parser)
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
    for name, meaning in numbers.items():
        standard = vars(STANDARD)[name]
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=typed_number, default=standard, help=f"{meaning} (default {standard:g})")
    add_advanced_options(parser)
    parser.add_argument("--autoencoder", type=path_option, help="start from this checkpoint, not the robot's usual one")
    parser.add_argument("--predictor", type=path_option, help="start from this checkpoint, not the robot's usual one")
    parser.add_argument("--fresh", action="store_true", help="start untrained; what was saved goes to the history")
    parser.add_argument("--no-training", action="store_true", help="look, predict and record only")
    parser.add_argument("--wandb-project", help="also send the run's numbers to this Weights & Biases project")
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
    """The checked values of the command line; raises InvalidValue and InvalidAction."""
    if options.steps is not None:
        check_whole(options.steps, "The number of steps", 1, MAX_ONLINE_STEPS)
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
    """The number of dropout passes: with another selector 0 if not given, because they cost more than the rest."""
    if options.dropout_passes is None:
        return PASSES if options.selector == UNCERTAINTY else 0
    check_whole(options.dropout_passes, "The number of dropout passes", 2, MAX_PASSES)
    return options.dropout_passes


def _load(manager: TrainingManager, options: argparse.Namespace) -> None:
    """Load the named checkpoints, and the robot's default ones for the rest; raises CheckpointError."""
    paths = {"autoencoder": options.autoencoder, "predictor": options.predictor}
    if not options.fresh:
        load_default_checkpoints(manager, [network for network in FILES if paths[network] is None])
    for network, path in paths.items():
        if path is not None:
            print_loaded(manager, network, manager.load(network, path).notes)


@contextlib.contextmanager
def _trainer(
    manager: TrainingManager, options: argparse.Namespace, training: TrainingConfig
) -> Iterator[WorldModelTrainer]:
    """The trainer, for this loop alone; without training, the folder is not locked."""
    if options.no_training:
        yield manager.trainer
        return
    with manager.exclusive_trainer(STARTED_BY, training) as trainer:
        yield trainer


def _record(
    robot: CheckedRobot,
    selector: ActionSelector,
    manager: TrainingManager,
    trainer: WorldModelTrainer,
    config: LiveConfig,
    options: argparse.Namespace,
    stop: StopRequest,
) -> int:
    """Run the loop until it ends or fails; close the recording, and save the weights unless they may be damaged."""
    sessions_folder = options.data / "sessions"
    with robot.recorder(sessions_folder, unlimited_budget_gb(sessions_folder)) as recorder:
        sys.stdout.write(f"Recording {recorder.session_id}\n")
        sys.stdout.flush()  # a program that starts the loop waits for the name
        recording = LiveRecording(recorder, robot.candidates, profile=_profile(robot, manager, options))
        loop = OnlineLoop(robot, recording, selector, trainer, config, lambda: stop.is_made)
        session_id, project = recorder.session_id, options.wandb_project
        live_log = None if options.no_training else LiveLog(manager, session_id, config, project)
        if live_log is not None:
            trainer.learns_from(session_id, live_log.name)
        problem = _follow(loop, trainer, config, live_log)
    is_saved = not may_have_corrupted_weights(problem) and _save(trainer)
    message = f"{recorder.session_id}: {recording.frame_count} frames, {recording.action_count} actions."
    sys.stdout.write(f"{message}\n")
    if live_log is not None:
        live_log.end(message, "failed" if problem else "stopped" if stop.is_made else "finished")
    return DONE if is_saved and problem is None and recording.action_count == config.steps else NOT_DONE


def _profile(robot: CheckedRobot, manager: TrainingManager, options: argparse.Namespace) -> RobotProfile:
    """The robot's profile with the ranges that its networks have learned; new networks learn those of the robot."""
    if not options.no_training:
        keep_robot(robot.profile, manager.directory)
    return fit_profile(robot.profile, options.data / "checkpoints")


class LiveLog:
    """The log of a live run: the numbers of each step of the robot, and Weights & Biases if a project is named.

    Its name says that it is not the log of a training job: the page shows it while the loop runs, and cannot resume it.
    """

    def __init__(
        self, manager: TrainingManager, session_id: str, config: LiveConfig, wandb_project: str | None
    ) -> None:
        run = RunInfo(STARTED_BY, session_id, STARTED_BY, datetime.now().isoformat(timespec="seconds"), config.steps)
        content = {LIVE: dataclasses.asdict(config)}
        self._began = time.monotonic()
        self._log = RunLog(unique_path(manager.directory, LIVE), run, content)
        self._tracker = start_trackers(self._log, manager.directory, content, wandb_project)

    @property
    def name(self) -> str:
        """The name of its file."""
        return self._log.path.name

    def add(self, step: OnlineStep) -> None:
        """Log the losses, training steps, mean uncertainty and trivial guess of one observation."""
        gates = {"reconstruction": step.reconstruction, "prediction": step.prediction}
        results = {name: gate for name, gate in gates.items() if gate is not None}
        numbers = {f"{name}/loss": gate.loss for name, gate in results.items()}
        numbers["seconds"] = time.monotonic() - self._began
        if step.uncertainties:
            numbers["uncertainty"] = sum(step.uncertainties) / len(step.uncertainties)
        if step.repeating is not None:
            numbers[f"reference/{REPEATING}"] = step.repeating
        self._tracker.log(
            step.step, numbers | {f"{name}/train_steps": gate.train_steps for name, gate in results.items()}
        )

    def end(self, message: str, status: Status) -> None:
        """Log the end of the run."""
        self._log.end(message, status)
        self._tracker.finish(message)


def _follow(
    loop: OnlineLoop, trainer: WorldModelTrainer, config: LiveConfig, live_log: LiveLog | None
) -> Exception | None:
    """Run the loop and report each step; returns the problem that ended it, after reporting that too."""
    try:
        for step in loop.run():
            logger.info("%s", format_step(step))
            if live_log is not None:
                live_log.add(step)
            if step.step and step.step % config.save_every == 0:
                _save(trainer)
    except (SessionError, NotFinite) as problem:
        logger.error("%s", terminal_words(problem))
        return problem
    except (LossNotFinite, MemoryError, RuntimeError) as problem:
        if not (is_expected(problem) or isinstance(problem, PartialUpdate)):
            raise  # an error of this program, which the user cannot correct
        logger.error("%s", describe_failure(problem))
        return problem
    return None


def _save(trainer: WorldModelTrainer) -> bool:
    """Save the weights that have changed; returns False if that failed, and the loop goes on."""
    try:
        saved = trainer.save_unsaved()
    except CheckpointError as problem:
        logger.error("%s", terminal_words(problem))
        return False
    if saved is not None:
        logger.info("Saved %s.", saved.describe())
    return True


def format_step(step: OnlineStep) -> str:
    """A step on one line: number, losses with the training steps taken, action, uncertainty of every action."""
    parts = [f"step {step.step}"]
    for name, gate in (("reconstruction", step.reconstruction), ("prediction", step.prediction)):
        parts.append(f"{name} none yet" if gate is None else f"{name} {gate.loss:.4g} (trained {gate.train_steps}×)")
    if step.uncertainties:
        parts.append(f"uncertainty {' '.join(f'{value:.3g}' for value in step.uncertainties)}")
    if step.action is None:
        return ", ".join([*parts, "end"])
    return ", ".join([*parts, "next: " + " ".join(f"{name} {value:g}" for name, value in step.action.items())])


if __name__ == "__main__":
    run_command(main)
