"""Frames and actions of a session as the tensors that inference and training share.

The only module of this package that imports torch. Legend: T history, A action channels, C candidate actions.
"""

from dataclasses import dataclass

import torch

from session.frames import to_channels_first
from session.history import History
from session.recording import RecordedSession


@dataclass(frozen=True)
class Batch:
    """One history: frames (1, T, 3, 224, 224) and target (1, 3, 224, 224) in [0, 1], actions (1, T, A) in [-1, 1].

    All float32; action i leads from frame i to frame i + 1, the last one to the target.
    """

    frames: torch.Tensor
    actions: torch.Tensor
    target: torch.Tensor


def frame_tensor(session: RecordedSession, index: int) -> torch.Tensor:
    """A frame as float32 (1, 3, 224, 224) in [0, 1]; raises FrameOutOfRange and FrameUnreadable."""
    return torch.from_numpy(to_channels_first(session.picture(index)))[None]


def build_batch(session: RecordedSession, history: History) -> Batch:
    """The tensors of a history of ``session``; raises FrameUnreadable."""
    frames = torch.cat([frame_tensor(session, index) for index in history.frames])
    actions = torch.from_numpy(session.profile.scale(session.actions[list(history.actions)]))
    return Batch(frames=frames[None], actions=actions[None], target=frame_tensor(session, history.target))


def scaled_candidates(session: RecordedSession) -> torch.Tensor:
    """The actions that the robot could have chosen, float32 (C, A) in [-1, 1]."""
    return torch.from_numpy(session.profile.scale(session.candidate_actions))
