"""Errors of a recording's frames: the MSE of each frame's reconstruction and prediction, and statistics of them.

Plain arrays; `evaluate.py` computes them and `store.py` stores them. NaN means that there is no error: a frame without
history has no prediction, and an unreadable frame has neither.

Shapes: N frames of the recording, K columns of a drawing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from session import RecordedSession

Measure = Literal["reconstruction", "prediction"]
MEASURES: tuple[Measure, ...] = ("prediction", "reconstruction")
MAX_GAP = 25  # frames between two of the worst


@dataclass(frozen=True, eq=False)
class FrameErrors:
    """MSE of each frame, float32 (N,), and the number of context frames of its prediction, int8 (N,).

    The first `evaluated` frames are done; the values of later ones are NaN and 0.
    """

    reconstruction: np.ndarray
    prediction: np.ndarray
    context: np.ndarray
    evaluated: int

    @property
    def frame_count(self) -> int:
        return len(self.reconstruction)

    @property
    def is_complete(self) -> bool:
        return self.evaluated == self.frame_count

    @property
    def unreadable(self) -> int:
        """Number of evaluated frames that could not be read."""
        return int(np.isnan(self.reconstruction[: self.evaluated]).sum())

    def of(self, measure: Measure) -> np.ndarray:
        """The errors of one measure, float32 (N,)."""
        return self.reconstruction if measure == "reconstruction" else self.prediction


@dataclass(frozen=True)
class Summary:
    """Summary of the errors of `count` frames."""

    count: int
    mean: float
    median: float
    p95: float
    highest: float


@dataclass(frozen=True)
class ActionAverage:
    """Mean error of the `count` frames that a group of actions led to. `group`: the index of a candidate action of the
    recording, None for all actions that are no candidate; of a continuous robot, of a bin of its actions."""

    group: int | None
    mean: float
    count: int


@dataclass(frozen=True)
class Difference:
    """Comparison of two errors over the `count` frames that have both: the mean of second − first, and the number of
    frames whose second error is lower."""

    mean: float
    better: int
    count: int


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of a drawing: column i holds the frames from `starts[i]` up to `starts[i + 1]`, int64 (K + 1,).

    `mean` and `highest`, float32 (K,), are NaN if no frame of the column has an error; `worst`, int64 (K,), is the
    frame with the highest error, or -1.
    """

    starts: np.ndarray
    mean: np.ndarray
    highest: np.ndarray
    worst: np.ndarray


def summary(errors: np.ndarray) -> Summary | None:
    """Summarize errors (N,); returns None if there are none yet."""
    present = errors[~np.isnan(errors)].astype(np.float64)
    if not len(present):
        return None
    median, p95 = np.percentile(present, (50, 95))
    return Summary(len(present), float(present.mean()), float(median), float(p95), float(present.max()))


def worst_frames(errors: np.ndarray, count: int = 10) -> tuple[tuple[int, float], ...]:
    """Frames with the highest errors and their MSE, the highest first; of equal ones the earlier first. Of neighbours,
    which show the same view, only the worst."""
    gap, worst = min(MAX_GAP, len(errors) // (4 * count)), []
    for index in np.argsort(-errors, kind="stable"):  # NaN comes last
        if np.isnan(errors[index]) or len(worst) == count:
            break
        if all(abs(int(index) - other) > gap for other, _ in worst):
            worst.append((int(index), float(errors[index])))
    return tuple(worst)


def by_action(recording: RecordedSession, errors: np.ndarray) -> tuple[ActionAverage, ...]:
    """Mean errors by the action that led to each frame: candidates in order, then all other actions together; of a
    continuous robot by bins of its actions, where a frame counts once for each channel.

    Includes only actions that led to a frame with an error, and only frames that a single action led to.
    """
    used = np.flatnonzero((recording.action_into >= 0) & ~np.isnan(errors))
    if not len(used):
        return ()
    actions = recording.action_into[used]
    if recording.action_bins:
        return _by_bin(recording, actions, errors[used])
    # A recording has few different actions: search the candidates once for each.
    _, first, kinds = np.unique(recording.actions[actions], axis=0, return_index=True, return_inverse=True)
    candidates = [recording.candidate_index(int(actions[index])) for index in first]
    indices = np.array([-1 if candidate is None else candidate for candidate in candidates])[kinds.reshape(-1)]
    groups = [(int(index), errors[used[indices == index]]) for index in np.unique(indices)]
    averages = [
        ActionAverage(None if index < 0 else index, float(group.mean(dtype=np.float64)), len(group))
        for index, group in groups
    ]
    return tuple(sorted(averages, key=lambda one: (one.group is None, one.group)))


def _by_bin(recording: RecordedSession, actions: np.ndarray, errors: np.ndarray) -> tuple[ActionAverage, ...]:
    """Mean of the errors (K,) of frames that the actions (K,) led to, for each bin that holds any."""
    values = recording.actions[actions]
    groups = [(number, errors[one.holds(values)]) for number, one in enumerate(recording.action_bins)]
    return tuple(
        ActionAverage(number, float(group.mean(dtype=np.float64)), len(group)) for number, group in groups if len(group)
    )


def difference(first: np.ndarray, second: np.ndarray) -> Difference | None:
    """Compare the errors of two networks on the same frames; returns None if no frame has both."""
    both = ~np.isnan(first) & ~np.isnan(second)
    changes = second[both].astype(np.float64) - first[both]
    return Difference(float(changes.mean()), int((changes < 0).sum()), len(changes)) if len(changes) else None


def columns(errors: np.ndarray, width: int) -> Columns:
    """Group errors (N,) into at most `width` columns of nearly equal numbers of frames."""
    n = len(errors)
    k = min(n, width)
    starts = np.arange(k + 1, dtype=np.int64) * n // max(k, 1)
    if not k:
        return Columns(starts, np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    is_present = ~np.isnan(errors)
    counts = np.add.reduceat(is_present, starts[:-1], dtype=np.int64)
    sums = np.add.reduceat(np.where(is_present, errors, 0), starts[:-1], dtype=np.float64)
    highest = np.fmax.reduceat(errors, starts[:-1])  # ignores NaN
    is_highest = errors == np.repeat(highest, np.diff(starts))
    worst = np.minimum.reduceat(np.where(is_highest, np.arange(n), n), starts[:-1])
    mean = np.divide(sums, counts, out=np.full(k, np.nan), where=counts > 0)
    return Columns(starts, mean.astype(np.float32), highest, np.where(counts > 0, worst, -1))
