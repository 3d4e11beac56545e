from dataclasses import replace

import numpy as np
import pytest
import torch

from models import ActionPredictorConfig
from models import TransformerActionConditionedPredictor as Predictor
from tests.cases import every_case
from tests.models import reference
from tests.models.small import PREDICTOR, generator


def latents_and_actions(t, p=5, width=32, channels=2, b=1, seed=0):
    g = generator(seed)
    return torch.randn(b, t, p, width, generator=g), torch.rand(b, t, channels, generator=g) * 2 - 1


def random_predictor(config=PREDICTOR, channels=2):
    return reference.randomize(Predictor(channels, config), generator()).eval()


def gap_to_reference(predictor, latents, actions):
    config = predictor.config
    expected = reference.predict(
        latents[0].double().numpy(),
        actions[0].double().numpy(),
        reference.weights_of(predictor),
        heads=config.heads,
        layers=config.layers,
        max_tokens=config.max_tokens,
        film_after=config.film_after,
        delta=config.delta_latent,
    )
    with torch.inference_mode():
        return np.abs(predictor(latents, actions)[0].double().numpy() - expected).max()


@pytest.mark.parametrize(("channels", "t"), [(3, 2), (1, 3)])
def test_the_full_size_computes_the_numbers_of_a_plain_reference(channels, t):
    predictor = random_predictor(ActionPredictorConfig(), channels)
    assert gap_to_reference(predictor, *latents_and_actions(t, 197, 256, channels)) < 1e-4


@every_case(
    "config",
    [
        PREDICTOR,
        replace(PREDICTOR, delta_latent=True),
        replace(PREDICTOR, film_after=(2,)),
        replace(PREDICTOR, film_after=()),
        replace(PREDICTOR, layers=1, film_after=(0,)),
    ],
)
def test_every_option_computes_the_numbers_of_a_plain_reference(config):
    assert gap_to_reference(random_predictor(config), *latents_and_actions(4)) < 1e-4


@every_case("most", [29, 28, 27, 12, 5])
def test_the_oldest_tokens_are_cut_and_positions_start_over(most):
    """Four frames of 5 tokens make 29; the reference drops them one by one from the front."""
    predictor = random_predictor(replace(PREDICTOR, max_tokens=most))
    assert gap_to_reference(predictor, *latents_and_actions(4)) < 1e-4


def test_a_full_size_history_is_cut_at_4096_tokens():
    """20 frames make 4,157 tokens: 61 of the first frame go, and nothing else is lost."""
    predictor = random_predictor(replace(PREDICTOR, width=8, heads=1, layers=1, film_after=(), max_tokens=4096))
    latents, actions = latents_and_actions(20, 197, 8)
    changed = latents.clone()
    with torch.inference_mode():
        before = predictor(latents, actions)
        changed[:, 0, :61] += 100
        assert torch.equal(predictor(changed, actions), before)
        changed[:, 0, 61] += 100
        assert not torch.equal(predictor(changed, actions), before)


def test_future_tokens_do_not_reach_the_past():
    """In a layer that keeps all tokens, changing the last ones leaves every earlier output as it was."""
    layer = random_predictor().transformer_layers[0]
    x = torch.randn(1, 20, 32, generator=generator(1))
    changed = x.clone()
    changed[:, 12:] += 1
    before, after = layer(x, 20), layer(changed, 20)
    assert torch.allclose(before[:, :12], after[:, :12], atol=1e-6)
    assert not torch.allclose(before[:, 12:], after[:, 12:], atol=1e-3)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_prediction_changes_with_every_action(index):
    predictor = random_predictor()
    latents, actions = latents_and_actions(3)
    changed = actions.clone()
    changed[:, index, 1] += 0.5
    assert (predictor(latents, actions) - predictor(latents, changed)).abs().max() > 1e-3


def test_a_fresh_predictor_ignores_film_but_not_the_action_token():
    predictor = Predictor(2, PREDICTOR).eval()
    assert all(not parameter.any() for parameter in predictor.film_layers.parameters())
    latents, actions = latents_and_actions(3)
    assert not torch.equal(predictor(latents, actions), predictor(latents, -actions))


def test_dropout_acts_in_training_only():
    predictor = random_predictor()
    latents, actions = latents_and_actions(2)
    assert torch.equal(predictor(latents, actions), predictor(latents, actions))
    predictor.train()
    assert not torch.equal(predictor(latents, actions), predictor(latents, actions))


def test_a_batch_equals_its_parts():
    predictor = random_predictor()
    latents, actions = latents_and_actions(3, b=3)
    whole = predictor(latents, actions)
    for i in range(3):
        assert torch.allclose(predictor(latents[i : i + 1], actions[i : i + 1]), whole[i : i + 1], atol=1e-5)


def test_gradients_reach_every_weight_that_a_history_uses():
    predictor = random_predictor()
    predictor(*latents_and_actions(3)).square().mean().backward()
    assert [name for name, parameter in predictor.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("t", [2, 4])
def test_actions_that_do_not_match_the_frames_are_refused(t):
    latents, _ = latents_and_actions(3)
    with pytest.raises(AssertionError, match="expected actions"):
        random_predictor()(latents, torch.zeros(1, t, 2))


@every_case("wrong", [{"heads": 7}, {"film_after": (6,)}, {"dropout": 1.0}, {"attention_dropout": -0.1}])
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match="not"):
        ActionPredictorConfig(**wrong)


def test_a_robot_without_actions_is_refused():
    with pytest.raises(ValueError, match="action_channels 0"):
        Predictor(action_channels=0)


def test_a_subset_of_the_tokens_is_predicted_as_if_there_were_no_others():
    predictor = random_predictor()
    latents, actions = latents_and_actions(3, p=6, b=2)
    subset = torch.tensor([[0, 2, 5], [0, 1, 3]])
    with torch.inference_mode():
        predicted = predictor(latents, actions, subset)
        for row, tokens in enumerate(subset.tolist()):
            # The same network if the sequence has no other tokens: each token keeps the position it has among all six.
            positions = [frame * 7 + token for frame in range(4) for token in (*tokens, 6)]
            alone = random_predictor()
            alone.position_embedding.weight[: len(positions)] = predictor.position_embedding.weight[positions]
            expected = alone(latents[row : row + 1, :, tokens], actions[row : row + 1])
            assert (predicted[row] - expected[0]).abs().max() < 1e-5


@pytest.mark.parametrize("delta", [False, True])
def test_keeping_all_tokens_changes_nothing(delta):
    predictor = random_predictor(replace(PREDICTOR, delta_latent=delta))
    latents, actions = latents_and_actions(2, p=6)
    with torch.inference_mode():
        predicted = predictor(latents, actions, torch.arange(6)[None])
        assert torch.equal(predicted, predictor(latents, actions))


def test_a_history_that_is_cut_cannot_be_thinned():
    predictor = random_predictor(replace(PREDICTOR, max_tokens=12))
    latents, actions = latents_and_actions(3, p=6)
    with pytest.raises(AssertionError, match="cannot be thinned"):
        predictor(latents, actions, torch.tensor([[0, 1]]))
