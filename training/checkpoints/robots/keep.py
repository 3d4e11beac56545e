"""Describing a robot when its networks first learn: from the recordings that they learn from."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from session import ActionChannel, RecordedSession, RobotProfile
from session.robots.actions import MAX_CANDIDATES
from training.checkpoints.robots.file import FILE, KeptRobot, write_robot
from training.checkpoints.robots.fit import fit_recording, is_registered

Others = Callable[[], Iterable[RecordedSession]]  # further recordings of a robot


def keep_robot(profile: RobotProfile, folder: Path) -> None:
    """Keep a robot's channels and ranges in its checkpoint folder, unless the folder has them or needs none."""
    if not is_registered(profile):
        write_robot(KeptRobot(profile.title, profile.channels), folder)


def keep_robots(recordings: Sequence[RecordedSession], checkpoints: Path, others: Others = tuple) -> None:
    """The same for the robot of recordings that are learned from together: ranges that hold the actions of all of them
    and of its ``others``, the actions to choose from, and the camera and the time of a step of the first."""
    first = recordings[0]
    folder = checkpoints / first.profile.name
    if is_registered(first.profile) or os.path.lexists(folder / FILE):
        return
    key = (first.profile.name, set(first.profile.channel_names))
    every = [*recordings, *others()]
    same = [one for one in every if (one.profile.name, set(one.profile.channel_names)) == key]
    channels = tuple(_widest(name, same) for name in first.profile.channel_names)
    actions = tuple(map(tuple, _actions(first.profile, same).tolist()))
    camera = first.choices.current.camera if first.choices else ""
    write_robot(
        KeptRobot(first.profile.title, channels, actions, first.is_continuous, camera, step_seconds(first)), folder
    )


def fit_to_train(
    recordings: Sequence[RecordedSession], checkpoints: Path, others: Others = tuple
) -> list[RecordedSession]:
    """Recordings that a robot's networks will learn from, scaled alike: by the ranges kept beside its checkpoints, or,
    if there were none, by those that hold the actions of all of them and of the robot's ``others``, which are kept from
    now on."""
    keep_robots(recordings, checkpoints, others)
    return [fit_recording(one, checkpoints) for one in recordings]


def is_of_robot(recording: RecordedSession, profile: RobotProfile) -> bool:
    """True for a recording of the same robot, with the same channels in the same order."""
    own = recording.profile
    return (own.name, own.channel_names) == (profile.name, profile.channel_names)


def step_seconds(recording: RecordedSession) -> float:
    """The usual time from one frame to the next; 0 if it is not known."""
    if recording.choices is not None and recording.choices.rate > 0:
        return recording.choices.current.stride / recording.choices.rate
    seconds = np.diff(recording.times)
    seconds = seconds[np.isfinite(seconds) & (seconds > 0)]
    return round(float(np.median(seconds)), 3) if len(seconds) else 0.0


def _widest(name: str, recordings: Sequence[RecordedSession]) -> ActionChannel:
    every = [channel for one in recordings for channel in one.profile.channels if channel.name == name]
    return replace(every[0], low=min(one.low for one in every), high=max(one.high for one in every))


def _actions(profile: RobotProfile, recordings: Sequence[RecordedSession]) -> np.ndarray:
    """The actions to choose from, each once: typical ones of the first recording if the robot is continuous, otherwise
    those of all."""
    first = recordings[0]
    several = recordings[:1] if first.is_continuous else [one for one in recordings if not one.is_continuous]
    rows = [_ordered(one, profile.channel_names) for one in several]
    every = np.vstack(rows)
    return every[np.sort(np.unique(every, axis=0, return_index=True)[1])][:MAX_CANDIDATES]


def _ordered(recording: RecordedSession, names: Sequence[str]) -> np.ndarray:
    return recording.candidate_actions[:, [recording.profile.channel_names.index(name) for name in names]]
