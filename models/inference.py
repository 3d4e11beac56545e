"""Inference: reconstructions and predictions of a shared world model, as arrays to draw.

Owns the steps from a batch of tensors to pictures and errors, under the model's lock. Tensors end here. Losses equal
those that training reports in evaluation mode: they are computed before pictures are clipped for display.

Shapes: T history, P tokens of a frame (197), D width, A action channels, C candidate actions, H and W picture
height and width.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.adaptive_world_model import AdaptiveWorldModel, PredictedFrame
from models.network import Network
from models.precision import Precision, autocast
from models.shared_world_model import SharedWorldModel, WeightsSource


class NotFinite(ArithmeticError):
    """The output of a network contains infinities or NaN."""

    def __init__(self, network: Network) -> None:
        super().__init__(f"The {network}'s weights give numbers that are not finite; load another checkpoint.")
        self.network = network


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A frame through the autoencoder: uint8 pictures (H, W, 3), squared error over colours (H, W), its mean."""

    input: np.ndarray
    reconstruction: np.ndarray
    error: np.ndarray
    mse: float
    weights: WeightsSource


@dataclass(frozen=True, eq=False)
class CandidatePrediction:
    """Prediction for one action: a uint8 picture (H, W, 3), its squared error to the actual frame (H, W), its mean."""

    picture: np.ndarray
    error: np.ndarray
    mse: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """The frame that followed, the one predicted from the recorded action, and one for every candidate action.

    `recorded` and `best` (the lowest MSE) are indices of `candidates`, or None. `differences`, float32 (C, H, W), are
    the brightness of each candidate's picture above that of the one predicted from the recorded action: mean over the
    colours, each 0 to 1, before clipping. `difference_top` is the largest absolute value of them.
    """

    actual: np.ndarray
    predicted: np.ndarray
    error: np.ndarray
    mse: float
    candidates: tuple[CandidatePrediction, ...]
    recorded: int | None
    best: int | None
    differences: np.ndarray
    difference_top: float
    weights: Mapping[Network, WeightsSource]


@contextmanager
def evaluating(shared: SharedWorldModel, precision: Precision = "float32") -> Iterator[AdaptiveWorldModel]:
    """The model in evaluation mode, without gradients and under its lock; the modes are restored afterwards."""
    with shared.lock, torch.inference_mode(), autocast(shared.device, precision):
        # Each part's own mode: a trainer may hold one network in training mode and not the other.
        training: list[nn.Module] = [part for part in shared.model.modules() if part.training]
        shared.model.eval()
        try:
            yield shared.model
        finally:
            for part in training:
                part.training = True


def run_reconstruction(shared: SharedWorldModel, image: Tensor) -> Reconstruction:
    """Reconstruct a picture (1, 3, H, W) in [0, 1], nothing masked; raises NotFinite."""
    image = image.to(shared.device)
    with evaluating(shared) as model:
        picture = require_finite(model.reconstruct(image), "autoencoder")
        weights = shared.weights["autoencoder"]
        compared = _compare(picture[0], image[0])
    return Reconstruction(to_uint8(image[0]), compared.picture, compared.error, compared.mse, weights)


def run_prediction(
    shared: SharedWorldModel,
    frames: Tensor,
    actions: Tensor,
    target: Tensor,
    candidates: Tensor,
    recorded: int | None,
) -> Prediction:
    """Predict the frame after a history, for its recorded action and for every candidate, in one batch.

    Takes frames (1, T, 3, H, W) and target (1, 3, H, W) in [0, 1], scaled actions (1, T, A) and candidates
    (C, A), and the index of the recorded action among the candidates. Raises NotFinite.
    """
    frames, actions, target, candidates = (x.to(shared.device) for x in (frames, actions, target, candidates))
    with evaluating(shared) as model:
        # Without the recorded action among the candidates it is one more in the batch, a third of the time for two.
        is_listed = recorded is not None and torch.equal(candidates[recorded], actions[0, -1])
        options = candidates if is_listed else torch.cat([candidates, actions[:, -1]])
        context = require_finite(model.encode_history(frames), "autoencoder")
        pictures = finite_pictures(model.predict_counterfactuals(context, actions, options, frames[:, -1]))
        compared = tuple(_compare(picture, target[0]) for picture in pictures)
        index = recorded if is_listed else len(options) - 1
        differences = _differences(pictures[: len(candidates)], pictures[index])
        weights = shared.weights
    of_recorded, swept = compared[index], compared[: len(candidates)]
    best = min(range(len(swept)), key=lambda candidate: swept[candidate].mse, default=None)
    top = float(np.abs(differences).max(initial=0.0))
    actual = to_uint8(target[0])
    return Prediction(
        *(actual, of_recorded.picture, of_recorded.error, of_recorded.mse),
        *(swept, recorded, best, differences, top, weights),
    )


def require_finite(x: Tensor, network: Network) -> Tensor:
    """Returns `x`, an output of `network`; raises NotFinite if a number of it is not finite."""
    if not torch.isfinite(x).all():
        raise NotFinite(network)
    return x


def finite_pictures(predicted: PredictedFrame) -> Tensor:
    """The predicted pictures (B, 3, H, W); raises NotFinite."""
    require_finite(predicted.latents, "predictor")
    return require_finite(predicted.picture, "autoencoder")


def _compare(picture: Tensor, actual: Tensor) -> CandidatePrediction:
    """A float picture (3, H, W) beside the actual one: the error includes what clipping for display would hide."""
    # Finite pictures may be too large to be squared.
    squared = require_finite((picture - actual).square(), "autoencoder")
    return CandidatePrediction(to_uint8(picture), squared.mean(dim=0).cpu().numpy(), squared.mean().item())


def _differences(pictures: Tensor, recorded: Tensor) -> np.ndarray:
    """Brightness of pictures (C, 3, H, W) above that of the recorded action's (3, H, W): float32 (C, H, W)."""
    return (pictures - recorded).mean(dim=1).float().cpu().numpy()


def to_uint8(picture: Tensor) -> np.ndarray:
    """A float picture (3, H, W), clipped to [0, 1], as uint8 (H, W, 3)."""
    return (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
