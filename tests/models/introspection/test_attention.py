import math
from dataclasses import asdict, astuple, replace

import numpy as np
import pytest
import torch

from models import NotFinite, SharedWorldModel, WeightsSource, WorldModels
from models import TransformerActionConditionedPredictor as Predictor
from models.introspection.attention import (
    AttentionReport,
    NoSuchLayer,
    NoSuchToken,
    as_uniform,
    attention_by_part,
    attention_on_frames,
    breakdown,
    measure,
    run_attention,
    uniform_attention,
    uniform_baseline,
)
from models.layers import CausalSelfAttention, join_heads
from tests.cases import every_case
from tests.models.reference import randomize
from tests.models.small import PREDICTOR, generator, history, small_config


def layout(t, p, most=4096):
    """Kinds (frame 0, action 1, future 2) and places, written out token by token."""
    kinds, places = [], []
    for index in range(t):
        kinds += [0] * p + [1]
        places += [index] * (p + 1)
    return np.array(kinds + [2] * p)[-most:], np.array(places + [-1] * p)[-most:]


def look_of(weights, t, most=4096):
    """The report for these weights (P, N)."""
    weights = np.asarray(weights, dtype=np.float32)
    kinds, places = layout(t, len(weights), most)
    assert weights.shape[1] == len(kinds)
    measures = measure(weights, kinds, places)
    uniform = measure(uniform_attention(*weights.shape), kinds, places)
    in_use = {"autoencoder": WeightsSource(), "predictor": WeightsSource()}
    baseline = uniform_baseline(*weights.shape)
    return AttentionReport(weights, kinds, places, 5, None, 6, 8, measures, measures, uniform, baseline, in_use)


# Two frames of two tokens:    frame 0  action   frame 1  action   future
HAND = [[0.10, 0.20, 0.05, 0.10, 0.25, 0.20, 0.10, 0.00], [0.00, 0.10, 0.15, 0.30, 0.05, 0.10, 0.20, 0.10]]  # fmt: skip


def test_measures_are_those_computed_by_hand():
    result = measure(np.array(HAND), *layout(2, 2))
    assert result.apa == pytest.approx((0.20 + 0.10) / 2)
    assert result.alf == pytest.approx(((0.10 + 0.25) + (0.30 + 0.05)) / 2)
    on_actions = ((0.05 + 0.20) + (0.15 + 0.10)) / 2
    on_frames = ((0.10 + 0.20 + 0.10 + 0.25) + (0.00 + 0.10 + 0.30 + 0.05)) / 2
    assert result.ttar == pytest.approx(on_actions / on_frames)  # 0.25 / 0.55; the mean of ratios is another number
    assert result.ri16 == pytest.approx(1)  # eight keys are all among the last sixteen


def test_the_recent_sixteen_are_the_last_keys():
    """Six frames of two tokens are 20 keys: 4 to 19 are the last sixteen."""
    attention = np.zeros((2, 20))
    attention[0, [3, 4]] = 0.3, 0.7
    attention[1, [0, 19]] = 0.5, 0.5
    assert measure(attention, *layout(6, 2)).ri16 == pytest.approx((0.7 + 0.5) / 2)


def test_entropy_is_in_nats_and_zero_shares_add_nothing():
    attention = np.zeros((3, 11))
    attention[0, :2] = 0.5
    attention[1, :4] = 0.25
    attention[2, 7] = 1
    assert measure(attention, *layout(2, 3)).entropy == pytest.approx((math.log(2) + math.log(4) + 0) / 3)


@pytest.mark.parametrize(("on_action", "expected"), [(1.0, math.inf), (0.0, math.nan)])
def test_a_ratio_to_nothing_is_no_number(on_action, expected):
    attention = np.array([[0, 0, on_action, 1 - on_action, 0], [0, 0, on_action, 0, 1 - on_action]])
    assert measure(attention, *layout(1, 2)).ttar == pytest.approx(expected, nan_ok=True)


def test_uniform_attention_is_even_over_what_a_query_may_see():
    assert uniform_attention(2, 4) == pytest.approx(np.array([[1 / 3, 1 / 3, 1 / 3, 0], [1 / 4] * 4]))
    assert uniform_baseline(2, 4) == pytest.approx((1 / 3 + 1 / 4) / 2)


