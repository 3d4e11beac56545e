"""Command line options of all commands that record: of the robot, and of the choice of actions."""

import argparse
from collections.abc import Callable
from pathlib import Path

import orjson

from session.command_line import session_option, whole_number
from session.errors import InvalidAction
from session.listing import find_session
from session.loading import load_session
from session.recorder.robot_adapter import CheckedRobot
from session.recorder.selectors import (
    ActionSelector,
    ConstantSelector,
    RandomSelector,
    RecordedSelector,
    SequenceSelector,
    UniformSelector,
)
from session.robots.actions import checked_action
from session.robots.gymnasium_robot import MAX_REPEAT
from session.robots.registry import simulator_options

SELECTORS = ("constant", "sequence", "random", "recorded")


def add_robot_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of simulated robots, such as --uneven, and of environments of Gymnasium."""
    for option in simulator_options():
        limits = f"{option.low:g} to {option.high:g}"
        parser.add_argument(f"--{option.name}", type=float, metavar="SHARE", help=f"{option.help} ({limits})")
    parser.add_argument(
        "--repeat",
        type=whole_number(1, MAX_REPEAT),
        metavar="STEPS",
        help="of an environment of Gymnasium: its steps in an action (default: about ten actions a second)",
    )


def simulator_values(options: argparse.Namespace) -> dict[str, float]:
    """Those of them that were given, by name."""
    values = {option.name: vars(options)[option.name] for option in simulator_options()}
    return {name: value for name, value in values.items() if value is not None}


def add_selector_options(parser: argparse.ArgumentParser, selectors: tuple[str, ...] = SELECTORS) -> None:
    """Add --selector and the options of the selectors."""
    parser.add_argument("--selector", choices=selectors, default="random", help="how actions are chosen")
    parser.add_argument("--action", metavar="JSON", help='for constant, such as {"action": 1}')
    parser.add_argument("--sequence", metavar="JSON", help='for sequence, such as [{"action": 0}, {"action": 1}]')
    parser.add_argument(
        "--replay",
        type=session_option,
        metavar="SESSION_ID",
        help="for recorded, such as toroidal_dot/session_20251014_090000",
    )


def make_selector(
    options: argparse.Namespace, robot: CheckedRobot, sessions_folder: Path, check: Callable[[dict[str, float]], None]
) -> ActionSelector:
    """The selector that the options name; raises InvalidAction and SessionNotFound.

    `check` raises InvalidAction for an action that the robot cannot do, before the recording begins.
    """
    match options.selector:
        case "constant":
            action = _parse_action(options.action) if options.action else robot.action_space[-1]
            return ConstantSelector(_completed(robot, action, check))
        case "sequence":
            actions = _parse_sequence(options.sequence) if options.sequence else robot.action_space
            return SequenceSelector([_completed(robot, action, check) for action in actions])
        case "recorded":
            return _make_recorded(options, robot, sessions_folder)
        case _:
            if robot.is_continuous:
                return UniformSelector(robot.profile, options.seed, robot.is_whole)
            return RandomSelector(robot.action_space, options.seed)


def steps_or(default: int, steps: int | None, selector: ActionSelector) -> int:
    """The number of actions: ``steps``, else all of a replay, else ``default``; raises InvalidAction."""
    if not isinstance(selector, RecordedSelector):
        return default if steps is None else steps
    if steps is not None and steps > len(selector):
        raise InvalidAction(f"That session holds {len(selector)} actions; choose --steps {len(selector)} or fewer.")
    return len(selector) if steps is None else steps


def _completed(
    robot: CheckedRobot, action: dict[str, float], check: Callable[[dict[str, float]], None]
) -> dict[str, float]:
    complete = robot.profile.with_constants(action)
    check(complete)
    return complete


def _make_recorded(options: argparse.Namespace, robot: CheckedRobot, sessions_folder: Path) -> RecordedSelector:
    if not options.replay:
        raise InvalidAction("There is nothing to replay; name a session with --replay.")
    session = load_session(find_session(sessions_folder, options.replay))
    if session.profile != robot.profile:
        raise InvalidAction(f"That is a session of another robot; choose one of {robot.profile.title}.")
    return RecordedSelector(session)


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
