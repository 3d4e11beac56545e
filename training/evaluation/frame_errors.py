"""The error track of a recording: the MSE of every frame's reconstruction and prediction, and what can be read off it.

Plain arrays: how they are computed is in `evaluate.py`, where they are kept in `store.py`. NaN stands
for an error that there is none of: a frame without history has no prediction, one that cannot be read has neither.

Shapes: N frames of the recording, K columns of a drawing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from session import RecordedSession

Measure = Literal["reconstruction", "prediction"]
MEASURES: tuple[Measure, ...] = ("prediction", "reconstruction")


@dataclass(frozen=True, eq=False)
class FrameErrors:
    """MSE of each frame, float32 (N,), and how many context frames its prediction used, int8 (N,).

    `evaluated` frames are done, from the first on; what lies behind them is NaN and 0.
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
        """How many of the evaluated frames could not be read."""
        return int(np.isnan(self.reconstruction[: self.evaluated]).sum())

    def of(self, measure: Measure) -> np.ndarray:
        """The errors of one measure, float32 (N,)."""
        return self.reconstruction if measure == "reconstruction" else self.prediction


@dataclass(frozen=True)
class Summary:
    """Errors in a few numbers; `count` frames have one."""

    count: int
    mean: float
    median: float
    p95: float
    highest: float


@dataclass(frozen=True)
class ActionAverage:
    """The mean error of the `count` frames that an action led to: a place in the recording's candidate actions, None
    for all actions that are no candidate."""

    candidate: int | None
    mean: float
    count: int


@dataclass(frozen=True)
class Difference:
    """Second errors against first ones, over the `count` frames that have both: the mean of second − first, and in how
    many frames the second is lower."""

    mean: float
    better: int
    count: int


@dataclass(frozen=True, eq=False)
class Columns:
    """A drawing's columns: column i holds the frames from `starts[i]` up to `starts[i + 1]`, int64 (K + 1,).

    `mean` and `highest`, float32 (K,), are NaN where no frame of a column has an error; `worst`, int64 (K,), is the
    frame of the highest error, -1 for none.
    """

    starts: np.ndarray
    mean: np.ndarray
    highest: np.ndarray
    worst: np.ndarray


def summary(errors: np.ndarray) -> Summary | None:
    """Errors (N,) in a few numbers; None where there are none yet."""
    found = errors[~np.isnan(errors)].astype(np.float64)
    if not len(found):
        return None
    median, p95 = np.percentile(found, (50, 95))
    return Summary(len(found), float(found.mean()), float(median), float(p95), float(found.max()))


def worst_frames(errors: np.ndarray, count: int = 10) -> tuple[tuple[int, float], ...]:
    """Frames with the highest errors, each with its MSE, the worst first; of equal ones the earlier first."""
    order = np.argsort(-errors, kind="stable")[:count]  # NaN comes last
    return tuple((int(index), float(errors[index])) for index in order if not np.isnan(errors[index]))


def by_action(recording: RecordedSession, errors: np.ndarray) -> tuple[ActionAverage, ...]:
    """Mean errors by the action that led to each frame: candidates in their order, all others together at the end.

    Only actions that led to a frame with an error; frames that no single action led to are not counted.
    """
    used = np.flatnonzero((recording.action_into >= 0) & ~np.isnan(errors))
    if not len(used):
        return ()
    actions = recording.action_into[used]
    # A recording has few different actions: each is looked up once.
    _, first, kinds = np.unique(recording.actions[actions], axis=0, return_index=True, return_inverse=True)
    candidates = [recording.candidate_index(int(actions[place])) for place in first]
    places = np.array([-1 if candidate is None else candidate for candidate in candidates])[kinds.reshape(-1)]
    found = [(int(place), errors[used[places == place]]) for place in np.unique(places)]
    averages = [
        ActionAverage(None if place < 0 else place, float(some.mean(dtype=np.float64)), len(some))
        for place, some in found
    ]
    return tuple(sorted(averages, key=lambda one: (one.candidate is None, one.candidate)))


def difference(first: np.ndarray, second: np.ndarray) -> Difference | None:
    """Compare errors of two weights on the same frames; None where no frame has both."""
    both = ~np.isnan(first) & ~np.isnan(second)
    changes = second[both].astype(np.float64) - first[both]
    return Difference(float(changes.mean()), int((changes < 0).sum()), len(changes)) if len(changes) else None


def columns(errors: np.ndarray, width: int) -> Columns:
    """Errors (N,) as at most `width` columns of about as many frames each, one a column where that is enough."""
    n = len(errors)
    k = min(n, width)
    starts = np.arange(k + 1, dtype=np.int64) * n // max(k, 1)
    if not k:
        return Columns(starts, np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    is_there = ~np.isnan(errors)
    counts = np.add.reduceat(is_there, starts[:-1], dtype=np.int64)
    sums = np.add.reduceat(np.where(is_there, errors, 0), starts[:-1], dtype=np.float64)
    highest = np.fmax.reduceat(errors, starts[:-1])  # passes over NaN
    is_highest = errors == np.repeat(highest, np.diff(starts))
    worst = np.minimum.reduceat(np.where(is_highest, np.arange(n), n), starts[:-1])
    mean = np.divide(sums, counts, out=np.full(k, np.nan), where=counts > 0)
    return Columns(starts, mean.astype(np.float32), highest, np.where(counts > 0, worst, -1))
