import copy
import itertools
import math

import pytest
import torch
from torch import nn

from tests.cases import every_case
from tests.training.tiny import FAST, are_equal, shared_model, tensors_of
from training import TrainingConfig
from training.optim import NetworkOptimizer, parameter_groups, schedule_factor


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_each_parameter_is_in_exactly_one_group_and_biases_and_norms_are_not_decayed(network):
    module = shared_model().network(network)
    decayed, plain = parameter_groups(module, 0.01)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.01, 0.0)
    names = [name for group in (decayed, plain) for name, _ in group["params"]]
    assert sorted(names) == sorted(name for name, _ in module.named_parameters())
    assert all(parameter is module.get_parameter(name) for name, parameter in decayed["params"] + plain["params"])
    norms = {name for name, part in module.named_modules() if isinstance(part, nn.LayerNorm)}
    assert norms
    expected = {name for name in names if name.endswith("bias") or name.rpartition(".")[0] in norms}
    assert {name for name, _ in plain["params"]} == expected


WARM = TrainingConfig(warmup_steps=600)


def test_the_rate_warms_up_then_follows_a_cosine_to_its_floor():
    lr = 1.5e-4
    assert schedule_factor(0, lr, WARM) == pytest.approx(1 / 600)
    assert schedule_factor(299, lr, WARM) == pytest.approx(0.5)
    assert schedule_factor(599, lr, WARM) == schedule_factor(600, lr, WARM) == 1
    assert schedule_factor(50_600, lr, WARM) == pytest.approx((1 + 0.01) / 2)
    assert schedule_factor(100_600, lr, WARM) == pytest.approx(0.01)
    assert schedule_factor(10**9, lr, WARM) == pytest.approx(0.01)
    factors = [schedule_factor(step, lr, WARM) for step in range(600, 100_601, 100)]
    assert all(later < earlier for earlier, later in itertools.pairwise(factors))


@every_case(("lr", "floor"), [(1e-4, 1e-6), (1e-3, 1e-5), (1e-5, 1e-6), (1e-7, 1e-7)])
def test_the_floor_is_one_percent_or_a_millionth_but_never_more_than_the_rate(lr, floor):
    assert lr * schedule_factor(200_000, lr, WARM) == pytest.approx(floor)


def test_without_warm_up_the_first_step_has_the_whole_rate():
    assert schedule_factor(0, 1e-4, TrainingConfig(warmup_steps=0)) == 1


