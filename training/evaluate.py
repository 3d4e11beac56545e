"""Errors of every frame of whole recordings, as the Errors tab computes them: `python -m training.evaluate …`.

Results are stored where the page finds them. What was evaluated before with the same weights is not computed again, and
an evaluation that was ended goes on from there. Exit codes: 0 done, 1 ended or failed, 2 wrong usage.
"""

import argparse
import logging
import sys
from collections.abc import Mapping

from tqdm import tqdm

from models import NETWORKS, DeviceUnavailable, Network
from session import RecordedSession, SessionError, data_option
from session.command_line import path_option, run_command, session_option
from training.backend import Backend
from training.checkpoints.errors import CheckpointError
from training.cli import (
    DONE,
    NOT_DONE,
    POLL_S,
    WRONG_USAGE,
    CommandParser,
    StopRequest,
    command_group,
    report_problem,
    require_same_options,
    typed_number,
)
from training.distributed import Division, Group, OtherProcessFailed, ProcessLost
from training.evaluation.evaluator import EvaluationSnapshot
from training.evaluation.evidence import evaluated_scores, summarize_scores
from training.evaluation.frame_errors import Measure, summary
from training.evaluation.request import EvaluationRequest
from training.evaluation.verdict import verdict
from training.values import InvalidValue, check_whole

STARTED_BY = "the command training.evaluate"
WIDTHS = (14, 9, 10, 9, 5)
COLUMNS = f"{'session':<52} {'frames':>7} reconstruction explained prediction explained skill  verdicts"
MEANING = (
    "Mean MSE over all frames. Explained: 1 − MSE ÷ MSE of the mean image; skill: 1 − MSE ÷ MSE of repeating the last "
    "frame; both over up to 64 frames."
)
MEASURED: Mapping[Network, Measure] = {"autoencoder": "reconstruction", "predictor": "prediction"}


def main(arguments: list[str]) -> int:
    """Evaluate by the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        with command_group(options.device) as group:
            return _run(options, group)
    except DeviceUnavailable as problem:
        sys.stderr.write(f"{problem}\n")
        return WRONG_USAGE


def _run(options: argparse.Namespace, group: Group) -> int:
    """Evaluate in this process of a group; returns the exit code."""
    try:
        require_same_options(group, options)
        with group.together():
            check_whole(options.history_length, "The history length", 2, 8)
            backend = Backend(options.data, options.device, division=Division(group))
            recordings = _recordings(backend, options)
        is_done = _evaluate_all(backend, recordings, options, group)
    except (InvalidValue, SessionError) as problem:
        report_problem(group, problem)
        return WRONG_USAGE
    except (CheckpointError, OtherProcessFailed, ProcessLost) as problem:
        report_problem(group, problem)
        return NOT_DONE
    return DONE if is_done else NOT_DONE


def _recordings(backend: Backend, options: argparse.Namespace) -> Mapping[str, RecordedSession]:
    """The recordings to evaluate, by id; raises SessionError and InvalidValue."""
    ids = options.session or backend.session_ids(options.robot)
    recordings = {name: one for name, one in backend.open_all(ids).items() if one.frame_count}
    if not recordings:
        raise InvalidValue("There is no recording with frames to evaluate; choose others with --session or --robot.")
    return recordings


def _evaluate_all(
    backend: Backend, recordings: Mapping[str, RecordedSession], options: argparse.Namespace, group: Group
) -> bool:
    """Evaluate one recording after the other, and print a line of each; True if all are done."""
    stop, started_by = StopRequest(is_impatient=True), f"{STARTED_BY}{group.describe()}"
    files: dict[Network, object] = {name: vars(options)[name] for name in NETWORKS if vars(options)[name]}
    sys.stdout.write(f"{MEANING}\n{COLUMNS}\n")
    for session_id, recording in recordings.items():
        shared = backend.loaded_manager(recording.profile).served
        request = EvaluationRequest(session_id, recording, options.history_length, started_by, files)
        backend.evaluator.start(shared, request)
        now = _follow(backend, session_id, stop, group.is_first)
        with group.together():
            sys.stdout.write(_line(backend, recording, now) if group.is_first else "")
        if now.status != "finished":
            sys.stdout.write(f"{now.message}\n")
            return False
    return True


def _follow(backend: Backend, session_id: str, stop: StopRequest, is_shown: bool) -> EvaluationSnapshot:
    """Show the progress of an evaluation until it ends, and cancel it if that is requested."""
    now, is_hidden = backend.evaluator.snapshot(), None if is_shown else True  # None: hidden in a file
    with tqdm(total=now.total, initial=now.done, desc=session_id, unit="frame", disable=is_hidden, leave=False) as bar:
        while now.is_active:
            if stop.is_made:
                backend.evaluator.close(timeout_s=60)
            backend.evaluator.wait(POLL_S)
            now = backend.evaluator.snapshot()
            bar.update(now.done - bar.n)
    return now


def _line(backend: Backend, recording: RecordedSession, now: EvaluationSnapshot) -> str:
    """A line of the table, with the verdicts on the networks; empty without a result."""
    baselines = backend.baselines.of(recording)
    if now.errors is None or baselines is None:
        return ""
    scores = evaluated_scores(now.errors.track, baselines)
    evidence = {network: summarize_scores(of_frames.values()) for network, of_frames in scores.items()}
    is_trained, cells, levels = True, [], []
    for network, measure in MEASURED.items():
        is_trained = is_trained and now.errors.weights[network] != "untrained"
        mean, found = summary(now.errors.track.of(measure)), evidence[network]
        cells += [_number(mean and mean.mean, ".3e"), _number(found and found.explained, ".0%")]
        levels.append(verdict(network, is_trained, found).level)
    predicted = evidence["predictor"]
    cells.append(_number(predicted and predicted.skill, ".0%"))
    numbers = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True))
    return f"{now.session_id:<52} {now.done:>7,} {numbers}  {', '.join(levels)}\n"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else f"{value:{form}}"


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m training.evaluate",
        description="Errors of all frames of recordings, stored for the page.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--session", type=session_option, nargs="+", help='such as "jetbot/session_20251014_090000"')
    which.add_argument("--robot", help="all recordings of this robot, by the name of its folder of checkpoints")
    parser.add_argument("--data", type=data_option, default="saved", help="folder with sessions/ and checkpoints/")
    for network in NETWORKS:
        parser.add_argument(f"--{network}", type=path_option, help="its checkpoint (default: the robot's own)")
    parser.add_argument("--history-length", type=typed_number, default=3, help="context frames, 2 to 8 (default 3)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="device of the networks")
    return parser


if __name__ == "__main__":
    run_command(main)
