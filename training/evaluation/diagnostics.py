"""Diagnostics of whether the predictor uses actions: its loss and pictures when actions are exchanged or removed.

Owns the selection of frames, the replacement of their actions, and the measures that follow (ASG, AZG, action
sensitivity). Changes no weights; holds the model's lock for one frame at a time, so that training and other visitors
can continue in between. Drawing is elsewhere.

Shapes: T history, P tokens of a frame (197), D width, A action channels, C candidate actions, R rows of a batch, H and
W picture height and width.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models import AdaptiveWorldModel, Network, SharedWorldModel, WeightsSource
from models.inference import evaluating, finite_pictures, require_finite
from session import History, RecordedSession
from session.batch import Batch, build_batch, scaled_actions, scaled_candidates
from session.spread import spread
from training.evaluation.verdict import lowest_errors
from training.values import check_whole

SEED = 20250921
MAX_TARGETS = 64
MAX_CANDIDATES = 16
MAX_ROWS = 8  # predicted at once, so that many candidate actions take no more memory than a few
SAME_WITHIN = 1e-5  # scaled actions closer than this are one action
TRUE, SHUFFLED, ZEROED, FIRST_CANDIDATE = 0, 1, 2, 3  # rows of a target


@dataclass(frozen=True, eq=False)
class ActionDiagnostics:
    """Losses and sensitivity of the predictions of `targets` (frames) under their own and under other actions.

    Losses are MSEs of pictures before clipping, one per target: float64 (targets,). Shuffled: the actions of another
    target. Zeroed: zeros as the scaled actions. `same_share` of the targets have the same shuffled as true actions: if
    it is 1, as in a recording of one action only, the shuffled losses mean nothing.

    `sensitivity` is the variance of the predicted picture over the candidate actions: population variance at each pixel
    and colour, their mean, and the mean over the targets. `sensitivity_share` is the same relative to the variance of
    the actual frames over the targets: 0 if actions change nothing, 1 if they change as much as the frames differ from
    each other; None if the frames do not differ.

    `other_losses` are the means over the candidates that are not the recorded action; NaN without any.

    `best_is_recorded` is the share of targets whose recorded action has the lowest loss of all candidates (of several
    within 1 % each counts as a part), among the `told_apart` targets whose losses and pictures differ by enough to mean
    something, as in `verdict.lowest_errors`; None if there are none, as for a model that ignores actions. `chance` is
    the share expected from guessing, 1/C. `is_mixed`: the weights changed during the run, so not all targets were
    predicted with `weights_in_use`, the last ones.
    """

    targets: tuple[int, ...]
    history_length: int
    true_losses: np.ndarray
    shuffled_losses: np.ndarray
    zeroed_losses: np.ndarray
    other_losses: np.ndarray
    sensitivity: float
    sensitivity_share: float | None
    told_apart: int
    best_is_recorded: float | None
    chance: float
    same_share: float
    weights_in_use: Mapping[Network, WeightsSource]
    is_mixed: bool

    @property
    def true_loss(self) -> float:
        return float(self.true_losses.mean())

    @property
    def shuffled_loss(self) -> float:
        return float(self.shuffled_losses.mean())

    @property
    def zeroed_loss(self) -> float:
        return float(self.zeroed_losses.mean())

    @property
    def asg(self) -> float:
        """Increase of the loss when the actions are shuffled."""
        return self.shuffled_loss - self.true_loss

    @property
    def azg(self) -> float:
        """Increase of the loss when the actions are zeroed."""
        return self.zeroed_loss - self.true_loss

    @property
    def relative_asg(self) -> float | None:
        """ASG as a share of the true loss; None if that is 0."""
        return self.asg / self.true_loss if self.true_loss else None

    @property
    def relative_azg(self) -> float | None:
        """AZG as a share of the true loss; None if that is 0."""
        return self.azg / self.true_loss if self.true_loss else None


@dataclass(frozen=True, eq=False)
class _TargetResult:
    """One target: losses of its rows, true, shuffled and zeroed actions first; the rest as in ActionDiagnostics."""

    losses: np.ndarray
    sensitivity: float
    difference: float  # the largest, of brightness, between the pictures of two candidates
    weights: Mapping[Network, WeightsSource]
    version: int

    @property
    def chance(self) -> float:
        return 1 / (len(self.losses) - FIRST_CANDIDATE + 1)  # the recorded action is one more

    @property
    def other_loss(self) -> float:
        """The mean loss of the candidates that are not the recorded action; NaN without any."""
        others = self.losses[FIRST_CANDIDATE:]
        return float(others.mean()) if len(others) else math.nan

    @property
    def best_is_recorded(self) -> float | None:
        """1 if the recorded action alone has the lowest loss, a part of 1 if several have it, else 0; None if the
        differences mean nothing."""
        losses = [float(self.losses[TRUE]), *self.losses[FIRST_CANDIDATE:].tolist()]
        lowest = lowest_errors(losses, self.difference)
        return (TRUE in lowest) / len(lowest) if lowest else None


def diagnose_actions(
    shared: SharedWorldModel, recording: RecordedSession, history_length: int, targets: int = 16
) -> ActionDiagnostics:
    """Diagnose up to `targets` (1 to 64) frames of a recording, evenly spread over those with the whole history.

    If no frame has the whole history, those with the longest one are used: actions are exchanged between histories of
    equal length. Raises SessionError (NoHistory if no frame has one), InvalidValue and NotFinite.
    """
    check_whole(targets, "The number of frames to look at", 1, MAX_TARGETS)
    histories = _select_histories(recording, history_length, targets)
    actions = [scaled_actions(recording, history.actions)[None] for history in histories]
    exchanged, candidates = shuffled(actions), _candidates(recording)
    results, actual = [], []
    for history, others in zip(histories, exchanged, strict=True):
        batch = build_batch(recording, history)
        results.append(_predict_target(shared, batch, others, candidates))
        actual.append(batch.target)
    actual_variance = variance(torch.cat(actual))
    sensitivity = float(np.mean([result.sensitivity for result in results]))
    is_same = [torch.equal(own, others) for own, others in zip(actions, exchanged, strict=True)]
    losses = np.stack([result.losses[:FIRST_CANDIDATE] for result in results])
    parts = [part for part in (result.best_is_recorded for result in results) if part is not None]
    return ActionDiagnostics(
        targets=tuple(history.target for history in histories),
        history_length=len(histories[0].frames),
        true_losses=losses[:, TRUE],
        shuffled_losses=losses[:, SHUFFLED],
        zeroed_losses=losses[:, ZEROED],
        other_losses=np.array([result.other_loss for result in results]),
        sensitivity=sensitivity,
        sensitivity_share=sensitivity / actual_variance if actual_variance else None,
        told_apart=len(parts),
        best_is_recorded=float(np.mean(parts)) if parts else None,
        chance=float(np.mean([result.chance for result in results])),
        same_share=float(np.mean(is_same)),
        weights_in_use=results[-1].weights,
        is_mixed=len({result.version for result in results}) > 1,
    )


def shuffled(actions: list[Tensor]) -> list[Tensor]:
    """Exchange actions (1, T, A) between histories, always in the same way; no history keeps its own.

    The actions of a single history are rotated by one place, the last one to the front.
    """
    if len(actions) == 1:
        return [actions[0].roll(1, dims=1)]
    order = np.random.default_rng(SEED).permutation(len(actions)).tolist()
    # A ring in a random order: each takes those of the next one, which is never itself.
    following = dict(zip(order, order[1:] + order[:1], strict=True))
    return [actions[following[index]] for index in range(len(actions))]


def variance(pictures: Tensor) -> float:
    """Population variance over pictures (R, 3, H, W) at each pixel and colour, and the mean of these."""
    # Differences from one of them: equal pictures give exactly 0, whatever the rounding of their mean.
    return (pictures - pictures[:1]).double().var(dim=0, unbiased=False).mean().item()


def _select_histories(recording: RecordedSession, length: int, at_most: int) -> list[History]:
    """Up to `at_most` evenly spread histories, all of the greatest length there is, `length` at most."""
    with_context = np.flatnonzero(recording.previous >= 0).tolist()
    if not with_context:
        recording.history(0, length)  # raises, with a message that fits this recording
    histories = [recording.history(index, length) for index in with_context]
    longest = max(len(history.frames) for history in histories)
    equally_long = [history for history in histories if len(history.frames) == longest]
    return [equally_long[index] for index in spread(len(equally_long), at_most)]


def _candidates(recording: RecordedSession) -> Tensor:
    """Up to 16 candidate actions (C, A), without duplicates after scaling."""
    distinct = torch.unique(scaled_candidates(recording), dim=0)
    return distinct[spread(len(distinct), MAX_CANDIDATES)]


def _predict_target(shared: SharedWorldModel, batch: Batch, others: Tensor, candidates: Tensor) -> _TargetResult:
    """Predict one target with its own actions and with all replacements; raises NotFinite."""
    recorded = batch.actions[0, -1]
    is_recorded = (candidates - recorded).abs().amax(dim=1) < SAME_WITHIN
    rows = _rows(batch.actions, others, candidates[~is_recorded]).to(shared.device)
    with evaluating(shared) as model:
        frames = batch.frames.to(shared.device)
        context = require_finite(model.encode_history(frames), "autoencoder")
        pictures = torch.cat([_predicted(model, context, frames[:, -1], part) for part in rows.split(MAX_ROWS)])
        weights, version = shared.weights, shared.version
    # float64: the square of a large float32 is infinite, and the gap between two such losses is NaN.
    losses = (pictures - batch.target.to(shared.device)).double().square().mean(dim=(1, 2, 3))
    swept = torch.cat([pictures[TRUE : TRUE + int(is_recorded.any())], pictures[FIRST_CANDIDATE:]])
    differs = (pictures[FIRST_CANDIDATE:] - pictures[:1]).mean(dim=1).abs()
    difference = float(differs.max()) if len(differs) else 0.0
    return _TargetResult(losses.cpu().numpy(), variance(swept), difference, weights, version)


def _rows(actions: Tensor, others: Tensor, candidates: Tensor) -> Tensor:
    """The actions (1, T, A) unchanged, exchanged, zeroed, and with each candidate in place of the last: (R, T, A).

    Scaled zeros are the middle of each channel's range and no action in particular. A raw 0 would be an action of these
    robots: to stay.
    """
    _, t, a = actions.shape
    swept = torch.cat([actions[:, :-1].expand(len(candidates), t - 1, a), candidates[:, None]], dim=1)
    return torch.cat([actions, others, torch.zeros_like(actions), swept])


def _predicted(model: AdaptiveWorldModel, context: Tensor, last: Tensor, actions: Tensor) -> Tensor:
    """Pictures (R, 3, H, W) after one context (1, T, P, D), its last picture (1, 3, H, W) and each row of actions
    (R, T, A)."""
    b = len(actions)
    return finite_pictures(model.predict(context.expand(b, -1, -1, -1), actions, last.expand(b, -1, -1, -1)))
