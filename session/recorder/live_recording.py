"""The recording in progress, for training on it: written to disk, and its newest frames in memory.

Frames in memory are those read back from the recording, after JPEG, not those of the camera: training while recording
sees the same pictures as training on the recording later.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from session.errors import FrameOutOfRange, NoHistory
from session.frames import read_frame, resize_picture
from session.history import History
from session.pictures import decode_picture
from session.recorder.recorder import SessionRecorder
from session.robots.profiles import RobotProfile

MEMORY_FRAMES = 256  # pictures of 224 × 224: 38 MB


class LiveRecording:
    """Observations and actions in turn, beginning with an observation; each is written to disk first.

    Frame i is followed by action i, or by a reset: then another episode begins with frame i + 1. Pictures of the last
    ``capacity`` frames are available. ``candidates`` are in the order of the recorder's channels; ``profile`` is
    another one of the same channels, if they are to be scaled by it.
    """

    def __init__(
        self,
        recorder: SessionRecorder,
        candidates: np.ndarray,
        capacity: int = MEMORY_FRAMES,
        profile: RobotProfile | None = None,
    ) -> None:
        self.profile = profile or recorder.profile
        order = [recorder.profile.channel_names.index(name) for name in self.profile.channel_names]
        self.candidate_actions = candidates[:, order]
        self._recorder = recorder
        self._capacity = capacity
        self._pictures: OrderedDict[int, Image.Image] = OrderedDict()
        self._actions = np.zeros((64, len(self.profile.channels)), dtype=np.float32)
        self._starts = [0]  # the first frame of each episode
        self._row_count = 0
        self.frame_count = 0

    @property
    def actions(self) -> np.ndarray:
        """Raw values of the actions so far, float32 (M, A), one a frame: zeros before a reset."""
        return self._actions[: self._row_count]

    @property
    def action_count(self) -> int:
        """The number of actions so far."""
        return self._row_count - (len(self._starts) - 1)

    def record_observation(self, picture: np.ndarray) -> None:
        """Record a picture, uint8 (H, W, 3); raises RecordingError."""
        assert self._row_count == self.frame_count, "an action leads from one observation to the next"
        path = self._recorder.record_observation(picture)
        content, _ = read_frame(self._recorder.folder, path)
        self._pictures[self.frame_count] = resize_picture(decode_picture(content))
        self.frame_count += 1
        if len(self._pictures) > self._capacity:
            self._pictures.popitem(last=False)

    def record_action(self, action: Mapping[str, float]) -> None:
        """Record an action; raises RecordingError and InvalidAction."""
        assert self._row_count == self.frame_count - 1, "an observation comes before each action"
        self._recorder.record_action(action)
        self._append([action[name] for name in self.profile.channel_names])

    def record_reset(self) -> None:
        """Record that another episode begins with the next observation; raises RecordingError."""
        assert self._row_count == self.frame_count - 1, "an observation comes before each reset"
        self._recorder.record_reset()
        self._append([0.0] * len(self.profile.channels))
        self._starts.append(self.frame_count)

    def _append(self, values: Sequence[float]) -> None:
        if self._row_count == len(self._actions):
            self._actions = np.concatenate((self._actions, np.zeros_like(self._actions)))
        self._actions[self._row_count] = values
        self._row_count += 1

    def picture(self, index: int) -> Image.Image:
        """The picture of a frame, 224 × 224; raises FrameOutOfRange if it is not in memory."""
        if index not in self._pictures:
            raise FrameOutOfRange(
                f"Frame {index} is not in memory; choose {self.first_in_memory} to {self.frame_count - 1}."
            )
        return self._pictures[index]

    @property
    def first_in_memory(self) -> int:
        """The oldest frame whose picture is in memory."""
        return max(0, self.frame_count - self._capacity)

    def earliest(self, index: int) -> int:
        """The oldest frame in memory from which actions lead to a frame; that frame itself if there is no other."""
        return max(self.first_in_memory, self._starts[bisect_right(self._starts, index) - 1])

    def history(self, index: int, length: int) -> History:
        """The up to ``length`` frames in memory before a frame; raises NoHistory if there are none."""
        first = max(self.earliest(index), index - length)
        if first >= index:
            raise NoHistory(f"Frame {index} has no context frame before it in memory; choose a later one.")
        before = tuple(range(first, index))
        missing = length - len(before)
        note = f"Only {len(before)} of {length} context frames are in memory before frame {index}." if missing else ""
        return History(before, before, index, note)