@pytest.mark.parametrize("t", [1, 3, 8])
def test_uniform_attention_has_the_uniform_measures(t):
    n = 198 * t + 197
    result = measure(uniform_attention(197, n), *layout(t, 197))
    assert result.apa == pytest.approx(uniform_baseline(197, n))
    assert result.alf == pytest.approx(197 * uniform_baseline(197, n))
    assert result.ttar == pytest.approx(1 / 197)
    assert result.entropy == pytest.approx(np.log(np.arange(n - 197, n) + 1).mean())
    # The i-th key from the end gets attention of the last i queries alone, of each 1 / (position + 1).
    recent = sum(1 / (position + 1) for i in range(1, 17) for position in range(n - i, n)) / 197
    assert result.ri16 == pytest.approx(recent)


def random_predictor(config=PREDICTOR):
    return randomize(Predictor(2, config), generator()).eval()


def inputs(t=4, p=5, b=2):
    g = generator(3)
    return torch.randn(b, t, p, 32, generator=g), torch.rand(b, t, 2, generator=g) * 2 - 1


def entering(predictor, latents, actions):
    """Inputs of each layer's attention in an ordinary prediction, (B, N, D) each."""
    tokens = []
    hooks = [
        layer.self_attn.register_forward_pre_hook(lambda _, arguments: tokens.append(arguments[0]))
        for layer in predictor.transformer_layers
    ]
    predictor(latents, actions)
    for hook in hooks:
        hook.remove()
    return tokens


def torch_attention(ours):
    """torch's own attention with the same weights."""
    width = ours.out_proj.in_features
    theirs = torch.nn.MultiheadAttention(width, ours.heads, batch_first=True).eval()
    theirs.load_state_dict(ours.state_dict())
    return theirs


@pytest.mark.parametrize("most", [4096, 29, 20, 8])
@torch.no_grad()
def test_weights_equal_torchs_own_in_every_layer(most):
    predictor = random_predictor(replace(PREDICTOR, max_tokens=most))
    latents, actions = inputs()
    result = predictor.attention(latents, actions, {0, 1, 2})
    n = min(most, 29)
    hidden = torch.ones(n, n).triu(1).bool()
    for index, x in enumerate(entering(predictor, latents, actions)):
        theirs = torch_attention(predictor.transformer_layers[index].self_attn)
        _, expected = theirs(x, x, x, attn_mask=hidden, average_attn_weights=False)
        assert result[index].shape == (2, 4, 5, n) and result[index].dtype == torch.float32
        assert torch.allclose(result[index], expected[:, :, -5:], atol=1e-6)


@torch.no_grad()
def test_rows_sum_to_one_and_later_tokens_get_no_attention():
    result = random_predictor().attention(*inputs(), range(3))
    for weights in result.values():
        assert torch.allclose(weights.sum(dim=-1), torch.ones(2, 4, 5), atol=1e-6)
        for query in range(5):
            assert not weights[:, :, query, 24 + query + 1 :].any()
            assert (weights[:, :, query, : 24 + query + 1] > 0).all()


@torch.no_grad()
def test_values_weighted_by_them_are_the_layers_output():
    attention = randomize(CausalSelfAttention(32, 4, dropout=0.0), generator())
    x = torch.randn(2, 11, 32, generator=generator(1))
    value = (x @ attention.in_proj_weight[64:].T + attention.in_proj_bias[64:]).reshape(2, 11, 4, 8).transpose(1, 2)
    expected = attention.out_proj(join_heads(attention.weights(x, 5) @ value))
    assert torch.allclose(attention(x, 5), expected, atol=1e-5)


@pytest.mark.parametrize(("requested", "run"), [({0}, []), ({1}, [0]), ({0, 2}, [0, 1]), ({2}, [0, 1])])
def test_only_what_is_asked_for_is_computed(monkeypatch, requested, run):
    predictor = random_predictor()
    ran, weighed = [], []
    for index, layer in enumerate(predictor.transformer_layers):
        layer.register_forward_hook(lambda *_, index=index: ran.append(index))
        original = layer.self_attn.weights
        monkeypatch.setattr(
            layer.self_attn,
            "weights",
            lambda *a, index=index, original=original, **k: weighed.append(index) or original(*a, **k),
        )
    assert set(predictor.attention(*inputs(), requested)) == requested
    assert ran == run and weighed == sorted(requested)


@every_case("requested", [set(), {3}, {-1}, {0, 7}])
def test_the_predictor_refuses_layers_it_does_not_have(requested):
    with pytest.raises(AssertionError, match="not layers"):
        random_predictor().attention(*inputs(), requested)


