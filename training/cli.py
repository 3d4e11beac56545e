"""Common parts of the commands: a parser with errors in sentences, the default checkpoints, following a job."""

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from types import FrameType
from typing import NoReturn

from tqdm import tqdm

from models import NETWORKS, PRECISIONS, Network
from session.command_line import end_signals, terminal_words
from training.checkpoints.errors import CheckpointError, CheckpointNotFound
from training.checkpoints.writer import FILES
from training.config import MAX_BATCH
from training.distributed import Division, Group, process_group
from training.distributed.launch import is_first_process
from training.jobs.job import TrainingJob
from training.jobs.manager import TrainingManager
from training.jobs.snapshot import JobSnapshot
from training.options import ADVANCED, STANDARD
from training.values import check_whole

DONE, NOT_DONE, WRONG_USAGE = 0, 1, 2
POLL_S = 0.1
LINE_EVERY_S = 30.0
OF_ONE_HOST = ("data", "device", *NETWORKS)  # paths, and the word for the device, may differ between hosts
OTHER_OPTIONS = "It was started with other options than the first one: give the same on all hosts."

logger = logging.getLogger(__name__)


class CommandParser(argparse.ArgumentParser):
    """Reports wrong usage in one sentence, with exit code 2. Of several processes the first one reports."""

    def error(self, message: str) -> NoReturn:
        text = f"{message[0].upper()}{message[1:].rstrip('.')}. --help tells what can be given.\n"
        self.exit(WRONG_USAGE, text if is_first_process() else None)


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


def add_accumulate_option(parser: argparse.ArgumentParser) -> None:
    """Add the number of micro-batches."""
    text = "compute each batch in this many parts, one after the other, which takes less memory (default 1)"
    parser.add_argument("--accumulate", type=typed_number, default=1, metavar="K", help=text)


def division_of(group: Group, accumulate: object) -> Division:
    """The division of batches by the typed number of micro-batches; raises InvalidValue."""
    check_whole(accumulate, "The number of micro-batches", 1, MAX_BATCH)
    return Division(group, accumulate)


def report_problem(group: Group, problem: Exception) -> None:
    """Print a problem that ends the command, once for all processes."""
    if group.is_first:
        sys.stderr.write(f"{terminal_words(problem)}\n")


def require_same_options(group: Group, options: argparse.Namespace) -> None:
    """Raise InvalidValue or OtherProcessFailed if the command was started with other options on another host."""
    values = {name: str(value) for name, value in vars(options).items() if name not in OF_ONE_HOST}
    group.require_same(repr(sorted(values.items())), OTHER_OPTIONS)


@contextlib.contextmanager
def command_group(device: str) -> Iterator[Group]:
    """The processes that run the command together. Those that are not the first print nothing but errors of Python.

    Raises DeviceUnavailable.
    """
    with process_group(device) as group, contextlib.ExitStack() as quiet:
        if not group.is_first:
            logging.getLogger().setLevel(logging.ERROR)
            quiet.enter_context(contextlib.redirect_stdout(quiet.enter_context(open(os.devnull, "w"))))
        yield group


def add_precision_option(parser: argparse.ArgumentParser, default: object = "float32") -> None:
    """Add the choice of the precision of training steps."""
    text = "of training steps; auto: products in bfloat16 where that is faster (default float32)"
    parser.add_argument("--precision", choices=PRECISIONS, default=default, help=text)


def add_leave_out_option(parser: argparse.ArgumentParser) -> None:
    """Add the choice to train without what visitors have flagged."""
    text = "train without flagged sessions and frames (marks.json), and without histories that have a flagged frame"
    parser.add_argument("--leave-out-flagged", action="store_true", help=text)


def load_default_checkpoints(manager: TrainingManager, networks: Collection[Network]) -> None:
    """Load the robot's checkpoints, if there are any, in the first process for all; raises CheckpointError."""
    load_for_all(manager, lambda: _load_defaults(manager, networks))


def load_for_all(manager: TrainingManager, load: Callable[[], None]) -> None:
    """Load checkpoints in the first process, and share them; raises what `load` raises, OtherProcessFailed and
    ProcessLost."""
    with manager.group.together():
        if manager.group.is_first:
            load()
    manager.trainer.share()


def _load_defaults(manager: TrainingManager, networks: Collection[Network]) -> None:
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


def follow_job(job: TrainingJob, stop: "StopRequest", is_shown: bool = True) -> JobSnapshot:
    """Show the progress of a job until it ends, and interrupt it if that is requested; returns the last snapshot.

    A bar on a terminal, a line now and then in a file; neither unless `is_shown`.
    """
    now, is_hidden = job.snapshot(), None if is_shown else True  # None: hidden in a file
    with tqdm(total=now.max_steps, initial=now.step, desc=now.network, unit="step", disable=is_hidden) as bar:
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
            if bar.disable and is_shown and time.monotonic() > line_at:
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
