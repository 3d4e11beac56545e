import numpy as np
import pytest
import torch

from models.layers import CausalSelfAttention, FiLM, causal_mask, sincos_positions
from tests.models import reference
from tests.models.small import generator


@pytest.mark.parametrize("width", [256, 128])
def test_positions_are_those_of_the_formula(width):
    positions = sincos_positions(14, width)
    assert positions.shape == (1, 197, width) and positions.dtype == torch.float32
    assert np.abs(positions[0].double().numpy() - reference.positions(14, width)).max() < 1e-6


def test_the_class_token_has_position_zero():
    assert not sincos_positions(14, 256)[0, 0].any()


def test_the_causal_mask_of_the_last_tokens_is_the_end_of_the_whole_one():
    whole = causal_mask(7, 7, torch.device("cpu"))
    assert torch.equal(whole, torch.ones(7, 7).tril().bool())
    assert torch.equal(causal_mask(3, 7, torch.device("cpu")), whole[-3:])


def test_attention_of_the_last_tokens_alone_equals_the_end_of_the_whole():
    attention = reference.randomize(CausalSelfAttention(32, 4, dropout=0.0), generator())
    x = torch.randn(2, 11, 32, generator=generator(1))
    assert torch.allclose(attention(x, 4), attention(x, 11)[:, -4:], atol=1e-6)


def test_attention_dropout_acts_in_training_only():
    attention = reference.randomize(CausalSelfAttention(32, 4, dropout=0.5), generator())
    x = torch.randn(1, 9, 32, generator=generator(1))
    assert not torch.equal(attention(x, 9), attention(x, 9))
    attention.eval()
    assert torch.equal(attention(x, 9), attention(x, 9))


def test_fresh_film_changes_nothing():
    film = FiLM(8, 32)
    film.reset_weights()
    x = torch.randn(2, 5, 32, generator=generator())
    assert torch.equal(film(x, torch.randn(2, 8)), x)
