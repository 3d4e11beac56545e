"""Computing an error track: every frame of a recording through both networks, batch after batch.

Each frame is loaded and encoded once; its latents serve its own reconstruction and, as context, the predictions of
later frames, and are dropped behind the last of those: memory stays the same however long the recording is. The next
batch's files are read while the networks compute. Errors equal those of `models.inference`. The model is the caller's
own: nobody else may change it meanwhile.

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
from models.inference import require_finite
from session import FrameUnreadable, History, NoHistory, RecordedSession
from session.batch import frame_tensor
from training.evaluation.frame_errors import FrameErrors

# On two cores 8 frames at once are as fast as any number from 2 to 16 at the usual history of 3. A cancelled job ends
# with its batch: that is about a second, four at a history of 8.
BATCH_ON_CPU, BATCH_ON_CUDA = 8, 32
READERS_ON_CPU, READERS_ON_CUDA = 1, 4  # threads that read frames: a fast device would wait for one


@dataclass(frozen=True, eq=False)
class BatchErrors:
    """The errors of consecutive frames from `first` on, as in FrameErrors, each (B,)."""

    first: int
    reconstruction: np.ndarray
    prediction: np.ndarray
    context: np.ndarray


class FrameErrorsBuilder:
    """An error track that grows batch by batch, from an earlier part of it where there is one."""

    def __init__(self, frame_count: int, start: FrameErrors | None = None) -> None:
        self._reconstruction = np.full(frame_count, np.nan, dtype=np.float32)
        self._prediction = self._reconstruction.copy()
        self._context = np.zeros(frame_count, dtype=np.int8)
        self.evaluated = 0
        if start is not None:
            done = slice(start.evaluated)
            self.add(BatchErrors(0, start.reconstruction[done], start.prediction[done], start.context[done]))

    def add(self, batch: BatchErrors) -> None:
        """Put the next frames' errors in their place."""
        assert batch.first == self.evaluated, f"frame {self.evaluated} comes next, not {batch.first}"
        self.evaluated += len(batch.context)
        place = slice(batch.first, self.evaluated)
        self._reconstruction[place], self._prediction[place] = batch.reconstruction, batch.prediction
        self._context[place] = batch.context

    def track(self) -> FrameErrors:
        """What there is so far: a copy that never changes."""
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
) -> Iterator[BatchErrors]:
    """The errors of all frames from `start` on, in their order; `history_length` is 2 to 8.

    A history may be shorter where there is less. Whoever takes the batches may leave off after any of them. Raises
    NotFinite and HistoryLengthError.
    """
    frames = _Pass(model.eval(), recording, history_length)
    is_cuda = frames.device.type == "cuda"
    size = batch_size or (BATCH_ON_CUDA if is_cuda else BATCH_ON_CPU)
    with ThreadPoolExecutor(READERS_ON_CUDA if is_cuda else READERS_ON_CPU, "read frames") as pool:

        def begin_reading(first: int) -> list[Future[Tensor | None]]:
            last = min(first + size, recording.frame_count)
            return [pool.submit(_read, recording, index) for index in range(first, last)]

        coming = begin_reading(start)
        frames.encode_context_before(start)
        for first in range(start, recording.frame_count, size):
            images = [future.result() for future in coming]
            coming = begin_reading(first + size)
            yield frames.evaluate(first, images)


class _Pass:
    """One way through a recording: the latents that later frames still need, and how a batch is evaluated."""

    def __init__(self, model: AdaptiveWorldModel, recording: RecordedSession, history_length: int) -> None:
        self.model, self.recording, self.history_length = model, recording, history_length
        self.device = next(model.parameters()).device
        self._actions = recording.profile.scale(recording.actions)  # of the whole recording, one a row
        self._last_target = last_targets(recording.previous, history_length)
        self._latents: dict[int, Tensor] = {}  # (P, D) by frame

    @torch.inference_mode()
    def encode_context_before(self, start: int) -> None:
        """Where the pass begins in the middle: what the frames from there on need of those before."""
        for index in np.flatnonzero(self._last_target[:start] >= start).tolist():
            image = _read(self.recording, index)
            if image is not None:
                self._latents[index] = self._encode(image)[0]

    @torch.inference_mode()
    def evaluate(self, first: int, images: list[Tensor | None]) -> BatchErrors:
        """The errors of the frames from `first` on; images (1, 3, H, W), None for one that could not be read."""
        b = len(images)
        errors = BatchErrors(first, *(np.full(b, np.nan, dtype=np.float32) for _ in range(2)), np.zeros(b, np.int8))
        places = [place for place, image in enumerate(images) if image is not None]
        if places:
            batch = torch.cat([images[place] for place in places]).to(self.device)
            latents = self._encode(batch)
            errors.reconstruction[places] = self._compare(latents, batch)
            self._latents |= {first + place: latents[row] for row, place in enumerate(places)}
            self._predict(errors, dict(zip(places, batch, strict=True)))
        self._latents = {i: kept for i, kept in self._latents.items() if self._last_target[i] >= first + b}
        return errors

    def _predict(self, errors: BatchErrors, targets: dict[int, Tensor]) -> None:
        """Put in the errors of predicting `targets` (3, H, W), by place, all of equal context length in one batch."""
        by_length: dict[int, list[tuple[int, History]]] = defaultdict(list)
        for place in targets:
            history = self._history(errors.first + place)
            if history is not None:
                by_length[len(history.frames)].append((place, history))
        for length, members in by_length.items():
            context = torch.stack([self._latents[i] for _, history in members for i in history.frames])
            actions = torch.from_numpy(
                self._actions[np.array([history.actions for _, history in members])]
            )  # (B, T, A)
            context = context.unflatten(0, (len(members), length))
            predicted = self.model.predict(context, actions.to(self.device))
            places = [place for place, _ in members]
            actual = torch.stack([targets[place] for place in places])
            errors.prediction[places] = self._compare(require_finite(predicted, "predictor"), actual)
            errors.context[places] = length

    def _history(self, index: int) -> History | None:
        """A frame's history; None where it has none, or where a frame of it could not be read."""
        try:
            history = self.recording.history(index, self.history_length)
        except NoHistory:
            return None
        return history if all(frame in self._latents for frame in history.frames) else None

    def _encode(self, images: Tensor) -> Tensor:
        return require_finite(self.model.encode(images.to(self.device)), "autoencoder")

    def _compare(self, latents: Tensor, actual: Tensor) -> np.ndarray:
        """MSE between decoded latents (B, P, D), not clipped, and pictures (B, 3, H, W): (B,)."""
        errors = (self.model.decode(latents) - actual).square().mean(dim=(1, 2, 3))
        return require_finite(errors, "autoencoder").cpu().numpy()


def last_targets(previous: np.ndarray, history_length: int) -> np.ndarray:
    """For each frame the last one that has it among its context frames, -1 for none; `previous` as in a recording."""
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
