"""Predictions for all candidate actions, with uncertainty.

Uncertainty is Monte-Carlo dropout: passes with dropout active are samples of the predictor's weights, and the variance
of their predictions is the disagreement of these samples (Gal & Ghahramani 2016, arXiv 1506.02142). It measures the
uncertainty that more data would reduce, not the noise of the robot itself.

Shapes: T history, A action channels, C candidate actions, H and W picture height and width.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.adaptive_world_model import AdaptiveWorldModel
from models.inference import evaluating, finite_pictures, require_finite, to_uint8
from models.layers import Dropout
from models.shared_world_model import SharedWorldModel


@dataclass(frozen=True, eq=False)
class UncertainPredictions:
    """For each of C candidates a uint8 picture (H, W, 3), predicted without dropout, and the variance over passes with
    dropout, mean over pixels and colours; no variances if no passes were requested."""

    pictures: tuple[np.ndarray, ...]
    uncertainties: tuple[float, ...]


def predict_with_uncertainty(
    shared: SharedWorldModel,
    frames: Tensor,
    actions: Tensor,
    candidates: Tensor,
    passes: int = 0,
    generator: torch.Generator | None = None,
) -> UncertainPredictions:
    """Predict the frame after the last of `frames` for every candidate action; raises NotFinite.

    Takes frames (1, T, 3, H, W) in [0, 1], the scaled actions (1, T − 1, A) between them, and scaled candidates (C, A).
    `passes`: number of passes with dropout, at least 2, or 0 for no uncertainties; their random numbers come from
    `generator`, which must be on the model's device.
    """
    assert passes != 1, "one pass has no variance"
    frames, actions, candidates = (x.to(shared.device) for x in (frames, actions, candidates))
    # Counterfactuals replace the last action: its value does not matter.
    actions = torch.cat([actions, candidates[:1, None]], dim=1)
    with evaluating(shared) as model:
        context = require_finite(model.encode_history(frames), "autoencoder")
        inputs = context, actions, candidates, frames[:, -1]
        pictures = finite_pictures(model.predict_counterfactuals(*inputs))
        variances = []
        if passes:
            with _dropping_out(model, generator):
                samples = (finite_pictures(model.predict_counterfactuals(*inputs)) for _ in range(passes))
                variances = _variances(samples)
    return UncertainPredictions(tuple(map(to_uint8, pictures)), tuple(variances))


def _variances(samples: Iterator[Tensor]) -> list[float]:
    """Variance over samples (C, 3, H, W), mean over pixels and colours; two samples are in memory at a time.

    By Welford's update: the difference of large sums would lose small variances in float32.
    """
    mean, squares, count = 0.0, 0.0, 0
    for sample in samples:
        count += 1
        change = sample - mean
        mean = mean + change / count
        squares = squares + change * (sample - mean)
    return (squares / (count - 1)).mean(dim=(1, 2, 3)).tolist()


@contextmanager
def _dropping_out(model: AdaptiveWorldModel, generator: torch.Generator | None) -> Iterator[None]:
    """Dropout as in training, everything else as in evaluation; generators and modes are restored afterwards.

    Attention weights are never dropped here: torch draws for them from the numbers that all threads share.
    """
    state = [(part, part.training, part.generator) for part in model.modules() if isinstance(part, Dropout)]
    try:
        for part, _, _ in state:
            part.training, part.generator = True, generator
        yield
    finally:
        for part, was_training, previous in state:
            part.training, part.generator = was_training, previous
