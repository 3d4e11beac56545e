"""A picture that moves as a whole by the actions, before it is copied."""

from dataclasses import replace

import torch

from models import AdaptiveWorldModel, AdaptiveWorldModelConfig
from models.copying import mix_patches
from models.motion import ACTIONS, GRID, MotionHead, warp
from models.network import PredictorOutput
from tests.models.small import AUTOENCODER, PREDICTOR, generator, history

SIZE = 32
CONFIG = replace(PREDICTOR, shifts=(0, 0, 4, 0), motion_fields=2)


def picture():
    return torch.rand(1, 3, SIZE, SIZE, generator=generator(1))


def constant_flow(across, down):
    """A flow by pixels, the same everywhere."""
    return torch.tensor([across, down])[None, :, None, None].expand(1, 2, GRID, GRID) / SIZE


def world_model():
    return AdaptiveWorldModel(AdaptiveWorldModelConfig(2, AUTOENCODER, CONFIG)).eval()


def test_a_flow_by_whole_pixels_is_a_shift_with_the_border_repeated():
    last = picture()
    moved = warp(last, constant_flow(3.0, -2.0))
    assert torch.allclose(moved[..., 2:, :-3], last[..., :-2, 3:], atol=1e-4)
    assert torch.allclose(moved[..., 0, :-3], last[..., 0, 3:], atol=1e-4)


def test_a_flow_by_half_a_pixel_lies_between_two():
    last = picture()
    between = (last[..., :-1] + last[..., 1:]) / 2
    assert torch.allclose(warp(last, constant_flow(0.5, 0.0))[..., :-1], between, atol=1e-4)


def test_a_patch_is_copied_from_where_the_flow_and_a_shift_lead():
    last, flow = picture(), constant_flow(3.0, 0.0)
    choice = torch.tensor([-1e4, 1e4, -1e4]).expand(1, 16, 3)  # the shift by 4 pixels
    generated = torch.zeros(1, 16, 192)
    mixed, share = mix_patches(PredictorOutput(torch.zeros(0), choice, flow), last, generated, [(0, 0), (4, 0)])
    mixed = AUTOENCODER.build().unpatchify(mixed)
    assert torch.allclose(mixed[..., :-7], last[..., 7:], atol=1e-4)
    assert torch.allclose(mixed[..., -7:], last[..., -1:].expand(-1, -1, -1, 7), atol=1e-4) and not share.any()


def test_the_flow_follows_from_the_last_actions_of_any_history():
    head = MotionHead(2, 3)
    actions = torch.rand(1, ACTIONS + 1, 2, generator=generator(2))
    flow = head(actions)
    assert flow.shape == (1, 2, GRID, GRID) and torch.equal(flow, head(actions[:, 1:]))
    for number in range(1, ACTIONS + 1):
        changed = actions.clone()
        changed[:, number] += 1
        assert not torch.equal(flow, head(changed))
        assert head(actions[:, number:]).shape == flow.shape


def test_every_action_of_a_sweep_moves_the_picture_by_its_own_flow():
    model = world_model()
    frames, actions, _ = history()
    with torch.no_grad():
        latents = model.encode_history(frames)
        candidates = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
        swept = model.predict_counterfactuals(latents, actions, candidates, frames[:, -1]).picture
        for candidate, together in zip(candidates, swept, strict=True):
            alone = model.predict(latents, torch.cat([actions[:, :-1], candidate[None, None]], 1), frames[:, -1])
            assert torch.allclose(alone.picture[0], together, atol=1e-4)
    assert not torch.allclose(*swept, atol=1e-3)


def test_steps_of_a_prediction_leave_the_motion_as_it_was_fitted():
    model = world_model()
    model.prediction_losses(*history()).total.backward()
    assert model.predictor.copy_head.weight.grad.any()
    assert all(one.grad is None for one in model.predictor.motion_head.parameters())
