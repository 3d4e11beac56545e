"""Statistics of a whole recording: its actions, its pace, missing and repeated parts.

Counts and measures only; ``session.statistics_figures`` draws them. Steps count all events of a session, so every lost
or skipped event shows as a gap in them. N observations (frames), M actions, C candidate actions.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from session.errors import FrameUnreadable
from session.pictures import picture_size
from session.recording import RecordedSession
from session.robots.actions import SAME_WITHIN
from session.spread import spread

MAX_FILES = 500
MAX_PAIRS = 100
FIRST_GAPS = 5
Moments = tuple[np.ndarray, np.ndarray]  # steps and times
# The beginning of the reasons of session.frames, and of no others.
LOST_PICTURE = "frame "


@dataclass(frozen=True, eq=False)
class Intervals:
    """Seconds between two events, K times, float64 (K,), and the frame of each, int64 (K,).

    The percentiles (5 %, 50 %, 95 %) and the longest are None if there are no intervals.
    """

    seconds: np.ndarray
    frames: np.ndarray
    low_s: float | None
    median_s: float | None
    high_s: float | None
    longest_s: float | None
    longest_frame: int | None


@dataclass(frozen=True)
class Missing:
    """Missing parts of a recording.

    ``steps`` between the first and the last one have no usable event, in ``gaps`` runs; ``first_gaps`` are the
    frames right after the first few. A lost picture takes a step as well. ``unseen_actions`` have no frame
    between them and the next action, or the end.
    """

    steps: int
    gaps: int
    first_gaps: tuple[int, ...]
    lost_pictures: int
    unseen_actions: int


@dataclass(frozen=True)
class Targets:
    """Counts of frames that can be predicted: with any context frame before them, and with 3 and 8 of them."""

    with_context: int
    with_3: int
    with_8: int


@dataclass(frozen=True)
class FileStatistics:
    """Statistics of ``sample_size`` frames, evenly spread: (width, height) → count, and bytes of the readable ones."""

    sizes: Mapping[tuple[int, int], int]
    smallest: int | None
    median: float | None
    largest: int | None
    sample_size: int
    unreadable: int


@dataclass(frozen=True)
class EqualNeighbours:
    """Frames whose picture is, byte for byte, that of the frame before: ``equal`` of ``compared``, evenly spread. A
    camera that is slower than the recorder gives such frames, and so does an action without effect."""

    equal: int
    compared: int


@dataclass(frozen=True, eq=False)
class SessionStatistics:
    """All statistics of a recording. ``action_counts`` is int64 (C,), one for each candidate action, or of a continuous
    robot for each bin of its actions, where every action counts once for each channel; ``other_actions`` are none of
    them.

    ``repeated_moments`` were observed more than once, by ``extra_frames`` more frames than needed. ``backward_times``
    counts the events with an earlier time than the one before.
    """

    frame_count: int
    action_count: int
    action_counts: np.ndarray
    other_actions: int
    frame_to_frame: Intervals
    action_to_frame: Intervals
    frame_to_action: Intervals
    missing: Missing
    repeated_moments: int
    extra_frames: int
    targets: Targets
    files: FileStatistics
    equal_neighbours: EqualNeighbours
    backward_times: int


def session_statistics(recording: RecordedSession) -> SessionStatistics:
    """Measure a recording; takes tenths of a second for 100,000 events, and reads up to 700 frame files."""
    counts = _count_actions(recording)
    repeated_moments, extra_frames = _count_repeated(recording)
    _, times, _ = _in_order(recording)
    return SessionStatistics(
        frame_count=recording.frame_count,
        action_count=recording.action_count,
        action_counts=counts,
        other_actions=0 if recording.action_bins else recording.action_count - int(counts.sum()),
        frame_to_frame=_frame_to_frame(recording),
        action_to_frame=_action_to_frame(recording),
        frame_to_action=_frame_to_action(recording),
        missing=_find_missing(recording),
        repeated_moments=repeated_moments,
        extra_frames=extra_frames,
        targets=_count_targets(recording.previous),
        files=_measure_files(recording),
        equal_neighbours=_compare_neighbours(recording),
        backward_times=int((np.diff(times) < 0).sum()),
    )


def _in_order(recording: RecordedSession) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps, times, and "is a frame" of all usable events in the order of their steps."""
    steps = np.concatenate((recording.steps, recording.action_steps))
    times = np.concatenate((recording.times, recording.action_times))
    order = np.argsort(steps, kind="stable")
    return steps[order], times[order], order < recording.frame_count


def _count_actions(recording: RecordedSession) -> np.ndarray:
    """Number of times that each candidate was taken, int64 (C,), of which the first match counts, as in
    ``candidate_index``; of a continuous robot the number of actions in each bin."""
    rest = recording.actions
    if recording.action_bins:
        return np.array([one.holds(rest).sum() for one in recording.action_bins], dtype=np.int64)
    counts = np.zeros(len(recording.candidate_actions), dtype=np.int64)
    with np.errstate(over="ignore"):  # float32's largest numbers, from a damaged recording
        for index, candidate in enumerate(recording.candidate_actions):
            is_same = np.isclose(candidate, rest, atol=SAME_WITHIN).all(axis=1)
            counts[index] = is_same.sum()
            rest = rest[~is_same]
    return counts


