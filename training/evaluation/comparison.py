"""Two pairs of networks on the same frame and in the same dream: their pictures and errors, side by side.

Owns the copies that are compared, so that nobody waits for them and training goes on meanwhile, and the steps of a
dream under the same actions. Display is elsewhere.

Shapes: A action channels, H and W picture height and width (224).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models import Prediction, RolloutMode, SharedWorldModel, run_prediction
from session import History, RecordedSession
from session.batch import build_batch
from session.ground_truth import TrueFrame, recorded_steps
from training.checkpoints.validate import validate_version
from training.checkpoints.versions import Version
from training.evaluation.request import put_checkpoint
from training.evaluation.rollouts.imagination import (
    MAX_ROLLOUT,
    CannotImagine,
    Imagination,
    ImaginedStep,
    imagine_next,
    start_imagination,
    true_frames,
)
from training.evaluation.verdict import lowest_errors
from training.values import check_whole


@dataclass(frozen=True, eq=False)
class DreamStep:
    """One frame of a dream that several networks have. `number` counts from 1, `action` are the raw values (A,).

    `imagined`: a picture of each, uint8 (H, W, 3). `actual`: the true one, None if it is not known; then there are no
    errors. `mses`: of each, before clipping; `repeat_mse`: of the start frame in their place.
    """

    number: int
    action: np.ndarray
    imagined: tuple[np.ndarray, ...]
    actual: np.ndarray | None
    mses: tuple[float | None, ...]
    repeat_mse: float | None


def copy_with_version(shared: SharedWorldModel, directory: Path, version: Version) -> SharedWorldModel:
    """A copy of a robot's model with the networks of a version of its checkpoint history in `directory`; a network that
    the version has not is the one in use. Raises CheckpointError."""
    own = shared.snapshot()
    for network in version.files:
        checkpoint = validate_version(version, directory, own.network(network))
        put_checkpoint(own, network, checkpoint, f"{version.name}/{checkpoint.path.name}")
    return own


def predict_with_each(
    networks: Sequence[SharedWorldModel], recording: RecordedSession, history: History
) -> tuple[Prediction, ...]:
    """A frame predicted from its history by each, without a sweep; raises FrameUnreadable and NotFinite."""
    batch = build_batch(recording, history)
    no_candidates = batch.actions[0, :0]
    return tuple(
        run_prediction(shared, batch.frames, batch.actions, batch.target, no_candidates, None) for shared in networks
    )


def recorded_actions(recording: RecordedSession, start: int, steps: object) -> list[np.ndarray]:
    """Raw values (A,) of up to `steps` (1 to 50) actions that were recorded after a frame.

    Raises InvalidValue for another number, CannotImagine if there are none, and FrameOutOfRange.
    """
    check_whole(steps, "The number of steps", 1, MAX_ROLLOUT)
    recorded = recorded_steps(recording, start, steps)
    if not recorded:
        raise CannotImagine(f"No single recorded action leads on from frame {start}; choose an earlier frame.")
    return [recording.actions[step.action] for step in recorded]


def dream_with_each(
    networks: Sequence[SharedWorldModel],
    recording: RecordedSession,
    start: int,
    actions: Sequence[np.ndarray],
    mode: RolloutMode,
    history_length: int,
) -> Iterator[DreamStep]:
    """Imagine by each what follows frame `start` under the same actions, raw values (A,); raises what
    `start_imagination` and `imagine_next` raise."""
    dreams = [start_imagination(recording, start, history_length)] * len(networks)
    for action in actions:
        dreams = [
            imagine_next(shared, recording, dream, action, mode, history_length)
            for shared, dream in zip(networks, dreams, strict=True)
        ]
        yield _joined(dreams)


def remembered_steps(recording: RecordedSession, imagination: Imagination) -> list[DreamStep]:
    """The steps of one visitor's imagination that can still be undone; raises FrameUnreadable."""
    pairs = zip(imagination.steps, true_frames(recording, imagination), strict=True)
    return [_of_steps([step], truth) for step, truth in pairs]


def _joined(dreams: Sequence[Imagination]) -> DreamStep:
    return _of_steps([dream.steps[-1] for dream in dreams], dreams[0].truth)


def _of_steps(steps: Sequence[ImaginedStep], truth: TrueFrame | None) -> DreamStep:
    """The same step of several imaginations."""
    return DreamStep(
        number=steps[0].number,
        action=steps[0].action,
        imagined=tuple(step.picture for step in steps),
        actual=None if truth is None else truth.picture,
        mses=tuple(step.mse for step in steps),
        repeat_mse=steps[0].repeat_mse,
    )


def better_of(errors: Sequence[float], pictures: Sequence[np.ndarray] = ()) -> int | None:
    """The index of the lower of two errors, or None if the difference means nothing: it is less than 1 %, or the
    pictures, uint8 (H, W, 3), if there are any, are the same to half a grey level."""
    brightness = [picture.astype(np.float32).mean(axis=2) / 255 for picture in pictures]
    difference = float(np.abs(brightness[0] - brightness[1]).max()) if pictures else 1.0
    lowest = lowest_errors(errors, difference)
    return lowest[0] if len(lowest) == 1 else None
