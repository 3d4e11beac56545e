"""Accuracy of counterfactual predictions, for recordings whose simulator gives the right answer to each of them.

For selected frames of a simulated recording and each of its actions: the position of the dot, or the heading of the
JetBot, in the picture that the model predicts, compared with the simulator's.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from models import Network, SharedWorldModel, WeightsSource, run_prediction
from session import History, NoHistory, RecordedSession, action_name
from session.batch import build_batch, scaled_candidates
from session.ground_truth import NEAR_PX, GroundTruth
from session.ground_truth import pixels as frame_pixels
from session.spread import spread_starts
from training.values import InvalidValue, check_whole

STANDARD_FRAMES, MAX_FRAMES = 100, 2000


class NoGroundTruth(InvalidValue):
    """The recording has no known right answers; the message names the recordings that have them."""


@dataclass(frozen=True)
class PixelError:
    """Error of one prediction: from frame `frame`, under the candidate action with this index, by this many pixels, or
    None if nothing can be located in the predicted picture; and that of repeating the frame (`repeat_pixels`)."""

    frame: int
    candidate: int
    pixels: float | None
    repeat_pixels: float | None = None

    @property
    def is_near(self) -> bool:
        return is_near(self.pixels)


def is_near(pixels: float | None) -> bool:
    """True for an error that counts as right."""
    return pixels is not None and pixels <= NEAR_PX


@dataclass(frozen=True)
class AccuracySummary:
    """Summary over `pairs` of frame and action: the share within 2 pixels, the share in which the dot or the heading
    can be located ("visible"), and the mean and median distance in pixels of those, None if there are none.
    `repeat_near`: the share within 2 pixels of repeating the last frame."""

    pairs: int
    near: float
    visible: float
    mean_pixels: float | None
    median_pixels: float | None
    repeat_near: float


@dataclass(frozen=True, eq=False)
class CounterfactualAccuracy:
    """All predictions that were compared, with their weights and history length. `is_mixed`: the weights changed during
    the comparison, so `weights` are the last ones only."""

    session_id: str
    history_length: int
    actions: tuple[str, ...]
    deviations: tuple[PixelError, ...]
    weights: Mapping[Network, WeightsSource]
    is_mixed: bool

    def shares(self, candidate: int | None = None) -> AccuracySummary:
        """The summary over the predictions of one action, or of all actions for None."""
        return summarize([one for one in self.deviations if candidate in (None, one.candidate)])


def summarize(errors: Iterable[PixelError]) -> AccuracySummary:
    """The summary of some predictions."""
    errors = list(errors)
    pixels = [error.pixels for error in errors if error.pixels is not None]
    count = max(1, len(errors))
    return AccuracySummary(
        pairs=len(errors),
        near=sum(error.is_near for error in errors) / count,
        visible=len(pixels) / count,
        mean_pixels=float(np.mean(pixels)) if pixels else None,
        median_pixels=float(np.median(pixels)) if pixels else None,
        repeat_near=sum(is_near(error.repeat_pixels) for error in errors) / count,
    )


def measure_truth(
    shared: SharedWorldModel,
    recording: RecordedSession,
    session_id: str,
    history_length: int,
    frames: int = STANDARD_FRAMES,
    is_included: Callable[[RecordedSession, int], bool] | None = None,
) -> CounterfactualAccuracy:
    """Compare the predictions from up to `frames` evenly spread frames of the recording with the simulator.

    `is_included`: a condition on a frame, such as `held_out_state`; without it, all frames are included. A pair is
    named by the frame that is acted in, the last of its context. Raises NoGroundTruth, InvalidValue, SessionError and
    NotFinite.
    """
    check_whole(frames, "The number of frames", 1, MAX_FRAMES)
    selected = _select(recording, history_length, frames, is_included)
    version = shared.version
    errors = [error for history, future in selected for error in _compare(shared, recording, history, future)]
    actions = tuple(action_name(recording.profile, values) for values in recording.candidate_actions)
    return CounterfactualAccuracy(
        session_id, history_length, actions, tuple(errors), shared.weights, shared.version != version
    )


def _select(
    recording: RecordedSession,
    history_length: int,
    frames: int,
    is_included: Callable[[RecordedSession, int], bool] | None,
) -> list[tuple[History, GroundTruth]]:
    """Evenly spread included histories whose last frame can be simulated further with any action; raises
    NoGroundTruth with the reason if there are none."""
    histories = _histories(recording, history_length, is_included)
    if not histories:
        raise NoGroundTruth("No frame of this recording fits that has others before it; choose another one.")
    chosen = [histories[index] for index in spread_starts(len(histories), frames)]
    futures = [(history, GroundTruth(recording, history.frames[-1])) for history in chosen]
    simulated = [(history, future) for history, future in futures if future.is_simulated]
    if not simulated:
        raise NoGroundTruth(futures[0][1].problem)
    return simulated


def _histories(
    recording: RecordedSession, history_length: int, is_included: Callable[[RecordedSession, int], bool] | None
) -> list[History]:
    """The histories of all targets whose last context frame is included."""
    histories = []
    for target in range(recording.frame_count):
        with contextlib.suppress(NoHistory):
            history = recording.history(target, history_length)
            if is_included is None or is_included(recording, history.frames[-1]):
                histories.append(history)
    return histories


def _compare(
    shared: SharedWorldModel, recording: RecordedSession, history: History, future: GroundTruth
) -> list[PixelError]:
    """The error of the prediction for each candidate action after one history."""
    batch, candidates = build_batch(recording, history), scaled_candidates(recording)
    recorded = recording.candidate_index(history.actions[-1])
    result = run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
    errors, last = [], frame_pixels(recording, history.frames[-1])
    for index, candidate in enumerate(result.candidates):
        truth = future.after([index])
        pixels, repeat_pixels = (future.error_px(picture, truth) for picture in (candidate.picture, last))
        errors.append(PixelError(history.frames[-1], index, pixels, repeat_pixels))
    return errors
