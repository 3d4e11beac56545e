"""Imagination over a recording: frames predicted one after another under a visitor's actions, compared with the ground
truth if it is known; and a rollout under the recorded actions, with its errors.

Owns the start, the next step, undo, and the distance to the ground truth. Display is elsewhere.

Shapes: H and W picture height and width (224).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models import ROLLOUT_MODES, Imagined, RolloutContext, RolloutMode, SharedWorldModel, imagine
from models.inference import to_uint8
from session import NoHistory, RecordedSession
from session.batch import frame_tensor, scaled_actions, scaled_values
from session.ground_truth import NEAR_PX, GroundTruth, RecordedStep, TrueFrame, find_simulator, pixels, recorded_steps
from session.history import MIN_LENGTH
from session.robots.simulator import Simulator
from training.values import check_whole

UNDO_STEPS = 100  # 0.3 MB each
MAX_STEPS = 1000
MAX_ROLLOUT = 50
THUMB = 56  # pixels

Command = Literal["begin", "undo", "reset"]
Action = int | np.ndarray  # the index of a candidate action, or raw values (A,)


class CannotImagine(ValueError):
    """There are no actions or frames to imagine or to compare with; the message says what to do."""


@dataclass(frozen=True, eq=False)
class ImaginedStep:
    """One imagined frame. `number` counts from 1, `action` are the raw values (A,).

    `mse` (before clipping) and, with a simulator, `distance_px` (of the dot, of the JetBot's heading) are errors
    against the ground truth, None if it is not known; `repeat_mse` and `repeat_px` those of the start frame in place of
    the imagined one. `is_lost`: the imagined picture shows no dot or heading, so there is no distance.
    `known`, `near` and `mse_sum` are totals since the first step: steps with known ground truth, those within NEAR_PX,
    and the sum of their MSE. `thumb` and `true_thumb`: small pictures, uint8 (THUMB, THUMB, 3).
    """

    number: int
    action: np.ndarray
    mode: RolloutMode
    context: RolloutContext
    version: int
    mse: float | None
    distance_px: float | None
    repeat_mse: float | None
    repeat_px: float | None
    is_lost: bool
    known: int
    near: int
    mse_sum: float
    thumb: np.ndarray
    true_thumb: np.ndarray | None

    @property
    def picture(self) -> np.ndarray:
        """The imagined frame, uint8 (H, W, 3)."""
        return self.context.frames[-1].picture


@dataclass(frozen=True, eq=False)
class Imagination:
    """Frames imagined from frame `start` of version `recorded` of a recording on. `actions`: raw values (A,) of all;
    `steps`: the last UNDO_STEPS steps; `truth`: the ground truth of the current frame, or None if it is not known.
    `problem`: the reason why no simulator can go on from the start frame, empty if one can."""

    start: int
    recorded: str
    origin: RolloutContext
    problem: str
    actions: tuple[np.ndarray, ...] = ()
    steps: tuple[ImaginedStep, ...] = ()
    truth: TrueFrame | None = None

    @property
    def is_simulated(self) -> bool:
        """True if the ground truth is known for any actions."""
        return not self.problem

    @property
    def context(self) -> RolloutContext:
        """The context of the next step."""
        return self.steps[-1].context if self.steps else self.origin

    @property
    def picture(self) -> np.ndarray:
        """The current imagined frame, uint8 (H, W, 3); before the first step, the start frame."""
        return self.context.frames[-1].picture

    def undo(self, recording: RecordedSession) -> "Imagination":
        """The imagination without its last step; raises CannotImagine if there is none to undo, and FrameUnreadable."""
        if not self.steps:
            advice = (
                f"only the last {UNDO_STEPS} steps can be undone; press Reset" if self.actions else "press an action"
            )
            raise CannotImagine(f"There is no imagined step to undo: {advice}.")
        actions = self.actions[:-1]
        truth = GroundTruth(recording, self.start).after_values(actions) if actions else None
        return replace(self, actions=actions, steps=self.steps[:-1], truth=truth)


def start_imagination(recording: RecordedSession, start: int, history_length: int) -> Imagination:
    """Start at frame `start`, with up to `history_length` frames of context including itself. Raises CannotImagine if
    the robot has no actions, FrameOutOfRange and FrameUnreadable."""
    if not recording.profile.channels or not len(recording.candidate_actions):
        raise CannotImagine("This recording has no actions to imagine with; pick another session.")
    context = rollout_context(recording, start, history_length)
    return Imagination(start, recording.version, context, GroundTruth(recording, start).problem)


def rollout_context(recording: RecordedSession, start: int, history_length: int) -> RolloutContext:
    """The context of a rollout from frame `start` on: up to `history_length` frames including itself. Raises
    FrameOutOfRange and FrameUnreadable."""
    try:
        history = recording.history(start, max(MIN_LENGTH, history_length - 1))
    except NoHistory:
        return RolloutContext.of([pixels(recording, start)], [])
    frames, actions = history.frames[1 - history_length :], history.actions[1 - history_length :]
    pictures = [pixels(recording, frame) for frame in (*frames, start)]
    return RolloutContext.of(pictures, list(scaled_actions(recording, actions)))


def apply_command(
    shared: SharedWorldModel,
    recording: RecordedSession,
    current: Imagination | None,
    start: int,
    command: Action | Command,
    mode: RolloutMode,
    history_length: int,
) -> Imagination:
    """Apply an action or a command. Without any step, and after "reset", the imagination starts at frame `start`.
    Raises what `start_imagination`, `imagine_next` and `undo` raise."""
    is_started = current is not None and current.actions and current.recorded == recording.version
    is_command = isinstance(command, str)
    if not is_started or (is_command and command == "reset"):
        current = start_imagination(recording, start, history_length)
    if not is_command:
        return imagine_next(shared, recording, current, command, mode, history_length)
    return current.undo(recording) if command == "undo" else current


def imagine_next(
    shared: SharedWorldModel,
    recording: RecordedSession,
    current: Imagination,
    action: Action,
    mode: RolloutMode,
    history_length: int,
) -> Imagination:
    """The imagination after one more action; raises NotFinite, CannotImagine and
    FrameUnreadable."""
    if len(current.actions) >= MAX_STEPS:
        raise CannotImagine(f"A dream has at most {MAX_STEPS:,} steps; press Reset to start again.")
    action = recording.candidate_actions[action] if isinstance(action, int) else action
    actions = (*current.actions, action)
    future = GroundTruth(recording, current.start)
    truth = future.after_values(actions)
    imagined = imagine(shared, current.context, scaled_values(recording, action), mode, history_length)
    step = _compare(current, action, mode, imagined, future, truth)
    return replace(current, actions=actions, steps=(*current.steps, step)[-UNDO_STEPS:], truth=truth)


def true_frames(recording: RecordedSession, current: Imagination) -> list[TrueFrame | None]:
    """The ground truth of each remembered step, None where it is not known; raises FrameUnreadable."""
    future, count = GroundTruth(recording, current.start), len(current.actions)
    first = count - len(current.steps)
    return [future.after_values(current.actions[: end + 1]) for end in range(first, count)]


def _compare(
    current: Imagination,
    action: np.ndarray,
    mode: RolloutMode,
    imagined: Imagined,
    future: GroundTruth,
    truth: TrueFrame | None,
) -> ImaginedStep:
    """The new step with its errors against the ground truth."""
    before, start = current.steps[-1] if current.steps else None, current.origin.frames[-1].picture
    mse = repeat_mse = distance = repeat_px = None
    if truth is not None:
        actual = _tensor(truth.picture)
        mse, repeat_mse = _mse(imagined.decoded, actual), _mse(_tensor(start), actual)
        distance, repeat_px = (future.error_px(picture, truth) for picture in (imagined.picture, start))
    return ImaginedStep(
        number=len(current.actions) + 1,
        action=action,
        mode=mode,
        context=imagined.context,
        version=imagined.version,
        mse=mse,
        distance_px=distance,
        repeat_mse=repeat_mse,
        repeat_px=repeat_px,
        is_lost=truth is not None and truth.state is not None and distance is None,
        known=(before.known if before else 0) + (truth is not None),
        near=(before.near if before else 0) + (distance is not None and distance <= NEAR_PX),
        mse_sum=(before.mse_sum if before else 0.0) + (mse or 0.0),
        thumb=_thumb(imagined.picture),
        true_thumb=None if truth is None else _thumb(truth.picture),
    )


def _tensor(picture: np.ndarray) -> Tensor:
    """A picture uint8 (H, W, 3) as float32 (3, H, W) in [0, 1]."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255


def _mse(decoded: Tensor, actual: Tensor) -> float:
    """MSE of pictures (3, H, W), the decoded one before clipping, as Run Predictor shows it."""
    return (decoded - actual).square().mean().item()


def _thumb(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((THUMB, THUMB), Image.Resampling.BOX))


@dataclass(frozen=True, eq=False)
class RolloutStep:
    """One frame of a rollout. `number` counts from 1, `frame` and `action` are indices of the recording, `actual` is
    the recorded frame. Pictures uint8 (H, W, 3); `mse` before clipping. `repeat_mse`: of the start frame in its place.

    Distances from the simulator's state, of the dot or the JetBot's heading, are in pixels; None if it is not known or
    the picture shows none.
    """

    number: int
    frame: int
    action: int
    actual: np.ndarray
    imagined: Mapping[RolloutMode, np.ndarray]
    mse: Mapping[RolloutMode, float]
    repeat_mse: float
    distance_px: Mapping[RolloutMode, float | None]
    repeat_px: float | None
    version: int


def roll_out(
    shared: SharedWorldModel, recording: RecordedSession, start: int, steps: object, history_length: int
) -> Iterator[RolloutStep]:
    """Imagine up to `steps` (1 to 50) frames after frame `start` under the recorded actions, in both modes. Raises
    InvalidValue for another number of steps, CannotImagine if nothing was recorded after the frame, FrameUnreadable and
    NotFinite."""
    check_whole(steps, "The number of steps", 1, MAX_ROLLOUT)
    recorded = recorded_steps(recording, start, steps)
    if not recorded:
        raise CannotImagine(f"No single recorded action leads on from frame {start}; choose an earlier frame.")
    context = rollout_context(recording, start, history_length)
    return _rollout_steps(shared, recording, start, context, recorded, history_length)


def _rollout_steps(
    shared: SharedWorldModel,
    recording: RecordedSession,
    start: int,
    context: RolloutContext,
    recorded: list[RecordedStep],
    history_length: int,
) -> Iterator[RolloutStep]:
    contexts: dict[RolloutMode, RolloutContext] = dict.fromkeys(ROLLOUT_MODES, context)
    first = frame_tensor(recording, start)[0]
    actions = scaled_actions(recording, [step.action for step in recorded])
    for number, (step, action) in enumerate(zip(recorded, actions, strict=True), 1):
        imagined = {mode: imagine(shared, contexts[mode], action, mode, history_length) for mode in ROLLOUT_MODES}
        contexts = {mode: one.context for mode, one in imagined.items()}
        actual = frame_tensor(recording, step.frame)[0]
        picture, simulator = to_uint8(actual), find_simulator(recording, step.frame)
        yield RolloutStep(
            number,
            step.frame,
            step.action,
            picture,
            {mode: one.picture for mode, one in imagined.items()},
            {mode: _mse(one.decoded, actual) for mode, one in imagined.items()},
            _mse(first, actual),
            {mode: _error_px(simulator, one.picture) for mode, one in imagined.items()},
            _error_px(simulator, to_uint8(first)),
            max(one.version for one in imagined.values()),
        )


def _error_px(simulator: Simulator | None, picture: np.ndarray) -> float | None:
    return None if simulator is None else simulator.error_px(picture)
