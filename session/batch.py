"""Frames and actions of a session as the tensors that inference and training share.

The only module of this package that imports torch. Legend: T history, A action channels, C candidate actions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image

from session.frames import to_channels_first
from session.history import History
from session.robots.profiles import RobotProfile


class FrameSequence(Protocol):
    """What tensors are made of: a `RecordedSession`, or a `LiveRecording` that grows."""

    @property
    def profile(self) -> RobotProfile: ...

    @property
    def actions(self) -> np.ndarray:
        """Raw values, float32 (M, A)."""

    @property
    def candidate_actions(self) -> np.ndarray:
        """Raw values, float32 (C, A)."""

    def picture(self, index: int) -> Image.Image:
        """The RGB picture of a frame."""


@dataclass(frozen=True)
class Batch:
    """One history: frames (1, T, 3, 224, 224) and target (1, 3, 224, 224) in [0, 1], actions (1, T, A) in [-1, 1];
    of several that are joined, the first size is their number.

    All float32; action i leads from frame i to frame i + 1, the last one to the target.
    """

    frames: torch.Tensor
    actions: torch.Tensor
    target: torch.Tensor


def frame_tensor(session: FrameSequence, index: int) -> torch.Tensor:
    """A frame as float32 (1, 3, 224, 224) in [0, 1]; raises FrameOutOfRange and FrameUnreadable."""
    return torch.from_numpy(to_channels_first(session.picture(index)))[None]


def join_batches(batches: Sequence[Batch]) -> Batch:
    """One batch of several with equally long histories: B is their number."""
    parts = zip(*((one.frames, one.actions, one.target) for one in batches), strict=True)
    return Batch(*(torch.cat(part) for part in parts))


def build_target(session: FrameSequence, index: int) -> Batch:
    """A frame without its history (T = 0), which is all that the autoencoder needs; raises FrameUnreadable."""
    picture = frame_tensor(session, index)
    return Batch(picture[:, None][:, :0], torch.zeros(1, 0, len(session.profile.channels)), picture)


def build_batch(session: FrameSequence, history: History) -> Batch:
    """The tensors of a history of ``session``; raises FrameUnreadable."""
    frames, actions = build_context(session, history.frames, history.actions)
    return Batch(frames, actions, frame_tensor(session, history.target))


def build_context(
    session: FrameSequence, frames: Sequence[int], actions: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames (1, T, 3, 224, 224) and scaled actions (1, number of them, A); raises FrameUnreadable."""
    pictures = torch.cat([frame_tensor(session, index) for index in frames])
    return pictures[None], scaled_actions(session, actions)[None]


def scaled_actions(session: FrameSequence, actions: Sequence[int]) -> torch.Tensor:
    """Recorded actions by their indices, float32 (number of them, A) in [-1, 1]."""
    return torch.from_numpy(session.profile.scale(session.actions[list(actions)]))


def scaled_candidates(session: FrameSequence) -> torch.Tensor:
    """The actions that the robot could have chosen, float32 (C, A) in [-1, 1]."""
    return torch.from_numpy(session.profile.scale(session.candidate_actions))


def scaled_values(session: FrameSequence, actions: np.ndarray) -> torch.Tensor:
    """Raw actions (C, A), float32 (C, A) in [-1, 1]."""
    return torch.from_numpy(session.profile.scale(actions))
