"""Learning by the recipe: `python -m training.learn --robot toroidal_dot --data learning`.

Trains a fresh pair of networks on all recordings of a robot, and writes it beside them as any other checkpoint. What a
number of the recipe brings is seen by giving another one. Exit codes: 0 done, 1 stopped or not saved, 2 wrong usage.
"""

import argparse
import dataclasses
import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from models import DeviceUnavailable, Network, SharedWorldModel, WeightsSource, WorldModels, choose_device
from session import TOROIDAL_DOT, RecordedSession, SessionError, list_sessions, load_session
from training.checkpoints.errors import CheckpointError
from training.checkpoints.validate import load_checkpoint
from training.checkpoints.writer import CheckpointData, file_contents, write_contents
from training.evaluation.accuracy import measure_truth
from training.recipe import LearningStep, RecipeConfig, learn_to_dream, learn_to_foresee, learn_to_see
from training.unique_frames import UniqueFrames, is_held_out
from training.values import InvalidValue

logger = logging.getLogger(__name__)

TOLD_EVERY = 50
MEASURED_FRAMES = 12  # of each of two recordings, now and then
CURVE_FILE = "learning.json"
DONE, NOT_DONE, WRONG_USAGE = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Learn as the command line says; returns the exit code."""
    options = vars(_parser().parse_args(arguments))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        config = RecipeConfig(**{field.name: options[field.name] for field in dataclasses.fields(RecipeConfig)})
        recordings = _recordings(options["data"] / "sessions", options["robot"])
        pictures = UniqueFrames(list(recordings.values()), is_held_out)
        shared = _fresh(next(iter(recordings.values())), options["device"], config.seed)
        _take_over(shared, {name: options[name] for name in ("autoencoder", "predictor") if options[name]})
    except (InvalidValue, SessionError, DeviceUnavailable, CheckpointError) as problem:
        sys.stderr.write(f"{problem}\n")
        return WRONG_USAGE
    logger.info(
        "%d recordings, %d different pictures, %d to learn from.", len(recordings), len(pictures), len(pictures.learned)
    )
    folder = options["data"] / "checkpoints" / options["robot"]
    try:
        curve = _learn(shared, pictures, config, recordings, options["measure_every"])
        saved = write_contents(folder, _contents(shared, config, torch.float16 if options["half"] else torch.float32))
        (folder / CURVE_FILE).write_text(json.dumps({"config": dataclasses.asdict(config), "curve": curve}, indent=1))
    except (CheckpointError, OSError, InvalidValue) as problem:
        sys.stderr.write(f"{problem}\n")
        return NOT_DONE
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; nothing was saved.\n")
        return NOT_DONE
    logger.info("Saved: %s.", saved.describe())
    return DONE


def _recordings(sessions_folder: Path, robot: str) -> dict[str, RecordedSession]:
    ids = sorted(
        summary.session_id for summary in list_sessions(sessions_folder) if summary.session_id.startswith(f"{robot}/")
    )
    if not ids:
        raise InvalidValue(f"There is no recording of {robot[:40]}; record some with `python -m session.record`.")
    return {session_id: load_session(sessions_folder / session_id) for session_id in ids}


def _fresh(recording: RecordedSession, device: str, seed: int) -> SharedWorldModel:
    """Untrained networks for the robot of a recording, their random weights drawn from the seed."""
    shared = WorldModels(choose_device(device)).get(recording.profile.name, max(1, len(recording.profile.channels)))
    with shared.lock:
        shared.model.cpu().reset_weights(torch.Generator().manual_seed(seed))
        shared.model.to(shared.device)
    return shared


def _take_over(shared: SharedWorldModel, files: dict[Network, Path]) -> None:
    """Begin with what other runs have learned; raises CheckpointError."""
    for network, path in files.items():
        info = load_checkpoint(path, shared.network(network))
        shared.set_weights_source({network: WeightsSource(info.file, info.step)})


def _learn(
    shared: SharedWorldModel,
    pictures: UniqueFrames,
    config: RecipeConfig,
    recordings: dict[str, RecordedSession],
    measure_every: int,
) -> list[dict[str, object]]:
    """The parts of the recipe, but for what is known already, told in the log; returns the curve."""
    began, curve = time.monotonic(), []
    parts = {"see": learn_to_see, "foresee": learn_to_foresee, "dream": learn_to_dream}
    known = {"autoencoder": "see", "predictor": "foresee"}
    for part, learn in parts.items():
        if any(known[network] == part and used.is_trained for network, used in shared.weights.items()):
            continue
        for now in _smoothed(learn(shared.model, pictures, config)):
            if now.step % TOLD_EVERY and now.step != 1:
                continue
            point = {"part": part, **dataclasses.asdict(now), "seconds": round(time.monotonic() - began, 1)}
            if part != "see" and measure_every and now.step % measure_every == 0:
                point["near_share"] = _near_share(shared, recordings, config.history_length)
            logger.info(
                "%s",
                ", ".join(
                    f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                    for name, value in point.items()
                ),
            )
            curve.append(point)
    return curve


def _smoothed(steps: Iterator[LearningStep]) -> Iterator[LearningStep]:
    """The same with a running mean of the loss over some 20 steps."""
    mean = None
    for now in steps:
        mean = now.loss if mean is None else 0.95 * mean + 0.05 * now.loss
        yield LearningStep(now.step, mean)


def _near_share(shared: SharedWorldModel, recordings: dict[str, RecordedSession], history_length: int) -> float | None:
    """The share of predictions from held-out columns within 2 pixels, of two recordings; None for another robot."""
    truths = [
        measure_truth(shared, recording, session_id, history_length, MEASURED_FRAMES, is_held_out).shares()
        for session_id, recording in list(recordings.items())[:2]
        if recording.profile == TOROIDAL_DOT
    ]
    return sum(truth.near for truth in truths) / len(truths) if truths else None


def _contents(shared: SharedWorldModel, config: RecipeConfig, dtype: torch.dtype) -> CheckpointData:
    """Weights and steps, as checkpoints hold them; the optimizers of the recipe are no use to any other training."""
    known = {network: used.step for network, used in shared.weights.items()}
    steps = {
        "autoencoder": known["autoencoder"] or config.autoencoder_steps,
        "predictor": (known["predictor"] or config.predictor_steps) + config.dream_steps,
    }
    networks = {
        name: file_contents(shared.network(name), None, {"last_epoch": count}, dtype) for name, count in steps.items()
    }
    return CheckpointData(networks, steps, torch.Generator().manual_seed(config.seed).get_state())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.learn", description="Train a fresh pair of networks on all recordings of a robot."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with sessions/; checkpoints/ is written there")
    parser.add_argument("--robot", default=TOROIDAL_DOT.name, help="folder of its recordings (default toroidal_dot)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    parser.add_argument("--autoencoder", type=Path, help="a checkpoint to take over instead of learning to see anew")
    parser.add_argument("--predictor", type=Path, help="likewise: one that can foresee, and now learns to dream")
    parser.add_argument("--half", action="store_true", help="write the weights in half precision, half as large")
    parser.add_argument(
        "--measure-every", type=int, default=250, help="predictor steps between looks at the truth; 0: none"
    )
    for field in dataclasses.fields(RecipeConfig):
        option = f"--{field.name.replace('_', '-')}"
        if field.type is bool:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=field.default)
        else:
            parser.add_argument(option, type=field.type, default=field.default, help=f"(default {field.default:g})")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