@every_case("most", [4096, 29, 25, 12, 5])
def test_the_layout_says_which_token_is_which(most):
    """Changing one frame or action changes just the tokens of that kind and place, as far as they are left."""
    predictor = random_predictor(replace(PREDICTOR, max_tokens=most))
    kinds, places = (part.numpy() for part in predictor.token_layout(4, 5))
    assert np.array_equal([kinds, places], layout(4, 5, most))
    latents, actions = inputs(b=1)
    plain = predictor._embed_inputs(latents, actions)[0]
    for index in range(4):
        for kind, changed in ((0, (latents.clone(), actions)), (1, (latents, actions.clone()))):
            changed[kind][:, index] += 1
            is_changed = (predictor._embed_inputs(*changed)[0] != plain).any(dim=2)[0].numpy()
            assert np.array_equal(is_changed, (kinds == kind) & (places == index))


@pytest.fixture
def shared():
    shared = SharedWorldModel(small_config(), torch.device("cpu"))
    randomize(shared.model, generator())
    return shared


def all_weights(shared, frames, actions):
    with torch.inference_mode():
        latents = shared.model.encode_history(frames)
        return [w[0].numpy() for w in shared.model.predictor.attention(latents, actions, range(3)).values()]


def test_a_report_shows_the_last_layers_mean_unless_asked_otherwise(shared):
    frames, actions, _ = history()
    whole = all_weights(shared, frames, actions)
    report = run_attention(shared, frames, actions)
    assert report.weights == pytest.approx(whole[2].mean(axis=0), abs=1e-7) and report.weights.dtype == np.float32
    assert (report.layer, report.head, report.layers, report.heads) == (2, None, 3, 4)
    assert (report.history, report.grid) == (3, 4)
    assert np.array_equal([report.kinds, report.places], layout(3, 17))
    assert report.shown == report.measures == measure(report.weights, report.kinds, report.places)
    assert report.baseline == pytest.approx(report.uniform.apa) == uniform_baseline(17, 71)
    assert asdict(as_uniform(report).shown) == asdict(report.uniform)


@every_case(("layer", "head"), [(0, None), (1, 3), (None, 0), (2, 2)])
def test_any_layer_and_head_can_be_shown_and_the_measures_stay(shared, layer, head):
    frames, actions, _ = history()
    whole = all_weights(shared, frames, actions)[2 if layer is None else layer]
    report = run_attention(shared, frames, actions, layer, head)
    expected = whole.mean(axis=0) if head is None else whole[head]
    assert report.weights == pytest.approx(expected, abs=1e-7)
    assert report.weights.base.untyped_storage().nbytes() == report.weights.nbytes  # the other heads are let go
    assert report.shown == measure(report.weights, report.kinds, report.places) != report.measures
    assert report.measures == run_attention(shared, frames, actions).measures


def test_heads_are_averaged_before_anything_is_measured(shared):
    """The entropy of the mean is larger than the mean of the heads' entropies."""
    frames, actions, _ = history()
    heads = [run_attention(shared, frames, actions, None, head).shown for head in range(4)]
    mean = run_attention(shared, frames, actions).measures
    assert mean.entropy > np.mean([one.entropy for one in heads]) + 1e-3
    assert mean.apa == pytest.approx(np.mean([one.apa for one in heads]), rel=1e-5)


def test_no_more_than_two_layers_are_asked_for(shared, monkeypatch):
    requested, original = [], Predictor.attention

    def watched(self, latents, actions, layers):
        requested.append(layers)
        return original(self, latents, actions, layers)

    monkeypatch.setattr(Predictor, "attention", watched)
    frames, actions, _ = history()
    run_attention(shared, frames, actions, 0)
    run_attention(shared, frames, actions)
    assert requested == [{0, 2}, {2}]


@every_case(
    ("layer", "head", "message"),
    [
        (3, None, "no layer 4; choose one from 1 to 3"),
        (-1, None, "no layer 0; choose one from 1 to 3"),
        (None, 4, "no head 5; choose one from 1 to 4"),
        (0, -1, "no head 0"),
    ],
)
def test_a_layer_or_head_that_does_not_exist_is_named(shared, layer, head, message):
    frames, actions, _ = history()
    with pytest.raises(NoSuchLayer, match=message):
        run_attention(shared, frames, actions, layer, head)


def test_a_report_leaves_modes_weights_and_predictions_alone(shared):
    frames, actions, _ = history()
    with torch.inference_mode():
        latents = shared.model.encode_history(frames)
        before = shared.model.predictor(latents, actions)
    expected = run_attention(shared, frames, actions)
    shared.model.predictor.train()
    shared.model.predictor.dropout.eval()
    modes = [part.training for part in shared.model.modules()]
    assert np.array_equal(run_attention(shared, frames, actions).weights, expected.weights)
    assert [part.training for part in shared.model.modules()] == modes and True in modes
    assert all(parameter.grad is None for parameter in shared.model.parameters())
    shared.model.eval()
    with torch.inference_mode():
        assert torch.equal(shared.model.predictor(latents, actions), before)


