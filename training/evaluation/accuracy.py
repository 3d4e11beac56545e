"""How far a world model's predictions are from the truth, where the right answer to every counterfactual is known.

From each looked-at frame of a Toroidal Dot recording, for each of its actions: where the model puts the dot, and where
the simulator puts it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from models import Network, SharedWorldModel, WeightsSource, run_prediction
from session import History, NoHistory, RecordedSession, action_name
from session.batch import build_batch, scaled_candidates
from session.ground_truth import NEAR_PX, GroundTruth
from session.spread import spread_starts
from training.values import InvalidValue, check_whole

STANDARD_FRAMES, MAX_FRAMES = 100, 2000


class NoGroundTruth(InvalidValue):
    """The right answers are not known for this recording; the message says for which they are."""


@dataclass(frozen=True)
class DotError:
    """One prediction: after which of the candidate actions, from which frame, and how many pixels the dot is off, None
    where no dot is to be seen."""

    frame: int
    candidate: int
    pixels: float | None

    @property
    def is_near(self) -> bool:
        return self.pixels is not None and self.pixels <= NEAR_PX


@dataclass(frozen=True)
class AccuracySummary:
    """Of `pairs` of frame and action: the share within 2 pixels, the share with a visible dot, and the mean and median
    distance in pixels of those that are visible, None where none is."""

    pairs: int
    near: float
    visible: float
    mean_pixels: float | None
    median_pixels: float | None


@dataclass(frozen=True, eq=False)
class CounterfactualAccuracy:
    """Every prediction that was compared, and with which weights and history they were made. `is_mixed`: the weights
    changed meanwhile, so that these are the last ones alone."""

    session_id: str
    history_length: int
    actions: tuple[str, ...]
    deviations: tuple[DotError, ...]
    weights: Mapping[Network, WeightsSource]
    is_mixed: bool

    def shares(self, candidate: int | None = None) -> AccuracySummary:
        """Over the predictions of one action; None: of all actions."""
        return shares([one for one in self.deviations if candidate in (None, one.candidate)])


def shares(deviations: Iterable[DotError]) -> AccuracySummary:
    """What is told of some predictions."""
    all_of_them = list(deviations)
    seen = [one.pixels for one in all_of_them if one.pixels is not None]
    count = max(1, len(all_of_them))
    return AccuracySummary(
        pairs=len(all_of_them),
        near=sum(one.is_near for one in all_of_them) / count,
        visible=len(seen) / count,
        mean_pixels=float(np.mean(seen)) if seen else None,
        median_pixels=float(np.median(seen)) if seen else None,
    )


def measure_truth(
    shared: SharedWorldModel,
    recording: RecordedSession,
    session_id: str,
    history_length: int,
    frames: int = STANDARD_FRAMES,
    is_looked_at: Callable[[np.ndarray], bool] | None = None,
) -> CounterfactualAccuracy:
    """Compare the predictions from up to `frames` frames of the recording, evenly spread, with the simulator.

    `is_looked_at`: only from frames whose picture it holds for. A pair is named by the frame whose dot is moved, the
    last of its context. Raises NoGroundTruth, InvalidValue, SessionError and NotFinite.
    """
    check_whole(frames, "The number of frames", 1, MAX_FRAMES)
    histories = _histories(recording, history_length, is_looked_at)
    if not histories:
        raise NoGroundTruth(
            "The truth is known after frames of the Toroidal Dot that have others before them; choose such a session."
        )
    looked_at = [histories[place] for place in spread_starts(len(histories), frames)]
    version = shared.version
    found = [one for history, future in looked_at for one in _compare(shared, recording, history, future)]
    actions = tuple(action_name(recording.profile, values) for values in recording.candidate_actions)
    return CounterfactualAccuracy(
        session_id, history_length, actions, tuple(found), shared.weights, shared.version != version
    )


def _histories(
    recording: RecordedSession, history_length: int, is_looked_at: Callable[[np.ndarray], bool] | None
) -> list[tuple[History, GroundTruth]]:
    """Those after whose last context frame the truth is known for any action."""
    found = []
    for target in range(recording.frame_count):
        try:
            history = recording.history(target, history_length)
        except NoHistory:
            continue
        future = GroundTruth(recording, history.frames[-1])
        if not future.is_simulated:
            continue
        if is_looked_at is None or is_looked_at(np.asarray(recording.picture(history.frames[-1]))):
            found.append((history, future))
    return found


def _compare(
    shared: SharedWorldModel, recording: RecordedSession, history: History, future: GroundTruth
) -> list[DotError]:
    batch, candidates = build_batch(recording, history), scaled_candidates(recording)
    recorded = recording.candidate_index(history.actions[-1])
    result = run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
    found = []
    for number, candidate in enumerate(result.candidates):
        pixels = future.error_px(candidate.picture, future.after([number]))
        found.append(DotError(history.frames[-1], number, pixels))
    return found