def test_steps_equal_those_of_plain_adamw():
    """Moments, decay and schedule written out as in Loshchilov and Hutter (arXiv 1711.05101)."""
    network = shared_model().model.autoencoder
    config = TrainingConfig(weight_decay=0.3, warmup_steps=3)
    optimizer = NetworkOptimizer(network, 1e-2, config)
    plain = {name for name, _ in parameter_groups(network, 0.3)[1]["params"]}
    expected = {name: value.detach().clone().double() for name, value in network.named_parameters()}
    moments = {name: (torch.zeros_like(value), torch.zeros_like(value)) for name, value in expected.items()}
    draw = torch.Generator().manual_seed(3)
    for step in range(1, 6):
        lr = 1e-2 * schedule_factor(step - 1, 1e-2, TrainingConfig(warmup_steps=3))
        for name, parameter in network.named_parameters():
            parameter.grad = torch.randn(parameter.shape, generator=draw)
            first, second = moments[name]
            first.lerp_(parameter.grad.double(), 0.1)
            second.lerp_(parameter.grad.double().square(), 0.001)
            expected[name] *= 1 - lr * (0 if name in plain else 0.3)
            update = (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
            expected[name] -= lr * update
        assert optimizer.current_lr == pytest.approx(lr)
        optimizer.step()
    assert optimizer.steps == 5
    for name, parameter in network.named_parameters():
        assert torch.allclose(parameter.double(), expected[name], atol=1e-6), name


def stepped(steps=3):
    """An optimizer after some steps, with its network."""
    network = shared_model().model.autoencoder
    optimizer = NetworkOptimizer(network, 1e-3, FAST)
    for step in range(steps):
        for parameter in network.parameters():
            parameter.grad = torch.full_like(parameter, 0.1 + step)
        optimizer.step()
    return optimizer, network


def test_a_restored_optimizer_goes_on_to_the_bit():
    first, network = stepped()
    other = shared_model().model.autoencoder
    other.load_state_dict(network.state_dict())
    second = NetworkOptimizer(other, 1e-3, FAST)
    assert second.restore(copy.deepcopy(first.state().optimizer), 3)
    assert (second.steps, second.current_lr) == (3, first.current_lr)
    for parameter, twin in zip(network.parameters(), other.parameters(), strict=True):
        parameter.grad, twin.grad = torch.full_like(parameter, 0.3), torch.full_like(twin, 0.3)
    first.step()
    second.step()
    assert are_equal(tensors_of(network), tensors_of(other))


def test_restoring_keeps_the_rates_and_decay_of_ones_own_configuration():
    first, network = stepped()
    second = NetworkOptimizer(network, 2e-3, TrainingConfig(weight_decay=0.5, warmup_steps=600))
    assert second.restore(first.state().optimizer, 300)
    assert second.current_lr == pytest.approx(2e-3 * 301 / 600)
    assert second.state().optimizer["param_groups"][0]["weight_decay"] == 0.5


def unnamed(saved):
    for group in saved["param_groups"]:
        del group["param_names"]


def renamed(saved):
    saved["param_groups"][0]["param_names"][0] = "another.weight"


def names_that_are_lists(saved):
    saved["param_groups"][0]["param_names"][0] = ["cls_token"]


def indices_that_are_lists(saved):
    saved["param_groups"][0]["params"][0] = [0]


def no_groups(saved):
    saved["param_groups"] = None


def no_state(saved):
    saved["state"] = {}


def fewer_names(saved):
    saved["param_groups"][0]["param_names"].pop()


def other_shape(saved):
    saved["state"][0]["exp_avg"] = torch.zeros(2)


def no_number(saved):
    saved["state"][0]["exp_avg"] = torch.full_like(saved["state"][0]["exp_avg"], math.nan)


def too_large_for_float32(saved):
    saved["state"][0]["exp_avg"] = torch.full_like(saved["state"][0]["exp_avg"], 1e300, dtype=torch.float64)


def negative_square(saved):
    saved["state"][0]["exp_avg_sq"] = -torch.ones_like(saved["state"][0]["exp_avg_sq"])


def negative_step(saved):
    saved["state"][0]["step"] = torch.tensor(-1.0)


def whole_numbers(saved):
    saved["state"][0]["step"] = torch.tensor(3)


def not_a_tensor(saved):
    saved["state"][0]["step"] = 3


def another_optimizer(saved):
    saved["state"][0]["max_exp_avg_sq"] = saved["state"][0]["exp_avg_sq"]


SPOILED = [
    unnamed, renamed, names_that_are_lists, indices_that_are_lists, no_groups, no_state, fewer_names, other_shape,
    no_number, too_large_for_float32, negative_square, negative_step, whole_numbers, not_a_tensor, another_optimizer,
]  # fmt: skip


@every_case("spoil", SPOILED)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(spoil):
    saved = stepped()[0].state().optimizer
    saved["param_groups"] = [
        {**group, "params": list(group["params"]), "param_names": list(group["param_names"])}
        for group in saved["param_groups"]
    ]
    saved["state"] = {index: dict(state) for index, state in saved["state"].items()}
    spoil(saved)
    own, _ = stepped(1)
    before = {index: dict(state) for index, state in own.state().optimizer["state"].items()}
    assert not own.restore(saved, 3)
    assert own.steps == 1
    after = own.state().optimizer["state"]
    assert all(after[index][key] is value for index, state in before.items() for key, value in state.items())
