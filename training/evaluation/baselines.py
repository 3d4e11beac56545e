"""Baselines: errors of two answers that need no network, the mean picture of a recording and repeating the last frame.

Shapes: K frames of the mean, H and W picture height and width (224).
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from session import FrameUnreadable, RecordedSession
from session.ground_truth import pixels
from session.spread import spread

MEAN_FRAMES = 64
MAX_RECORDINGS = 16  # whose mean pictures are held, 0.6 MB each


@dataclass(frozen=True)
class FrameBaselines:
    """MSE of the mean picture and of repeating the last frame for one frame; `repeat` is None if none was before it."""

    mean: float
    repeat: float | None


@dataclass(frozen=True, eq=False)
class RecordingBaselines:
    """The mean `picture`, float32 (H, W, 3) in [0, 1], of up to 64 `frames` (K,), evenly spread, and their own errors,
    float64 (K,): `mean` of the mean picture, `repeat` of the frame before, NaN without one.

    The mean has the full size: a thumbnail would lose the texture of a background that never changes, and so flatter
    whatever is compared with it.
    """

    picture: np.ndarray
    frames: np.ndarray
    mean: np.ndarray
    repeat: np.ndarray

    def mean_mse(self, picture: np.ndarray) -> float:
        """MSE of the mean picture for a frame uint8 (H, W, 3)."""
        return mse(self.picture, as_float(picture))

    def of_frame(self, recording: RecordedSession, frame: int) -> FrameBaselines:
        """The baselines of any frame of the recording; raises FrameUnreadable."""
        actual = pixels(recording, frame)
        return FrameBaselines(self.mean_mse(actual), _repeat_mse(recording, frame, actual))


class Baselines:
    """The baselines of the recordings that were used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_recording: OrderedDict[tuple[str, str], RecordingBaselines] = OrderedDict()

    def of(self, recording: RecordedSession) -> RecordingBaselines | None:
        """The baselines of a recording, computed once for each version of it; None if no frame can be read."""
        key = (str(recording.folder), recording.version)
        with self._lock:
            known = self._by_recording.get(key)
        known = known or recording_baselines(recording)
        if known is not None:
            with self._lock:
                self._by_recording[key] = known
                self._by_recording.move_to_end(key)
                while len(self._by_recording) > MAX_RECORDINGS:
                    self._by_recording.popitem(last=False)
        return known


def recording_baselines(recording: RecordedSession) -> RecordingBaselines | None:
    """Compute the baselines of a recording from up to 64 of its frames and the frames before them; None if no frame can
    be read."""
    frames, pictures = [], []
    for frame in spread(recording.frame_count, MEAN_FRAMES) if recording.frame_count else ():
        try:
            pictures.append(pixels(recording, frame))
            frames.append(frame)
        except FrameUnreadable:
            continue
    if not frames:
        return None
    mean = as_float(np.mean(pictures, axis=0, dtype=np.float64))
    errors = np.array([mse(mean, as_float(picture)) for picture in pictures])
    repeats = [_repeat_mse(recording, frame, picture) for frame, picture in zip(frames, pictures, strict=True)]
    repeat = np.array([np.nan if one is None else one for one in repeats])
    return RecordingBaselines(mean, np.array(frames), errors, repeat)


def as_float(picture: np.ndarray) -> np.ndarray:
    """A picture of levels from 0 to 255 as float32 in [0, 1]."""
    return picture.astype(np.float32) / np.float32(255)


def mse(first: np.ndarray, second: np.ndarray) -> float:
    """Mean squared error of two pictures of the same shape."""
    return float(np.square(first - second).mean(dtype=np.float64))


def _repeat_mse(recording: RecordedSession, frame: int, actual: np.ndarray) -> float | None:
    before = int(recording.previous[frame])
    if before < 0:
        return None
    try:
        return mse(as_float(pixels(recording, before)), as_float(actual))
    except FrameUnreadable:
        return None
