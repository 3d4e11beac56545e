"""The frames that a plain run learns from: targets, held-out targets, and batches of them.

One target is the default; a range, the whole recording or several recordings make a world model. In memory are the
last batch and some hundred decoded pictures.
"""

import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from session import FlaggedFrames, NoHistory, RecordedSession, RobotProfile
from session.batch import Batch, build_batch, build_target, join_batches
from session.frames import resize_picture
from session.spread import spread_starts
from training.config import MAX_BATCH
from training.distributed.division import ALONE, WHOLE, Part
from training.distributed.group import Group
from training.values import InvalidValue, check_number, check_whole

MAX_EVALUATED = 16  # targets of one evaluated loss: a whole recording would cost more than the training
MOST_DECODED = 512  # pictures of 0.2 MB; decoding a camera's anew took up to a tenth of a step, a video's a sixth


@dataclass(frozen=True)
class FrameSelection:
    """Frames to train on: targets from `first` to `last`, in batches, a share of the last ones held out."""

    first: int
    last: int
    batch_size: int = 1
    history_length: int = 3
    held_out: float = 0.0

    def __post_init__(self) -> None:
        check_whole(self.batch_size, "The batch size", 1, MAX_BATCH)
        check_number(self.held_out, "The held-out share", 0.0, 0.9)
        if self.first > self.last:
            raise InvalidValue(f"The range of frames is empty: it goes from {self.first} to {self.last}.")


class DecodedPictures:
    """The pictures that were used last, in the size of the networks."""

    def __init__(self, most: int = MOST_DECODED) -> None:
        self._most = most
        self._pictures: OrderedDict[tuple[int, int], Image.Image] = OrderedDict()

    def get(self, recording: RecordedSession, index: int) -> Image.Image:
        """A frame, decoded only if it is not held; raises FrameUnreadable."""
        key = id(recording), index
        picture = self._pictures.pop(key, None)
        self._pictures[key] = picture = picture or resize_picture(recording.picture(index))
        if len(self._pictures) > self._most:
            self._pictures.popitem(last=False)
        return picture


@dataclass(frozen=True, eq=False)
class _Decoded:
    """A recording as tensors are made of it (`session.batch.FrameSequence`), with pictures from a store."""

    recording: RecordedSession
    pictures: DecodedPictures

    @property
    def profile(self) -> RobotProfile:
        return self.recording.profile

    @property
    def actions(self) -> np.ndarray:
        return self.recording.actions

    @property
    def candidate_actions(self) -> np.ndarray:
        return self.recording.candidate_actions

    def picture(self, index: int) -> Image.Image:
        return self.pictures.get(self.recording, index)


class FrameDataset:
    """Targets of one recording and the batches made of them; raises SessionError and InvalidValue.

    `needs_history`: each target comes with its context, as the predictor needs it. For several targets only those with
    the whole history are used; a single one may have less, as in inference. `flagged`, bool (N,): frames that are left
    out, with every target that has one of them in its context. `is_part`: of a larger dataset, so that all may be; the
    decoded `pictures` are those of all parts.
    """

    def __init__(
        self,
        recording: RecordedSession,
        selection: FrameSelection,
        needs_history: bool,
        flagged: np.ndarray | None = None,
        is_part: bool = False,
        pictures: DecodedPictures | None = None,
    ) -> None:
        self.recording = recording
        self._decoded = _Decoded(recording, pictures or DecodedPictures())
        self.selection = selection
        self.needs_history = needs_history
        self._flagged = flagged
        usable = self._usable_targets()
        # A share above 0 is at least one frame, and leaves at least one to learn from.
        held_count = min(len(usable) - 1, max(1, int(len(usable) * selection.held_out))) if selection.held_out else 0
        # The end of the recording, not scattered frames: neighbouring frames are almost the same picture.
        # Flagged frames go afterwards: flagging one never moves another from the one part to the other.
        self.targets = self._without_flagged(usable[: len(usable) - held_count])
        self.held_out = self._without_flagged(usable[len(usable) - held_count :])
        self.left_out = len(usable) - len(self.targets) - len(self.held_out)
        if not is_part:
            self._require_frames(held_count)
        self._last: tuple[tuple[int, ...], Batch] | None = None

    def _usable_targets(self) -> tuple[int, ...]:
        first, last = self.selection.first, self.selection.last
        if first == last:
            if self.needs_history:
                self.recording.history(first, self.selection.history_length)
            return (first,)
        targets = tuple(index for index in range(first, last + 1) if self._is_usable(index))
        if not targets:
            raise InvalidValue(
                f"No frame from {first} to {last} has {self.selection.history_length} context frames before it; "
                "choose a shorter history or other frames."
            )
        return targets

    def _is_usable(self, index: int) -> bool:
        if not self.needs_history:
            return True
        try:
            return not self.recording.history(index, self.selection.history_length).note
        except NoHistory:
            return False

    def _without_flagged(self, targets: tuple[int, ...]) -> tuple[int, ...]:
        if self._flagged is None:
            return targets
        return tuple(target for target in targets if not self._flagged[self._frames_of(target)].any())

    def _frames_of(self, target: int) -> list[int]:
        """A target with its context, if that is needed."""
        context = self.recording.history(target, self.selection.history_length).frames if self.needs_history else ()
        return [*context, target]

    def _require_frames(self, held_count: int) -> None:
        """Raise InvalidValue if all frames to learn from are flagged, or all that are held out."""
        first, last = self.selection.first, self.selection.last
        if not self.targets:
            frames = f"Frame {first} is" if first == last else f"All frames from {first} to {last} are"
            raise InvalidValue(
                f"{frames} flagged, or a frame of the history is: choose others, or do not leave flagged ones out."
            )
        if held_count and not self.held_out:
            raise InvalidValue(
                "All frames that are held out for validation are flagged, or a frame of their history is: choose a "
                "range of frames that ends before them, or a validation split of 0."
            )

    def prepare(self, group: Group = ALONE.group) -> None:
        """Nothing is computed in advance."""

    def evaluation_batches(self) -> Sequence[Batch]:
        """Batches of one, of up to 16 of the targets, evenly spread, always the same."""
        return self._spread(self.targets)

    def held_out_batches(self) -> Sequence[Batch]:
        """The same of the targets held out; empty if there are none."""
        return self._spread(self.held_out)

    @property
    def shown_frame(self) -> int:
        """The frame of the first evaluation batch."""
        return self.targets[0]

    def describe(self) -> str:
        """Text: "frame 12 of session_…"."""
        first, last = self.selection.first, self.selection.last
        frames = f"frame {first}" if first == last else f"frames {first} to {last}"
        outside = self.recording.outside_ranges if self.needs_history else None
        left_out = f", {self.left_out:,} left out as flagged" if self.left_out else ""
        return f"{frames} of {self.recording.name}{f' ({outside})' if outside else ''}{left_out}"

    @property
    def drawn(self) -> int:
        """Targets of a batch of one step."""
        return self.selection.batch_size if len(self.targets) > 1 else 1

    def draw(self, generator: torch.Generator, part: Part = WHOLE) -> Batch:
        """A batch of targets, drawn with replacement, or its part."""
        picks = torch.randint(len(self.targets), (self.drawn,), generator=generator, device=generator.device)
        return self.batch(tuple(self.targets[pick] for pick in picks.tolist()[part.rows(self.drawn)]))

    def _spread(self, targets: tuple[int, ...]) -> Sequence[Batch]:
        return SingleBatches([(self, targets[place]) for place in spread_starts(len(targets), MAX_EVALUATED)])

    def batch(self, targets: tuple[int, ...]) -> Batch:
        """The tensors of these targets, B = their number."""
        if self._last is None or self._last[0] != targets:
            self._last = targets, join_batches([self._single(target) for target in targets])
        return self._last[1]

    def _single(self, target: int) -> Batch:
        if self.needs_history:
            return build_batch(self._decoded, self.recording.history(target, self.selection.history_length))
        return build_target(self._decoded, target)


