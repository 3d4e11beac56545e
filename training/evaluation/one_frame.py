"""One frame through the networks: its reconstruction, or its prediction with a sweep of actions."""

from collections.abc import Sequence

import numpy as np

from models import Prediction, Reconstruction, SharedWorldModel, run_prediction, run_reconstruction
from session import ActionSweep, History, RecordedSession
from session.batch import build_batch, frame_tensor, scaled_values


def reconstruct_frame(shared: SharedWorldModel, recording: RecordedSession, frame: int) -> Reconstruction:
    """A frame through the autoencoder; raises SessionError and NotFinite."""
    return run_reconstruction(shared, frame_tensor(recording, frame))


def predict_frame(
    shared: SharedWorldModel,
    recording: RecordedSession,
    history: History,
    own: np.ndarray | None = None,
    channels: Sequence[int] | None = None,
) -> tuple[ActionSweep, Prediction]:
    """A frame predicted from its history, with the actions of a sweep in place of the last one: see
    `RecordedSession.sweep`. Raises SessionError and NotFinite."""
    sweep, batch = recording.sweep(history.actions[-1], channels, own), build_batch(recording, history)
    candidates = scaled_values(recording, sweep.actions)
    return sweep, run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, sweep.recorded)
