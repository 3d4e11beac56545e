"""Command: record a session with a simulated robot. ``python -m session.record --help`` lists the options."""

import argparse
import logging
import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from session.command_line import run_command, terminal_words
from session.data_folder import data_option
from session.errors import SessionError
from session.recorder.selector_options import (
    add_selector_options,
    add_simulator_options,
    make_selector,
    simulator_values,
    steps_or,
)
from session.recorder.simulation import MAX_FRAMES, record_simulation, unlimited_budget_gb
from session.robots.registry import make_robot, simulator_names
from session.robots.simulator import SimulatorEntry

DEFAULT_STEPS = 60
DEFAULT_DATA = Path("saved")
PAGE_ADDRESS = "http://localhost:7860/"  # where the page is served by default


def main(arguments: Sequence[str] | None = None) -> None:
    """Record and print the session's id, and on a terminal the address that opens it; ends the process with exit code 2
    and a plain sentence on an error."""
    logging.basicConfig(level=logging.INFO)
    parser = _make_parser()
    options = parser.parse_args(arguments)
    sessions_folder = options.data / "sessions"
    try:
        simulator = SimulatorEntry(options.robot, options.seed, simulator_values(options))
        twin = make_robot(simulator)
        selector = make_selector(options, twin, sessions_folder, twin.act)
        steps = steps_or(DEFAULT_STEPS, options.steps, selector)
        budget = options.max_disk_gb or unlimited_budget_gb(sessions_folder)
        session_id = record_simulation(sessions_folder, simulator, selector, steps, budget)
    except SessionError as error:
        parser.error(terminal_words(error))
    sys.stdout.write(f"{session_id}\n")
    if sys.stderr.isatty():  # somebody reads it; programs take the id alone
        sys.stdout.flush()
        sys.stderr.write(f"{_next_step(options.data, session_id)}\n")


def _next_step(data: Path, session_id: str) -> str:
    """Where to look at the recording."""
    option = "" if data == DEFAULT_DATA else f" --data {shlex.quote(str(data))}"
    address = f"{PAGE_ADDRESS}?session={quote(session_id)}"
    return f"Open {address} (the page is started by: python session_explorer_gradio.py{option})"


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m session.record", description="Record a simulated robot.")
    parser.add_argument("--robot", choices=simulator_names(), default="toroidal_dot")
    add_selector_options(parser)
    parser.add_argument(
        "--steps",
        type=_steps_number,
        help=f"actions to take (default {DEFAULT_STEPS}, or all that are replayed)",
    )
    parser.add_argument("--seed", type=_seed_number, default=0, help="of the robot's start and of random actions")
    add_simulator_options(parser)
    parser.add_argument("--data", type=data_option, default=DEFAULT_DATA, help="folder of sessions/ (default saved)")
    parser.add_argument(
        "--max-disk-gb",
        type=_budget_number,
        help="delete the robot's oldest sessions beyond this many gigabytes (default: delete nothing)",
    )
    return parser


def _steps_number(text: str) -> int:
    return _whole_number(text, 1, MAX_FRAMES - 1)


def _seed_number(text: str) -> int:
    return _whole_number(text, 0, 2**63 - 1)


def _whole_number(text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise argparse.ArgumentTypeError(f"give a whole number from {low} to {high}")
    return int(text)


def _budget_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1e6:
        raise argparse.ArgumentTypeError("give a number of gigabytes above 0")
    return number


if __name__ == "__main__":
    run_command(main)
