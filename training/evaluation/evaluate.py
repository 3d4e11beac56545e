"""Computation of frame errors: all frames of a recording through both networks, in batches.

Each frame is loaded and encoded once. Its latents are used for its own reconstruction and, as context, for the
predictions of later frames, and are dropped after the last of those, so memory does not grow with the length of the
recording. The next batch's files are read while the networks compute. Errors equal those of `models.inference`. The
model must not be changed by others during the computation.

Shapes: B batch, T history, P tokens of a frame (197), D width, A action channels, H and W picture height and width.
"""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models import AdaptiveWorldModel
from models.inference import finite_pictures, require_finite
from session import FrameUnreadable, History, NoHistory, RecordedSession
from session.batch import frame_tensor
from training.evaluation.frame_errors import FrameErrors

# On two cores, 8 frames at once are as fast as any number from 2 to 16 at the usual history of 3. A cancelled job ends
# with its batch: after about a second, or four at a history of 8.
BATCH_ON_CPU, BATCH_ON_CUDA = 8, 32
READERS_ON_CPU, READERS_ON_CUDA = 1, 4  # threads that read frames: one alone would delay a fast device


@dataclass(frozen=True, eq=False)
class BatchErrors:
    """The errors of consecutive frames from `first` on, as in FrameErrors, each (B,)."""

    first: int
    reconstruction: np.ndarray
    prediction: np.ndarray
    context: np.ndarray


class FrameErrorsBuilder:
    """Frame errors collected batch by batch, continuing from an earlier part if there is one."""

    def __init__(self, frame_count: int, start: FrameErrors | None = None) -> None:
        self._reconstruction = np.full(frame_count, np.nan, dtype=np.float32)
        self._prediction = self._reconstruction.copy()
        self._context = np.zeros(frame_count, dtype=np.int8)
        self.evaluated = 0
        if start is not None:
            done = slice(start.evaluated)
            self.add(BatchErrors(0, start.reconstruction[done], start.prediction[done], start.context[done]))

    def add(self, batch: BatchErrors) -> None:
        """Add the errors of the next frames."""
        assert batch.first == self.evaluated, f"frame {self.evaluated} comes next, not {batch.first}"
        self.evaluated += len(batch.context)
        frames = slice(batch.first, self.evaluated)
        self._reconstruction[frames], self._prediction[frames] = batch.reconstruction, batch.prediction
        self._context[frames] = batch.context

    def build(self) -> FrameErrors:
        """The errors so far: a copy that never changes."""
        arrays = [column.copy() for column in (self._reconstruction, self._prediction, self._context)]
        for array in arrays:
            array.flags.writeable = False
        return FrameErrors(*arrays, self.evaluated)


def evaluate_frames(
    model: AdaptiveWorldModel,
    recording: RecordedSession,
    history_length: int,
    start: int = 0,
    batch_size: int | None = None,
    stop: int | None = None,
) -> Iterator[BatchErrors]:
    """Yield the errors of all frames from `start` on, in order, up to `stop` if given; `history_length` is 2 to 8.

    A history is shorter if fewer frames are available. The iteration may be closed after any batch. Raises NotFinite
    and HistoryLengthError.
    """
    frames = _Pass(model.eval(), recording, history_length)
    size, end = batch_size or batch_size_on(frames.device), recording.frame_count if stop is None else stop
    readers = READERS_ON_CUDA if frames.device.type == "cuda" else READERS_ON_CPU
    with ThreadPoolExecutor(readers, "read frames") as pool:

        def start_reading(first: int) -> list[Future[Tensor | None]]:
            return [pool.submit(_read, recording, index) for index in range(first, min(first + size, end))]

        pending = start_reading(start)
        frames.encode_context_before(start)
        for first in range(start, end, size):
            images = [future.result() for future in pending]
            pending = start_reading(first + size)
            yield frames.evaluate(first, images)


def batch_size_on(device: torch.device) -> int:
    """Frames of a batch."""
    return BATCH_ON_CUDA if device.type == "cuda" else BATCH_ON_CPU


