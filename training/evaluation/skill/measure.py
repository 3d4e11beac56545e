"""Skill of a world model on a recording of any robot: errors beside those of trivial answers, and use of actions.

Changes no weights, and holds the model's lock for one computation at a time, so that training and other visitors can go
on in between.

Shapes: K measured frames, S rollouts, H and W picture height and width.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models import (
    Network,
    Prediction,
    RolloutContext,
    SharedWorldModel,
    WeightsSource,
    imagine,
    run_prediction,
    run_reconstruction,
)
from session import History, NoHistory, RecordedSession
from session.batch import build_batch, frame_tensor, scaled_actions, scaled_candidates
from session.ground_truth import GroundTruth, RecordedStep, pixels, recorded_steps
from session.spread import spread
from training.evaluation.baselines import RecordingBaselines, recording_baselines
from training.evaluation.diagnostics import shuffled
from training.evaluation.evidence import FrameScore, prediction_score
from training.evaluation.rollouts.imagination import rollout_context
from training.evaluation.skill.foretold import Foretold, foretold_actions
from training.evaluation.skill.mirrored import MirrorScore, compare_with_mirror, mirrored_channels
from training.evaluation.skill.nearest_truth import TruthScore, compare_with_truth
from training.evaluation.verdict import lowest_errors, share_below
from training.values import InvalidValue, check_whole

STANDARD_FRAMES, MAX_FRAMES = 32, 500
ROLLOUT_STEPS, MAX_ROLLOUTS = 4, 16
MAX_DB = 100.0  # of equal pictures, whose PSNR is infinite


@dataclass(frozen=True)
class TargetSkill:
    """One measured frame: the `score` of its prediction, and the MSE of its reconstruction.

    `best`: 1 if the recorded action predicts best of all candidates, a part of 1 if several are within 1 % of the
    lowest error, else 0; None if the differences mean nothing (`lowest_errors`). `chance`: 1 ÷ number of candidates.
    `mirrors`: the recorded action beside its mirror images, if any.
    """

    frame: int
    score: FrameScore
    reconstruction: float
    best: float | None
    chance: float
    mirrors: tuple[MirrorScore, ...] = ()


@dataclass(frozen=True, eq=False)
class Skill:
    """All measures of a recording. MSEs are those of pictures before clipping.

    `targets` (K): the measured frames, in order. `gains`, float64 (S,): the PSNR in dB of the picture after 4 imagined
    steps under the recorded actions, above that under those of another rollout; rollouts whose actions are the same
    are left out. `truths`: every prediction beside the truth, empty if it is not known. `is_mixed`: the weights changed
    during the measurement, so `weights` are the last ones only.
    """

    session_id: str
    history_length: int
    targets: tuple[TargetSkill, ...]
    gains: np.ndarray
    truths: tuple[TruthScore, ...]
    foretold: Foretold
    weights: Mapping[Network, WeightsSource]
    is_mixed: bool

    @property
    def prediction(self) -> float:
        return float(np.mean([one.score.mse for one in self.targets]))

    @property
    def reconstruction(self) -> float:
        return float(np.mean([one.reconstruction for one in self.targets]))

    @property
    def repeat(self) -> float:
        return float(np.mean([one.score.repeat for one in self.targets]))

    @property
    def mean(self) -> float:
        return float(np.mean([one.score.mean for one in self.targets]))

    @property
    def skill(self) -> float | None:
        """1 − MSE ÷ MSE of repeating the last frame; None if nothing moves."""
        return share_below(self.prediction, self.repeat)

    @property
    def explained(self) -> float | None:
        """1 − MSE ÷ MSE of the mean picture; None if all frames look the same."""
        return share_below(self.prediction, self.mean)

    @property
    def told_apart(self) -> tuple[TargetSkill, ...]:
        """The frames on which the errors of the candidates differ by enough to mean something."""
        return tuple(one for one in self.targets if one.best is not None)

    @property
    def best(self) -> float | None:
        """Share of the frames told apart whose recorded action predicts best; None without any."""
        parts = [one.best for one in self.told_apart]
        return float(np.mean(parts)) if parts else None

    @property
    def chance(self) -> float:
        """What a guess among the candidates gives on average."""
        return float(np.mean([one.chance for one in self.told_apart or self.targets]))

    @property
    def gain_db(self) -> float | None:
        return float(self.gains.mean()) if len(self.gains) else None

    @property
    def mirrors(self) -> dict[str, list[float]]:
        """The `right` of all frames with a strong value of a channel, by the channel's name."""
        rights: dict[str, list[float]] = {}
        for score in (score for one in self.targets for score in one.mirrors):
            rights.setdefault(score.channel, []).append(score.right)
        return rights

    @property
    def is_ignoring_actions(self) -> bool:
        """True if no frame can be told apart: no action changes the error or the picture by what could be seen."""
        return not self.told_apart

    def scores(self) -> dict[Network, dict[int, FrameScore]]:
        """The scores of both networks by frame, as evidence for a verdict."""
        seen = {one.frame: FrameScore(one.reconstruction, one.score.mean) for one in self.targets}
        return {"autoencoder": seen, "predictor": {one.frame: one.score for one in self.targets}}


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of an MSE of pictures in [0, 1], at most 100."""
    return float(min(MAX_DB, -10 * np.log10(max(mse, 1e-300))))


def measure_skill(
    shared: SharedWorldModel,
    recording: RecordedSession,
    session_id: str,
    history_length: int,
    frames: int = STANDARD_FRAMES,
    targets: Sequence[int] | None = None,
    baselines: RecordingBaselines | None = None,
    watched: Callable[[Sequence[History]], Iterable[History]] = iter,
) -> Skill:
    """Measure up to `frames` evenly spread frames of a recording.

    `targets`: the frames to choose from, such as those held out of training; without it, all. Of these, those with the
    longest history there is are used, `history_length` frames at most. `baselines`: those of the recording, if they are
    known. `watched` may report progress. Raises SessionError (NoHistory if no frame has one), InvalidValue, NotFinite.
    """
    check_whole(frames, "The number of frames to measure", 1, MAX_FRAMES)
    histories = _select(recording, history_length, frames, targets)
    baselines = baselines or recording_baselines(recording)
    version, rows, truths = shared.version, [], []
    mirrored = mirrored_channels(recording)
    for history in watched(histories):
        row, compared = _measure(shared, recording, history, baselines, mirrored)
        rows.append(row)
        truths += compared
    gains = _rollout_gains(shared, recording, histories, history_length)
    return Skill(
        session_id=session_id,
        history_length=len(histories[0].frames),
        targets=tuple(rows),
        gains=gains,
        truths=tuple(truths),
        foretold=foretold_actions(recording),
        weights=shared.weights,
        is_mixed=shared.version != version,
    )


def _select(recording: RecordedSession, length: int, at_most: int, targets: Sequence[int] | None) -> list[History]:
    """Up to `at_most` evenly spread histories, all of the greatest length there is, `length` at most."""
    allowed = range(recording.frame_count) if targets is None else targets
    histories = []
    for index in allowed:
        try:
            histories.append(recording.history(index, length))
        except NoHistory:
            continue
    if not histories and targets is None:
        recording.history(0, length)  # raises, with a message that fits this recording
    if not histories:
        raise InvalidValue("None of the frames to measure has a context frame before it; choose others.")
    longest = max(len(history.frames) for history in histories)
    equally_long = [history for history in histories if len(history.frames) == longest]
    return [equally_long[index] for index in spread(len(equally_long), at_most)]


def _measure(
    shared: SharedWorldModel,
    recording: RecordedSession,
    history: History,
    baselines: RecordingBaselines,
    mirrored: Sequence[int],
) -> tuple[TargetSkill, list[TruthScore]]:
    batch, candidates = build_batch(recording, history), scaled_candidates(recording)
    recorded = recording.candidate_index(history.actions[-1])
    result = run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
    score = prediction_score(result, baselines.of_frame(recording, history.target), recording)
    reconstruction = run_reconstruction(shared, batch.target).mse
    count = len(result.candidates) + (recorded is None)
    mirrors = compare_with_mirror(shared, batch, recording.profile.channel_names, mirrored)
    row = TargetSkill(history.target, score, reconstruction, best_part(result), 1 / count, mirrors)
    last = history.frames[-1]
    future = GroundTruth(recording, last)
    if not future.is_simulated:
        return row, []
    predicted = [one.picture for one in result.candidates]
    return row, compare_with_truth(shared, future, last, pixels(recording, last), predicted)


def best_part(result: Prediction) -> float | None:
    """1 if the recorded action has the lowest error of all candidates, a part of 1 if several are within 1 % of it,
    else 0; None if the differences mean nothing."""
    errors = [candidate.mse for candidate in result.candidates]
    if result.recorded is None:
        errors.append(result.mse)
    recorded = len(errors) - 1 if result.recorded is None else result.recorded
    lowest = lowest_errors(errors, result.difference_top)
    return (recorded in lowest) / len(lowest) if lowest else None


def _rollout_gains(
    shared: SharedWorldModel, recording: RecordedSession, histories: Sequence[History], history_length: int
) -> np.ndarray:
    """PSNR in dB after 4 steps under the recorded actions, above that under those of another rollout: (S,)."""
    starts = [history.frames[-1] for history in histories]
    paths = [(start, recorded_steps(recording, start, ROLLOUT_STEPS)) for start in starts]
    paths = [path for path in paths if len(path[1]) == ROLLOUT_STEPS]
    paths = [paths[place] for place in spread(len(paths), MAX_ROLLOUTS)] if paths else []
    actions = [scaled_actions(recording, [step.action for step in steps])[None] for _, steps in paths]
    gains = []
    for (start, steps), own, other in zip(paths, actions, shuffled(actions) if paths else [], strict=True):
        if not torch.equal(own, other):
            context = rollout_context(recording, start, history_length)
            errors = [_final_mse(shared, recording, context, steps, one[0], history_length) for one in (own, other)]
            gains.append(psnr(errors[0]) - psnr(errors[1]))
    return np.array(gains)


def _final_mse(
    shared: SharedWorldModel,
    recording: RecordedSession,
    context: RolloutContext,
    steps: Sequence[RecordedStep],
    actions: torch.Tensor,
    history_length: int,
) -> float:
    """MSE of the last picture of a rollout under actions (steps, A)."""
    for action in actions:
        imagined = imagine(shared, context, action, "latents", history_length, "float32")
        context = imagined.context
    return (imagined.decoded - frame_tensor(recording, steps[-1].frame)[0]).square().mean().item()
