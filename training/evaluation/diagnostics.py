"""Does the predictor use the actions at all? Its loss and its pictures when actions are exchanged or taken away.

Owns which frames are looked at, what is put in place of their actions, and the measures that follow (ASG, AZG, action
sensitivity). Changes no weights; takes the model's lock for one frame at a time, so that training and other visitors
get in between. Drawing is elsewhere.

Shapes: T history, P tokens of a frame (197), D width, A action channels, C candidate actions, R rows of a batch, H and
W picture height and width.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models import AdaptiveWorldModel, Network, SharedWorldModel, WeightsSource
from models.inference import evaluating, require_finite
from session import History, RecordedSession
from session.batch import Batch, build_batch, scaled_actions, scaled_candidates
from session.spread import spread
from training.values import check_whole

SEED = 20250921
MAX_TARGETS = 64
MAX_CANDIDATES = 16
MAX_ROWS = 8  # predicted at once, so that many candidate actions take no more memory than a few
SAME_WITHIN = 1e-5  # scaled actions closer than this are one action
TIED_WITHIN = 1e-6  # losses closer than this, relative to the lower one, differ by rounding alone
TRUE, SHUFFLED, ZEROED, FIRST_CANDIDATE = 0, 1, 2, 3  # rows of a look


@dataclass(frozen=True, eq=False)
class ActionDiagnostics:
    """What became of the predictions of `targets` (frames) when their actions were exchanged.

    Losses are MSEs of pictures before clipping, one a target: float64 (targets,). Shuffled: the actions of another
    target. Zeroed: zeros in the scaled actions that the network sees. `same_share` of the targets have the same actions
    shuffled as true: where it is 1, as in a recording of one action only, shuffling says nothing.

    `sensitivity` is the variance of the predicted picture over the candidate actions: population variance at each pixel
    and colour, their mean, and the mean over the targets. `sensitivity_share` is that relative to the variance of the
    actual frames over the targets, taken the same way: 0 where actions change nothing, 1 where they change as much as
    the frames differ from each other; None where those do not differ.

    `best_is_recorded` is the share of targets whose recorded action gave the lowest loss of all candidates (of several
    equally low ones each counts as a part); `chance` is what guessing would give, 1/C. `is_mixed`: the weights changed
    meanwhile, so the targets were not all predicted with `weights_in_use`, the last ones.
    """

    targets: tuple[int, ...]
    history_length: int
    true_losses: np.ndarray
    shuffled_losses: np.ndarray
    zeroed_losses: np.ndarray
    sensitivity: float
    sensitivity_share: float | None
    best_is_recorded: float
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
        """How much the loss grows when the actions are shuffled."""
        return self.shuffled_loss - self.true_loss

    @property
    def azg(self) -> float:
        """How much the loss grows when the actions are zeroed."""
        return self.zeroed_loss - self.true_loss

    @property
    def relative_asg(self) -> float | None:
        """ASG as a share of the true loss; None where that is 0."""
        return self.asg / self.true_loss if self.true_loss else None

    @property
    def relative_azg(self) -> float | None:
        """AZG as a share of the true loss; None where that is 0."""
        return self.azg / self.true_loss if self.true_loss else None


@dataclass(frozen=True, eq=False)
class _Look:
    """One target: losses of its rows, true, shuffled and zeroed actions first; the rest as in ActionDiagnostics."""

    losses: np.ndarray
    sensitivity: float
    weights: Mapping[Network, WeightsSource]
    version: int

    @property
    def chance(self) -> float:
        return 1 / (len(self.losses) - FIRST_CANDIDATE + 1)  # the recorded action is one more

    @property
    def best_is_recorded(self) -> float:
        """1 where the recorded action has the lowest loss, 0 where not, a part where several have it."""
        losses = np.concatenate((self.losses[:1], self.losses[FIRST_CANDIDATE:]))
        is_lowest = losses <= losses.min() * (1 + TIED_WITHIN)
        return float(is_lowest[0] / is_lowest.sum())


def diagnose_actions(
    shared: SharedWorldModel, recording: RecordedSession, history_length: int, targets: int = 16
) -> ActionDiagnostics:
    """Look at up to `targets` (1 to 64) frames of a recording, evenly spread over those with the whole history.

    Where no frame has the whole history, over those with the longest there is: actions are exchanged between histories
    of one length. Raises SessionError (NoHistory where no frame has one), InvalidValue and NotFinite.
    """
    check_whole(targets, "The number of frames to look at", 1, MAX_TARGETS)
    histories = _looked_at(recording, history_length, targets)
    actions = [scaled_actions(recording, history.actions)[None] for history in histories]
    exchanged, candidates = shuffled(actions), _candidates(recording)
    looks, actual = [], []
    for history, others in zip(histories, exchanged, strict=True):
        batch = build_batch(recording, history)
        looks.append(_look(shared, batch, others, candidates))
        actual.append(batch.target)
    spread, sensitivity = variance(torch.cat(actual)), float(np.mean([look.sensitivity for look in looks]))
    same = [torch.equal(own, others) for own, others in zip(actions, exchanged, strict=True)]
    losses = np.stack([look.losses[:FIRST_CANDIDATE] for look in looks])
    return ActionDiagnostics(
        targets=tuple(history.target for history in histories),
        history_length=len(histories[0].frames),
        true_losses=losses[:, TRUE],
        shuffled_losses=losses[:, SHUFFLED],
        zeroed_losses=losses[:, ZEROED],
        sensitivity=sensitivity,
        sensitivity_share=sensitivity / spread if spread else None,
        best_is_recorded=float(np.mean([look.best_is_recorded for look in looks])),
        chance=float(np.mean([look.chance for look in looks])),
        same_share=float(np.mean(same)),
        weights_in_use=looks[-1].weights,
        is_mixed=len({look.version for look in looks}) > 1,
    )


def shuffled(actions: list[Tensor]) -> list[Tensor]:
    """For each history's actions (1, T, A) those of another one, always the same; no history keeps its own.

    A single history has nobody to exchange with: its actions move on by one, the last one to the front.
    """
    if len(actions) == 1:
        return [actions[0].roll(1, dims=1)]
    order = np.random.default_rng(SEED).permutation(len(actions)).tolist()
    # A ring in a drawn order: each takes those of the next one, which is never itself.
    following = dict(zip(order, order[1:] + order[:1], strict=True))
    return [actions[following[place]] for place in range(len(actions))]


def variance(pictures: Tensor) -> float:
    """Population variance over pictures (R, 3, H, W) at each pixel and colour, and the mean of these."""
    # Differences from one of them: equal pictures give exactly 0, however their mean would be rounded.
    return (pictures - pictures[:1]).double().var(dim=0, unbiased=False).mean().item()


def _looked_at(recording: RecordedSession, length: int, most: int) -> list[History]:
    with_context = np.flatnonzero(recording.previous >= 0).tolist()
    if not with_context:
        recording.history(0, length)  # raises, with the sentence that fits this recording
    histories = [recording.history(index, length) for index in with_context]
    longest = max(len(history.frames) for history in histories)
    found = [history for history in histories if len(history.frames) == longest]
    return [found[place] for place in spread(len(found), most)]


def _candidates(recording: RecordedSession) -> Tensor:
    """Up to 16 candidate actions (C, A), those that the network cannot tell apart only once."""
    distinct = torch.unique(scaled_candidates(recording), dim=0)
    return distinct[spread(len(distinct), MAX_CANDIDATES)]


def _look(shared: SharedWorldModel, batch: Batch, others: Tensor, candidates: Tensor) -> _Look:
    """Predict one target with all that is put in place of its actions; raises NotFinite."""
    recorded = batch.actions[0, -1]
    is_recorded = (candidates - recorded).abs().amax(dim=1) < SAME_WITHIN
    rows = _rows(batch.actions, others, candidates[~is_recorded]).to(shared.device)
    with evaluating(shared) as model:
        context = require_finite(model.encode_history(batch.frames.to(shared.device)), "autoencoder")
        pictures = torch.cat([_predicted(model, context, part) for part in rows.split(MAX_ROWS)])
        weights, version = shared.weights, shared.version
    # float64: the square of a large float32 is infinite, and a gap between two such losses no number.
    losses = (pictures - batch.target.to(shared.device)).double().square().mean(dim=(1, 2, 3))
    swept = torch.cat([pictures[TRUE : TRUE + int(is_recorded.any())], pictures[FIRST_CANDIDATE:]])
    return _Look(losses.cpu().numpy(), variance(swept), weights, version)


def _rows(actions: Tensor, others: Tensor, candidates: Tensor) -> Tensor:
    """The actions (1, T, A) as they were, exchanged, zeroed, and each candidate in place of the last: (R, T, A).

    Zeros are the middle of each channel's range once it is scaled, no action in particular. A raw 0 would be one that
    these robots know: to stay.
    """
    _, t, a = actions.shape
    swept = torch.cat([actions[:, :-1].expand(len(candidates), t - 1, a), candidates[:, None]], dim=1)
    return torch.cat([actions, others, torch.zeros_like(actions), swept])


def _predicted(model: AdaptiveWorldModel, context: Tensor, actions: Tensor) -> Tensor:
    """Pictures (R, 3, H, W) after one context (1, T, P, D) and each row of actions (R, T, A)."""
    latents = require_finite(model.predict(context.expand(len(actions), *context.shape[1:]), actions), "predictor")
    return require_finite(model.decode(latents), "autoencoder")
