"""A recorded session in use: read-only columns, the pictures of its frames, and the history before a frame."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from session.errors import FrameOutOfRange, FrameUnreadable
from session.formats.reading import Choices
from session.history import EventLinks, History, find_history
from session.pictures import browser_file, decode_picture
from session.robots.actions import SAME_WITHIN, named_values
from session.robots.continuous import ActionBin, action_bins, varying_channels
from session.robots.profiles import RobotProfile
from session.robots.ranges import OutsideRanges, find_outside
from session.robots.replay import Replay
from session.robots.simulator import SimulatorEntry
from session.robots.sweep import ActionSweep, sweep_channels, sweep_choices
from session.skipped import Skipped, SkippedLog

MAX_TEXT_LENGTH = 20
SWEPT_CHANNELS = 2
FIRST_DATE = 631_152_000.0  # 1990, in Unix seconds


class FrameSource(Protocol):
    """The frames of a recording, by index from 0. Each format of recordings has a source of its own."""

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each frame, such as its file's path in the recording."""

    @property
    def is_being_recorded(self) -> bool:
        """True if a recorder certainly writes to the recording at this moment."""

    @property
    def may_be_recording(self) -> bool:
        """True if a recorder writes to it, or may do so: not every recorder holds a lock."""

    def read(self, index: int) -> tuple[bytes, str]:
        """The encoded picture of a frame, JPEG or PNG, and its media type.

        Raises FrameUnreadable with the cause, without naming the frame.
        """


