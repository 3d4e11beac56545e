import threading

import pytest
import torch

from models import DeviceUnavailable, SharedWorldModel, WeightsSource, WorldModels, choose_device
from tests.cases import every_case
from tests.models.small import small_config

CPU = torch.device("cpu")


@every_case(
    ("weights", "words", "is_trained"),
    [
        (WeightsSource(), "untrained", False),
        (WeightsSource("autoencoder.pth", None), "autoencoder.pth", True),
        (WeightsSource("autoencoder.pth", 1200), "autoencoder.pth, step 1,200", True),
        (WeightsSource(None, 7), "step 7", True),
        (WeightsSource(None, 0), "step 0", True),
    ],
)
def test_weights_are_described_in_words(weights, words, is_trained):
    assert weights.describe() == words and weights.is_trained is is_trained


def test_all_visitors_have_the_same_untrained_network():
    torch.manual_seed(1)
    first = SharedWorldModel(small_config(), CPU).model.state_dict()
    torch.manual_seed(2)
    second = SharedWorldModel(small_config(), CPU).model.state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_shared_model_rests_in_evaluation_mode():
    assert not any(part.training for part in SharedWorldModel(small_config(), CPU).model.modules())


def test_weights_in_use_are_a_record_that_never_changes():
    shared = SharedWorldModel(small_config(), CPU)
    before, version = shared.weights, shared.version
    shared.set_weights_source({"predictor": WeightsSource("predictor_0.pth", 5)})
    assert before["predictor"].describe() == "untrained"
    assert shared.weights["predictor"].describe() == "predictor_0.pth, step 5"
    assert shared.weights["autoencoder"].describe() == "untrained"
    assert shared.version > version
    with pytest.raises(TypeError):
        shared.weights["predictor"] = WeightsSource()


def test_networks_are_found_by_name():
    shared = SharedWorldModel(small_config(), CPU)
    assert shared.network("autoencoder") is shared.model.autoencoder
    assert shared.network("predictor") is shared.model.predictor


def test_requests_at_the_same_time_get_one_model():
    registry, barrier, models = WorldModels(CPU), threading.Barrier(4), []

    def ask():
        barrier.wait()
        models.append(registry.get("wheels", 1))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(shared) for shared in models}) == 1 and len(models) == 4


def test_robots_do_not_share_a_model_nor_do_other_channels():
    registry = WorldModels(CPU)
    models = [registry.get("wheels", 1), registry.get("wheels", 2), registry.get("dot", 1)]
    assert len({id(shared) for shared in models}) == 3
    assert [shared.model.predictor.action_channels for shared in models] == [1, 2, 1]
    assert registry.get("dot", 1) is models[2]


@pytest.mark.parametrize(("has_cuda", "name", "kind"), [
    (False, "auto", "cpu"), (False, "cpu", "cpu"), (True, "auto", "cuda"), (True, "cpu", "cpu"), (True, "cuda", "cuda"),
])  # fmt: skip
def test_the_device_follows_name_and_machine(monkeypatch, has_cuda, name, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    assert choose_device(name).type == kind


@pytest.mark.parametrize("name", ["cuda", "tpu", ""])
def test_a_device_that_is_not_there_is_named(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceUnavailable, match="choose auto"):
        choose_device(name)
