"""Statistics of the weights of both networks, layer by layer, and their difference to an earlier copy.

Owns the numbers and pictures of the layers that each network names. It changes no weight and draws no figure (see
`weight_figures.py`). A function of a `SharedWorldModel` takes its lock; for a bare model the caller holds the lock.

Shapes: D width, S side of a patch, G patches along a side (14), k compared patches, M compared positions.
"""

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.adaptive_world_model import AdaptiveWorldModel
from models.inference import NotFinite
from models.network import NETWORKS, Network
from models.shared_world_model import SharedWorldModel, WeightsSource

BINS = 400  # fine: the ones of a norm stretch the range of a block to ten times that of its other weights
LONGEST_HISTORY = 8
COMPARED_POSITIONS = 200
FILTER_PICTURE_WIDTH = 500  # at least, pixels
GAP = 255  # colour between filters


@dataclass(frozen=True)
class LayerGroup:
    """Learned parameters that form one layer for visitors: `keys` of the state dict of the world model."""

    network: Network
    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class WeightStatistics:
    """The weights of one group: their number, mean, standard deviation (of them all, not of a sample), root of the sum
    of squares, least and greatest value, and the counts between each two of `edges`, the last edge included."""

    network: Network
    name: str
    count: int
    mean: float
    std: float
    norm: float
    low: float
    high: float
    histogram: np.ndarray
    edges: np.ndarray


@dataclass(frozen=True)
class TensorStatistics:
    """Statistics of one tensor, for a table: `key` of the state dict of the world model."""

    key: str
    shape: tuple[int, ...]
    count: int
    mean: float
    std: float
    norm: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class WeightChange:
    """One group before and after, counted between the same edges; `change` is the norm of the difference.

    `relative` is change ÷ norm before. If every weight was zero before, it is 0 if nothing changed and 1 if anything
    did (all present weights are new). It is never infinite.
    """

    before: WeightStatistics
    after: WeightStatistics
    change: float
    relative: float


@dataclass(frozen=True, eq=False)
class PositionTables:
    """Cosine similarities and norms of position embeddings.

    `places` (row, column) of the autoencoder's grid by name; `patch_similarity` (k, G, G) of each with all patches;
    `norms` of the predictor's positions (4096,); `tokens` (M,) those compared, `token_similarity` (M, M); `reach` the
    positions that the longest history uses, `stride` those from one frame to the next.
    """

    places: Mapping[str, tuple[int, int]]
    patch_similarity: np.ndarray
    norms: np.ndarray
    tokens: np.ndarray
    token_similarity: np.ndarray
    reach: int
    stride: int


@dataclass(frozen=True, eq=False)
class WeightReport:
    """Statistics of the weights of one moment; `filters` uint8 (H, W, 3), as the function of that name returns."""

    groups: tuple[WeightStatistics, ...]
    tensors: tuple[TensorStatistics, ...]
    filters: np.ndarray
    positions: PositionTables
    weights_in_use: Mapping[Network, WeightsSource]


def inspect_weights(shared: SharedWorldModel) -> WeightReport:
    """Statistics of the weights now; raises NotFinite. They are of a copy, which takes hundredths of a second: training
    and inference wait for the copy alone."""
    with shared.lock:
        model, sources = copy.deepcopy(shared.model), shared.weights
    return WeightReport(
        weight_statistics(model), tensor_statistics(model), filters(model), position_tables(model), sources
    )


def layer_groups(model: AdaptiveWorldModel) -> tuple[LayerGroup, ...]:
    """The layers of both networks in the order of computation; every learned parameter is in exactly one."""
    keys = [key for key, _ in model.named_parameters()]
    groups = []
    for network in NETWORKS:
        for name, starts in model.network(network).layer_groups():
            prefixes = tuple(f"{network}.{start}" for start in starts)
            groups.append(LayerGroup(network, name, tuple(key for key in keys if key.startswith(prefixes))))
    return tuple(group for group in groups if group.keys)  # FiLM is an option


def weight_statistics(model: AdaptiveWorldModel) -> tuple[WeightStatistics, ...]:
    """Statistics of every group; raises NotFinite."""
    weights = dict(model.named_parameters())
    return tuple(_statistics(group, _joined(group.keys, weights)) for group in layer_groups(model))


def tensor_statistics(model: AdaptiveWorldModel) -> tuple[TensorStatistics, ...]:
    """Statistics of every learned tensor, in the order of the groups; raises NotFinite."""
    weights = dict(model.named_parameters())
    network_keys = [(group.network, key) for group in layer_groups(model) for key in group.keys]
    return tuple(
        TensorStatistics(key, tuple(weights[key].shape), *_moments(network, _joined((key,), weights)))
        for network, key in network_keys
    )


def copy_weights(model: AdaptiveWorldModel) -> dict[str, Tensor]:
    """The learned parameters by name, copied to the CPU (41 MB for the standard sizes)."""
    return {key: value.detach().to("cpu", copy=True) for key, value in model.named_parameters()}


def weight_changes(before: Mapping[str, Tensor], model: AdaptiveWorldModel) -> tuple[WeightChange, ...]:
    """Compare a copy of `copy_weights` with the weights of the model now.

    Raises NotFinite, or ValueError if the copy is of a model of another shape.
    """
    now = dict(model.named_parameters())
    if {key: value.shape for key, value in before.items()} != {key: value.shape for key, value in now.items()}:
        raise ValueError("The weights kept before belong to a model of another shape.")
    return tuple(
        _change(group, _joined(group.keys, before), _joined(group.keys, now).cpu()) for group in layer_groups(model)
    )


