"""Command: record a session with a simulated robot or an environment of Gymnasium.

``python -m session.record --help`` lists the options."""

import argparse
import logging
import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from session.command_line import run_command, terminal_words, whole_number
from session.data_folder import data_option
from session.errors import SessionError
from session.recorder.robot_adapter import ENVIRONMENT, load_robot
from session.recorder.selector_options import (
    add_robot_options,
    add_selector_options,
    make_selector,
    simulator_values,
    steps_or,
)
from session.recorder.simulation import MAX_FRAMES, record_robot, unlimited_budget_gb
from session.robots.registry import make_robot, simulator_names
from session.robots.simulator import MAX_SEED

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
        robot = load_robot(options.robot, options.seed, simulator_values(options), options.repeat)
        # A simulated robot refuses more than what is beyond its ranges; only a twin may act before the recording.
        check = make_robot(robot.simulator).act if robot.simulator else robot.require_in_range
        selector = make_selector(options, robot, sessions_folder, check)
        steps = steps_or(DEFAULT_STEPS, options.steps, selector)
        budget = options.max_disk_gb or unlimited_budget_gb(sessions_folder)
        session_id = record_robot(sessions_folder, robot, selector, steps, budget)
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
    parser = argparse.ArgumentParser(
        prog="python -m session.record", description="Record a simulated robot or an environment."
    )
    robots = f"{', '.join(simulator_names())}, or gym:ENV_ID for an environment of Gymnasium"
    parser.add_argument("--robot", type=_robot_name, default="toroidal_dot", help=robots)
    add_selector_options(parser)
    parser.add_argument(
        "--steps",
        type=whole_number(1, MAX_FRAMES - 1),
        help=f"actions to take (default {DEFAULT_STEPS}, or all that are replayed)",
    )
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of the start and of random actions")
    add_robot_options(parser)
    parser.add_argument("--data", type=data_option, default=DEFAULT_DATA, help="folder of sessions/ (default saved)")
    parser.add_argument(
        "--max-disk-gb",
        type=_budget_number,
        help="delete the robot's oldest sessions beyond this many gigabytes (default: delete nothing)",
    )
    return parser


def _robot_name(text: str) -> str:
    names = simulator_names()
    if text not in names and not text.startswith(ENVIRONMENT):
        raise argparse.ArgumentTypeError(f"choose {', '.join(names)}, or an environment such as gym:CartPole-v1")
    return text


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
