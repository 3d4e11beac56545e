import pytest
import torch

from models import ActionPredictorConfig, TransformerActionConditionedPredictor
from models.spatiotemporal_init import OFFSETS, initialize_spatiotemporal
from tests.models.small import PREDICTOR, generator

GRID, FRAME = 14, 14 * 14 + 2


@pytest.fixture(scope="module")
def predictor():
    predictor = TransformerActionConditionedPredictor(1).eval()
    predictor.reset_weights(generator())
    initialize_spatiotemporal(predictor, GRID)
    return predictor


@pytest.mark.parametrize("history", [1, 3, 8])
def test_each_head_attends_to_its_patch_of_the_last_frame(predictor, history):
    """Latents of nothing but zeros: attention is decided by positions alone."""
    row, column = 6, 9
    with torch.inference_mode():
        latents = torch.zeros(1, history, GRID * GRID + 1, 256)
        weights = predictor.attention(latents, torch.zeros(1, history, 1), [0])[0][0]
    for head, (down, right) in enumerate(OFFSETS):
        token = (history - 1) * FRAME + 1 + (row + down) * GRID + column + right
        attention = weights[head, 1 + row * GRID + column]
        assert attention.argmax() == token
        assert attention[token] > 0.3


def test_weights_that_are_not_set_stay_random(predictor):
    """The last head and all values: a start that fixed them would leave less to learn with."""
    weight = predictor.transformer_layers[3].self_attn.in_proj_weight
    assert (weight[7 * 32 : 8 * 32] != 0).all() and (weight[512:] != 0).all()


def test_heads_of_an_unfit_width_are_refused():
    with pytest.raises(ValueError, match="multiple of 16"):
        initialize_spatiotemporal(TransformerActionConditionedPredictor(1, PREDICTOR), 4)


def test_a_sequence_that_ends_within_a_frame_has_a_code_to_its_end():
    config = ActionPredictorConfig(width=32, layers=1, heads=2, film_after=(), max_tokens=40)
    predictor = TransformerActionConditionedPredictor(1, config)
    initialize_spatiotemporal(predictor, 4)
    assert predictor.position_embedding.weight.abs().amax(dim=1).min() > 0.5
