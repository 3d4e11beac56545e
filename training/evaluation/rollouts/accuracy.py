"""Accuracy of rollouts: the share of steps imagined under the recorded actions that stay near the simulator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models import ROLLOUT_MODES, RolloutMode, SharedWorldModel
from session import NEAR_PX, GroundTruth, RecordedSession
from session.ground_truth import recorded_steps
from session.spread import spread_starts
from training.evaluation.accuracy import MAX_FRAMES, NoGroundTruth
from training.evaluation.rollouts.imagination import MAX_ROLLOUT, RolloutStep, roll_out
from training.values import check_whole

CLOSE_PX = 4.0  # over many steps, errors of single ones add up


@dataclass(frozen=True)
class RolloutShares:
    """The share of all steps within 2 px of the simulator (`near`) and within 4 px (`close`), that of the last steps
    (`last_close`), and the mean MSE against the recorded frames. A step whose picture shows nothing to locate is not
    near."""

    near: float
    close: float
    last_close: float
    mse: float


@dataclass(frozen=True)
class RolloutAccuracy:
    """The shares of each mode, and of repeating the start frame ("repeating"), over rollouts of `steps` steps each."""

    rollouts: int
    steps: int
    shares: Mapping[str, RolloutShares]


def measure_rollouts(
    shared: SharedWorldModel, recording: RecordedSession, steps: int, history_length: int, starts: int
) -> RolloutAccuracy:
    """Roll out from up to `starts` evenly spread frames that have a whole history before them and `steps` recorded
    actions after them, and compare each step with the simulator.

    Raises NoGroundTruth if there are none, InvalidValue, FrameUnreadable and NotFinite.
    """
    check_whole(steps, "The number of steps", 1, MAX_ROLLOUT)
    check_whole(starts, "The number of frames", 1, MAX_FRAMES)
    frames = _starts(recording, steps, history_length, starts)
    rollouts = [list(roll_out(shared, recording, frame, steps, history_length)) for frame in frames]
    ways: tuple[RolloutMode | None, ...] = (*ROLLOUT_MODES, None)
    return RolloutAccuracy(len(rollouts), steps, {way or "repeating": _shares(rollouts, way) for way in ways})


def _starts(recording: RecordedSession, steps: int, history_length: int, starts: int) -> list[int]:
    first = history_length - 1
    spread = [first + index for index in spread_starts(max(0, recording.frame_count - first - steps), starts)]
    whole = [frame for frame in spread if len(recorded_steps(recording, frame, steps)) == steps]
    if not whole:
        raise NoGroundTruth(f"No frame has {steps} recorded actions in a row after it; ask for fewer steps.")
    problem = GroundTruth(recording, whole[0]).problem
    if problem:
        raise NoGroundTruth(problem)
    return whole


def _shares(rollouts: Sequence[Sequence[RolloutStep]], mode: RolloutMode | None) -> RolloutShares:
    """The shares of a mode, or of repeating the start frame for None."""
    distances = [[step.repeat_px if mode is None else step.distance_px[mode] for step in steps] for steps in rollouts]
    errors = [step.repeat_mse if mode is None else step.mse[mode] for steps in rollouts for step in steps]
    pixels = np.array([[np.inf if one is None else one for one in steps] for steps in distances])
    return RolloutShares(
        near=float((pixels <= NEAR_PX).mean()),
        close=float((pixels <= CLOSE_PX).mean()),
        last_close=float((pixels[:, -1] <= CLOSE_PX).mean()),
        mse=float(np.mean(errors)),
    )
