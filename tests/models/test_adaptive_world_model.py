from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from models import ActionPredictorConfig, AdaptiveWorldModel, AdaptiveWorldModelConfig
from tests.models.reference import randomize
from tests.models.small import AUTOENCODER, PREDICTOR, generator, history, small_config


@pytest.fixture
def world_model():
    return randomize(AdaptiveWorldModel(small_config()), generator()).eval()


def test_each_parameter_belongs_to_exactly_one_network(world_model):
    own = [{id(p) for p in part.parameters()} for part in (world_model.autoencoder, world_model.predictor)]
    assert own[0].isdisjoint(own[1])
    assert own[0] | own[1] == {id(p) for p in world_model.parameters()}


@torch.inference_mode()
@pytest.mark.parametrize(
    "options",
    [{}, {"max_tokens": 40}, {"max_tokens": 19}, {"layers": 1, "film_after": (0,)}, {"film_after": (1,)},
     {"delta_latent": True}, {"shifts": (0, 0, -3, 1)}],
    ids=str,
)  # fmt: skip
def test_counterfactuals_share_what_is_before_the_last_action_and_equal_one_by_one(options):
    config = AdaptiveWorldModelConfig(2, AUTOENCODER, replace(PREDICTOR, **options))
    world_model = randomize(AdaptiveWorldModel(config), generator()).eval()
    frames, actions, _ = history()
    latents = world_model.encode_history(frames)
    candidates = torch.rand(4, 2, generator=generator(3)) * 2 - 1
    together = world_model.predict_counterfactuals(latents, actions, candidates, frames[:, -1])
    assert together.latents.shape == (4, 17, 32)
    for candidate, actual in zip(candidates, together.picture, strict=True):
        replaced = actions.clone()
        replaced[0, -1] = candidate
        assert torch.allclose(world_model.predict(latents, replaced, frames[:, -1]).picture[0], actual, atol=1e-5)


@torch.inference_mode()
def test_counterfactuals_leave_the_recorded_actions_alone(world_model):
    frames, actions, _ = history()
    before = actions.clone()
    world_model.predict_counterfactuals(world_model.encode_history(frames), actions, torch.ones(2, 2), frames[:, -1])
    assert torch.equal(actions, before)


@torch.inference_mode()
def test_a_history_of_one_frame_has_counterfactuals(world_model):
    frames, actions, _ = history(t=1)
    latents = world_model.encode_history(frames)
    assert len(world_model.predict_counterfactuals(latents, actions, actions[0], frames[:, -1]).picture) == 1


def test_two_histories_at_once_are_refused(world_model):
    with pytest.raises(AssertionError, match="one history"):
        world_model.predict_counterfactuals(
            torch.zeros(2, 3, 17, 32), torch.zeros(2, 3, 2), torch.zeros(2, 2), torch.zeros(2, 3, 32, 32)
        )


@torch.inference_mode()
def test_a_history_is_encoded_frame_by_frame(world_model):
    frames, _, _ = history(t=3, b=2)
    latents = world_model.encode_history(frames)
    for b in range(2):
        for t in range(3):
            assert torch.allclose(world_model.encode(frames[b, t][None])[0], latents[b, t], atol=1e-5)


def test_the_total_weighs_picture_and_latents(world_model):
    frames, actions, target = history(b=2)
    losses = world_model.prediction_losses(frames, actions, target)
    predicted, picture = world_model.predict(world_model.encode_history(frames), actions, frames[:, -1])
    image = (picture - target).square().mean()
    latent = (predicted - world_model.encode(target)).square().mean()
    assert losses.image.item() == pytest.approx(image.item(), rel=1e-5)
    assert losses.latent.item() == pytest.approx(latent.item(), rel=1e-5)
    assert losses.total.item() == pytest.approx(0.8 * image.item() + 0.2 * latent.item(), rel=1e-5)


def test_gradients_reach_predictor_decoder_and_encoder(world_model):
    world_model.prediction_losses(*history()).total.backward()
    unused = {"mask_token"}  # nothing is masked in a prediction
    for network in (world_model.autoencoder, world_model.predictor):
        without = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()}
        # The embedding's unused rows and the keys' biases (softmax ignores them) have no share in any loss.
        assert {name for name in without if "qkv" not in name} <= unused


def test_the_encoder_learns_through_the_targets_latents_only(world_model):
    frames, actions, target = history()
    world_model.prediction_losses(frames, actions, target).total.backward()
    actual = world_model.autoencoder.patch_embed.proj.weight.grad.clone()
    world_model.zero_grad()
    with torch.no_grad():
        predicted = world_model.predict(world_model.encode_history(frames), actions, frames[:, -1]).latents
    (0.2 * F.mse_loss(world_model.encode(target), predicted)).backward()
    assert torch.allclose(world_model.autoencoder.patch_embed.proj.weight.grad, actual, atol=1e-6)


def test_a_generator_alone_decides_masks_and_dropout(world_model):
    frames, actions, target = history()
    world_model.train()

    def losses(seed: int, disturbance: int) -> list[float]:
        torch.manual_seed(disturbance)
        own = generator(seed)
        world_model.use_generator(own)
        masked = world_model.autoencoder_loss(
            target, 0.5, torch.rand(1, world_model.autoencoder.config.patches, generator=own)
        ).item()
        return [masked, world_model.prediction_losses(frames, actions, target).total.item()]

    assert losses(1, disturbance=1) == losses(1, disturbance=2)
    assert losses(1, disturbance=1) != losses(2, disturbance=1)


def test_a_stated_mask_ratio_is_used(world_model):
    images = torch.rand(1, 3, 32, 32)
    actual = world_model.autoencoder_loss(images, mask_ratio=0.0).item()
    assert actual == pytest.approx(world_model.autoencoder.reconstruction_loss(images).item(), rel=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"action_channels": 0},
        {"action_channels": 1, "autoencoder": AUTOENCODER, "predictor": ActionPredictorConfig()},
    ],
)
def test_settings_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError):
        AdaptiveWorldModelConfig(**wrong)