def _joined(keys: Iterable[str], weights: Mapping[str, Tensor]) -> Tensor:
    """The named tensors as one row; in float64, for a sum of a million float32 loses digits."""
    return torch.cat([weights[key].detach().flatten() for key in keys]).double()


class _Moments(NamedTuple):
    count: int
    mean: float
    std: float
    norm: float
    low: float
    high: float


def _moments(network: Network, values: Tensor) -> _Moments:
    """Of a row of weights; raises NotFinite."""
    norm = torch.linalg.vector_norm(values).item()
    if not math.isfinite(norm):
        raise NotFinite(network)
    low, high = (value.item() for value in values.aminmax())
    return _Moments(values.numel(), values.mean().item(), values.std(correction=0).item(), norm, low, high)


def _statistics(group: LayerGroup, values: Tensor) -> WeightStatistics:
    moments = _moments(group.network, values)
    return _with_histogram(group, values, moments, _edges(moments.low, moments.high))


def _change(group: LayerGroup, before: Tensor, after: Tensor) -> WeightChange:
    first, second = _moments(group.network, before), _moments(group.network, after)
    edges = _edges(min(first.low, second.low), max(first.high, second.high))
    change = torch.linalg.vector_norm(after - before).item()
    return WeightChange(
        _with_histogram(group, before, first, edges),
        _with_histogram(group, after, second, edges),
        change,
        change / first.norm if first.norm else float(change > 0),
    )


def _with_histogram(group: LayerGroup, values: Tensor, moments: _Moments, edges: np.ndarray) -> WeightStatistics:
    counts = torch.histc(values, BINS, edges[0].item(), edges[-1].item()).cpu().numpy().astype(np.int64)
    return WeightStatistics(group.network, group.name, *moments, counts, edges)


def _edges(low: float, high: float) -> np.ndarray:
    # A layer may be all zeros, as FiLM is at the start: a range needs some width around it.
    return np.linspace(low, high, BINS + 1) if low < high else np.linspace(low - 0.5, high + 0.5, BINS + 1)


def filters(model: AdaptiveWorldModel) -> np.ndarray:
    """The filters of the patch embedding in one picture, largest norm first, row by row: uint8 (H, W, 3).

    Mid-grey (128) is zero; each filter is scaled by its own largest absolute value.
    """
    weight = model.autoencoder.patch_embed.proj.weight.detach().float().cpu()  # (D, 3, S, S)
    norms = torch.linalg.vector_norm(weight.flatten(1), dim=1)
    ordered = weight[norms.argsort(descending=True, stable=True)].permute(0, 2, 3, 1).numpy()  # (D, S, S, 3)
    tops = np.abs(ordered).max(axis=(1, 2, 3), keepdims=True)
    shares = np.divide(ordered, tops, out=np.zeros_like(ordered), where=tops > 0)
    return _tiled(np.round(127.5 + 127.5 * shares).astype(np.uint8))


def _tiled(tiles: np.ndarray) -> np.ndarray:
    """Tiles (D, S, S, 3) in a square grid with gaps of one pixel, scaled up as a whole."""
    count, size = tiles.shape[:2]
    columns = math.ceil(math.sqrt(count))
    pitch, rows = size + 1, math.ceil(count / columns)
    picture = np.full((rows * pitch - 1, columns * pitch - 1, 3), GAP, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = (pitch * number for number in divmod(index, columns))
        picture[top : top + size, left : left + size] = tile
    scale = math.ceil(FILTER_PICTURE_WIDTH / picture.shape[1])
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def position_tables(model: AdaptiveWorldModel) -> PositionTables:
    """Similarity of positions: the autoencoder's fixed ones, and the predictor's learned ones."""
    grid, stride = model.config.autoencoder.grid, model.config.autoencoder.tokens + 1
    places = {"corner": (0, 0), "centre": (grid // 2, grid // 2), "edge": (grid // 2, grid - 1)}
    fixed = model.autoencoder.pos_embed[0, 1:].detach()  # the class token's position is zero: similar to none
    marked = fixed[[row * grid + column for row, column in places.values()]]
    embedding = model.predictor.position_embedding.weight.detach()
    reach = min(LONGEST_HISTORY * stride + stride - 1, len(embedding))
    tokens = np.linspace(0, reach - 1, min(COMPARED_POSITIONS, reach)).round().astype(np.int64)
    compared = embedding[torch.from_numpy(tokens).to(embedding.device)]
    return PositionTables(
        places=places,
        patch_similarity=_cosines(marked, fixed).reshape(len(places), grid, grid),
        norms=torch.linalg.vector_norm(embedding, dim=1).cpu().numpy(),
        tokens=tokens,
        token_similarity=_cosines(compared, compared),
        reach=reach,
        stride=stride,
    )


def _cosines(first: Tensor, second: Tensor) -> np.ndarray:
    """Cosine similarity of each row with each, 0 if a vector is zero."""
    return (F.normalize(first, dim=1) @ F.normalize(second, dim=1).T).cpu().numpy()
