"""A dream over a recording: frames imagined one after another under the actions that a visitor takes, beside what
really follows where that is known; and a rollout under the recorded actions, with its errors.

Owns where a dream starts, how it goes on and back, and how far it is from the truth. What a page makes of it is decided
elsewhere.

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
from session.batch import frame_tensor, scaled_actions, scaled_candidates
from session.ground_truth import NEAR_PX, GroundTruth, RecordedStep, TrueFrame, distance_px, pixels, recorded_steps
from session.history import MIN_LENGTH
from training.values import check_whole

UNDO_STEPS = 100  # 0.3 MB each
MAX_STEPS = 1000
MAX_ROLLOUT = 50
THUMB = 56  # pixels

Command = Literal["begin", "undo", "reset"]


class CannotImagine(ValueError):
    """There is nothing to imagine with or to compare with; the message says what to do."""


@dataclass(frozen=True, eq=False)
class ImaginedStep:
    """One imagined frame. `number` counts from 1, `action` is a place among the candidate actions.

    `mse` (before clipping) and, of the Toroidal Dot, `distance_px` are to the truth; None where the truth is not known.
    `is_dot_lost`: the truth has a dot where the imagined picture has none, so there is no distance. `known`, `near` and
    `mse_sum` are totals from the first step on: steps whose truth is known, those within NEAR_PX, and their MSE.
    `thumb` and `true_thumb`: small pictures, uint8 (THUMB, THUMB, 3).
    """

    number: int
    action: int
    way: RolloutMode
    context: RolloutContext
    version: int
    mse: float | None
    distance_px: float | None
    is_dot_lost: bool
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
    """What was imagined from frame `start` of the `recorded` version of a recording on. `actions`: all that were taken;
    `steps`: the last UNDO_STEPS of them, the way back. `truth`: what really follows now, None where not known."""

    start: int
    recorded: str
    origin: RolloutContext
    is_simulated: bool
    actions: tuple[int, ...] = ()
    steps: tuple[ImaginedStep, ...] = ()
    truth: TrueFrame | None = None

    @property
    def picture(self) -> np.ndarray:
        """The frame that is imagined now, uint8 (H, W, 3); before the first step the one it starts from."""
        return (self.steps[-1].context if self.steps else self.origin).frames[-1].picture

    def undone(self, recording: RecordedSession) -> "Imagination":
        """The dream before its last step; raises CannotImagine where there is no way back, and FrameUnreadable."""
        if not self.steps:
            advice = (
                f"only the last {UNDO_STEPS} steps can be undone; press Reset" if self.actions else "press an action"
            )
            raise CannotImagine(f"There is no imagined step to undo: {advice}.")
        actions = self.actions[:-1]
        truth = GroundTruth(recording, self.start).after(actions) if actions else None
        return replace(self, actions=actions, steps=self.steps[:-1], truth=truth)


def start_imagination(recording: RecordedSession, start: int, history_length: int) -> Imagination:
    """A dream that starts at frame `start`, with up to `history_length` frames of context, itself included. Raises
    CannotImagine where the robot has no actions, FrameOutOfRange and FrameUnreadable."""
    if not recording.profile.channels or not len(recording.candidate_actions):
        raise CannotImagine("This recording has no actions to imagine with; pick another session.")
    context = _context(recording, start, history_length)
    return Imagination(start, recording.version, context, GroundTruth(recording, start).is_simulated)


def _context(recording: RecordedSession, start: int, history_length: int) -> RolloutContext:
    try:
        history = recording.history(start, max(MIN_LENGTH, history_length - 1))
    except NoHistory:
        return RolloutContext.of([pixels(recording, start)], [])
    before, led = history.frames[1 - history_length :], history.actions[1 - history_length :]
    pictures = [pixels(recording, frame) for frame in (*before, start)]
    return RolloutContext.of(pictures, list(scaled_actions(recording, led)))


def apply_command(
    shared: SharedWorldModel,
    recording: RecordedSession,
    dream: Imagination | None,
    start: int,
    pressed: int | Command,
    way: RolloutMode,
    history_length: int,
) -> Imagination:
    """The dream after a press: an action, a place among the candidate actions, or a command. Without any step, and
    after "reset", it starts at frame `start`. Raises what `start_imagination`, `imagine_next` and `undone` raise."""
    is_begun = dream is not None and dream.actions and dream.recorded == recording.version
    if not is_begun or pressed == "reset":
        dream = start_imagination(recording, start, history_length)
    if pressed == "undo":
        return dream.undone(recording)
    return dream if isinstance(pressed, str) else imagine_next(shared, recording, dream, pressed, way, history_length)


def imagine_next(
    shared: SharedWorldModel,
    recording: RecordedSession,
    dream: Imagination,
    action: int,
    way: RolloutMode,
    history_length: int,
) -> Imagination:
    """The dream after one more action, a place among the candidate actions; raises NotFinite, CannotImagine and
    FrameUnreadable."""
    if len(dream.actions) >= MAX_STEPS:
        raise CannotImagine(f"A dream has at most {MAX_STEPS:,} steps; press Reset to start again.")
    actions = (*dream.actions, action)
    future = GroundTruth(recording, dream.start)
    truth = future.after(actions)
    context = dream.steps[-1].context if dream.steps else dream.origin
    imagined = imagine(shared, context, scaled_candidates(recording)[action], way, history_length)
    distance = None if truth is None else future.error_px(imagined.picture, truth)
    step = _compared(dream, action, way, imagined, truth, distance)
    return replace(dream, actions=actions, steps=(*dream.steps, step)[-UNDO_STEPS:], truth=truth)


def _compared(
    dream: Imagination,
    action: int,
    way: RolloutMode,
    imagined: Imagined,
    truth: TrueFrame | None,
    distance: float | None,
) -> ImaginedStep:
    """The new step of a dream with its distance to the truth."""
    before = dream.steps[-1] if dream.steps else None
    mse = None
    if truth is not None:
        mse = _mse(imagined.decoded, torch.from_numpy(truth.picture.copy()).permute(2, 0, 1).float() / 255)
    return ImaginedStep(
        number=len(dream.actions) + 1,
        action=action,
        way=way,
        context=imagined.context,
        version=imagined.version,
        mse=mse,
        distance_px=distance,
        is_dot_lost=truth is not None and truth.state is not None and distance is None,
        known=(before.known if before else 0) + (truth is not None),
        near=(before.near if before else 0) + (distance is not None and distance <= NEAR_PX),
        mse_sum=(before.mse_sum if before else 0.0) + (mse or 0.0),
        thumb=_thumb(imagined.picture),
        true_thumb=None if truth is None else _thumb(truth.picture),
    )


def _mse(decoded: Tensor, actual: Tensor) -> float:
    """Of pictures (3, H, W), the decoded one before clipping: as Run Predictor shows it."""
    return (decoded - actual).square().mean().item()


def _thumb(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((THUMB, THUMB), Image.Resampling.BOX))


@dataclass(frozen=True, eq=False)
class RolloutStep:
    """A frame of a rollout: `number` counts from 1, `frame` and `action` are indices of the recording, `actual` is what
    was recorded there. Pictures uint8 (H, W, 3); `mse` before clipping. `repeat_mse`: of the start frame in its place.

    Distances, of the Toroidal Dot alone, are in pixels; None where a dot is not seen.
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
    """Imagine what was recorded from frame `start` on, up to `steps` (1 to 50) steps under the recorded actions, both
    ways. Raises InvalidValue for another number of steps, CannotImagine where nothing was recorded after the frame,
    FrameUnreadable and NotFinite."""
    check_whole(steps, "The number of steps", 1, MAX_ROLLOUT)
    recorded = recorded_steps(recording, start, steps)
    if not recorded:
        raise CannotImagine(f"No single recorded action leads on from frame {start}; choose an earlier frame.")
    context = _context(recording, start, history_length)
    return _each(shared, recording, start, context, recorded, history_length)


def _each(
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
        imagined = {way: imagine(shared, contexts[way], action, way, history_length) for way in ROLLOUT_MODES}
        contexts = {way: one.context for way, one in imagined.items()}
        actual = frame_tensor(recording, step.frame)[0]
        picture = to_uint8(actual)
        yield RolloutStep(
            number,
            step.frame,
            step.action,
            picture,
            {way: one.picture for way, one in imagined.items()},
            {way: _mse(one.decoded, actual) for way, one in imagined.items()},
            _mse(first, actual),
            {way: distance_px(recording.profile, one.picture, picture) for way, one in imagined.items()},
            distance_px(recording.profile, to_uint8(first), picture),
            max(one.version for one in imagined.values()),
        )