class _Pass:
    """One pass through a recording: evaluates batches, and holds the latents that later frames need."""

    def __init__(self, model: AdaptiveWorldModel, recording: RecordedSession, history_length: int) -> None:
        self.model, self.recording, self.history_length = model, recording, history_length
        self.device = next(model.parameters()).device
        self._actions = recording.profile.scale(recording.actions)  # of the whole recording, one per row
        self._last_target = last_targets(recording.previous, history_length)
        self._encoded: dict[int, tuple[Tensor, Tensor]] = {}  # latents (P, D) and picture (3, H, W) by frame

    @torch.inference_mode()
    def encode_context_before(self, start: int) -> None:
        """Encode those of the frames before `start` that are context of later ones."""
        for index in np.flatnonzero(self._last_target[:start] >= start).tolist():
            image = _read(self.recording, index)
            if image is not None:
                image = image.to(self.device)
                self._encoded[index] = self._encode(image)[0], image[0]

    @torch.inference_mode()
    def evaluate(self, first: int, images: list[Tensor | None]) -> BatchErrors:
        """Evaluate the frames from `first` on; images (1, 3, H, W), None for an unreadable one."""
        b = len(images)
        errors = BatchErrors(first, *(np.full(b, np.nan, dtype=np.float32) for _ in range(2)), np.zeros(b, np.int8))
        readable = [i for i, image in enumerate(images) if image is not None]
        if readable:
            batch = torch.cat([images[i] for i in readable]).to(self.device)
            latents = self._encode(batch)
            errors.reconstruction[readable] = _compare(self.model.decode(latents), batch)
            self._encoded |= {first + i: (latents[row], batch[row]) for row, i in enumerate(readable)}
            self._predict(errors, dict(zip(readable, batch, strict=True)))
        self._encoded = {i: both for i, both in self._encoded.items() if self._last_target[i] >= first + b}
        return errors

    def _predict(self, errors: BatchErrors, targets: dict[int, Tensor]) -> None:
        """Set the errors of predicting `targets` (3, H, W) by index in the batch; equally long contexts in one pass."""
        by_length: dict[int, list[tuple[int, History]]] = defaultdict(list)
        for index in targets:
            history = self._history(errors.first + index)
            if history is not None:
                by_length[len(history.frames)].append((index, history))
        for length, members in by_length.items():
            context = torch.stack([self._encoded[i][0] for _, history in members for i in history.frames])
            last = torch.stack([self._encoded[history.frames[-1]][1] for _, history in members])
            actions = torch.from_numpy(
                self._actions[np.array([history.actions for _, history in members])]
            )  # (B, T, A)
            context = context.unflatten(0, (len(members), length))
            predicted = self.model.predict(context, actions.to(self.device), last)
            indices = [index for index, _ in members]
            actual = torch.stack([targets[index] for index in indices])
            errors.prediction[indices] = _compare(finite_pictures(predicted), actual)
            errors.context[indices] = length

    def _history(self, index: int) -> History | None:
        """A frame's history, or None if it has none or a frame of it could not be read."""
        try:
            history = self.recording.history(index, self.history_length)
        except NoHistory:
            return None
        return history if all(frame in self._encoded for frame in history.frames) else None

    def _encode(self, images: Tensor) -> Tensor:
        return require_finite(self.model.encode(images), "autoencoder")


def _compare(pictures: Tensor, actual: Tensor) -> np.ndarray:
    """MSE between pictures (B, 3, H, W), not clipped, and the actual ones: (B,)."""
    errors = (pictures - actual).square().mean(dim=(1, 2, 3))
    return require_finite(errors, "autoencoder").cpu().numpy()


def last_targets(previous: np.ndarray, history_length: int) -> np.ndarray:
    """For each frame, the last one that has it as context, or -1; `previous` as in a recording."""
    last = np.full(len(previous), -1, dtype=np.int64)
    at = np.arange(len(previous))
    for _ in range(history_length):
        at = np.where(at >= 0, previous[at], -1)
        targets = np.flatnonzero(at >= 0)
        np.maximum.at(last, at[targets], targets)
    return last


def _read(recording: RecordedSession, index: int) -> Tensor | None:
    try:
        return frame_tensor(recording, index)
    except FrameUnreadable:
        return None
