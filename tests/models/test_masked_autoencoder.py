import numpy as np
import pytest
import torch

from models import MaskedAutoencoderConfig, MaskedAutoencoderViT
from tests.models import reference
from tests.models.small import AUTOENCODER, generator
from training.optim import EagerAdamW

SIZES = {"heads": 4, "blocks": 5, "size": 16, "grid": 14}


@pytest.fixture(scope="module")
def network():
    return reference.randomize(MaskedAutoencoderViT(), generator()).eval()


@pytest.fixture(scope="module")
def image():
    return torch.rand(1, 3, 224, 224, generator=generator(1))


@pytest.fixture
def small():
    return MaskedAutoencoderViT(AUTOENCODER)


def gap(actual, expected):
    return np.abs(actual.detach().double().numpy() - expected).max()


@torch.inference_mode()
def test_encode_and_decode_give_the_numbers_of_a_plain_reference(network, image):
    w, everything = reference.weights_of(network), list(range(196))
    latents = reference.encode(image[0].double().numpy(), w, everything, **SIZES)
    picture = reference.picture(reference.decode_patches(latents, w, everything, 14), 16, 14)
    assert gap(network.encode(image)[0], latents) < 1e-4
    assert gap(network.decode(torch.tensor(latents[None]).float())[0], picture) < 1e-4
    assert gap(network.reconstruct(image)[0], picture) < 1e-4
    expected = ((picture - image[0].double().numpy()) ** 2).mean()
    assert network.reconstruction_loss(image).item() == pytest.approx(expected, abs=1e-4)


@torch.inference_mode()
def test_a_masked_step_has_the_loss_of_a_plain_reference(network, image):
    w = reference.weights_of(network)
    torch.manual_seed(3)
    _, mask, _ = network.forward_encoder(image, 0.6)
    remaining = [i for i in range(196) if mask[0, i] == 0]
    assert len(remaining) == int(196 * 0.4)
    pixels = image[0].double().numpy()
    decoded = reference.decode_patches(reference.encode(pixels, w, remaining, **SIZES), w, remaining, 14)
    expected = ((reference.picture(decoded, 16, 14) - pixels) ** 2).mean()
    torch.manual_seed(3)
    assert network(image, 0.6).item() == pytest.approx(expected, abs=1e-4)


def test_unpatchify_inverts_patchify(small):
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(small.unpatchify(small.patchify(images)), images)


def test_a_patch_is_flattened_by_row_column_colour(network, image):
    patches = network.patchify(image)[0]
    pixels = image[0].numpy()
    for index in (0, 1, 14, 195):
        assert np.array_equal(patches[index].numpy(), reference.patch(pixels, index, 16, 14))


@pytest.mark.parametrize(("ratio", "remaining"), [(0.30, 137), (0.5, 98), (0.85, 29)])
def test_masking_keeps_the_stated_number_of_patches(network, ratio, remaining):
    x = torch.randn(2, 196, 4)
    x_remaining, mask, ids_restore = network.random_masking(x, ratio)
    assert x_remaining.shape == (2, remaining, 4) and mask.sum(dim=1).tolist() == [196 - remaining] * 2
    assert torch.equal(ids_restore.sort(dim=1).values, torch.arange(196).expand(2, 196))


def test_masking_puts_kept_patches_back_where_they_were(network):
    x = torch.randn(2, 196, 4)
    x_remaining, mask, ids_restore = network.random_masking(x, 0.5)
    padded = torch.cat([x_remaining, torch.zeros(2, 98, 4)], dim=1)
    restored = padded.gather(1, ids_restore[:, :, None].expand(2, 196, 4))
    assert torch.equal(restored, x * (1 - mask[:, :, None]))


def test_masking_differs_between_pictures_and_steps(network):
    x = torch.randn(2, 196, 4)
    first, second = network.random_masking(x, 0.5)[1], network.random_masking(x, 0.5)[1]
    assert not torch.equal(first[0], first[1]) and not torch.equal(first, second)


def test_nothing_masked_is_the_same_as_no_mask(small):
    images = torch.rand(2, 3, 32, 32)
    assert small(images, 0.0).item() == pytest.approx(small.reconstruction_loss(images).item(), abs=1e-6)


def test_positions_are_fixed(small):
    assert {"pos_embed", "decoder_pos_embed"}.isdisjoint(dict(small.named_parameters()))


def test_pictures_of_another_size_are_refused(network):
    with pytest.raises(AssertionError, match="224"):
        network.encode(torch.rand(1, 3, 225, 224))


def test_the_autoencoder_overfits_one_frame(small):
    torch.manual_seed(0)
    frame = torch.rand(1, 3, 32, 32, generator=generator(5))
    optimizer = EagerAdamW(small.parameters(), lr=3e-3)
    before = small.reconstruction_loss(frame).item()
    for _ in range(60):
        small.zero_grad()
        small(frame, 0.5).backward()
        optimizer.step()
    assert small.reconstruction_loss(frame).item() < before / 4


def test_the_same_seed_gives_the_same_weights(small):
    small.reset_weights(generator(7))
    first = {key: value.clone() for key, value in small.state_dict().items()}
    small.reset_weights(generator(8))
    assert not torch.equal(small.cls_token, first["cls_token"])
    small.reset_weights(generator(7))
    assert all(torch.equal(value, first[key]) for key, value in small.state_dict().items())


@pytest.mark.parametrize("wrong", [{"image_size": 225}, {"heads": 3}, {"width": 36, "heads": 6, "decoder_width": 30}])
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match="not a multiple"):
        MaskedAutoencoderConfig(**wrong)


@torch.inference_mode()
def test_patches_decoded_alone_are_those_of_the_whole_picture(network, image):
    latents = network.encode(image)
    subset = torch.tensor([[0, 17, 195]])
    whole = network.patchify(network.decode(latents))
    assert (network.decode_patches(latents[:, subset[0] + 1], subset) - whole[:, subset[0]]).abs().max() < 1e-5
