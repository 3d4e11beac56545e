"""Recognition of the robot that made a recording, and the profile of a robot that has no row in the registry."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from session.robots.profiles import ActionChannel, RobotProfile
from session.robots.registry import ROBOTS, profile_by_channels, profile_by_keyword

UNKNOWN = "unknown"
NAMELESS = ("", UNKNOWN, "none", "null")
MAX_SLUG_LENGTH = 40
MAX_TITLE_LENGTH = 60
DIGEST_LENGTH = 8

Ranges = Mapping[str, tuple[float, float]]
NO_RANGES: Ranges = {}


def detect_robot(
    robot_type: str | None,
    action_space: Sequence[dict[str, float]],
    recorded_channels: Sequence[str],
    recorded_values: np.ndarray,
    folder_name: str,
    ranges: Ranges = NO_RANGES,
) -> RobotProfile:
    """The profile of the robot that made a recording.

    The name in its metadata decides; only if it names none, the action channels do, then the folder.
    ``recorded_channels`` (A names) and ``recorded_values`` (M, A) describe the actions of the recording, both empty if
    they were not read. A robot that is not in the registry gets a profile of its own, with ranges from its own actions.
    ``ranges``, by channel, are those that the recording states: it then has a robot of its own, so that no network gets
    actions of two scales.
    """
    text = plain_text(robot_type)
    profile = profile_by_keyword(text)
    if profile is None and text.lower() in NAMELESS:
        by_channels = (profile_by_channels(names) for names in (*action_space[:1], recorded_channels))
        profile = next((one for one in by_channels if one), None) or profile_by_keyword(folder_name)
    profile = profile or _profile_of_unknown(text, action_space, recorded_channels, recorded_values)
    return _with_ranges(profile, ranges) if ranges else profile


def profile_of(robot_type: str, action_space: Sequence[dict[str, float]]) -> RobotProfile:
    """The profile of a robot that records with this class name and these actions: channels, ranges and name as they
    are read from its recordings again."""
    return detect_robot(robot_type, action_space, (), np.zeros((0, 0)), "")


def named_profile(title: str) -> RobotProfile:
    """The profile of the registered robot that a title names, or else one of that name, without channels."""
    return profile_by_keyword(title) or RobotProfile(_slug(title), _title(title), ())


def unregistered_name(robot_type: str) -> tuple[str, str]:
    """Name and title of a robot whose recordings have channels of their own, whatever robot of the registry is called
    the same."""
    text = plain_text(robot_type)
    name, title = _slug(text), _title(text)
    return (f"{name}_{name_digest(name)}" if name in {one.profile.name for one in ROBOTS} else name), title


def name_digest(text: str) -> str:
    """A few letters that stand for a text in the name of a folder."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def plain_text(robot_type: str | None) -> str:
    """The name of a robot with single spaces, and with printable letters only."""
    # One form of accents: macOS writes them apart from their letters, others do not.
    text = unicodedata.normalize("NFC", robot_type or "")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _profile_of_unknown(
    text: str,
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
    return RobotProfile(_slug(text), _title(text), tuple(channels))


def _title(text: str) -> str:
    return "Unknown robot" if text.lower() in NAMELESS else text[:MAX_TITLE_LENGTH]


def _slug(text: str) -> str:
    """A name for folders. Letters of other scripts have no place in it, so a digest tells such names apart."""
    slug = re.sub(r"[^a-z0-9]+", "_", text.lower())[:MAX_SLUG_LENGTH].strip("_")
    if text.isascii():
        return UNKNOWN if text.lower() in NAMELESS else slug or UNKNOWN
    return f"{slug or 'robot'}_{name_digest(text.casefold())}"


def _with_ranges(profile: RobotProfile, ranges: Ranges) -> RobotProfile:
    """The profile with other ranges, as a robot of its own."""
    channels = tuple(
        replace(channel, low=ranges[channel.name][0], high=ranges[channel.name][1])
        if channel.name in ranges
        else channel
        for channel in profile.channels
    )
    if channels == profile.channels:
        return profile
    digest = name_digest(repr([(channel.name, channel.low, channel.high) for channel in channels]))
    return RobotProfile(f"{profile.name}_{digest}", f"{profile.title}, own ranges", channels)


def _bounds(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
