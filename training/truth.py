"""Predictions beside the truth: `python -m training.truth --session …`.

For each action of a simulated robot: the share of predictions within 2 pixels of where the simulator would have put the
dot. Exit codes: 0 done, 1 a checkpoint cannot be used, 2 wrong usage.
"""

import argparse
import logging
import sys
from pathlib import Path

from models import DeviceUnavailable, SharedWorldModel, choose_device
from session import RecordedSession, SessionError, find_session, load_session
from training.checkpoints.build import world_model_config
from training.checkpoints.errors import CheckpointError
from training.checkpoints.validate import load_checkpoint
from training.checkpoints.writer import FILES
from training.evaluation.accuracy import STANDARD_FRAMES, CounterfactualAccuracy, measure_truth
from training.unique_frames import is_held_out
from training.values import InvalidValue

DONE, NOT_DONE, WRONG_USAGE = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Measure as the command line says; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        recording = load_session(find_session(options.data / "sessions", options.session))
        shared = _shared_model(options, recording)
        looked_at = {"all": None, "held-out": is_held_out, "trained": lambda picture: not is_held_out(picture)}
        truth = measure_truth(
            *(shared, recording, options.session, options.history_length, options.frames),
            looked_at[options.positions],
        )
    except (InvalidValue, SessionError, DeviceUnavailable) as problem:
        sys.stderr.write(f"{problem}\n")
        return WRONG_USAGE
    except (CheckpointError, ArithmeticError) as problem:
        sys.stderr.write(f"{problem}\n")
        return NOT_DONE
    sys.stdout.write(truth_table(truth))
    return DONE


def truth_table(truth: CounterfactualAccuracy) -> str:
    """Lines for a terminal: each action, and all of them."""
    lines = [f"{'action':<12} {'pairs':>6} {'within 2 px':>12} {'visible':>8} {'mean px':>8} {'median px':>10}"]
    for number, name in [*enumerate(truth.actions), (None, "all")]:
        told = truth.shares(number)
        mean, median = ("–" if one is None else f"{one:.2f}" for one in (told.mean_pixels, told.median_pixels))
        lines.append(f"{name:<12} {told.pairs:>6} {told.near:>12.1%} {told.visible:>8.1%} {mean:>8} {median:>10}")
    return "\n".join(lines) + "\n"


def _shared_model(options: argparse.Namespace, recording: RecordedSession) -> SharedWorldModel:
    """The robot's networks with the files named, or its usual ones; raises CheckpointError."""
    profile, device = recording.profile, choose_device(options.device)
    folder = options.data / "checkpoints" / profile.name
    typed = {"autoencoder": options.autoencoder, "predictor": options.predictor}
    files = {network: path or folder / FILES[network] for network, path in typed.items()}
    config = world_model_config(max(1, len(profile.channels)), files)
    shared = SharedWorldModel(config, device)
    for network, path in files.items():
        load_checkpoint(path, shared.network(network))
    return shared


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.truth", description="Compare predictions with what the simulator would have shown."
    )
    parser.add_argument("--session", required=True, help='such as "toroidal_dot/session_20251014_090000"')
    parser.add_argument("--data", type=Path, default=Path("saved"), help="folder with sessions/ and checkpoints/")
    parser.add_argument("--autoencoder", type=Path, help="its checkpoint (default: the robot's own under --data)")
    parser.add_argument("--predictor", type=Path, help="its checkpoint (default: the robot's own under --data)")
    parser.add_argument("--history-length", type=int, default=3, help="context frames, 2 to 8 (default 3)")
    parser.add_argument("--frames", type=int, default=STANDARD_FRAMES, help="frames to look at, evenly spread")
    parser.add_argument(
        "--positions",
        choices=("all", "held-out", "trained"),
        default="all",
        help="look only from dots in columns that training.learn leaves out, or only from the others",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
