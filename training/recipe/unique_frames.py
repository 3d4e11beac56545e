"""The different pictures of some recordings, each counted once, and windows of them for a predictor.

A simulator repeats pictures often: their latents are computed once.

Shapes: B batch, T history, H and W picture height and width, A action channels.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from session import History, NoHistory, RecordedSession
from session.batch import Batch, build_batch, build_target, frame_tensor, scaled_actions
from session.robots.toroidal_dot import locate_dot
from session.spread import spread_starts
from training.values import InvalidValue

MAX_PICTURES = 8000  # their latents are kept in memory, 100 kB each
BACKGROUND_PICTURES = 64
MAX_EVALUATED = 16  # frames of one evaluated loss
EVERY, FIRST = 5, 3


@dataclass(frozen=True, eq=False)
class Windows:
    """W windows: pictures (W, T), by number, oldest first, scaled actions float32 (W, T, A), and targets (W,)."""

    pictures: np.ndarray
    actions: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    def newest(self, numbers: np.ndarray, length: int) -> "Windows":
        """Some windows, by number, with their `length` newest frames at most."""
        return Windows(self.pictures[numbers][:, -length:], self.actions[numbers][:, -length:], self.targets[numbers])


class UniqueFrames:
    """Pictures by number, from 0. Those for which `is_held_out` returns True, for uint8 (H, W, 3), are never drawn.

    Raises SessionError if a frame cannot be read, and InvalidValue for none or too many.
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
        """The number of the picture of each frame of a recording."""
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

    def source(self, number: int) -> tuple[RecordedSession, int]:
        """A recording and the frame that shows the picture."""
        return self._sources[number]

    @cached_property
    def background(self) -> Tensor:
        """The background, float32 (3, H, W): at each pixel the median of up to 64 pictures."""
        numbers = spread_starts(len(self), BACKGROUND_PICTURES)
        return self.tensors(numbers).median(dim=0).values

    def evaluation_pictures(self, is_held_out: bool) -> list[Batch]:
        """Batches of one without history, of up to 16 pictures, evenly spread, always the same."""
        numbers = np.flatnonzero(self.is_held_out == is_held_out)
        return [build_target(*self._sources[numbers[place]]) for place in spread_starts(len(numbers), MAX_EVALUATED)]

    def evaluation_histories(self, length: int, is_held_out: bool) -> list[Batch]:
        """Batches of one with whole histories, of up to 16 frames, evenly spread, always the same.

        Held-out histories have a held-out target; the others have no held-out frame.
        """
        histories = self._histories(length, is_held_out)
        return [build_batch(*histories[place]) for place in spread_starts(len(histories), MAX_EVALUATED)]

    def evaluation_frame(self, length: int) -> int:
        """The target of the first of the evaluation histories that are learned from."""
        return self._histories(length, is_held_out=False)[0][1].target

    def describe(self) -> str:
        """Text: "12 recordings of toroidal_dot"."""
        count = len(self.recordings)
        outside = sum(recording.outside_ranges is not None for recording in self.recordings)
        note = f" ({outside} with actions outside the robot's ranges, which were clipped)" if outside else ""
        return f"{count} recording{'' if count == 1 else 's'} of {self.recordings[0].profile.name}{note}"

    def windows(self, history_length: int) -> Windows:
        """All windows with a whole history, none of whose pictures is held out; raises InvalidValue for none."""
        windows = [
            window
            for recording, numbers in zip(self.recordings, self._numbers, strict=True)
            for window in self._windows_of(recording, numbers, history_length)
        ]
        if not windows:
            raise InvalidValue(f"No frame has {history_length} frames before it to learn from; choose others.")
        pictures, actions, targets = (np.array(part) for part in zip(*windows, strict=True))
        return Windows(pictures, actions.astype(np.float32), targets)

    def _histories(self, length: int, is_held_out: bool) -> list[tuple[RecordedSession, History]]:
        """All whole histories that are held out, or that are learned from."""
        return [
            (recording, history)
            for recording, numbers in zip(self.recordings, self._numbers, strict=True)
            for history in _whole_histories(recording, length)
            if self._is_selected(numbers, history, is_held_out)
        ]

    def _is_selected(self, numbers: np.ndarray, history: History, is_held_out: bool) -> bool:
        if is_held_out:
            return bool(self.is_held_out[numbers[history.target]])
        return not self.is_held_out[numbers[[*history.frames, history.target]]].any()

    def _windows_of(
        self, recording: RecordedSession, numbers: np.ndarray, history_length: int
    ) -> list[tuple[np.ndarray, np.ndarray, int]]:
        return [
            (
                numbers[list(history.frames)],
                scaled_actions(recording, history.actions).numpy(),
                int(numbers[history.target]),
            )
            for history in _whole_histories(recording, history_length)
            if self._is_selected(numbers, history, is_held_out=False)
        ]


def _whole_histories(recording: RecordedSession, length: int) -> Iterator[History]:
    for target in range(recording.frame_count):
        with contextlib.suppress(NoHistory):
            history = recording.history(target, length)
            if not history.note:
                yield history


def is_held_out(picture: np.ndarray) -> bool:
    """True if the dot of a picture uint8 (H, W, 3) is in a held-out column: every fifth one, from 3 on.

    Moves of 27 pixels lead from one kind of column to the other and back. A picture without a dot is never held out.
    """
    position = locate_dot(picture)
    return position is not None and round(position.x) % EVERY == FIRST
