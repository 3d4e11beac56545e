"""Common parts of the commands: a parser with errors in sentences, the default checkpoints, following a job."""

import argparse
import logging
import signal
import sys
import time
from collections.abc import Collection
from types import FrameType
from typing import NoReturn

from tqdm import tqdm

from models import PRECISIONS, Network
from session.command_line import end_signals
from training.checkpoints.errors import CheckpointError, CheckpointNotFound
from training.checkpoints.writer import FILES
from training.jobs.job import TrainingJob
from training.jobs.manager import TrainingManager
from training.jobs.snapshot import JobSnapshot
from training.options import ADVANCED, STANDARD

DONE, NOT_DONE, WRONG_USAGE = 0, 1, 2
POLL_S = 0.1
LINE_EVERY_S = 30.0

logger = logging.getLogger(__name__)


class CommandParser(argparse.ArgumentParser):
    """Reports wrong usage in one sentence, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"{message[0].upper()}{message[1:].rstrip('.')}. --help tells what can be given.\n")


def typed_number(text: str) -> int | float | str:
    """A number as typed; other text stays as it is, for a check that names the value."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def add_advanced_options(parser: argparse.ArgumentParser) -> None:
    """Add the advanced values of a training form, as `read_config` takes them."""
    for name, label in ADVANCED.items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=typed_number, help=f"{label.lower()} (default {STANDARD[name]:g})")


def add_precision_option(parser: argparse.ArgumentParser, default: object = "float32") -> None:
    """Add the choice of the precision of training steps."""
    text = "of training steps; auto: products in bfloat16 where that is faster (default float32)"
    parser.add_argument("--precision", choices=PRECISIONS, default=default, help=text)


def add_leave_out_option(parser: argparse.ArgumentParser) -> None:
    """Add the choice to train without what visitors have flagged."""
    text = "train without flagged sessions and frames (marks.json), and without histories that have a flagged frame"
    parser.add_argument("--leave-out-flagged", action="store_true", help=text)


def load_default_checkpoints(manager: TrainingManager, networks: Collection[Network]) -> None:
    """Load the robot's checkpoints, if there are any; raises CheckpointError."""
    for network in (name for name in FILES if name in networks):
        try:
            info = manager.load(network, manager.directory / FILES[network])
        except CheckpointNotFound:
            continue
        except CheckpointError as problem:
            raise CheckpointError(f"{problem} With --fresh training starts without it.") from problem
        print_loaded(manager, network, info.notes)


def print_loaded(manager: TrainingManager, network: Network, notes: Collection[str]) -> None:
    """Print the checkpoint that a network goes on from."""
    message = " ".join([f"Going on from {manager.shared.weights[network].describe()}.", *notes])
    sys.stdout.write(f"{message}\n")


def follow_job(job: TrainingJob, stop: "StopRequest") -> JobSnapshot:
    """Show the progress of a job until it ends, and interrupt it if that is requested; returns the last snapshot.

    A bar on a terminal, a line now and then in a file.
    """
    now = job.snapshot()
    with tqdm(total=now.max_steps, initial=now.step, desc=now.network, unit="step", disable=None) as bar:
        line_at = time.monotonic() + LINE_EVERY_S
        has_ended = False
        while not has_ended:
            has_ended = job.wait(POLL_S)
            if stop.is_made and not has_ended:
                job.interrupt()
            now = job.snapshot()
            bar.set_description_str(now.phase or now.network, refresh=False)
            bar.update(now.step - bar.n)
            if now.loss is not None:
                bar.set_postfix_str(f"evaluated loss {now.loss:.4g}")
            if bar.disable and time.monotonic() > line_at:
                line_at += LINE_EVERY_S
                loss = "" if now.loss is None else f", evaluated loss {now.loss:.4g}"
                logger.info("%s: step %d of %d%s", now.phase or now.network, now.step, now.max_steps, loss)
    return now


class StopRequest:
    """A flag that a signal to end sets, so that the program can save and end.

    `is_impatient`: a second Ctrl-C interrupts at once, as KeyboardInterrupt. The other signals may well come twice: a
    closed terminal and its shell both send one.
    """

    def __init__(self, is_impatient: bool = False) -> None:
        self.is_made = False
        self._is_impatient = is_impatient
        for number in end_signals():
            signal.signal(number, self._make)

    def _make(self, number: int, frame: FrameType | None) -> None:
        if self.is_made and self._is_impatient and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.is_made = True
