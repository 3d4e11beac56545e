"""Fitting a recording to its robot's networks: the folder of these, the channels in their order, ranges and actions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from session import ActionChannel, RecordedSession, RobotProfile
from session.robots.actions import MAX_CANDIDATES, SAME_WITHIN
from session.robots.detection import DIGEST_LENGTH, name_digest, named_profile
from session.robots.registry import ROBOTS
from training.checkpoints.robots.file import FILE, KeptRobot, read_robot


@dataclass(frozen=True)
class Fit:
    """How a recording belongs to its robot's networks.

    ``profile``: the robot's. ``names``: of the recording's channels in its own order, as the robot calls them.
    ``kept``: the description beside the checkpoints, None if there is none. ``adopted_by``: the title of the robot that
    adopted the recording, "" if none did; it ``is_refused`` if that robot has another number of channels. ``namesake``:
    another robot, whose description is in the folder of this one's name.
    """

    profile: RobotProfile
    names: tuple[str, ...]
    kept: KeptRobot | None = None
    adopted_by: str = ""
    is_refused: bool = False
    namesake: KeptRobot | None = None


def is_registered(profile: RobotProfile) -> bool:
    return any(one.profile == profile for one in ROBOTS)


def may_be_renamed(name: str, robot: str) -> bool:
    """True if `fit_profile` may have given the name to a robot whose recordings name it `robot`."""
    own = name.removeprefix(f"{robot}_")
    return own != name and len(own) == DIGEST_LENGTH


def find_fit(profile: RobotProfile, checkpoints: Path, adopted_by: str = "") -> Fit:
    """The fit of a recording with this profile, which a robot of the title `adopted_by` may have adopted."""
    if not adopted_by:
        return _own_fit(profile, checkpoints)
    robot = named_profile(adopted_by)
    kept = None if robot.channels else read_robot(checkpoints / robot.name / FILE)
    names = _names_with(robot.channels or (kept.channels if kept else profile.channels), profile)
    if names is None:
        return replace(_own_fit(profile, checkpoints), adopted_by=robot.title, is_refused=True)
    if not robot.channels:
        channels = tuple(replace(one, name=name) for one, name in zip(profile.channels, names, strict=True))
        robot = replace(robot, title=kept.title if kept else robot.title, channels=channels)
    return replace(_own_fit(robot, checkpoints), names=names, adopted_by=robot.title)


def fit_profile(profile: RobotProfile, checkpoints: Path) -> RobotProfile:
    """The robot's profile with the name of its own checkpoint folder, and the channels and ranges kept there."""
    return _own_fit(profile, checkpoints).profile


def fit_recording(recording: RecordedSession, checkpoints: Path) -> RecordedSession:
    """The recording with the profile that `fit_profile` gives its robot, and its actions in the order of that."""
    return fitted(recording, _own_fit(recording.profile, checkpoints))


def fitted(recording: RecordedSession, fit: Fit) -> RecordedSession:
    """The recording as its robot's networks know it."""
    order = [fit.names.index(name) for name in fit.profile.channel_names]
    actions, candidates = recording.actions[:, order], recording.candidate_actions[:, order]
    is_continuous = recording.is_continuous
    if fit.kept is not None and fit.kept.actions and (fit.kept.is_continuous or not is_continuous):
        candidates, is_continuous = _described_actions(fit.kept, candidates)
    if fit.profile == recording.profile and np.array_equal(candidates, recording.candidate_actions):
        return recording
    return replace(
        recording,
        profile=fit.profile,
        actions=_in_memory(actions),
        candidate_actions=_in_memory(candidates),
        is_continuous=is_continuous,
    )


def _own_fit(profile: RobotProfile, checkpoints: Path) -> Fit:
    names = profile.channel_names
    if is_registered(profile):
        return Fit(profile, names)
    kept, namesake = read_robot(checkpoints / profile.name / FILE), None
    if kept is not None and not kept.is_of(profile):
        own = name_digest(f"{profile.title.casefold()} {sorted(names)}")
        profile, namesake = replace(profile, name=f"{profile.name}_{own}"), kept
        kept = read_robot(checkpoints / profile.name / FILE)
    profile = profile if kept is None else replace(profile, channels=kept.channels)
    return Fit(profile, names, kept, namesake=namesake)


def _names_with(channels: Sequence[ActionChannel], profile: RobotProfile) -> tuple[str, ...] | None:
    """The names that a robot with these channels gives to those of a recording: the same, or, if they are called
    otherwise, those in the same place; None if there are more or fewer."""
    names = tuple(one.name for one in channels)
    if set(names) == set(profile.channel_names):
        return profile.channel_names
    return names if len(names) == len(profile.channels) else None


def _described_actions(kept: KeptRobot, own: np.ndarray) -> tuple[np.ndarray, bool]:
    """The robot's actions to choose from, with those that only the recording lists, if the robot is not continuous."""
    described = np.array(kept.actions, dtype=np.float32)
    if kept.is_continuous:
        return described, True
    new = [row for row in own if not np.isclose(described, row, atol=SAME_WITHIN).all(axis=1).any()]
    return np.vstack((described, *new))[:MAX_CANDIDATES], False


def _in_memory(actions: np.ndarray) -> np.ndarray:
    """Row by row in memory, as everybody expects, and read-only."""
    actions = np.ascontiguousarray(actions)
    actions.flags.writeable = False
    return actions
