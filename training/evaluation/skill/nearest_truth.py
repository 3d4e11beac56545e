"""Predictions under every candidate action beside the pictures that are true under them, for simulated recordings.

Which action's true picture is a prediction nearest to? A model that shows the same picture for all actions is right as
often as a guess, however sharp the picture is.

Shapes: C candidate actions, H and W picture height and width (224).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models import SharedWorldModel, run_reconstruction
from session.ground_truth import GroundTruth, TrueFrame
from training.evaluation.baselines import as_float, mse


@dataclass(frozen=True)
class TruthScore:
    """One prediction, from `frame` under the candidate action of index `candidate`.

    `right`: 1 if its nearest true picture, by MSE, is that of its own action, a part of 1 if several are equally near,
    else 0; None if all actions lead to the same picture. `chance`: 1 ÷ number of different true pictures. MSEs of
    pictures of 255 levels against the true one: of the prediction, of repeating the last frame, of the reconstructed
    truth. `pixels`: distance of the states in both, if the simulator tells it.
    """

    frame: int
    candidate: int
    right: float | None
    chance: float
    mse: float
    repeat: float
    reconstruction: float
    pixels: float | None


def compare_with_truth(
    shared: SharedWorldModel, future: GroundTruth, frame: int, last: np.ndarray, predicted: Sequence[np.ndarray]
) -> list[TruthScore]:
    """Compare the predictions (C) from frame `frame`, whose picture is `last`, each uint8 (H, W, 3), with the truth.
    Candidates without a known truth are left out. Raises NotFinite and FrameUnreadable."""
    truths = {number: truth for number in range(len(predicted)) if (truth := future.after([number])) is not None}
    numbers, choices = _different(truths)
    scores = []
    for number, truth in truths.items():
        picture, actual = as_float(predicted[number]), as_float(truth.picture)
        distances = [mse(picture, choice) for choice in choices]
        nearest = [place for place, distance in enumerate(distances) if distance <= min(distances)]
        right = (numbers[number] in nearest) / len(nearest) if len(choices) > 1 else None
        scores.append(
            TruthScore(
                *(frame, number, right, 1 / len(choices)),
                *(distances[numbers[number]], mse(as_float(last), actual), _reconstruction(shared, actual)),
                future.error_px(predicted[number], truth),
            )
        )
    return scores


def _different(truths: dict[int, TrueFrame]) -> tuple[dict[int, int], list[np.ndarray]]:
    """The place of each candidate's true picture among the different ones, and these, float32 (H, W, 3)."""
    places: dict[bytes, int] = {}
    numbers = {number: places.setdefault(truth.picture.tobytes(), len(places)) for number, truth in truths.items()}
    by_place = {numbers[number]: as_float(truth.picture) for number, truth in truths.items()}
    return numbers, [by_place[place] for place in range(len(places))]


def _reconstruction(shared: SharedWorldModel, actual: np.ndarray) -> float:
    """MSE of the reconstruction of a picture, clipped as displayed."""
    image = torch.from_numpy(np.ascontiguousarray(actual.transpose(2, 0, 1)))[None]
    return mse(as_float(run_reconstruction(shared, image).reconstruction), actual)
