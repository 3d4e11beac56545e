"""Attention of the predictor's future tokens: weights as arrays, and the numbers that summarize them.

Owns the measures and the computation of a layer's weights from a history, under the model's lock. Tensors end here.
The network is in `action_predictor.py`; pictures are in `attention_figures.py`.

Shapes: T history, P tokens of a frame (197), as many future tokens, N tokens of the whole sequence, A action
channels, H heads. Attention is (P, N): a row for each future token, the query, that sums to 1 over the keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isqrt

import numpy as np
from torch import Tensor

from models.action_predictor import ACTION_TOKEN, FRAME_TOKEN, FUTURE_TOKEN
from models.inference import evaluating, require_finite
from models.network import Network
from models.shared_world_model import SharedWorldModel, WeightsSource

RECENT = 16  # key positions that RI@16 counts


class NoSuchLayer(ValueError):
    """A layer or a head of the predictor that does not exist; people count both from 1."""

    def __init__(self, part: str, index: int, count: int) -> None:
        super().__init__(f"The predictor has no {part} {index + 1}; choose one from 1 to {count}.")


class NoSuchToken(ValueError):
    """A token of the predicted frame that does not exist."""

    def __init__(self, token: int, count: int) -> None:
        super().__init__(f"The predicted frame has no token {token}; choose one from 0 to {count - 1}.")


@dataclass(frozen=True)
class AttentionMeasures:
    """Attention in five numbers, heads averaged first, then queries.

    `apa`: on the last action token. `alf`: on the last frame's tokens. `ttar`: on all action tokens ÷ on all
    frame tokens, infinite or NaN if nothing falls on frames. `ri16`: on the last 16 key positions.
    `entropy`: of a query's attention over the keys, in nats.
    """

    apa: float
    alf: float
    ttar: float
    ri16: float
    entropy: float


@dataclass(frozen=True, eq=False)
class AttentionShares:
    """Attention on each part of the sequence, mean of the queries: frames (T,), actions (T,), future tokens."""

    frames: np.ndarray
    actions: np.ndarray
    future: float


@dataclass(frozen=True, eq=False)
class AttentionReport:
    """Attention of the future tokens in one layer: `weights` float32 (P, N) of one head, or the heads' mean.

    `kinds` and `places` (N,) are the token layout; `layer` and `head` count from 0, `head` is None for the mean,
    `layers` and `heads` are their numbers. `shown` measures these weights, `measures` the last layer's heads' mean,
    `uniform` attention that is spread evenly over all keys of a query; `baseline` is its APA.
    """

    weights: np.ndarray
    kinds: np.ndarray
    places: np.ndarray
    layer: int
    head: int | None
    layers: int
    heads: int
    measures: AttentionMeasures
    shown: AttentionMeasures
    uniform: AttentionMeasures
    baseline: float
    weights_in_use: Mapping[Network, WeightsSource]

    @property
    def history(self) -> int:
        """Number of context frames, T."""
        return int(self.places.max()) + 1

    @property
    def grid(self) -> int:
        """Patches along one side of a frame."""
        return isqrt(len(self.weights) - 1)


def run_attention(
    shared: SharedWorldModel, frames: Tensor, actions: Tensor, layer: int | None = None, head: int | None = None
) -> AttentionReport:
    """Attention of a layer (None: the last) and head (None: their mean) during the prediction of the next frame.

    Takes frames (1, T, 3, H, W) in [0, 1] and scaled actions (1, T, A). Raises NoSuchLayer and NotFinite.
    """
    sizes = shared.model.config.predictor
    last = sizes.layers - 1
    layer = last if layer is None else layer
    _check("layer", layer, sizes.layers)
    if head is not None:
        _check("head", head, sizes.heads)
    frames, actions = frames.to(shared.device), actions.to(shared.device)
    with evaluating(shared) as model:
        latents = require_finite(model.encode_history(frames), "autoencoder")
        by_layer = model.predictor.attention(latents, actions, {layer, last})
        mean = require_finite(by_layer[last][0].mean(dim=0), "predictor").cpu().numpy()
        heads = require_finite(by_layer[layer][0], "predictor")
        weights = (heads.mean(dim=0) if head is None else heads[head].clone()).cpu().numpy()
        t, p = latents.shape[1:3]
        kinds, places = (part.cpu().numpy() for part in model.predictor.token_layout(t, p))
        in_use = shared.weights
    even = uniform_attention(*mean.shape)
    return AttentionReport(
        weights=weights,
        kinds=kinds,
        places=places,
        layer=layer,
        head=head,
        layers=sizes.layers,
        heads=sizes.heads,
        measures=measure(mean, kinds, places),
        shown=measure(weights, kinds, places),
        uniform=measure(even, kinds, places),
        baseline=uniform_baseline(*mean.shape),
        weights_in_use=in_use,
    )


def measure(attention: np.ndarray, kinds: np.ndarray, places: np.ndarray) -> AttentionMeasures:
    """The measures of attention (P, N), heads already averaged, for a token layout (N,)."""
    attention = attention.astype(np.float64)
    on_key = attention.mean(axis=0)  # (N,)
    is_last = places == places.max()
    is_action, is_frame = kinds == ACTION_TOKEN, kinds == FRAME_TOKEN
    # A share of 0 adds nothing to the entropy, but its logarithm is not finite.
    logarithms = np.log(attention, out=np.zeros_like(attention), where=attention > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ttar = on_key[is_action].sum() / on_key[is_frame].sum()
    return AttentionMeasures(
        apa=float(on_key[is_action & is_last].sum()),
        alf=float(on_key[is_frame & is_last].sum()),
        ttar=float(ttar),
        ri16=float(on_key[-RECENT:].sum()),
        entropy=float(-(attention * logarithms).sum(axis=1).mean()),
    )


def uniform_attention(queries: int, keys: int) -> np.ndarray:
    """Attention (P, N) that each of the last queries spreads evenly over itself and all before it."""
    counts = np.arange(keys - queries, keys)[:, None] + 1  # of the keys of each query
    return np.where(np.arange(keys) < counts, 1 / counts, 0.0)


def uniform_baseline(queries: int, keys: int) -> float:
    """Mean of 1 / (query position + 1): the share of one key if attention is spread evenly."""
    return float((1 / (np.arange(keys - queries, keys) + 1)).mean())


def as_uniform(report: AttentionReport) -> AttentionReport:
    """The report for attention that is spread evenly, as a reference."""
    return replace(report, weights=uniform_attention(*report.weights.shape), shown=report.uniform)


def breakdown(report: AttentionReport) -> np.ndarray:
    """For each future token its attention on the last action, the last frame and all the rest: (P, 3)."""
    is_last = report.places == report.history - 1
    is_action, is_frame = is_last & (report.kinds == ACTION_TOKEN), is_last & (report.kinds == FRAME_TOKEN)
    parts = (is_action, is_frame, ~(is_action | is_frame))
    return np.stack([report.weights[:, part].sum(axis=1, dtype=np.float64) for part in parts], axis=1)


def attention_by_part(report: AttentionReport) -> AttentionShares:
    """Attention on the frames, the actions and the future tokens, mean of the queries."""
    on_key = report.weights.mean(axis=0, dtype=np.float64)
    history = range(report.history)
    frames, actions = (
        np.array([on_key[(report.kinds == kind) & (report.places == place)].sum() for place in history])
        for kind in (FRAME_TOKEN, ACTION_TOKEN)
    )
    return AttentionShares(frames, actions, float(on_key[report.kinds == FUTURE_TOKEN].sum()))


def attention_on_frames(report: AttentionReport, token: int | None = None) -> np.ndarray:
    """Attention on each patch of every context frame, float32 (T, grid, grid); without class tokens.

    Of one future token (0 is the class token, then the patches row by row), or the mean of all. A patch that was
    cut because the sequence was too long gets 0. Raises NoSuchToken.
    """
    p, n = report.weights.shape
    if token is not None and not 0 <= token < p:
        raise NoSuchToken(token, p)
    on_key = report.weights.mean(axis=0) if token is None else report.weights[token]
    t, grid = report.history, report.grid
    whole = np.zeros(t * (p + 1), dtype=np.float32)
    whole[t * (p + 1) - (n - p) :] = on_key[: n - p]
    return whole.reshape(t, p + 1)[:, 1:p].reshape(t, grid, grid)


def _check(part: str, index: int, count: int) -> None:
    if not 0 <= index < count:
        raise NoSuchLayer(part, index, count)
