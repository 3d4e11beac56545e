"""Training without a browser: `python -m training.train --session … --model … --steps …`.

The command line over the manager that the page uses too: the same values, jobs and checkpoints. Exit codes: 0 all
steps done or threshold reached, 1 not reached, stopped or failed, 2 wrong usage.
"""

import argparse
import logging
import sys
from dataclasses import replace

from models import DeviceUnavailable, Network
from session import FlaggedFrames, RecordedSession, SessionError, SessionNotFound
from session.command_line import run_command, session_option, terminal_words
from session.data_folder import data_option
from training.backend import Backend
from training.checkpoints.errors import CheckpointError
from training.cli import (
    DONE,
    NOT_DONE,
    WRONG_USAGE,
    CommandParser,
    StopRequest,
    add_accumulate_option,
    add_advanced_options,
    add_leave_out_option,
    add_precision_option,
    command_group,
    division_of,
    follow_job,
    load_default_checkpoints,
    report_problem,
    require_same_options,
    typed_number,
)
from training.config import FixedSteps, LossThreshold, StopCondition
from training.dataset import FrameDataset, FrameSelection
from training.distributed import Division, Group, OtherProcessFailed, ProcessLost
from training.jobs.manager import TrainingManager
from training.jobs.request import JobRunning, TrainingRequest
from training.jobs.snapshot import JobSnapshot
from training.options import ONE_FRAME, RANGE, WHOLE, read_config, read_selection
from training.steps import OBJECTIVES
from training.values import InvalidValue, check_whole, printable

MODELS: dict[str, tuple[Network, ...]] = {
    "autoencoder": ("autoencoder",),
    "predictor": ("predictor",),
    "both": ("autoencoder", "predictor"),
}
MAX_STEPS = 2_000
LISTED = 5
STARTED_BY = "the command line"


