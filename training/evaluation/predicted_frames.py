"""Actual and predicted frames of a part of a recording, one after another, for a clip."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models import SharedWorldModel, run_prediction
from models.inference import to_uint8
from session import FrameUnreadable, NoHistory, RecordedSession
from session.batch import build_batch, frame_tensor
from training.values import InvalidValue, check_whole

MAX_FRAMES = 300


@dataclass(frozen=True, eq=False)
class PredictedFrame:
    """Actual and predicted picture, uint8 (H, W, 3); prediction and MSE are None if there is no context frame."""

    frame: int
    actual: np.ndarray
    predicted: np.ndarray | None
    mse: float | None


def predicted_frames(
    shared: SharedWorldModel, recording: RecordedSession, first: object, last: object, history_length: int
) -> Iterator[PredictedFrame]:
    """Predict the frames from `first` to `last`, at most 300, each from those before it; unreadable ones are skipped.
    Raises InvalidValue for an invalid range, and NotFinite."""
    end = recording.frame_count - 1
    if end < 0:
        raise InvalidValue("This session has no frames; choose another session.")
    check_whole(first, "The first frame of the clip", 0, end)
    check_whole(last, "The last frame of the clip", 0, end)
    if not 0 <= last - first < MAX_FRAMES:
        raise InvalidValue(f"A clip shows 1 to {MAX_FRAMES} frames; this range has {max(0, last - first + 1)}.")
    return _each(shared, recording, range(first, last + 1), history_length)


def _each(
    shared: SharedWorldModel, recording: RecordedSession, frames: range, history_length: int
) -> Iterator[PredictedFrame]:
    for frame in frames:
        try:
            yield _one(shared, recording, frame, history_length)
        except FrameUnreadable:  # the frame or its context: the clip continues without it
            continue


def _one(shared: SharedWorldModel, recording: RecordedSession, frame: int, history_length: int) -> PredictedFrame:
    try:
        history = recording.history(frame, history_length)
    except NoHistory:
        return PredictedFrame(frame, to_uint8(frame_tensor(recording, frame)[0]), None, None)
    batch = build_batch(recording, history)
    no_candidates = batch.actions[0, :0]
    result = run_prediction(shared, batch.frames, batch.actions, batch.target, no_candidates, None)
    return PredictedFrame(frame, result.actual, result.predicted, result.mse)
