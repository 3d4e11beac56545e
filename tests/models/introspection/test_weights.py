import math

import numpy as np
import pytest
import torch

from models import (
    ActionPredictorConfig,
    AdaptiveWorldModel,
    AdaptiveWorldModelConfig,
    NotFinite,
    SharedWorldModel,
    copy_weights,
    inspect_weights,
    weight_changes,
)
from models.introspection.weights import filters, layer_groups, position_tables, tensor_statistics, weight_statistics
from tests.models.small import AUTOENCODER, generator, small_config

AUTOENCODER_GROUPS = ["Patch embedding", "Class and mask token", *(f"Block {n}" for n in range(1, 6)), "Final norm"]
PREDICTOR_GROUPS = ["Action embedding", "FiLM", "Action token", "Position embedding", "Token types, future query"]


@pytest.fixture
def shared():
    return SharedWorldModel(small_config(), torch.device("cpu"))


def fill(parameter, values):
    with torch.no_grad():
        parameter.copy_(torch.tensor(values, dtype=torch.float32).reshape(parameter.shape))


def named(groups, name):
    (one,) = [group for group in groups if group.name == name]
    return one


@pytest.mark.parametrize("config", [small_config(), AdaptiveWorldModelConfig(3)], ids=["small", "standard"])
def test_every_learned_parameter_is_in_exactly_one_group(config):
    model = AdaptiveWorldModel(config)
    grouped = [key for group in layer_groups(model) for key in group.keys]
    assert sorted(grouped) == sorted(key for key, _ in model.named_parameters())
    assert not any("pos_embed" in key for key in grouped)
    assert all(key.startswith(f"{group.network}.") for group in layer_groups(model) for key in group.keys)


def test_groups_have_names_for_people_in_the_order_of_computation():
    groups = layer_groups(AdaptiveWorldModel(AdaptiveWorldModelConfig(1)))
    by_network = {
        network: [group.name for group in groups if group.network == network]
        for network in ("autoencoder", "predictor")
    }
    assert by_network["autoencoder"] == [*AUTOENCODER_GROUPS, "Decoder"]
    assert by_network["predictor"] == [*PREDICTOR_GROUPS, *(f"Layer {n}" for n in range(1, 7)), "Output"]


def test_more_than_nine_layers_are_kept_apart():
    predictor = ActionPredictorConfig(width=32, layers=11, heads=4, action_hidden=16, action_width=8)
    groups = layer_groups(AdaptiveWorldModel(AdaptiveWorldModelConfig(1, AUTOENCODER, predictor)))
    sizes = {len(group.keys) for group in groups if group.name.startswith("Layer ")}
    assert sizes == {12}  # as many as one layer has: two weights and biases of attention, two norms, two Linears


def test_a_network_without_film_has_no_such_group():
    predictor = ActionPredictorConfig(width=32, layers=2, heads=4, action_hidden=16, action_width=8, film_after=())
    groups = layer_groups(AdaptiveWorldModel(AdaptiveWorldModelConfig(1, AUTOENCODER, predictor)))
    assert "FiLM" not in [group.name for group in groups]


def test_statistics_of_a_group_are_those_worked_out_by_hand(shared):
    # 32 weights of 3 and 32 biases of -1: mean (96 - 32) / 64 = 1; squared distances 4 and 4: std 2;
    # norm sqrt(32·9 + 32·1) = sqrt(320).
    fill(shared.model.autoencoder.norm.weight, [3.0] * 32)
    fill(shared.model.autoencoder.norm.bias, [-1.0] * 32)
    result = named(weight_statistics(shared.model), "Final norm")
    assert (result.network, result.count, result.low, result.high) == ("autoencoder", 64, -1.0, 3.0)
    assert (result.mean, result.std) == (1.0, 2.0) and result.norm == pytest.approx(math.sqrt(320))
    assert result.edges[0] == -1.0 and result.edges[-1] == 3.0
    assert result.histogram[0] == result.histogram[-1] == 32 and result.histogram.sum() == 64


def test_histograms_count_every_weight_where_it_lies(shared):
    weights = dict(shared.model.named_parameters())
    for group, result in zip(layer_groups(shared.model), weight_statistics(shared.model), strict=True):
        values = torch.cat([weights[key].detach().flatten() for key in group.keys]).double().numpy()
        assert result.histogram.sum() == result.count == values.size
        assert len(result.edges) == len(result.histogram) + 1 and (np.diff(result.edges) > 0).all()
        half = len(result.histogram) // 2
        middle, width = result.edges[half], result.edges[1] - result.edges[0]
        surely_below = (values < middle - width / 10).sum()
        surely_above = (values > middle + width / 10).sum()
        assert surely_below <= result.histogram[:half].sum() <= values.size - surely_above


