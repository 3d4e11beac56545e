"""The different pictures of some recordings, each counted once, and windows of them for a predictor.

A simulator repeats pictures often: their latents are computed once.

Shapes: L frames of a window, H and W picture height and width, A action channels.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from session import FlaggedFrames, History, NoHistory, RecordedSession
from session.batch import Batch, frame_tensor, scaled_actions
from session.spread import spread_starts
from training.values import InvalidValue

MAX_PICTURES = 8000  # with their latents 250 kB each
BACKGROUND_PICTURES = 64
MAX_EVALUATED = 16  # frames of one evaluated loss
NOT_USED = -1
NO_FRAMES = "These recordings have no frames; choose others."
ALL_FLAGGED = "All frames of these recordings are flagged; choose others, or do not leave flagged ones out."


@dataclass(frozen=True, eq=False)
class Windows:
    """W windows: pictures (W, L), by number, oldest first, and scaled actions between them, float32 (W, L - 1, A)."""

    pictures: np.ndarray
    actions: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)

    def select(self, which: np.ndarray | slice) -> "Windows":
        """Some windows, by number, by booleans (W,) or by a slice."""
        return Windows(self.pictures[which], self.actions[which])


class UniqueFrames:
    """Pictures by number, from 0. Frames for which `is_held_out` returns True, of a recording and a frame, are never
    drawn. `flagged` ones are as if they had not been recorded: no window and no history has any of them.

    Raises SessionError if a frame cannot be read, and InvalidValue for none or too many.
    """

    def __init__(
        self,
        recordings: Sequence[RecordedSession],
        is_held_out: Callable[[RecordedSession, int], bool],
        flagged: FlaggedFrames | None = None,
    ) -> None:
        self.recordings = recordings
        self._flagged = flagged or FlaggedFrames()
        self._sources: list[tuple[RecordedSession, int]] = []
        self._numbers = [self._number(one, self._flagged.of(place, one)) for place, one in enumerate(recordings)]
        if not self._sources:
            raise InvalidValue(ALL_FLAGGED if self._flagged.count else NO_FRAMES)
        self.is_held_out = np.array([is_held_out(*source) for source in self._sources])
        self.learned = np.flatnonzero(~self.is_held_out)
        if not len(self.learned):
            raise InvalidValue("All frames of these recordings are held out; choose others.")
        self._windows: dict[int, Windows] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def _number(self, recording: RecordedSession, is_flagged: np.ndarray) -> np.ndarray:
        """The number of the picture of each frame of a recording, NOT_USED for a flagged one."""
        known: dict[bytes, int] = {}
        numbers = np.full(recording.frame_count, NOT_USED, dtype=np.int64)
        for index in np.flatnonzero(~is_flagged).tolist():
            content, _ = recording.frame_bytes(index)
            digest = hashlib.sha256(content).digest()
            if digest not in known:
                known[digest] = len(self._sources)
                self._sources.append((recording, index))
            numbers[index] = known[digest]
        if len(self._sources) > MAX_PICTURES:
            raise InvalidValue(f"These recordings have more than {MAX_PICTURES} different pictures; choose fewer.")
        return numbers

    @cached_property
    def pictures(self) -> Tensor:
        """All pictures, uint8 (N, 3, H, W): reading them again for every step would take longer than the step."""
        return torch.cat([(frame_tensor(*source) * 255).round().byte() for source in self._sources])

    def tensors(self, numbers: Sequence[int]) -> Tensor:
        """Pictures float32 (B, 3, H, W) in [0, 1]."""
        return self.pictures[torch.as_tensor(np.asarray(numbers))].float() / 255

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
        targets = [self.tensors(numbers[[place]]) for place in spread_starts(len(numbers), MAX_EVALUATED)]
        channels = len(self.recordings[0].profile.channels)
        return [Batch(target[:, None][:, :0], torch.zeros(1, 0, channels), target) for target in targets]

    def evaluation_histories(self, length: int, is_held_out: bool) -> list[Batch]:
        """Batches of one with whole histories, of up to 16 frames, evenly spread, always the same.

        Held-out histories have a held-out target; the others have no held-out frame.
        """
        histories = self._histories(length, is_held_out)
        return [self._batch(*histories[place]) for place in spread_starts(len(histories), MAX_EVALUATED)]

    def _batch(self, recording: RecordedSession, numbers: np.ndarray, history: History) -> Batch:
        """A history with its target, from the pictures in memory."""
        frames, target = self.tensors(numbers[list(history.frames)]), self.tensors(numbers[[history.target]])
        return Batch(frames[None], scaled_actions(recording, history.actions)[None], target)

    def evaluation_frame(self, length: int) -> int:
        """The target of the first of the evaluation histories that are learned from."""
        return self._histories(length, is_held_out=False)[0][2].target

    def describe(self) -> str:
        """Text: "12 Toroidal Dot recordings"."""
        count = len(self.recordings)
        outside = sum(recording.outside_ranges is not None for recording in self.recordings)
        note = f" ({outside} with actions outside the robot's ranges, which were clipped)" if outside else ""
        title, flagged = self.recordings[0].profile.title, self._flagged.describe()
        return f"{count} {title} recording{'' if count == 1 else 's'}{note}{flagged}"

    def windows(self, frames: int) -> Windows:
        """All windows of that many frames, each joined to the next by one action; there may be none."""
        if frames not in self._windows:
            parts = [
                self._windows_of(one, numbers, frames)
                for one, numbers in zip(self.recordings, self._numbers, strict=True)
            ]
            self._windows[frames] = Windows(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        return self._windows[frames]

    def learned_windows(self, frames: int) -> Windows:
        """Those without a held-out picture."""
        windows = self.windows(frames)
        return windows.select(~self.is_held_out[windows.pictures].any(axis=1))

    def longest_window(self, most: int) -> int:
        """The most frames, up to `most`, of which there is a window to learn from; raises InvalidValue below 2."""
        for frames in range(most, 1, -1):
            if len(self.learned_windows(frames)):
                return frames
        raise InvalidValue(
            "No frame has a frame before it, joined by an action, to learn from; choose other recordings."
        )

    def _histories(self, length: int, is_held_out: bool) -> list[tuple[RecordedSession, np.ndarray, History]]:
        """All whole histories that are held out, or that are learned from, with the pictures of their recordings."""
        return [
            (recording, numbers, history)
            for recording, numbers in zip(self.recordings, self._numbers, strict=True)
            for history in _whole_histories(recording, length)
            if self._is_selected(numbers, history, is_held_out)
        ]

    def _is_selected(self, numbers: np.ndarray, history: History, is_held_out: bool) -> bool:
        pictures = numbers[[*history.frames, history.target]]
        if (pictures == NOT_USED).any():
            return False
        return bool(self.is_held_out[pictures[-1]]) if is_held_out else not self.is_held_out[pictures].any()

    def _windows_of(
        self, recording: RecordedSession, numbers: np.ndarray, frames: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pictures (W, L) and scaled actions (W, L - 1, A) of all windows of a recording."""
        at = np.arange(recording.frame_count)
        chain = [at]
        for _ in range(frames - 1):
            at = np.where(at >= 0, recording.previous[at], -1)
            chain.append(at)
        chosen = np.stack(chain[::-1], axis=1)
        chosen = chosen[chosen[:, 0] >= 0]
        chosen = chosen[(numbers[chosen] != NOT_USED).all(axis=1)]
        actions = recording.profile.scale(recording.actions[recording.action_into[chosen[:, 1:]]])
        return numbers[chosen], actions.astype(np.float32)


def _whole_histories(recording: RecordedSession, length: int) -> Iterator[History]:
    for target in range(recording.frame_count):
        with contextlib.suppress(NoHistory):
            history = recording.history(target, length)
            if not history.note:
                yield history
