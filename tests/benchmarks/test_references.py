"""The references of the benchmarks: reference networks that compute the same numbers, and counts of operations."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.flop_counts import FlopCounts
from benchmarks.reference_networks import ReferenceWorldModel
from models import AdaptiveWorldModel, AdaptiveWorldModelConfig
from tests.models.reference import randomize

CANDIDATES = 2


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(3)).eval()
    return randomize(model, torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def history():
    generator = torch.Generator().manual_seed(2)
    frames, target = (torch.rand(1, *n, 3, 224, 224, generator=generator) for n in ((2,), ()))
    actions, candidates = (torch.rand(*n, 3, generator=generator) for n in ((1, 2), (CANDIDATES,)))
    return frames, actions, target, candidates


@torch.no_grad()
def test_the_reference_networks_compute_the_same_numbers(model, history):
    frames, actions, target, candidates = history
    reference = ReferenceWorldModel(model)
    reference.predictor.eval()
    loss = model.prediction_losses(frames, actions, target).total
    assert reference.prediction_loss(frames, actions, target).item() == pytest.approx(loss.item(), rel=1e-5)
    swept = model.predict_counterfactuals(model.encode_history(frames), actions, candidates, frames[:, -1]).picture
    assert torch.allclose(torch.cat(reference.sweep(frames, actions, candidates)), swept, atol=1e-4)


def test_a_reference_step_changes_the_same_weights_as_a_step(model, history):
    frames, actions, target, _ = history
    reference = ReferenceWorldModel(model)
    before = [weight.clone() for weight in (*reference.autoencoder.parameters(), *reference.predictor.parameters())]
    first = reference.predictor_step(frames, actions, target)
    after = [*reference.autoencoder.parameters(), *reference.predictor.parameters()]
    same = sum(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert same == 1  # the mask token is not part of a prediction
    reference.autoencoder_step(target, 0.5)
    assert reference.predictor_step(frames, actions, target) != first


def count_operations(act):
    """Operations counted by torch, which cannot count those of the CPU's own attention kernel."""
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        act()
    return counter.get_total_flops()


def test_the_operations_of_the_autoencoder_equal_those_counted_by_torch(model, history):
    target, counts, config = history[2], FlopCounts(model.config), model.config.autoencoder
    assert counts.encoder(config.patches) == count_operations(lambda: model.encode(target))
    mask_ratio = 0.5
    masked = counts.encoder(config.patches // 2) + counts.decoder(config.patches // 2)
    class_token = 2 * config.width * config.decoder_width
    embedded = config.patches // 2 * counts.patch_embedding  # of patches that are masked afterwards
    assert count_operations(lambda: model.autoencoder(target, mask_ratio)) == masked + class_token + embedded


def test_the_operations_of_the_predictor_exclude_unused_work(model, history):
    frames, actions = history[:2]
    counts, context = FlopCounts(model.config), model.encode_history(frames)
    one = count_operations(lambda: model.predictor(context, actions))
    assert 0.8 * one < counts.predictor(2) < one  # torch also counts attention to masked keys
    assert counts.predictor(2) < counts.predictor(2, CANDIDATES) < 2 * counts.predictor(2)
    assert counts.sweep(2, 1) < counts.predictor_step(2) < 4 * counts.sweep(2, 1)