def test_a_group_of_zeros_has_a_histogram_all_the_same(shared):
    result = named(weight_statistics(shared.model), "FiLM")
    assert (result.mean, result.std, result.norm, result.low, result.high) == (0, 0, 0, 0, 0)
    assert result.histogram.sum() == result.count and result.edges[0] < 0 < result.edges[-1]


def test_a_table_has_a_row_for_each_tensor(shared):
    table = {row.key: row for row in tensor_statistics(shared.model)}
    assert set(table) == {key for key, _ in shared.model.named_parameters()}
    fill(shared.model.autoencoder.cls_token, [1.0, -3.0] * 16)  # mean -1, std 2, norm sqrt(16·1 + 16·9) = sqrt(160)
    row = {row.key: row for row in tensor_statistics(shared.model)}["autoencoder.cls_token"]
    assert (row.shape, row.count, row.mean, row.std, row.low, row.high) == ((1, 1, 32), 32, -1.0, 2.0, -3.0, 1.0)
    assert row.norm == pytest.approx(math.sqrt(160))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_with_the_network_named(shared, bad):
    before = copy_weights(shared.model)
    fill(shared.model.predictor.output_head.bias, [bad] * 32)
    for report in (weight_statistics, tensor_statistics, lambda model: weight_changes(before, model)):
        with pytest.raises(NotFinite, match="predictor's weights"):
            report(shared.model)


def test_a_copy_stays_as_it_was(shared):
    before = copy_weights(shared.model)
    assert set(before) == {key for key, _ in shared.model.named_parameters()}
    assert all(not value.requires_grad and value.device.type == "cpu" for value in before.values())
    copy = before["autoencoder.norm.weight"].clone()
    fill(shared.model.autoencoder.norm.weight, [5.0] * 32)
    assert torch.equal(before["autoencoder.norm.weight"], copy)


def test_exactly_the_group_that_was_edited_changes(shared):
    before = copy_weights(shared.model)
    (group,) = [group for group in layer_groups(shared.model) if group.name == "Block 2"]
    weights = dict(shared.model.named_parameters())
    with torch.no_grad():
        for key in group.keys:
            weights[key].add_(0.25)
    for result in weight_changes(before, shared.model):
        if result.after.name == "Block 2":
            # Every weight moved by 0.25, so the norm of the change is sqrt(count · 0.25²) = 0.25 · sqrt(count).
            assert result.change == pytest.approx(0.25 * math.sqrt(result.before.count), rel=1e-6)
            assert result.relative == pytest.approx(result.change / result.before.norm)
            assert result.after.mean == pytest.approx(result.before.mean + 0.25, abs=1e-6)
        else:
            assert result.change == result.relative == 0.0
            assert np.array_equal(result.before.histogram, result.after.histogram)


@pytest.mark.parametrize("shift", [-7.0, 7.0])
def test_histograms_before_and_after_share_edges_and_count_everything(shared, shift):
    before = copy_weights(shared.model)
    with torch.no_grad():
        shared.model.autoencoder.mask_token += shift
    assert abs(named_change(before, shared, "Class and mask token").after.mean) > 2  # 16 of 48 weights: 7/3
    for change in weight_changes(before, shared.model):
        assert np.array_equal(change.before.edges, change.after.edges)
        assert change.before.histogram.sum() == change.after.histogram.sum() == change.before.count
        assert change.after.edges[0] <= min(change.before.low, change.after.low)
        assert change.after.edges[-1] >= max(change.before.high, change.after.high)


def named_change(before, shared, name):
    (one,) = [change for change in weight_changes(before, shared.model) if change.after.name == name]
    return one


def test_a_change_from_nothing_is_all_new_and_never_infinite(shared):
    before = copy_weights(shared.model)
    assert named_change(before, shared, "FiLM").relative == 0.0
    with torch.no_grad():
        shared.model.predictor.film_layers["0"].to_beta.bias += 0.5
    result = named_change(before, shared, "FiLM")
    assert result.before.norm == 0.0 and result.relative == 1.0
    assert result.change == pytest.approx(0.5 * math.sqrt(32))  # 32 biases moved by 0.5


def test_a_copy_of_another_model_is_refused(shared):
    other = AdaptiveWorldModel(small_config(action_channels=1))
    with pytest.raises(ValueError, match="another shape"):
        weight_changes(copy_weights(other), shared.model)


