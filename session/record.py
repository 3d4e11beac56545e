"""Command: record a session with a simulated robot. ``python -m session.record --help`` tells the options."""

import argparse
import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from session.action_selectors import (
    ActionSelector,
    ConstantSelector,
    RandomSelector,
    ReplaySelector,
    SequenceSelector,
)
from session.actions import checked_action
from session.demo import MAX_FRAMES, SimulatedRobot, make_robot, record_simulation, whole_disk_gb
from session.errors import InvalidAction, SessionError
from session.listing import find_session
from session.loading import load_session

DEFAULT_STEPS = 60


def main(arguments: Sequence[str] | None = None) -> None:
    """Record and print the session's id; ends the process with exit code 2 and a plain sentence on an error."""
    logging.basicConfig(level=logging.INFO)
    parser = _make_parser()
    options = parser.parse_args(arguments)
    sessions_folder = options.data / "sessions"
    try:
        robot = make_robot(options.robot, options.seed)
        selector = _make_selector(options, robot, sessions_folder)
        steps = _steps(options, selector)
        budget = options.max_disk_gb or whole_disk_gb(sessions_folder)
        session_id = record_simulation(sessions_folder, robot, selector, steps, budget)
    except SessionError as error:
        parser.error(str(error))
    sys.stdout.write(f"{session_id}\n")


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m session.record", description="Record a simulated robot.")
    parser.add_argument("--robot", choices=("toroidal_dot", "jetbot_sim"), default="toroidal_dot")
    parser.add_argument("--selector", choices=("constant", "sequence", "random", "replay"), default="random")
    parser.add_argument(
        "--steps", type=_steps_number, help=f"actions to take (default {DEFAULT_STEPS}, or the whole replay)"
    )
    parser.add_argument("--seed", type=_seed_number, default=0, help="of the robot's start and of random actions")
    parser.add_argument("--action", metavar="JSON", help='for constant, such as {"action": 1}')
    parser.add_argument("--sequence", metavar="JSON", help='for sequence, such as [{"action": 0}, {"action": 1}]')
    parser.add_argument(
        "--replay", metavar="SESSION_ID", help="for replay, such as toroidal_dot/session_20251014_090000"
    )
    parser.add_argument("--data", type=Path, default=Path("saved"), help="folder of sessions/ (default saved)")
    parser.add_argument(
        "--max-disk-gb",
        type=_budget_number,
        help="delete the robot's oldest sessions beyond this many gigabytes (default: delete nothing)",
    )
    return parser


def _make_selector(options: argparse.Namespace, robot: SimulatedRobot, sessions_folder: Path) -> ActionSelector:
    match options.selector:
        case "constant":
            action = _tried(options, robot, _parse_action(options.action)) if options.action else robot.action_space[-1]
            return ConstantSelector(action)
        case "sequence":
            given = _parse_sequence(options.sequence) if options.sequence else robot.action_space
            return SequenceSelector([_tried(options, robot, action) for action in given])
        case "replay":
            return _make_replay(options, robot, sessions_folder)
        case _:
            return RandomSelector(robot.action_space, options.seed)


def _tried(options: argparse.Namespace, robot: SimulatedRobot, action: dict[str, float]) -> dict[str, float]:
    """The whole action; raises InvalidAction where the robot refuses it, before anything is recorded."""
    whole = robot.profile.completed(action)
    make_robot(options.robot, options.seed).act(whole)
    return whole


def _make_replay(options: argparse.Namespace, robot: SimulatedRobot, sessions_folder: Path) -> ReplaySelector:
    if not options.replay:
        raise InvalidAction("There is nothing to replay; name a session with --replay.")
    session = load_session(find_session(sessions_folder, options.replay))
    if session.profile != robot.profile:
        raise InvalidAction(f"That is a session of another robot; choose one of {robot.profile.title}.")
    return ReplaySelector(session)


def _steps(options: argparse.Namespace, selector: ActionSelector) -> int:
    if not isinstance(selector, ReplaySelector):
        return DEFAULT_STEPS if options.steps is None else options.steps
    if options.steps is not None and options.steps > len(selector):
        raise InvalidAction(f"That session holds {len(selector)} actions; choose --steps {len(selector)} or fewer.")
    return len(selector) if options.steps is None else options.steps


def _parse_action(text: str) -> dict[str, float]:
    try:
        return checked_action(orjson.loads(text))
    except orjson.JSONDecodeError:
        raise InvalidAction('--action is not JSON; give an action such as {"action": 1}.') from None


def _parse_sequence(text: str) -> list[dict[str, float]]:
    try:
        actions = orjson.loads(text)
    except orjson.JSONDecodeError:
        actions = None
    if not isinstance(actions, list):
        raise InvalidAction('--sequence is not a JSON list; give one such as [{"action": 0}, {"action": 1}].')
    return [checked_action(action) for action in actions]


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
    main()