@dataclass(frozen=True, eq=False)
class RecordedSession:
    """The usable part of a recording: N observations, M actions of A channels, each in the order of their steps.

    ``frames`` reads the pictures. ``actions`` are raw values, float32 (M, A), in the order of
    ``profile.channels``; ``candidate_actions``, float32 (C, A), are those the robot could have chosen, or typical
    ones if it ``is_continuous``: it took many different ones, and its recording lists none. ``steps`` and
    ``action_steps`` are int64, ``times`` and ``action_times`` float64 Unix seconds. ``start_time`` and ``end_time``
    are the recorder's wall clock, which was ``utc_offset_s`` ahead of UTC. ``simulator``: what made the robot, if the
    recording names it. ``pictures_digest`` changes when a picture is replaced, also under the same name. ``notes`` are
    sentences on how the recording was understood; ``clock_settings`` are the steps before which the recorder's clock
    was set. Times that are not known are NaN. ``choices``: the other ways to read the recording, and the one that was
    taken; None if there is a single one. ``task``: what the robot was to do, as the recording says. ``details``:
    further facts, each with its name. ``steering``: the channel whose sign is left or right, 0 being straight ahead, if
    the format says so, else "". ``reset_steps``, int64, are the steps at which another episode began: no action
    leads over them. ``rows``, int64 (N,), are the numbers of the frames' rows in a table, the same in every reading;
    None if every row is a frame. ``folder`` need not exist on disk: a recording that shares its folder with others, or
    that is not read in the usual way, has the path that its id makes.
    """

    folder: Path
    profile: RobotProfile
    robot_type: str
    start_time: datetime | None
    end_time: datetime | None
    is_finished: bool
    utc_offset_s: float
    steps: np.ndarray
    times: np.ndarray
    frames: FrameSource
    actions: np.ndarray
    action_steps: np.ndarray
    action_times: np.ndarray
    candidate_actions: np.ndarray
    links: EventLinks
    skipped_log: SkippedLog
    simulator: SimulatorEntry | None = None
    pictures_digest: int = 0
    notes: tuple[str, ...] = ()
    clock_settings: tuple[int, ...] = ()
    is_continuous: bool = False
    choices: Choices | None = None
    task: str = ""
    details: tuple[tuple[str, str], ...] = ()
    steering: str = ""
    reset_steps: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    rows: np.ndarray | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def frame_names(self) -> tuple[str, ...]:
        """A name for each frame, such as its path relative to ``folder``."""
        return self.frames.names

    @property
    def frame_count(self) -> int:
        return len(self.frame_names)

    @property
    def action_count(self) -> int:
        return len(self.actions)

    @property
    def is_being_recorded(self) -> bool:
        """True if a recorder certainly writes to it at this moment."""
        return self.frames.is_being_recorded

    @property
    def may_be_recording(self) -> bool:
        """True if it is being recorded, or may be: recorders of other programs hold no lock."""
        return self.frames.may_be_recording

    @cached_property
    def version(self) -> str:
        """A text that changes when frames, their pictures, actions or the ranges that scale these do."""
        digest = zlib.crc32(repr(self.profile.channels).encode(), self.pictures_digest)
        digest = zlib.crc32(self.times.tobytes(), zlib.crc32(self.actions.tobytes(), digest))
        return f"{self.frame_count}-{digest:08x}"

    @cached_property
    def replay(self) -> Replay | None:
        """The states of the simulator that made the recording, or None if it names none."""
        if self.simulator is None:
            return None
        names = self.profile.channel_names
        actions = (named_values(names, values) for values in self.actions)
        return Replay(self.simulator, actions, self.action_steps.tolist())

    @cached_property
    def outside_ranges(self) -> OutsideRanges | None:
        """The recorded actions that the networks get clipped, or else those to choose from; None if there are none."""
        return find_outside(self.profile, self.actions) or find_outside(self.profile, self.candidate_actions)

    @property
    def total_events(self) -> int:
        """Usable events, observations and actions together."""
        return self.frame_count + self.action_count

    @property
    def duration_s(self) -> float:
        """Seconds from the earliest to the latest usable event, without jumps of the clock."""
        times, steps = np.concatenate((self.times, self.action_times)), np.concatenate((self.steps, self.action_steps))
        is_known = np.isfinite(times)
        known, parts = times[is_known], self.clock_part(steps[is_known])
        return float(sum(np.ptp(known[parts == part]) for part in np.unique(parts)))

    def clock_part(self, steps: np.ndarray) -> np.ndarray:
        """For each step how often the clock had been set before it."""
        return np.searchsorted(self.clock_settings, steps, side="right")

    @cached_property
    def has_dates(self) -> bool:
        """True if the times are dates; others count from the beginning of the recording, or of a machine."""
        known = self.times[np.isfinite(self.times)]
        return self.start_time is not None or not len(known) or bool(known.max() >= FIRST_DATE)

    @property
    def previous(self) -> np.ndarray:
        """For each frame the one that represents the moment before it, -1 for none; int32 (N,)."""
        return self.links.previous

    @property
    def action_into(self) -> np.ndarray:
        """For each frame the action that led to its moment, -1 for none; int32 (N,)."""
        return self.links.action_into

    @property
    def action_after(self) -> np.ndarray:
        """For each frame the action taken right after it, -1 for none; int32 (N,)."""
        return self.links.action_after

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """All unusable parts."""
        return self.skipped_log.entries()

    def skipped_summary(self, limit: int = 20) -> list[str]:
        """Sentences such as "events_shard_000.jsonl line 12: not JSON (cut short)", the last one "and 312 more"."""
        return self.skipped_log.summary(limit)

    def frame_bytes(self, index: int) -> tuple[bytes, str]:
        """The encoded picture of a frame and its media type; raises FrameOutOfRange and FrameUnreadable."""
        number = self._check_index(index)
        try:
            return self.frames.read(number)
        except FrameUnreadable as error:
            raise _unreadable(index, str(error)) from error

    def picture(self, index: int) -> Image.Image:
        """The fully loaded RGB picture of a frame; raises FrameOutOfRange and FrameUnreadable."""
        content, _ = self.frame_bytes(index)
        try:
            return decode_picture(content)
        except FrameUnreadable as error:
            raise _unreadable(index, str(error)) from error

    def browser_frame(self, index: int) -> tuple[bytes, str]:
        """A file that browsers show exactly as ``picture`` is, and its media type; raises what ``picture`` raises."""
        content, _ = self.frame_bytes(index)
        try:
            return browser_file(content)
        except FrameUnreadable as error:
            raise _unreadable(index, str(error)) from error

    def history(self, index: int, length: int) -> History:
        """The up to ``length`` (2 to 8) context frames before a frame, joined by exactly one action each.

        Raises FrameOutOfRange, HistoryLengthError, and NoHistory if no frame precedes it.
        """
        return find_history(self.links, self._check_index(index), length)

    def candidate_index(self, action: int) -> int | None:
        """The index in ``candidate_actions`` of the recorded action ``action``, or None if it is none of them."""
        return self.find_candidate(self.actions[action])

    def find_candidate(self, values: np.ndarray) -> int | None:
        """The index in ``candidate_actions`` of an action, raw values (A,), or None if it is none of them."""
        same = np.isclose(self.candidate_actions, values, atol=SAME_WITHIN).all(axis=1)
        return int(same.argmax()) if same.any() else None

    @cached_property
    def varying_channels(self) -> list[int]:
        """The channels of a continuous robot that vary in this recording, the one first that varies most."""
        return varying_channels(self.profile, self.actions) if self.is_continuous else []

    @cached_property
    def action_bins(self) -> tuple[ActionBin, ...]:
        """Bins of the actions of a continuous robot; none of another."""
        return action_bins(self.profile, self.actions) if self.is_continuous else ()

    def sweep(self, action: int, channels: Sequence[int] | None = None, own: np.ndarray | None = None) -> ActionSweep:
        """The actions to compare with the recorded action ``action``: all candidates, or of a continuous robot values
        of some channels, by default of those that vary most. ``own``: one more, raw values (A,)."""
        if not self.is_continuous:
            return sweep_choices(self.candidate_actions, self.actions[action], own)
        channels = self.varying_channels[:SWEPT_CHANNELS] if channels is None else channels
        return sweep_channels(self.actions, channels, self.actions[action], own)

    def _check_index(self, index: int) -> int:
        if not self.frame_count:
            raise FrameOutOfRange("This session has no frames; choose another session.")
        last = self.frame_count - 1
        if isinstance(index, bool) or not isinstance(index, int | np.integer):
            text = repr(index)[:MAX_TEXT_LENGTH]
            raise FrameOutOfRange(f"Frame {text} is not a whole number; choose 0 to {last}.")
        if not 0 <= index <= last:
            raise FrameOutOfRange(f"Frame {str(index)[:MAX_TEXT_LENGTH]} does not exist; choose 0 to {last}.")
        return int(index)


def _unreadable(index: int, cause: str) -> FrameUnreadable:
    return FrameUnreadable(f"Frame {index} cannot be read: {cause}; choose another frame.")