def tile(picture, index, size=8, columns=6, scale=10):
    """One filter of the small model's picture: 32 in 6 columns, 6·9 - 1 = 53 pixels wide, so ten times as large."""
    small = picture[::scale, ::scale]
    row, column = divmod(index, columns)
    top, left = row * (size + 1), column * (size + 1)
    return small[top : top + size, left : left + size]


def test_filters_come_by_norm_each_in_its_own_scale(shared):
    weight = shared.model.autoencoder.patch_embed.proj.weight
    with torch.no_grad():
        weight.normal_(std=0.01, generator=generator())
        weight[20] = 0.0
        weight[20, 0, 2, 5] = -4.0  # the greatest norm of all: red of row 2, column 5
        weight[20, 1, 2, 5] = 2.0
        weight[11] = 0.0
    picture = filters(shared.model)
    assert picture.dtype == np.uint8 and picture.shape == (530, 530, 3)
    first = tile(picture, 0)
    # 127.5 - 127.5 = 0 for the lowest, 127.5 + 127.5 · 2/4 = 191.25 for half of it upwards, 127.5 for zero.
    assert first[2, 5].tolist() == [0, 191, 128]
    first = np.delete(first.reshape(-1, 3), 2 * 8 + 5, axis=0)
    assert (first == 128).all()
    assert (tile(picture, 31) == 128).all()  # a filter of zeros is last, and mid-grey
    tiles = [tile(picture, index) for index in range(1, 31)]
    assert all(one.min() == 0 or one.max() == 255 for one in tiles)
    assert (picture[80:90] == 255).all() and (picture[:, 80:90] == 255).all()  # the first gaps
    assert (tile(picture, 32) == 255).all()  # no such filter


def test_the_standard_filters_are_a_square_of_sixteen():
    picture = filters(AdaptiveWorldModel(AdaptiveWorldModelConfig(1)))
    assert picture.shape == (542, 542, 3)  # 16 tiles of 16 and 15 gaps are 271 pixels, twice as large


def test_position_similarities_are_cosines(shared):
    embedding = shared.model.predictor.position_embedding.weight
    with torch.no_grad():
        embedding[:3] = 0.0
        embedding[0, :2] = torch.tensor([3.0, 4.0])  # norm 5
        embedding[1, 0] = 2.0  # cosine with the first: 3·2 / (5·2) = 0.6
    result = position_tables(shared.model)
    assert result.norms.shape == (4096,) and result.norms[:3] == pytest.approx([5.0, 2.0, 0.0])
    assert result.stride == 18 and result.reach == 8 * 18 + 17  # a frame has 16 patches, a class token and an action
    assert result.tokens.tolist() == list(range(161)) and result.token_similarity.shape == (161, 161)
    assert result.token_similarity[0, 1] == pytest.approx(0.6)
    assert result.token_similarity[0, 2] == 0.0  # a vector of zeros is like nothing
    assert np.diag(result.token_similarity)[3:] == pytest.approx(1.0)


def test_patches_are_most_like_themselves_and_those_nearby(shared):
    result = position_tables(shared.model)
    assert result.patch_similarity.shape == (3, 4, 4)
    assert result.places == {"corner": (0, 0), "centre": (2, 2), "edge": (2, 3)}
    for (row, column), similarity in zip(result.places.values(), result.patch_similarity, strict=True):
        assert similarity[row, column] == similarity.max() == pytest.approx(1.0)
    corner = result.patch_similarity[0]
    assert (np.diff(corner, axis=0) < 0).all() and (np.diff(corner, axis=1) < 0).all()


def test_standard_positions_are_thinned_out_from_end_to_end():
    result = position_tables(AdaptiveWorldModel(AdaptiveWorldModelConfig(1)))
    assert (result.reach, result.stride) == (1781, 198) and result.patch_similarity.shape == (3, 14, 14)
    assert result.token_similarity.shape == (200, 200)
    assert result.tokens[0] == 0 and result.tokens[-1] == 1780 and (np.diff(result.tokens) > 0).all()


def test_positions_reach_no_further_than_there_are_any():
    predictor = ActionPredictorConfig(width=32, layers=1, heads=4, film_after=(), max_tokens=40)
    result = position_tables(AdaptiveWorldModel(AdaptiveWorldModelConfig(1, AUTOENCODER, predictor)))
    assert result.reach == 40 and len(result.norms) == 40 and result.tokens[-1] == 39


def test_a_report_is_of_one_moment(shared):
    report = inspect_weights(shared)
    assert [group.name for group in report.groups] == [group.name for group in layer_groups(shared.model)]
    assert sum(row.count for row in report.tensors) == sum(group.count for group in report.groups)
    assert np.array_equal(report.filters, filters(shared.model)) and report.positions.reach == 161
    assert report.weights_in_use == shared.weights
