"""Accuracy of predictions against a simulator: `python -m training.truth --session …`.

For each action of a simulated robot: the share of predictions within 2 pixels of the position of the dot in the
simulator. Exit codes: 0 done, 1 a checkpoint cannot be used, 2 wrong usage.
"""

import argparse
import logging
import sys

from models import DeviceUnavailable, SharedWorldModel, choose_device
from session import RecordedSession, SessionError, find_session, load_session
from session.command_line import path_option, run_command, terminal_words
from session.data_folder import data_option
from training.checkpoints.build import world_model_config
from training.checkpoints.errors import CheckpointError
from training.checkpoints.validate import load_checkpoint
from training.checkpoints.writer import FILES
from training.cli import DONE, NOT_DONE, WRONG_USAGE, CommandParser
from training.evaluation.accuracy import STANDARD_FRAMES, CounterfactualAccuracy, measure_truth
from training.recipe.unique_frames import is_held_out
from training.values import InvalidValue


def main(arguments: list[str]) -> int:
    """Measure by the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        recording = load_session(find_session(options.data / "sessions", options.session))
        shared = _shared_model(options, recording)
        positions = {"all": None, "held-out": is_held_out, "trained": lambda picture: not is_held_out(picture)}
        accuracy = measure_truth(
            *(shared, recording, options.session, options.history_length, options.frames),
            positions[options.positions],
        )
    except (InvalidValue, SessionError, DeviceUnavailable) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return WRONG_USAGE
    except (CheckpointError, ArithmeticError) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return NOT_DONE
    sys.stdout.write(truth_table(accuracy))
    return DONE


def truth_table(accuracy: CounterfactualAccuracy) -> str:
    """A table for a terminal: a line for each action, and one for all of them."""
    lines = [f"{'action':<12} {'pairs':>6} {'within 2 px':>12} {'visible':>8} {'mean px':>8} {'median px':>10}"]
    for number, name in [*enumerate(accuracy.actions), (None, "all")]:
        summary = accuracy.shares(number)
        mean, median = ("–" if one is None else f"{one:.2f}" for one in (summary.mean_pixels, summary.median_pixels))
        figures = f"{summary.pairs:>6} {summary.near:>12.1%} {summary.visible:>8.1%} {mean:>8} {median:>10}"
        lines.append(f"{name:<12} {figures}")
    return "\n".join(lines) + "\n"


def _shared_model(options: argparse.Namespace, recording: RecordedSession) -> SharedWorldModel:
    """The robot's networks with the named files, or with its default ones; raises CheckpointError."""
    profile, device = recording.profile, choose_device(options.device)
    folder = options.data / "checkpoints" / profile.name
    paths = {"autoencoder": options.autoencoder, "predictor": options.predictor}
    files = {network: path or folder / FILES[network] for network, path in paths.items()}
    config = world_model_config(max(1, len(profile.channels)), files)
    shared = SharedWorldModel(config, device)
    for network, path in files.items():
        load_checkpoint(path, shared.network(network))
    return shared


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m training.truth", description="Compare predictions with the frames of the simulator."
    )
    parser.add_argument("--session", required=True, help='such as "toroidal_dot/session_20251014_090000"')
    parser.add_argument("--data", type=data_option, default="saved", help="folder with sessions/ and checkpoints/")
    parser.add_argument(
        "--autoencoder", type=path_option, help="its checkpoint (default: the robot's own under --data)"
    )
    parser.add_argument("--predictor", type=path_option, help="its checkpoint (default: the robot's own under --data)")
    parser.add_argument("--history-length", type=int, default=3, help="context frames, 2 to 8 (default 3)")
    parser.add_argument("--frames", type=int, default=STANDARD_FRAMES, help="number of frames, evenly spread")
    parser.add_argument(
        "--positions",
        choices=("all", "held-out", "trained"),
        default="all",
        help="only frames with the dot in columns that training.learn holds out, or only the others",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="device of the networks")
    return parser


if __name__ == "__main__":
    run_command(main)
