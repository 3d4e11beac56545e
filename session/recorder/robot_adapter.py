"""Loading a robot by its name, checking it before the recording begins, and checking every call of it.

A robot may be the user's own code. Any exception it raises ends the recording with one sentence; only calls of the
robot are inside that boundary, so that our own errors are not attributed to the robot.
"""

import importlib
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType, TracebackType

import numpy as np

from session.errors import BadRobot, InvalidAction, RobotFailed, SessionError
from session.pictures import MAX_FRAME_PIXELS
from session.recorder.recorder import SessionRecorder
from session.robots.actions import MAX_CANDIDATES, SAME_WITHIN, checked_action
from session.robots.detection import profile_of
from session.robots.gymnasium_robot import EnvironmentEntry, GymnasiumRobot
from session.robots.profiles import RobotProfile
from session.robots.registry import ROBOTS, make_robot
from session.robots.robot import Robot
from session.robots.simulator import SimulatorEntry

LONGEST_ACTION_S = 3600.0
MAX_MESSAGE_LENGTH = 120
ENVIRONMENT = "gym:"  # before the id of an environment of Gymnasium


class _RobotCall(AbstractContextManager):
    """Context manager that turns any exception of a robot into ``kind``, with a sentence that names the call."""

    def __init__(self, call: str, kind: type[SessionError]) -> None:
        self._call, self._kind = call, kind

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Ctrl-C is no failure of the robot, and our own sentence needs no other.
        if isinstance(error, Exception) and not isinstance(error, self._kind):
            raise self._kind(f"The robot failed {self._call} ({_cause(error)}); mend it and start again.") from error


