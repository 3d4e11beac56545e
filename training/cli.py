"""What the commands of this package have in common: a parser that answers in sentences, numbers that are refused by
name, and going on from a robot's usual checkpoints."""

import argparse
import signal
import sys
from collections.abc import Collection
from types import FrameType
from typing import NoReturn

from models import Network
from training.checkpoints.errors import CheckpointError, CheckpointNotFound
from training.checkpoints.writer import FILES
from training.jobs.manager import TrainingManager
from training.options import ADVANCED, STANDARD

DONE, NOT_DONE, WRONG_USAGE = 0, 1, 2


class CommandParser(argparse.ArgumentParser):
    """Answers wrong usage in one sentence, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"{message[0].upper()}{message[1:].rstrip('.')}. --help tells what can be given.\n")


def typed_number(text: str) -> int | float | str:
    """A number as typed; other text stays as it is, to be refused by name."""
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


def load_default_checkpoints(manager: TrainingManager, networks: Collection[Network]) -> None:
    """Go on from the robot's checkpoints, those that are there."""
    for network in (name for name in FILES if name in networks):
        try:
            info = manager.load(network, manager.directory / FILES[network])
        except CheckpointNotFound:
            continue
        except CheckpointError as problem:
            raise CheckpointError(f"{problem} With --fresh training starts without it.") from problem
        print_loaded(manager, network, info.notes)


def print_loaded(manager: TrainingManager, network: Network, notes: Collection[str]) -> None:
    """Say where a network goes on from."""
    told = " ".join([f"Going on from {manager.shared.weights[network].describe()}.", *notes])
    sys.stdout.write(f"{told}\n")


class StopRequest:
    """Remembers that Ctrl-C was pressed, or that the process was asked to end.

    `is_impatient`: a second one interrupts at once, wherever the program is, as KeyboardInterrupt.
    """

    def __init__(self, is_impatient: bool = False) -> None:
        self.is_made = False
        self._is_impatient = is_impatient
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._make)

    def _make(self, number: int, frame: FrameType | None) -> None:
        if self.is_made and self._is_impatient:
            raise KeyboardInterrupt
        self.is_made = True
