import math

import pytest
import torch

from models import TransformerActionConditionedPredictor
from tests.training.tiny import shared_model
from training.optim import action_gradient_share, action_parameter_share

PARTS = TransformerActionConditionedPredictor.action_parts
NAMES = [
    "autoencoder.decoder_embed.weight",
    "predictor.action_embed.net.0.weight",
    "predictor.action_token_proj.bias",
    "predictor.film_layers.2.to_gamma.weight",
    "predictor.output_head.weight",
]


def test_the_share_is_of_the_predictors_squared_norms():
    share = action_gradient_share(NAMES, torch.tensor([50.0, 1.0, 2.0, 2.0, 4.0]), PARTS)
    assert share == pytest.approx((1 + 4 + 4) / (1 + 4 + 4 + 16))


def test_no_gradient_on_actions_is_a_share_of_none_and_no_gradient_at_all_is_no_share():
    assert action_gradient_share(NAMES, torch.tensor([9.0, 0.0, 0.0, 0.0, 4.0]), PARTS) == 0.0
    assert action_gradient_share(NAMES, torch.tensor([9.0, 0.0, 0.0, 0.0, 0.0]), PARTS) is None
    assert action_gradient_share(NAMES[:1], torch.tensor([9.0]), PARTS) is None  # a step of the autoencoder


def test_norms_whose_squares_float32_cannot_hold_give_a_share():
    share = action_gradient_share(NAMES, torch.tensor([1.0, 1e30, 0.0, 0.0, 1e30]), PARTS)
    assert share == pytest.approx(0.5) and math.isfinite(share)


def test_the_even_share_counts_parameters():
    # action_embed (1·16 + 16) + (16·8 + 8) + 16, action_token_proj 8·32 + 32, FiLM 2·(8·32 + 32): 1,048 in all.
    # Positions 256·32, types 3·32, query 32; two layers of 4·(32·32 + 32) + 2·64 + (128·32 + 128) + (32·128 + 32);
    # the last norm 64, the head 32·32 + 32.
    layer = 4 * (32 * 32 + 32) + 2 * 64 + (128 * 32 + 128) + (32 * 128 + 32)
    others = 256 * 32 + 3 * 32 + 32 + 2 * layer + 64 + 32 * 32 + 32
    assert action_parameter_share(shared_model().model.predictor) == pytest.approx(1048 / (1048 + others))