def test_weights_that_are_not_finite_are_named(shared):
    frames, actions, _ = history()
    shared.model.predictor.future_query.data.fill_(float("nan"))
    with pytest.raises(NotFinite, match="predictor's weights"):
        run_attention(shared, frames, actions)
    with pytest.raises(NotFinite, match="predictor's weights"):
        run_attention(shared, frames, actions, 0, 1)
    shared.model.autoencoder.cls_token.data.fill_(float("inf"))
    with pytest.raises(NotFinite, match="autoencoder's weights"):
        run_attention(shared, frames, actions)
    assert shared.lock.acquire(blocking=False)
    shared.lock.release()


def test_a_report_names_the_weights_in_use(shared):
    frames, actions, _ = history(t=1)
    shared.set_weights_source({"predictor": WeightsSource("predictor.pth", 9)})
    report = run_attention(shared, frames, actions)
    shared.set_weights_source({"predictor": WeightsSource("predictor.pth", 10)})
    assert report.weights_in_use["predictor"].step == 9 and not report.weights_in_use["autoencoder"].is_trained


def test_the_breakdown_adds_up_for_every_future_token(shared):
    assert breakdown(look_of(HAND, 2)) == pytest.approx(np.array([[0.20, 0.35, 0.45], [0.10, 0.35, 0.55]]))
    frames, actions, _ = history()
    result = breakdown(run_attention(shared, frames, actions))
    assert result.shape == (17, 3) and result.sum(axis=1) == pytest.approx(np.ones(17), abs=1e-6)


def test_shares_by_part_are_those_computed_by_hand():
    result = attention_by_part(look_of(HAND, 2))
    assert result.frames == pytest.approx([(0.10 + 0.20 + 0.00 + 0.10) / 2, (0.10 + 0.25 + 0.30 + 0.05) / 2])
    assert result.actions == pytest.approx([(0.05 + 0.15) / 2, (0.20 + 0.10) / 2])
    assert result.future == pytest.approx((0.10 + 0.20 + 0.10) / 2)


def test_shares_of_uniform_attention_go_by_the_number_of_tokens():
    result = attention_by_part(as_uniform(look_of(HAND, 2)))
    one = (1 / 7 + 1 / 8) / 2  # of a key of both queries
    assert astuple_flat(result) == pytest.approx([2 * one, 2 * one, one, one, one + (1 / 8) / 2])


def astuple_flat(shares):
    frames, actions, future = astuple(shares)
    return [*frames, *actions, future]


def test_attention_on_frames_is_laid_out_as_the_patches_are():
    """Two frames of 2×2 patches: each key's weight is its number, but for the last row."""
    weights = np.tile(np.arange(17.0), (5, 1))
    weights[4] += 10
    report = look_of(weights, 2)
    # Keys: class token 0, patches 1 to 4, action 5; class token 6, patches 7 to 10, action 11; future 12 to 16.
    expected = np.array([[[1, 2], [3, 4]], [[7, 8], [9, 10]]], dtype=np.float32)
    assert np.array_equal(attention_on_frames(report, 0), expected)
    assert np.array_equal(attention_on_frames(report, 4), expected + 10)
    assert attention_on_frames(report, None) == pytest.approx(expected + 2)
    assert attention_on_frames(report).dtype == np.float32


def test_a_patch_that_was_cut_gets_no_attention():
    """Without the three oldest tokens, a class token and two patches, the first frame has its lower row left."""
    report = look_of(np.tile(np.arange(14.0) + 3, (5, 1)), 2, most=14)
    assert np.array_equal(attention_on_frames(report, 0), [[[0, 0], [3, 4]], [[7, 8], [9, 10]]])


@pytest.mark.parametrize("token", [-1, 2])
def test_a_token_that_does_not_exist_is_named(token):
    with pytest.raises(NoSuchToken, match=f"no token {token}; choose one from 0 to 1"):
        attention_on_frames(look_of(HAND, 2), token)


def test_the_full_size_attends_to_eight_frames():
    frames, actions, _ = history(t=8, channels=1, size=224)
    report = run_attention(WorldModels(torch.device("cpu")).get("dot", 1), frames, actions, layer=1, head=7)
    assert report.weights.shape == (197, 1781) and (report.layers, report.heads, report.grid) == (6, 8, 14)
    assert attention_on_frames(report).shape == (8, 14, 14)
