"""What a robot's actions look like: its channels, their ranges, and how they are scaled for the models.

A profile travels with each session and is passed along; nothing here remembers a "current" robot. Which files a
robot's recordings lie in is not known here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

UNKNOWN = "unknown"
MAX_SLUG_LENGTH = 40
MAX_TITLE_LENGTH = 60


@dataclass(frozen=True)
class ActionChannel:
    """One number of an action; ``low`` and ``high`` are in the robot's own units."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class RobotProfile:
    """A robot as the models see it. ``name`` is safe as a folder name, ``title`` is for people."""

    name: str
    title: str
    channels: tuple[ActionChannel, ...]

    @property
    def channel_names(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self.channels)

    def with_constants(self, action: Mapping[str, float]) -> dict[str, float]:
        """The action with every channel that can only have one value, whether it was named or not."""
        return {channel.name: channel.low for channel in self.channels if channel.low == channel.high} | dict(action)

    def scale(self, actions: np.ndarray) -> np.ndarray:
        """Clip raw actions (..., A) to their ranges and scale them to [-1, 1], float32.

        A channel whose range has no width gives 0. Raises ValueError when the last axis is not A.
        """
        # Actions and bounds go through the same float32, so that the ends of a range become exactly -1 and 1.
        values = np.asarray(actions, dtype=np.float32).astype(np.float64)
        if values.ndim == 0 or values.shape[-1] != len(self.channels):
            raise ValueError(f"actions of shape {values.shape} do not end in {len(self.channels)} channels")
        bounds = [(channel.low, channel.high) for channel in self.channels]
        low, high = np.array(bounds, dtype=np.float32).reshape(-1, 2).T.astype(np.float64)
        width = high - low
        scaled = 2.0 * (np.clip(values, low, high) - low) / np.where(width > 0, width, 1.0) - 1.0
        return np.where(width > 0, scaled, 0.0).astype(np.float32)


JETBOT = RobotProfile(
    name="jetbot",
    title="JetBot",
    channels=(
        ActionChannel("motor_left", 0.0, 0.0),
        ActionChannel("motor_right", 0.0, 0.12),
        ActionChannel("duration", 0.2, 0.2),
    ),
)

TOROIDAL_DOT = RobotProfile(name="toroidal_dot", title="Toroidal Dot", channels=(ActionChannel("action", 0.0, 1.0),))

# The word that names the robot, both in a robot_type ("ToroidalDotRobot") and in a folder ("toroidal_dot").
KNOWN_ROBOTS = (("jetbot", JETBOT), ("toroidal", TOROIDAL_DOT))

# Of its standard actions. With the right wheel alone a JetBot turns left.
ACTION_NAMES = {"jetbot": ("stay", "turn left"), "toroidal_dot": ("stay", "move")}


def detect_robot(
    robot_type: str | None,
    action_space: Sequence[dict[str, float]],
    recorded_channels: Sequence[str],
    recorded_values: np.ndarray,
    folder_name: str,
) -> RobotProfile:
    """Say which robot made a recording; the first of its type, its action channels and its folder that answers.

    ``recorded_channels`` (A names) and ``recorded_values`` (M, A) describe the actions of the recording, both empty
    when they were not read. Any other robot gets a profile of its own, with ranges from its own actions.
    """
    named = _robot_named_in(robot_type or "")
    if named is not None:
        return named
    for channels in [*({*action} for action in action_space[:1]), set(recorded_channels)]:
        for _, profile in KNOWN_ROBOTS:
            if channels == set(profile.channel_names):
                return profile
    return _robot_named_in(folder_name) or _profile_of_unknown(
        robot_type, action_space, recorded_channels, recorded_values
    )


def profile_of(robot_type: str, action_space: Sequence[dict[str, float]]) -> RobotProfile:
    """The profile of a robot that records with this class name and these actions: channels, ranges and name as they
    are read from its recordings again."""
    return detect_robot(robot_type, action_space, (), np.zeros((0, 0)), "")


def standard_actions(profile: RobotProfile) -> list[dict[str, float]]:
    """The actions a known robot chooses from, empty for an unknown one."""
    if profile == JETBOT:
        return [{"motor_left": 0.0, "motor_right": right, "duration": 0.2} for right in (0.0, 0.12)]
    if profile == TOROIDAL_DOT:
        return [{"action": 0.0}, {"action": 1.0}]
    return []


def action_name(profile: RobotProfile, values: np.ndarray) -> str:
    """What people call an action, raw values (A,) of a known robot: "stay", "move"; empty where it has no name."""
    named = zip(ACTION_NAMES.get(profile.name, ()), standard_actions(profile), strict=False)
    return next((name for name, action in named if np.allclose(values, list(action.values()), atol=1e-6)), "")


def _robot_named_in(text: str) -> RobotProfile | None:
    return next((profile for word, profile in KNOWN_ROBOTS if word in text.lower()), None)


def _profile_of_unknown(
    robot_type: str | None,
    action_space: Sequence[dict[str, float]],
    recorded_channels: Sequence[str],
    recorded_values: np.ndarray,
) -> RobotProfile:
    names = tuple(recorded_channels) or tuple(key for action in action_space[:1] for key in action)
    channels = []
    for index, name in enumerate(names):
        values = [action[name] for action in action_space if name in action]
        if len(recorded_channels):
            values += [float(bound) for bound in _bounds(recorded_values[:, index])]
        channels.append(ActionChannel(name, float(min(values)), float(max(values))))
    text = " ".join("".join(char if char.isprintable() else " " for char in robot_type or "").split())
    slug = re.sub(r"[^a-z0-9]+", "_", text.lower())[:MAX_SLUG_LENGTH].strip("_") or UNKNOWN
    title = "Unknown robot" if slug == UNKNOWN and text.lower() in ("", UNKNOWN) else text[:MAX_TITLE_LENGTH]
    return RobotProfile(slug, title, tuple(channels))


def _bounds(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
