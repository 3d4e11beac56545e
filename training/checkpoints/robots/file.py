"""`robot.json`: the description of a robot beside its checkpoints, written once, when its networks first learn."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from session import ActionChannel, RobotProfile
from session.files import describe, open_folder, open_regular, read_at_most, replace_file
from session.formats.json_values import parse_json
from session.robots.actions import MAX_CANDIDATES, MAX_VALUE
from training.values import is_number

FILE = "robot.json"
MAX_BYTES = 1 << 20
MAX_STEP_S = 1e6

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptRobot:
    """The contents of a `robot.json`.

    ``channels``: those of the networks, in their order, each with its range. ``actions``: those to choose from, raw
    values (C, A), typical ones if the robot ``is_continuous``; none in files of earlier versions. ``camera`` and
    ``step_s``, the seconds from one frame to the next: of the recordings that were learned from first; "" and 0 if not
    known.
    """

    title: str
    channels: tuple[ActionChannel, ...]
    actions: tuple[tuple[float, ...], ...] = ()
    is_continuous: bool = False
    camera: str = ""
    step_s: float = 0.0

    def is_of(self, profile: RobotProfile) -> bool:
        """True if the profile is this robot's, with any ranges and its channels in any order."""
        is_named_so = self.title.casefold() == profile.title.casefold()
        return is_named_so and {one.name for one in self.channels} == set(profile.channel_names)


def write_robot(robot: KeptRobot, folder: Path) -> None:
    """Keep a robot's description in its checkpoint folder, unless there is any: an unusable file stays, as somebody can
    put it right."""
    path = folder / FILE
    if os.path.lexists(path):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, orjson.dumps(_content(robot), option=orjson.OPT_INDENT_2))
    except OSError as problem:  # the saves that follow report it as well
        logger.warning(f"The description of {robot.title} could not be kept ({describe(problem)}).")


def read_robot(path: Path) -> KeptRobot | None:
    """The robot of a `robot.json`; None if there is none, or no valid one."""
    try:
        with open_folder(path.parent) as folder, open_regular(folder, path.name) as file:
            content = parse_json(read_at_most(file, MAX_BYTES), is_thorough=False)
        channels = tuple(ActionChannel(name, *_range(bounds)) for name, bounds in content["channels"].items())
        actions = content.get("actions", [])
        if len(actions) > MAX_CANDIDATES:
            raise ValueError(f"more than {MAX_CANDIDATES} actions")
        return KeptRobot(
            str(content["robot"]),
            channels,
            tuple(tuple(_number(action[one.name]) for one in channels) for action in actions),
            content.get("continuous", False) is True,
            str(content.get("camera", "")),
            _number(content.get("step_s", 0.0), 0.0, MAX_STEP_S),
        )
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None


def _content(robot: KeptRobot) -> Mapping[str, object]:
    names = [one.name for one in robot.channels]
    content = {"robot": robot.title, "channels": {one.name: [one.low, one.high] for one in robot.channels}}
    if robot.actions:
        content |= {"continuous": robot.is_continuous}
        content |= {"actions": [dict(zip(names, action, strict=True)) for action in robot.actions]}
    return content | {name: value for name, value in (("camera", robot.camera), ("step_s", robot.step_s)) if value}


def _range(bounds: object) -> tuple[float, float]:
    low, high = (_number(bound) for bound in bounds)
    if low > high:
        raise ValueError(f"{bounds!r} is no range")
    return low, high


def _number(value: object, low: float = -MAX_VALUE, high: float = MAX_VALUE) -> float:
    if not (is_number(value) and low <= value <= high):
        raise ValueError(f"{value!r} is no number of a robot")
    return float(value)