def _cause(error: Exception) -> str:
    """Type, message and place of an error, without the path of the file."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f", {Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else ""
    message = " ".join("".join(char if char.isprintable() else " " for char in str(error)).split())[:MAX_MESSAGE_LENGTH]
    return f"{type(error).__name__}{f': {message}' if message else ''}{place}"


class CheckedRobot:
    """A robot whose four members were checked; raises BadRobot if they are invalid or do not match.

    ``profile`` is that of its recordings, ``action_space`` holds its actions, each once, and ``candidates`` the same
    as raw values, float32 (C, A). ``simulator``: what made the robot, for a simulated one at its start;
    ``environment``: the same of an environment of Gymnasium. A robot that ``is_continuous`` does any action within the
    ranges of its actions, or of these the whole numbers if it ``is_whole``. ``name``: in the recordings, by default
    that of the class.
    """

    is_continuous = False
    is_whole = False
    environment: EnvironmentEntry | None = None

    def __init__(self, robot: Robot, simulator: SimulatorEntry | None = None, name: str = "") -> None:
        self._robot, self.simulator = robot, simulator
        name = name or type(robot).__name__
        with _RobotCall("while its profile and actions were asked for", BadRobot):
            profile, actions = robot.profile, list(robot.action_space)
        actions = _checked_space(actions)
        self.robot_type = _type_for_recordings(name, profile, actions)
        self.profile = profile_of(self.robot_type, actions)
        _require_same(profile, self.profile)
        for action in actions:
            self.require_in_range(action)
        distinct = {tuple(action[name] for name in self.profile.channel_names): action for action in actions}
        self.action_space = list(distinct.values())
        self.candidates = np.array(list(distinct), dtype=np.float32)

    def recorder(
        self,
        root_folder: str | os.PathLike[str],
        max_disk_gb: float,
        clock: Callable[[], float] = time.time,
    ) -> SessionRecorder:
        """A recorder of this robot, as long as it is at its start; raises RecordingError."""
        return SessionRecorder(
            root_folder,
            self.robot_type,
            self.action_space,
            max_disk_gb=max_disk_gb,
            clock=clock,
            simulator=self.simulator,
            environment=self.environment,
            is_continuous=self.is_continuous,
        )

    def restart(self) -> bool:
        """If an episode is over, begin the next one and return True; no other robot has episodes. The next picture
        then follows from no action. Raises RobotFailed."""
        return False

    def observe(self) -> np.ndarray:
        """The picture now, uint8 (H, W, 3); raises RobotFailed."""
        with _RobotCall("to observe", RobotFailed):
            picture = self._robot.observe()
        is_picture = isinstance(picture, np.ndarray) and picture.dtype == np.uint8
        if not is_picture or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise RobotFailed(
                f"The robot's picture is {_describe(picture)}; observe() must give RGB as uint8 (height, width, 3)."
            )
        if picture.shape[0] * picture.shape[1] > MAX_FRAME_PIXELS:
            raise RobotFailed(f"The robot's picture has over {MAX_FRAME_PIXELS:,} pixels; give a smaller one.")
        return picture

    def act(self, action: Mapping[str, float]) -> float:
        """Do an action and return the seconds it takes; raises InvalidAction before, and RobotFailed after."""
        self.require_in_range(action)
        with _RobotCall("to act", RobotFailed):
            seconds = self._robot.act(dict(action))
        is_number = isinstance(seconds, int | float | np.number) and not isinstance(seconds, bool)
        if not is_number or not 0.0 <= seconds <= LONGEST_ACTION_S:
            raise RobotFailed("The robot's act() must return the seconds that the action takes, from 0 to 3600.")
        return float(seconds)

    def require_in_range(self, action: Mapping[str, float]) -> None:
        """Raise InvalidAction for an action with other channels than the robot's, or beyond their ranges.

        The robot does not offer such an action, and recording it would change the scaling of its recordings.
        """
        names = self.profile.channel_names
        if set(action) != set(names):
            raise InvalidAction(f"An action of this robot has the channels {', '.join(names)}; give all of them.")
        for channel in self.profile.channels:
            value = action[channel.name]
            if not channel.low - SAME_WITHIN <= value <= channel.high + SAME_WITHIN:
                raise InvalidAction(
                    f"{channel.name} {value:.4g} is beyond what this robot does; choose {channel.low:g} to "
                    f"{channel.high:g}."
                )


class CheckedEnvironment(CheckedRobot):
    """An environment of Gymnasium as a checked robot; its first picture is checked as well."""

    def __init__(self, robot: GymnasiumRobot) -> None:
        self.is_continuous, self.is_whole = robot.channels.is_continuous, robot.channels.is_whole
        self.environment = robot.entry
        super().__init__(robot, name=robot.name)
        self._episodic = robot
        self.observe()

    def restart(self) -> bool:
        with _RobotCall("to begin another episode", RobotFailed):
            return self._episodic.restart()

    def require_in_range(self, action: Mapping[str, float]) -> None:
        super().require_in_range(action)
        for name, value in action.items():
            if self.is_whole and value != int(value):
                raise InvalidAction(f"{name} {value:.4g} is no action of this robot; choose a whole number.")


def load_robot(
    name: str, seed: int, values: Mapping[str, float] = MappingProxyType({}), repeat: int | None = None
) -> CheckedRobot:
    """The simulated robot of that name, an environment of Gymnasium as "gym:ENV_ID", or an instance of
    "package.module:ClassName", made without arguments.

    `values`: options of a simulated robot, by name; `repeat`: the steps of an environment in an action. Importing a
    module runs it: only name trusted code. Raises BadRobot, BadSimulator, RobotFailed and RecordingError.
    """
    is_environment = name.startswith(ENVIRONMENT)
    if repeat is not None and not is_environment:
        raise BadRobot("--repeat is for environments of Gymnasium (gym:…); leave it out for other robots.")
    if ":" not in name:
        simulator = SimulatorEntry(name, seed, dict(values))
        return CheckedRobot(make_robot(simulator), simulator)
    if values:
        given = " and ".join(f"--{option}" for option in values)
        raise BadRobot(f"{given} is for simulated robots; leave it out for other robots.")
    if is_environment:
        with _RobotCall("to start", BadRobot):
            environment = GymnasiumRobot(name.removeprefix(ENVIRONMENT), seed, repeat)
        return CheckedEnvironment(environment)
    return CheckedRobot(_load_class(name))


def _load_class(name: str) -> Robot:
    module_name, _, class_name = name.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), class_name)):
        raise BadRobot("A robot of your own is named as package.module:ClassName; give it that way.")
    with _RobotCall("to be imported", BadRobot):
        module = importlib.import_module(module_name)
    robot_class = vars(module).get(class_name)
    if not isinstance(robot_class, type):
        raise BadRobot(f"The module {module_name} has no class {class_name}; check both names.")
    with _RobotCall("to start", BadRobot):
        return robot_class()


def _checked_space(actions: Sequence[object]) -> list[dict[str, float]]:
    try:
        checked = [checked_action(action) for action in actions]
    except InvalidAction as error:
        raise BadRobot(f"An entry of the robot's action_space is not an action. {error}") from error
    if not 1 <= len(checked) <= MAX_CANDIDATES:
        raise BadRobot(f"The robot's action_space has {len(checked)} actions; give 1 to {MAX_CANDIDATES}.")
    if any(set(action) != set(checked[0]) for action in checked):
        raise BadRobot("The actions of the robot's action_space differ in their channels; give all the same ones.")
    return checked


def _type_for_recordings(name: str, profile: object, actions: Sequence[dict[str, float]]) -> str:
    """The robot's class name, with the title of its profile if that is one of the registry and the name leaves it out.

    Recordings are recognized by this text.
    """
    own = next((one.profile for one in ROBOTS if one.profile == profile), None)
    if own is None or set(actions[0]) != set(own.channel_names) or profile_of(name, actions) == own:
        return name
    return f"{name} ({own.title})"


def _require_same(profile: object, recorded: RobotProfile) -> None:
    if profile != recorded:
        raise BadRobot(
            "The robot's profile is not the one that its recordings are read with; let it be "
            "profile_of(class name, action_space), as docs/robots.md shows."
        )


def _describe(picture: object) -> str:
    if isinstance(picture, np.ndarray):
        return f"{picture.dtype} {picture.shape}"
    return f"of type {type(picture).__name__}"
