"""The mixture of shifted pixels and generated patches, against plain indexing of pixels."""

from dataclasses import replace

import pytest
import torch

from models import AdaptiveWorldModel, AdaptiveWorldModelConfig
from models.copying import mix_patches
from models.network import PredictorOutput
from tests.models.small import AUTOENCODER, PREDICTOR, generator, history

SHIFTS = [(0, 0), (-3, 0), (2, -5)]
SIZE, PATCH = 32, 8
AE = AUTOENCODER.build()


def output(choice, flow=None):
    """The output of a predictor, without latents."""
    return PredictorOutput(torch.zeros(0), choice, flow)


def chosen(*, shift=None, patches=16, flow=None):
    """An output that is certain of one shift, or of the generated patch."""
    choice = torch.full((1, patches, len(SHIFTS) + 1), -1e4)
    choice[:, :, len(SHIFTS) if shift is None else shift] = 1e4
    return output(choice, flow)


def pictures():
    g = generator(1)
    return torch.rand(1, 3, SIZE, SIZE, generator=g), torch.rand(1, 16, 3 * PATCH * PATCH, generator=g)


def test_a_shift_copies_the_pixels_inside_and_generates_those_from_outside():
    last, generated = pictures()
    drawn = AE.unpatchify(generated)[0]
    for number, (across, down) in enumerate(SHIFTS):
        mixed, share = mix_patches(chosen(shift=number), last, generated, SHIFTS)
        picture, is_generated = AE.unpatchify(mixed)[0], AE.unpatchify(share)[0]
        for row in range(SIZE):
            for column in range(SIZE):
                y, x = row + down, column + across
                is_inside = 0 <= y < SIZE and 0 <= x < SIZE
                expected = last[0, :, y, x] if is_inside else drawn[:, row, column]
                assert torch.equal(picture[:, row, column], expected)
                assert (is_generated[:, row, column] == (not is_inside)).all()


def test_in_a_world_that_wraps_a_shift_takes_from_the_other_side_what_is_outside():
    last, generated = pictures()
    for number, (across, down) in enumerate(SHIFTS):
        mixed, share = mix_patches(chosen(shift=number), last, generated, SHIFTS, wraps=True)
        rolled = last.roll((-down, -across), dims=(2, 3))
        assert torch.equal(AE.unpatchify(mixed), rolled) and not share.any()
    config = replace(PREDICTOR, shifts=(0, 0, -3, 0), picture_size=SIZE, wraps=True)
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(2, AUTOENCODER, config))
    with torch.no_grad():
        model.predictor.copy_head.bias[1] = 1e4
    frames, actions, _ = history()
    picture = model.predict(model.encode_history(frames), actions, frames[:, -1]).picture
    assert torch.equal(picture, frames[:, -1].roll(3, dims=3))
    for wrong in ({"shifts": ()}, {"shifts": (40, 0)}, {"remembered": 3}, {"motion_fields": 1}):
        with pytest.raises(ValueError, match="wraps"):
            replace(config, **wrong)


def test_a_generated_patch_is_left_alone():
    last, generated = pictures()
    mixed = mix_patches(chosen(), last, generated, SHIFTS)
    assert torch.equal(mixed.patches, generated) and (mixed.generated_share == 1).all()


def test_equal_logits_mix_equal_shares():
    last = torch.full((1, 3, SIZE, SIZE), 0.4)
    mixed = mix_patches(output(torch.zeros(1, 16, 4)), last, torch.zeros(1, 16, 192), SHIFTS)
    assert torch.allclose(AE.unpatchify(mixed.patches)[..., 8:24, 8:24], torch.tensor(0.3))


def test_some_patches_are_those_of_all():
    last, generated = pictures()
    choice = torch.randn(1, 16, 4, generator=generator(2))
    some = torch.tensor([[1, 6, 15]])
    whole = mix_patches(output(choice), last, generated, SHIFTS).patches
    part = mix_patches(output(choice[:, some[0]]), last, generated[:, some[0]], SHIFTS, some).patches
    assert torch.allclose(part, whole[:, some[0]], atol=1e-6)


def test_a_predictor_that_copies_starts_with_an_even_mixture_and_can_learn_its_choice():
    config = type(PREDICTOR)(**{**vars(PREDICTOR), "shifts": (0, 0, -3, 0)})
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(2, AUTOENCODER, config))
    frames, actions, target = history()
    losses = model.prediction_losses(frames, actions, target)
    choice = model.predictor.output(model.encode_history(frames), actions).choice
    assert torch.equal(choice, torch.zeros(1, 16, 3))
    losses.total.backward()
    assert model.predictor.copy_head.weight.grad.any()


def test_a_predictor_is_replaced_with_weights_of_a_generator():
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(2, AUTOENCODER, PREDICTOR))
    config = type(PREDICTOR)(**{**vars(PREDICTOR), "shifts": (0, 0)})
    weights = []
    for _ in range(2):
        model.replace_predictor(config, generator(5))
        assert model.config.predictor == model.predictor.config == config
        weights.append(model.predictor.output_head.weight)
    assert torch.equal(*weights)


def test_the_action_by_itself_favours_a_shift_of_all_patches_once_it_has_learned_to():
    config = replace(PREDICTOR, shifts=(0, 0, -3, 0), chooses_by_action=True)
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(2, AUTOENCODER, config))
    frames, actions, target = history()
    latents = model.encode_history(frames)
    assert torch.equal(model.predictor.output(latents, actions).choice, torch.zeros(1, 16, 3))
    model.prediction_losses(frames, actions, target).total.backward()
    assert model.predictor.action_choice.weight.grad.any()
    with torch.no_grad():
        model.predictor.action_choice.bias[1] = 5.0
    choice = model.predictor.sweep(latents, actions.expand(2, -1, -1)).choice
    assert torch.equal(choice, torch.tensor([0.0, 5.0, 0.0]).expand(2, 16, 3))
    with pytest.raises(ValueError, match="chooses_by_action"):
        replace(config, shifts=())
