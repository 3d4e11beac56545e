"""The robots that checkpoint folders belong to: their names, channels and ranges, kept beside the checkpoints.

Networks give an action the meaning that it had when they learned. A robot outside the registry takes its ranges from
its own actions, which differ from recording to recording. So the first recording that is trained on decides:
`robot.json` keeps its channels and ranges, and later recordings of the same robot are scaled by them. Another robot of
the same name, or with other channels, gets a folder of its own.
"""

import logging
import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson

from session import ActionChannel, RecordedSession, RobotProfile, SessionCache
from session.files import describe, open_folder, open_regular, read_at_most, replace_file
from session.formats.json_values import parse_json
from session.robots.actions import MAX_VALUE
from session.robots.detection import DIGEST_LENGTH, name_digest
from session.robots.registry import ROBOTS
from training.values import is_number

FILE = "robot.json"
MAX_BYTES = 1 << 20
UNUSABLE = (
    f"{FILE} beside the checkpoints of this robot cannot be used, so its actions are scaled by this recording alone, "
    "and not as its networks learned them: put the file right, or remove it together with the checkpoints."
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptRobot:
    """The contents of a `robot.json`: the robot's title, and the range of each channel in the order of the networks."""

    title: str
    channels: tuple[ActionChannel, ...]

    def is_of(self, profile: RobotProfile) -> bool:
        """True if the profile is this robot's, with any ranges and its channels in any order."""
        is_named_so = self.title.casefold() == profile.title.casefold()
        return is_named_so and {one.name for one in self.channels} == set(profile.channel_names)


def keep_robot(profile: RobotProfile, folder: Path) -> None:
    """Keep a robot's channels and ranges in its checkpoint folder, unless the folder has them or needs none.

    An unusable file stays: somebody can put it right.
    """
    path = folder / FILE
    if _is_registered(profile) or os.path.lexists(path):
        return
    channels = {one.name: [one.low, one.high] for one in profile.channels}
    content = orjson.dumps({"robot": profile.title, "channels": channels}, option=orjson.OPT_INDENT_2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as problem:  # the saves that follow report it as well
        logger.warning(f"The ranges of {profile.title} could not be kept ({describe(problem)}).")


def keep_robots(profiles: Sequence[RobotProfile], checkpoints: Path) -> None:
    """The same for the robot of several recordings that are learned from together: ranges that hold all of theirs."""
    first = profiles[0]
    same = [one for one in profiles if (one.name, set(one.channel_names)) == (first.name, set(first.channel_names))]
    every = [channel for profile in same for channel in profile.channels]
    lows = {name: min(one.low for one in every if one.name == name) for name in first.channel_names}
    highs = {name: max(one.high for one in every if one.name == name) for name in first.channel_names}
    if not _is_registered(first):
        channels = tuple(ActionChannel(name, lows[name], highs[name]) for name in first.channel_names)
        keep_robot(replace(first, channels=channels), checkpoints / first.name)


def fit_to_train(recordings: Sequence[RecordedSession], checkpoints: Path) -> list[RecordedSession]:
    """Recordings that a robot's networks will learn from, scaled alike: by the ranges kept beside its checkpoints, or,
    if there were none, by those that hold the actions of all of them, which are kept from now on."""
    keep_robots([one.profile for one in recordings], checkpoints)
    return [fit_recording(one, checkpoints) for one in recordings]


def is_of_robot(recording: RecordedSession, profile: RobotProfile) -> bool:
    """True for a recording of the same robot, with the same channels in the same order."""
    own = recording.profile
    return (own.name, own.channel_names) == (profile.name, profile.channel_names)


def may_be_renamed(name: str, robot: str) -> bool:
    """True if `fit_profile` may have given the name to a robot whose recordings name it `robot`."""
    own = name.removeprefix(f"{robot}_")
    return own != name and len(own) == DIGEST_LENGTH


def read_robot(path: Path) -> KeptRobot | None:
    """The robot of a `robot.json`; None if there is none, or no valid one."""
    try:
        with open_folder(path.parent) as folder, open_regular(folder, path.name) as file:
            content = parse_json(read_at_most(file, MAX_BYTES), is_thorough=False)
        channels = [ActionChannel(name, *_range(bounds)) for name, bounds in content["channels"].items()]
        return KeptRobot(str(content["robot"]), tuple(channels))
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None


def fit_profile(profile: RobotProfile, checkpoints: Path) -> RobotProfile:
    """The robot's profile with the name of its own checkpoint folder, and the channels and ranges kept there."""
    if _is_registered(profile):
        return profile
    kept = read_robot(checkpoints / profile.name / FILE)
    if kept is not None and not kept.is_of(profile):
        own = name_digest(f"{profile.title.casefold()} {sorted(profile.channel_names)}")
        profile = replace(profile, name=f"{profile.name}_{own}")
        kept = read_robot(checkpoints / profile.name / FILE)
    return profile if kept is None else replace(profile, channels=kept.channels)


def fit_recording(recording: RecordedSession, checkpoints: Path) -> RecordedSession:
    """The recording with the profile that `fit_profile` gives its robot, and its actions in the order of that."""
    return _with_profile(recording, *_fitted(recording, checkpoints))


def _fitted(recording: RecordedSession, checkpoints: Path) -> tuple[RobotProfile, tuple[str, ...]]:
    """The profile that `fit_profile` gives a recording's robot, and the recording's notes, with a word if there is a
    `robot.json` that cannot be used."""
    path = checkpoints / recording.profile.name / FILE
    is_unusable = not _is_registered(recording.profile) and os.path.lexists(path) and read_robot(path) is None
    notes = (*recording.notes, UNUSABLE) if is_unusable else recording.notes
    return fit_profile(recording.profile, checkpoints), notes


def _with_profile(recording: RecordedSession, profile: RobotProfile, notes: tuple[str, ...]) -> RecordedSession:
    if (profile, notes) == (recording.profile, recording.notes):
        return recording
    order = [recording.profile.channel_names.index(name) for name in profile.channel_names]
    return replace(
        recording,
        profile=profile,
        notes=notes,
        actions=_ordered(recording.actions, order),
        candidate_actions=_ordered(recording.candidate_actions, order),
    )


def _ordered(actions: np.ndarray, order: list[int]) -> np.ndarray:
    """The columns in this order, row by row in memory as everybody expects, and read-only."""
    ordered = np.ascontiguousarray(actions[:, order])
    ordered.flags.writeable = False
    return ordered


class RobotSessions(SessionCache):
    """Opened sessions, each with the profile that belongs to its robot's checkpoints."""

    def __init__(self, sessions_folder: Path, checkpoints: Path) -> None:
        super().__init__(sessions_folder)
        self._checkpoints = checkpoints
        self._fitted: weakref.WeakKeyDictionary[RecordedSession, RecordedSession] = weakref.WeakKeyDictionary()

    def get(self, session_id: str, max_age_s: float = 0.0) -> RecordedSession:
        """The opened session; raises SessionNotFound."""
        recording = super().get(session_id, max_age_s)
        profile, notes = _fitted(recording, self._checkpoints)
        if (profile, notes) == (recording.profile, recording.notes):
            return recording
        known = self._fitted.get(recording)
        if known is None or (known.profile, known.notes) != (profile, notes):
            known = self._fitted[recording] = _with_profile(recording, profile, notes)
        return known


def _is_registered(profile: RobotProfile) -> bool:
    return any(one.profile == profile for one in ROBOTS)


def _range(bounds: object) -> tuple[float, float]:
    low, high = bounds
    if not (is_number(low) and is_number(high) and -MAX_VALUE <= low <= high <= MAX_VALUE):
        raise ValueError(f"{bounds!r} is no range")
    return float(low), float(high)
