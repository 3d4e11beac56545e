"""Recognition of the robot that made a recording, and the profile of a robot that has no row in the registry."""

import re
from collections.abc import Sequence

import numpy as np

from session.robots.profiles import ActionChannel, RobotProfile
from session.robots.registry import profile_by_channels, profile_by_keyword

UNKNOWN = "unknown"
MAX_SLUG_LENGTH = 40
MAX_TITLE_LENGTH = 60


def detect_robot(
    robot_type: str | None,
    action_space: Sequence[dict[str, float]],
    recorded_channels: Sequence[str],
    recorded_values: np.ndarray,
    folder_name: str,
) -> RobotProfile:
    """The profile of the robot that made a recording: by its type, else by its action channels, else by its folder.

    ``recorded_channels`` (A names) and ``recorded_values`` (M, A) describe the actions of the recording, both empty
    if they were not read. Any other robot gets a profile of its own, with ranges from its own actions.
    """
    by_channels = (profile_by_channels(names) for names in (*action_space[:1], recorded_channels))
    return (
        profile_by_keyword(robot_type or "")
        or next((profile for profile in by_channels if profile), None)
        or profile_by_keyword(folder_name)
        or _profile_of_unknown(robot_type, action_space, recorded_channels, recorded_values)
    )


def profile_of(robot_type: str, action_space: Sequence[dict[str, float]]) -> RobotProfile:
    """The profile of a robot that records with this class name and these actions: channels, ranges and name as they
    are read from its recordings again."""
    return detect_robot(robot_type, action_space, (), np.zeros((0, 0)), "")


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