class JoinedDataset:
    """All frames of several recordings of one robot; raises SessionError, and InvalidValue if none can be used.

    The share of frames held out is taken from the end of each recording. `flagged` frames are left out.
    """

    def __init__(
        self,
        recordings: Sequence[RecordedSession],
        selection: FrameSelection,
        needs_history: bool,
        flagged: FlaggedFrames | None = None,
    ) -> None:
        self._batch_size = selection.batch_size
        self._flagged = flagged or FlaggedFrames()
        self._parts: list[FrameDataset] = []
        pictures = DecodedPictures()
        for place, recording in enumerate(recordings):
            whole = replace(selection, first=0, last=recording.frame_count - 1)
            # One that is too short for a history has no targets; the others may have.
            with contextlib.suppress(InvalidValue, NoHistory):
                mask = self._flagged.of(place, recording)
                self._parts.append(FrameDataset(recording, whole, needs_history, mask, True, pictures))
        if not any(part.targets for part in self._parts):
            flags = " without a flagged frame" if self._flagged.count else ""
            raise InvalidValue(
                f"No recording of this robot is long enough{flags}; choose a shorter history or record more."
            )
        self._targets = [(part, target) for part in self._parts for target in part.targets]
        self._held_out = [(part, target) for part in self._parts for target in part.held_out]

    def prepare(self, group: Group = ALONE.group) -> None:
        """Nothing is computed in advance."""

    @property
    def shown_frame(self) -> int:
        """The frame of the first evaluation batch."""
        return self._targets[0][1]

    def draw(self, generator: torch.Generator, part: Part = WHOLE) -> Batch:
        """A batch of targets of all recordings, drawn with replacement, or its part."""
        size = self._batch_size
        picks = torch.randint(len(self._targets), (size,), generator=generator, device=generator.device)
        return join_batches([_single_batch(*self._targets[pick]) for pick in picks.tolist()[part.rows(size)]])

    def evaluation_batches(self) -> Sequence[Batch]:
        """Batches of one, of up to 16 of the targets, evenly spread, always the same."""
        return _spread_batches(self._targets)

    def held_out_batches(self) -> Sequence[Batch]:
        """The same of the targets held out; empty if there are none."""
        return _spread_batches(self._held_out)

    def describe(self) -> str:
        """Text: "3 JetBot recordings"."""
        count, title = len(self._parts), self._parts[0].recording.profile.title
        return f"{count} {title} recording{'' if count == 1 else 's'}{self._flagged.describe()}"


def _single_batch(part: FrameDataset, target: int) -> Batch:
    return part.batch((target,))


def _spread_batches(targets: Sequence[tuple[FrameDataset, int]]) -> Sequence[Batch]:
    return SingleBatches([targets[place] for place in spread_starts(len(targets), MAX_EVALUATED)])


class SingleBatches(Sequence[Batch]):
    """Batches of one target each, read when they are asked for: each of several processes needs only some of them."""

    def __init__(self, targets: Sequence[tuple[FrameDataset, int]]) -> None:
        self._targets = targets

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, place: int) -> Batch:
        return _single_batch(*self._targets[place])
