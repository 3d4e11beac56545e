"""What the benchmarks compare with: the plain way gives the same numbers, and the operations are counted right."""

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
def test_the_plain_way_gives_the_same_numbers(model, history):
    frames, actions, target, candidates = history
    plain = ReferenceWorldModel(model)
    plain.predictor.eval()
    loss = model.prediction_losses(frames, actions, target).total
    assert plain.prediction_loss(frames, actions, target).item() == pytest.approx(loss.item(), rel=1e-5)
    swept = model.decode(model.predict_counterfactuals(model.encode_history(frames), actions, candidates))
    assert torch.allclose(torch.cat(plain.sweep(frames, actions, candidates)), swept, atol=1e-4)


def test_a_plain_step_changes_what_a_step_changes(model, history):
    frames, actions, target, _ = history
    plain = ReferenceWorldModel(model)
    before = [weight.clone() for weight in (*plain.autoencoder.parameters(), *plain.predictor.parameters())]
    first = plain.predictor_step(frames, actions, target)
    after = [*plain.autoencoder.parameters(), *plain.predictor.parameters()]
    same = sum(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert same == 1  # the mask token has no part in a prediction
    plain.autoencoder_step(target, 0.5)
    assert plain.predictor_step(frames, actions, target) != first


def counted(act):
    """Operations that torch counts; it does not know those of a CPU's own attention."""
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        act()
    return counter.get_total_flops()


def test_the_operations_of_the_autoencoder_are_those_that_torch_counts(model, history):
    target, work, config = history[2], FlopCounts(model.config), model.config.autoencoder
    assert work.encoder(config.patches) == counted(lambda: model.encode(target))
    mask_ratio = 0.5
    masked = work.encoder(config.patches // 2) + work.decoder(config.patches // 2)
    class_token = 2 * config.width * config.decoder_width
    embedded = config.patches // 2 * work.patch_embedding  # of what is masked away afterwards
    assert counted(lambda: model.autoencoder(target, mask_ratio)) == masked + class_token + embedded


def test_the_operations_of_the_predictor_leave_out_what_nobody_reads(model, history):
    frames, actions = history[:2]
    work, context = FlopCounts(model.config), model.encode_history(frames)
    one = counted(lambda: model.predict(context, actions))
    assert 0.8 * one < work.predictor(2) < one  # torch counts attention to what a causal query may not see
    assert work.predictor(2) < work.predictor(2, CANDIDATES) < 2 * work.predictor(2)
    assert work.sweep(2, 1) < work.predictor_step(2) < 4 * work.sweep(2, 1)
