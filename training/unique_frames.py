"""The different pictures of some recordings, each counted once, and the windows of them that a predictor learns from.

A simulator shows the same picture again and again: what is computed of it once need not be computed again.

Shapes: B batch, T history, H and W picture height and width, A action channels.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from session import NoHistory, RecordedSession
from session.batch import frame_tensor
from session.robots.toroidal_dot import locate_dot
from training.values import InvalidValue

MAX_PICTURES = 8000  # their latents are kept in memory, 100 kB each
LOOKED_AT_FOR_BACKGROUND = 64
EVERY, FIRST = 5, 3


@dataclass(frozen=True, eq=False)
class Windows:
    """W windows: pictures (W, T), by number, oldest first, scaled actions float32 (W, T, A), and targets (W,)."""

    pictures: np.ndarray
    actions: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    def newest(self, drawn: np.ndarray, length: int) -> "Windows":
        """Some windows, by number, with no more than their `length` newest frames."""
        return Windows(self.pictures[drawn][:, -length:], self.actions[drawn][:, -length:], self.targets[drawn])


class UniqueFrames:
    """Pictures by number, from 0. Those for which `is_held_out` holds, given uint8 (H, W, 3), are never drawn.

    Raises SessionError where a frame cannot be read, and InvalidValue for none or too many.
    """

    def __init__(self, recordings: Sequence[RecordedSession], is_held_out: Callable[[np.ndarray], bool]) -> None:
        self.recordings = recordings
        self._sources: list[tuple[RecordedSession, int]] = []
        self._numbers = [self._number(recording) for recording in recordings]
        if not self._sources:
            raise InvalidValue("These recordings have no frames; choose others.")
        self.is_held_out = np.array(
            [is_held_out(np.asarray(recording.picture(index))) for recording, index in self._sources]
        )
        self.learned = np.flatnonzero(~self.is_held_out)
        if not len(self.learned):
            raise InvalidValue("All frames of these recordings are held out; choose others.")

    def __len__(self) -> int:
        return len(self._sources)

    def _number(self, recording: RecordedSession) -> np.ndarray:
        """For each frame of a recording its picture's number."""
        known: dict[bytes, int] = {}
        numbers = np.zeros(recording.frame_count, dtype=np.int64)
        for index in range(recording.frame_count):
            content, _ = recording.frame_bytes(index)
            digest = hashlib.sha256(content).digest()
            if digest not in known:
                known[digest] = len(self._sources)
                self._sources.append((recording, index))
            numbers[index] = known[digest]
        if len(self._sources) > MAX_PICTURES:
            raise InvalidValue(f"These recordings have more than {MAX_PICTURES} different pictures; choose fewer.")
        return numbers

    def tensors(self, numbers: Sequence[int]) -> Tensor:
        """Pictures float32 (B, 3, H, W) in [0, 1]."""
        return torch.cat([frame_tensor(*self._sources[number]) for number in numbers])

    def background(self) -> Tensor:
        """What pictures mostly show, float32 (3, H, W): at each place the median of up to 64 of them."""
        count = min(len(self), LOOKED_AT_FOR_BACKGROUND)
        return self.tensors([place * len(self) // count for place in range(count)]).median(dim=0).values

    def windows(self, history_length: int) -> Windows:
        """All windows with a whole history, none of whose pictures is held out; raises InvalidValue for none."""
        found = [
            window
            for recording, numbers in zip(self.recordings, self._numbers, strict=True)
            for window in self._windows_of(recording, numbers, history_length)
        ]
        if not found:
            raise InvalidValue(f"No frame has {history_length} frames before it to learn from; choose others.")
        pictures, actions, targets = (np.array(part) for part in zip(*found, strict=True))
        return Windows(pictures, actions.astype(np.float32), targets)

    def _windows_of(
        self, recording: RecordedSession, numbers: np.ndarray, history_length: int
    ) -> list[tuple[np.ndarray, np.ndarray, int]]:
        found = []
        for target in range(recording.frame_count):
            try:
                history = recording.history(target, history_length)
            except NoHistory:
                continue
            seen = numbers[[*history.frames, target]]
            if not history.note and not self.is_held_out[seen].any():
                actions = recording.profile.scale(recording.actions[list(history.actions)])
                found.append((seen[:-1], actions, int(seen[-1])))
        return found


def is_held_out(picture: np.ndarray) -> bool:
    """Whether the dot of a picture uint8 (H, W, 3) stands in a column that is left out: every fifth one, from 3 on.

    A move of 27 pixels leads from one kind of column to the other and back. A picture without a dot is never left out.
    """
    place = locate_dot(picture)
    return place is not None and round(place.x) % EVERY == FIRST