def _intervals(recording: RecordedSession, begins: Moments, ends: Moments, frames: np.ndarray) -> Intervals:
    """Intervals between moments, named by these frames, without those in which the clock was set forward.

    Intervals below zero show that it was set back, and how far.
    """
    seconds = ends[1] - begins[1]
    is_set = recording.clock_part(begins[0]) != recording.clock_part(ends[0])
    is_measured = np.isfinite(seconds) & ~(is_set & (seconds > 0))
    seconds, frames = seconds[is_measured], frames[is_measured]
    if not len(seconds):
        return Intervals(seconds, frames, None, None, None, None, None)
    low, median, high = np.percentile(seconds, (5, 50, 95)).tolist()
    longest = int(seconds.argmax())
    return Intervals(seconds, frames, low, median, high, float(seconds[longest]), int(frames[longest]))


def _frame_to_frame(recording: RecordedSession) -> Intervals:
    steps, times = recording.steps, recording.times
    return _intervals(recording, (steps[:-1], times[:-1]), (steps[1:], times[1:]), np.arange(1, len(steps)))


def _action_to_frame(recording: RecordedSession) -> Intervals:
    """From an action to the frame that directly follows it, named by that frame."""
    before = recording.steps - 1
    places = np.searchsorted(recording.action_steps, before)
    frames = np.flatnonzero(np.isin(before, recording.action_steps))
    actions = recording.action_steps[places[frames]], recording.action_times[places[frames]]
    return _intervals(recording, actions, (recording.steps[frames], recording.times[frames]), frames)


def _frame_to_action(recording: RecordedSession) -> Intervals:
    """From a frame to the action that directly follows it, named by that frame."""
    frames = np.flatnonzero(recording.action_after >= 0)
    after = recording.action_after[frames]
    actions = recording.action_steps[after], recording.action_times[after]
    return _intervals(recording, (recording.steps[frames], recording.times[frames]), actions, frames)


def _find_missing(recording: RecordedSession) -> Missing:
    steps, _, is_frame = _in_order(recording)
    known = np.union1d(steps, recording.reset_steps)
    jumps = np.diff(known)
    after = np.flatnonzero(jumps > 1) + 1
    places = np.searchsorted(recording.steps, known[after])
    first_gaps = dict.fromkeys(places[places < recording.frame_count].tolist())
    is_next_frame = np.append(is_frame[1:], False)[: len(steps)]
    return Missing(
        steps=int((jumps[jumps > 1] - 1).sum()),
        gaps=len(after),
        first_gaps=tuple(first_gaps)[:FIRST_GAPS],
        lost_pictures=sum(entry.reason.startswith(LOST_PICTURE) for entry in recording.skipped),
        unseen_actions=int((~is_frame & ~is_next_frame).sum()),
    )


def _count_repeated(recording: RecordedSession) -> tuple[int, int]:
    """Number of moments with several frames, and of their frames beyond one each."""
    into = recording.action_into
    # A picture lost in the middle of a moment leaves a gap in the steps, but the same action led to both its sides.
    is_again = (np.diff(recording.steps) == 1) | ((np.diff(into) == 0) & (into[1:] >= 0))
    is_first_again = is_again & ~np.concatenate(([False], is_again))[: len(is_again)]
    return int(is_first_again.sum()), int(is_again.sum())


def _count_targets(previous: np.ndarray) -> Targets:
    depths: list[int] = []  # context frames before each frame; a frame always comes after its context
    for before in previous.tolist():
        depths.append(depths[before] + 1 if before >= 0 else 0)
    return Targets(*(int((np.array(depths) >= least).sum()) for least in (1, 3, 8)))


def _measure_files(recording: RecordedSession) -> FileStatistics:
    sample_size = min(recording.frame_count, MAX_FILES)
    sizes: Counter[tuple[int, int]] = Counter()
    lengths = []
    for index in spread(recording.frame_count, MAX_FILES):
        try:
            content, _ = recording.frame_bytes(index)
            sizes[picture_size(content)] += 1
        except FrameUnreadable:
            continue
        lengths.append(len(content))
    unreadable = sample_size - len(lengths)
    if not lengths:
        return FileStatistics({}, None, None, None, sample_size, unreadable)
    return FileStatistics(
        dict(sizes.most_common()), min(lengths), float(np.median(lengths)), max(lengths), sample_size, unreadable
    )


def _compare_neighbours(recording: RecordedSession) -> EqualNeighbours:
    equal = compared = 0
    for index in spread(recording.frame_count - 1, MAX_PAIRS) if recording.frame_count > 1 else ():
        try:
            before, after = (recording.frame_bytes(one)[0] for one in (index, index + 1))
        except FrameUnreadable:
            continue
        compared += 1
        equal += before == after
    return EqualNeighbours(equal, compared)
