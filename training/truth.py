"""Accuracy of predictions against a simulator: `python -m training.truth --session …`.

For each action of a simulated robot: the share of predictions within 2 pixels of the simulator, by the position of the
dot or the heading of the JetBot; with `--rollout 30` the share of 30 steps imagined one after another. Exit codes: 0
done, 1 a checkpoint cannot be used, 2 wrong usage.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from models import DeviceUnavailable, SharedWorldModel, WeightsSource, choose_device
from session import RecordedSession, SessionError, held_out_state
from session.command_line import path_option, run_command, session_option, terminal_words
from session.data_folder import data_option
from training.checkpoints.build import world_model_config
from training.checkpoints.errors import CheckpointError
from training.checkpoints.robots import RobotSessions
from training.checkpoints.validate import load_checkpoint
from training.checkpoints.writer import FILES
from training.cli import DONE, NOT_DONE, WRONG_USAGE, CommandParser
from training.evaluation.accuracy import STANDARD_FRAMES, CounterfactualAccuracy, measure_truth
from training.evaluation.rollouts.accuracy import RolloutAccuracy, measure_rollouts
from training.evaluation.rollouts.imagination import CannotImagine
from training.values import InvalidValue

# Conditions on a frame of a recording, by the value of --positions.
POSITIONS: Mapping[str, Callable[[RecordedSession, int], bool] | None] = MappingProxyType(
    {"all": None, "held-out": held_out_state, "trained": lambda *frame: not held_out_state(*frame)}
)


def main(arguments: list[str]) -> int:
    """Measure by the command line; returns the exit code."""
    description = "Compare predictions with the frames of the simulator."
    parser = measuring_parser("truth", description, STANDARD_FRAMES)
    parser.add_argument(
        "--rollout", type=int, metavar="STEPS", help="instead: imagine 1 to 50 steps under the recorded actions"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        recording = RobotSessions(options.data / "sessions", options.data / "checkpoints").get(options.session)
        shared = shared_model(options, recording)
        table = (_steps_table if options.rollout is None else _rollouts_table)(options, recording, shared)
    except (InvalidValue, CannotImagine, SessionError, DeviceUnavailable) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return WRONG_USAGE
    except (CheckpointError, ArithmeticError) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return NOT_DONE
    sys.stdout.write(table)
    if recording.outside_ranges:
        sys.stdout.write(f"{recording.outside_ranges}.\n")
    return DONE


def _steps_table(options: argparse.Namespace, recording: RecordedSession, shared: SharedWorldModel) -> str:
    accuracy = measure_truth(
        *(shared, recording, options.session, options.history_length, options.frames),
        POSITIONS[options.positions],
    )
    return truth_table(accuracy)


def _rollouts_table(options: argparse.Namespace, recording: RecordedSession, shared: SharedWorldModel) -> str:
    rollouts = measure_rollouts(shared, recording, options.rollout, options.history_length, options.frames)
    return rollouts_table(rollouts)


def rollouts_table(accuracy: RolloutAccuracy) -> str:
    """A table for a terminal: a line for each mode, and one for repeating the start frame."""
    lines = [f"{accuracy.rollouts} rollouts of {accuracy.steps} steps under the recorded actions"]
    lines.append(f"{'':<10} {'within 2 px':>12} {'within 4 px':>12} {'last, within 4 px':>18} {'MSE':>8}")
    for name, share in accuracy.shares.items():
        lines.append(f"{name:<10} {share.near:>12.1%} {share.close:>12.1%} {share.last_close:>18.1%} {share.mse:>8.4f}")
    return "\n".join(lines) + "\n"


def truth_table(accuracy: CounterfactualAccuracy) -> str:
    """A table for a terminal: a line for each action, and one for all of them."""
    lines = [f"{'action':<12} {'pairs':>6} {'within 2 px':>12} {'visible':>8} {'mean px':>8} {'median px':>10}"]
    for number, name in [*enumerate(accuracy.actions), (None, "all")]:
        summary = accuracy.shares(number)
        mean, median = ("–" if one is None else f"{one:.2f}" for one in (summary.mean_pixels, summary.median_pixels))
        figures = f"{summary.pairs:>6} {summary.near:>12.1%} {summary.visible:>8.1%} {mean:>8} {median:>10}"
        lines.append(f"{name:<12} {figures}")
    return "\n".join(lines) + "\n"


def shared_model(options: argparse.Namespace, recording: RecordedSession) -> SharedWorldModel:
    """The robot's networks with the named files, or with its default ones; raises CheckpointError."""
    profile, device = recording.profile, choose_device(options.device)
    folder = options.data / "checkpoints" / profile.name
    paths = {"autoencoder": options.autoencoder, "predictor": options.predictor}
    files = {network: path or folder / FILES[network] for network, path in paths.items()}
    config = world_model_config(max(1, len(profile.channels)), files)
    shared = SharedWorldModel(config, device)
    for network, path in files.items():
        info = load_checkpoint(path, shared.network(network))
        shared.set_weights_source({network: WeightsSource(path.name, info.step)})
    return shared


def measuring_parser(command: str, description: str, frames: int) -> argparse.ArgumentParser:
    """The options of a command that measures networks on a recording, `frames` of it by default."""
    parser = CommandParser(prog=f"python -m training.{command}", description=description)
    parser.add_argument(
        "--session", type=session_option, required=True, help='such as "toroidal_dot/session_20251014_090000"'
    )
    parser.add_argument("--data", type=data_option, default="saved", help="folder with sessions/ and checkpoints/")
    parser.add_argument(
        "--autoencoder", type=path_option, help="its checkpoint (default: the robot's own under --data)"
    )
    parser.add_argument("--predictor", type=path_option, help="its checkpoint (default: the robot's own under --data)")
    parser.add_argument("--history-length", type=int, default=3, help="context frames, 2 to 8 (default 3)")
    parser.add_argument("--frames", type=int, default=frames, help="number of frames, evenly spread")
    parser.add_argument(
        "--positions",
        choices=tuple(POSITIONS),
        default="all",
        help="only frames in a state that training.learn holds out (columns of the dot, headings), or only the others",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="device of the networks")
    return parser


if __name__ == "__main__":
    run_command(main)
