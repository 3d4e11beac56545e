import pytest
import torch

from session.batch import Batch
from training.references import MEAN, REPEATING, references_of, repeating_mse


def batch(target, last=None):
    """One target of this grey, with a context whose last frame has another, or without context."""
    frames = torch.full((1, 2 if last is not None else 0, 3, 4, 4), last or 0.0)
    return Batch(frames, torch.zeros(1, frames.shape[1], 1), torch.full((1, 3, 4, 4), target))


def test_a_prediction_is_compared_with_repeating_and_with_the_mean_picture():
    learned = [batch(0.0, 0.0), batch(1.0, 1.0)]
    known = references_of([batch(0.5, 0.1), batch(0.7, 0.7)], learned)
    assert known.named() == pytest.approx({REPEATING: 0.08, MEAN: 0.02})
    assert (
        known.name == REPEATING and known.skill(0.02) == pytest.approx(0.75) and known.skill(0.16) == pytest.approx(-1)
    )


def test_a_reconstruction_is_compared_with_the_mean_picture_alone():
    known = references_of([batch(1.0)], [batch(0.0), batch(1.0)])
    assert known.named() == pytest.approx({MEAN: 0.25}) and known.name == MEAN
    assert known.skill(0.0) == 1 and repeating_mse([batch(1.0)]) is None


def test_where_a_guess_is_exact_there_is_no_skill():
    assert references_of([batch(0.5, 0.5)], [batch(0.0)]).skill(0.1) is None