def main(arguments: list[str]) -> int:
    """Train by the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    stop = StopRequest()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
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
        with group.together():
            manager, requests = _prepare(options, group)
    except (InvalidValue, SessionError, OtherProcessFailed, ProcessLost) as problem:
        report_problem(group, problem)
        return WRONG_USAGE
    folder = f"{options.data.resolve().name}/checkpoints/{manager.directory.name}"
    try:
        if not options.fresh:
            trained = {name for network in MODELS[options.model] for name in OBJECTIVES[network].trained}
            load_default_checkpoints(manager, trained)
        for request in requests:
            if not _train(manager, request, stop, folder):
                return NOT_DONE
    except (CheckpointError, JobRunning, OtherProcessFailed, ProcessLost) as problem:
        report_problem(group, problem)
        return NOT_DONE
    return DONE


def _prepare(options: argparse.Namespace, group: Group) -> tuple[TrainingManager, list[TrainingRequest]]:
    """The manager of the robot, and the checked requests; raises InvalidValue, SessionError and DeviceUnavailable."""
    division = division_of(group, options.accumulate)
    backend = Backend(options.data, options.device, wandb_project=options.wandb_project, division=division)
    recording = _recording(backend, options.session)
    manager = backend.manager(recording.profile)
    own = {options.session: recording}
    flagged = backend.left_out(own, options.leave_out_flagged).frames(own)
    networks = MODELS[options.model]
    return manager, [_request(options, recording, network, flagged, division) for network in networks]


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="python -m training.train", description="Train a robot's world model on a recording.")
    parser.add_argument("--data", type=data_option, default="saved", help="folder with sessions/ and checkpoints/")
    parser.add_argument(
        "--session", type=session_option, required=True, help='the recording, such as "jetbot/session_20250921_142133"'
    )
    parser.add_argument("--model", required=True, choices=MODELS, help="both: the autoencoder first")
    goal = parser.add_mutually_exclusive_group(required=True)
    goal.add_argument("--threshold", type=typed_number, help="train until the evaluated loss is at most this")
    goal.add_argument("--steps", type=typed_number, help="train for this many steps")
    parser.add_argument(
        "--max-steps", type=typed_number, help=f"with --threshold: the most steps (default {MAX_STEPS})"
    )
    frames = parser.add_mutually_exclusive_group()
    frames.add_argument("--frame", type=typed_number, help="train on one frame")
    frames.add_argument("--range", type=typed_number, nargs=2, metavar=("FIRST", "LAST"), help="train on these frames")
    frames.add_argument("--all", action="store_true", help="train on the whole recording (the default)")
    parser.add_argument("--batch-size", type=typed_number, default=1, help="targets in a step (default 1)")
    parser.add_argument("--history-length", type=typed_number, default=3, help="context frames, 2 to 8 (default 3)")
    parser.add_argument("--held-out", type=typed_number, default=0.0, help="share of the last targets only looked at")
    add_leave_out_option(parser)
    add_advanced_options(parser)
    add_accumulate_option(parser)
    add_precision_option(parser)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    parser.add_argument("--wandb-project", help="also send the run's numbers to this Weights & Biases project")
    parser.add_argument(
        "--fresh", action="store_true", help="start untrained; what was saved before goes to the history"
    )
    return parser


def _recording(backend: Backend, session_id: str) -> RecordedSession:
    try:
        recording = backend.sessions.get(session_id)
    except SessionNotFound:
        readable = [one.session_id for one in backend.sessions.list() if one.is_readable]
        ids = ", ".join(readable[:LISTED])
        known = f"the newest ones are {ids}" if ids else "there is none; choose another folder with --data"
        raise InvalidValue(f"There is no session {printable(session_id)}: {known}.") from None
    if recording.frame_count == 0:
        raise InvalidValue("This recording has no frames; choose another session.")
    return recording


def _request(
    options: argparse.Namespace,
    recording: RecordedSession,
    network: Network,
    flagged: FlaggedFrames,
    division: Division,
) -> TrainingRequest:
    """The checked request of the command line; raises InvalidValue and SessionError."""
    config = replace(read_config(vars(options)), precision=options.precision)
    selection = _selection(options, recording.frame_count)
    # Checked now: the second of two jobs must not be refused after an hour of the first.
    dataset = FrameDataset(recording, selection, network == "predictor", flagged.of(0, recording))
    division.check(dataset.drawn, "The batch size")
    started_by = f"{STARTED_BY}{division.group.describe()}"
    return TrainingRequest(network, recording, selection, _condition(options), config, started_by, flagged=flagged)


def _selection(options: argparse.Namespace, frame_count: int) -> FrameSelection:
    fields, frame = vars(options) | {"train_on": WHOLE}, 0
    if options.frame is not None:
        check_whole(options.frame, "The frame", 0, frame_count - 1)
        fields["train_on"], frame = ONE_FRAME, options.frame
    elif options.range is not None:
        fields |= {"train_on": RANGE, "first": options.range[0], "last": options.range[1]}
    return read_selection(fields, frame, frame_count)


def _condition(options: argparse.Namespace) -> StopCondition:
    if options.threshold is not None:
        return LossThreshold(options.threshold, MAX_STEPS if options.max_steps is None else options.max_steps)
    if options.max_steps is not None:
        raise InvalidValue("--max-steps goes with --threshold; with --steps that number is all there is.")
    return FixedSteps(options.steps)


def _train(manager: TrainingManager, request: TrainingRequest, stop: StopRequest, folder: str) -> bool:
    """Run one job to its end and report it; returns True if it did what was requested, by the first process."""
    if manager.group.agreed("stop" if stop.is_made else None):
        return False
    now = follow_job(manager.train(request), stop, is_shown=manager.group.is_first)
    is_saved = now.step == 0 or manager.shared.weights[request.network].file is not None
    sys.stdout.write(_report(now, folder, is_saved))
    is_done = is_saved and now.status == "finished" and (now.threshold is None or now.loss <= now.threshold)
    try:
        return bool(manager.group.from_first(b"done" if is_done else b""))
    except ProcessLost:  # as the report says
        return False


def _report(now: JobSnapshot, folder: str, is_saved: bool) -> str:
    losses = "" if now.loss is None else f" Evaluated loss {now.first_loss:.4g} before, {now.loss:.4g} after."
    saved = "Nothing was saved: no step was taken."
    if now.step:
        saved = f"Saved in {folder}: {now.saved}." if is_saved else now.saved_sentence
    return terminal_words(f"{now.network.capitalize()} on {now.subject}: {now.message}{losses}\n{saved}\n")


if __name__ == "__main__":
    run_command(main)
