import itertools
import threading

import pytest
import torch

from models import SharedWorldModel, WeightsSource, run_reconstruction
from tests.cases import every_case
from tests.models.small import history, small_config
from tests.training.checkpoint_files import autoencoder, notebook_file, predictor
from training import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointKeysDiffer,
    CheckpointNotFinite,
    CheckpointNotFound,
    CheckpointShapesDiffer,
    TrainingManager,
    WrongNetwork,
    load_checkpoint,
)


def tensors_of(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def are_equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def refused(path, model, kind):
    """The message of a refusal, after checking that it is one plain sentence and cost the model nothing."""
    before = tensors_of(model)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, model)
    message = str(caught.value)
    assert type(caught.value) is kind, message
    assert are_equal(tensors_of(model), before)
    assert str(path.parent) not in message and "\n" not in message and message.endswith(".") and len(message) < 400
    assert path.name in message and "choose" in message
    return message


def test_an_autoencoder_of_the_notebook_loads(tmp_path):
    saved, model = autoencoder(1), autoencoder(2)
    info = load_checkpoint(notebook_file(tmp_path / "autoencoder.pth", saved), model)
    assert are_equal(model.state_dict(), saved.state_dict())
    assert (info.file, info.step, info.notes) == ("autoencoder.pth", 5, ())


def test_a_predictor_of_the_notebook_loads_and_its_autoencoder_is_left_aside(tmp_path):
    saved, model = predictor(1), predictor(2)
    info = load_checkpoint(notebook_file(tmp_path / "predictor_0.pth", saved, copied=autoencoder()), model)
    assert are_equal(model.state_dict(), saved.state_dict())
    assert info.step == 5 and len(info.notes) == 1 and "autoencoder" in info.notes[0]


@pytest.mark.parametrize("make", [autoencoder, predictor])
def test_a_bare_state_dict_loads(tmp_path, make):
    saved, model = make(1), make(2)
    torch.save(saved.state_dict(), tmp_path / "bare.pth")
    info = load_checkpoint(tmp_path / "bare.pth", model)
    assert are_equal(model.state_dict(), saved.state_dict()) and info.step is None


def test_a_path_may_be_text(tmp_path):
    torch.save(autoencoder(1).state_dict(), tmp_path / "bare.pth")
    assert load_checkpoint(str(tmp_path / "bare.pth"), autoencoder()).file == "bare.pth"


@every_case(
    ("changes", "step"),
    [
        ({}, 5),
        ({"scheduler_state_dict": None}, 5),
        ({"scheduler_state_dict": {"last_epoch": "many"}}, 5),
        ({"scheduler_state_dict": {"last_epoch": 1200}, "optimizer_state_dict": None}, 1200),
        ({"scheduler_state_dict": None, "optimizer_state_dict": None}, None),
        ({"scheduler_state_dict": None, "optimizer_state_dict": {"state": {0: {"step": 7}, 1: {"step": 9.0}}}}, 9),
        ({"scheduler_state_dict": [], "optimizer_state_dict": {"state": {0: {"step": float("nan")}, 1: 3}}}, None),
        ({"scheduler_state_dict": {"last_epoch": -1}, "optimizer_state_dict": "none"}, None),
    ],
)
def test_the_step_comes_from_the_schedule_or_else_the_optimizer(tmp_path, changes, step):
    path = notebook_file(tmp_path / "autoencoder.pth", autoencoder(1), **changes)
    assert load_checkpoint(path, autoencoder()).step == step


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_are_converted(tmp_path, dtype):
    saved, model = autoencoder(1), autoencoder(2)
    torch.save({key: value.to(dtype) for key, value in saved.state_dict().items()}, tmp_path / "other.pth")
    load_checkpoint(tmp_path / "other.pth", model)
    assert model.cls_token.dtype == torch.float32
    assert torch.equal(model.cls_token, saved.cls_token.to(dtype).float())


def test_weights_are_loaded_in_place(tmp_path):
    """An optimizer that holds the parameters goes on with the loaded ones."""
    torch.save(autoencoder(1).state_dict(), tmp_path / "a.pth")
    model = autoencoder(2)
    before = [id(parameter) for parameter in model.parameters()]
    load_checkpoint(tmp_path / "a.pth", model)
    assert [id(parameter) for parameter in model.parameters()] == before
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    refused(tmp_path / "nothing.pth", autoencoder(), CheckpointNotFound)
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file" / "below.pth", autoencoder(), CheckpointNotFound)


def test_a_file_of_the_other_network_is_named(tmp_path):
    of_autoencoder = notebook_file(tmp_path / "autoencoder.pth", autoencoder())
    of_predictor = notebook_file(tmp_path / "predictor_0.pth", predictor(), copied=autoencoder())
    assert "contains autoencoder weights" in refused(of_autoencoder, predictor(), WrongNetwork)
    assert "contains predictor weights" in refused(of_predictor, autoencoder(), WrongNetwork)


def test_differing_names_are_counted_and_named(tmp_path):
    tensors = autoencoder().state_dict()
    for key in [key for key in tensors if key.startswith("blocks.1.")]:
        del tensors[key]
    torch.save(tensors | {"extra\n" + "x" * 200: torch.zeros(1)}, tmp_path / "a.pth")
    message = refused(tmp_path / "a.pth", autoencoder(), CheckpointKeysDiffer)
    assert "12 names missing (blocks.1.norm1.weight, " in message and "1 name not known (extra?xxx" in message


def test_other_action_channels_are_said_in_words(tmp_path):
    torch.save(predictor(channels=3).state_dict(), tmp_path / "p.pth")
    message = refused(tmp_path / "p.pth", predictor(channels=1), CheckpointShapesDiffer)
    assert "a predictor for 3 action channels, this robot has 1" in message


def test_other_sizes_are_said_with_numbers(tmp_path):
    torch.save(autoencoder().state_dict() | {"mask_token": torch.zeros(1, 1, 4)}, tmp_path / "a.pth")
    message = refused(tmp_path / "a.pth", autoencoder(), CheckpointShapesDiffer)
    assert "mask_token is (1, 1, 4) where (1, 1, 16) is needed" in message


@every_case(
    "value",
    [
        torch.zeros(1, 1, 32, dtype=torch.int64),
        torch.zeros(1, 1, 32, dtype=torch.bool),
        torch.full((1, 1, 32), float("nan")),
        torch.full((1, 1, 32), float("inf")),
        torch.full((1, 1, 32), 1e300, dtype=torch.float64),
    ],
)
def test_weights_that_are_no_finite_numbers_are_refused(tmp_path, value):
    torch.save(autoencoder().state_dict() | {"cls_token": value}, tmp_path / "a.pth")
    assert "cls_token" in refused(tmp_path / "a.pth", autoencoder(), CheckpointNotFinite)


@pytest.mark.parametrize("make", [autoencoder, predictor])
def test_finite_weights_that_give_numbers_that_are_not_are_refused(tmp_path, make):
    huge = {key: value * 1e30 for key, value in make().state_dict().items()}
    assert all(torch.isfinite(value).all() for value in huge.values())
    torch.save(huge, tmp_path / "a.pth")
    assert "not finite when it is tried" in refused(tmp_path / "a.pth", make(), CheckpointNotFinite)


@every_case(
    "content",
    [
        {},
        [],
        None,
        3,
        {"model_state_dict": None},
        {"model_state_dict": {}},
        {"a": 1},
        {1: torch.zeros(1)},
        torch.ones(2),
    ],
)
def test_a_file_without_weights_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pth")
    refused(tmp_path / "a.pth", autoencoder(), CheckpointDamaged)


@pytest.fixture
def manager(tmp_path):
    return TrainingManager(SharedWorldModel(small_config(), torch.device("cpu")), tmp_path)


def test_loading_into_a_shared_model_says_what_is_in_use(tmp_path, manager):
    shared, version = manager.shared, manager.shared.version
    manager.load("autoencoder", notebook_file(tmp_path / "autoencoder.pth", autoencoder()))
    assert shared.weights["autoencoder"] == WeightsSource(f"{tmp_path.name}/autoencoder.pth", 5)
    assert not shared.weights["predictor"].is_trained and shared.version > version
    manager.load("predictor", notebook_file(tmp_path / "predictor_0.pth", predictor(), copied=autoencoder()))
    assert shared.weights["predictor"].describe() == f"{tmp_path.name}/predictor_0.pth, step 5"


def test_a_refused_file_leaves_a_shared_model_as_it_was(tmp_path, manager):
    shared = manager.shared
    weights, version, before = shared.weights, shared.version, tensors_of(shared.model)
    with pytest.raises(WrongNetwork):
        manager.load("predictor", notebook_file(tmp_path / "autoencoder.pth", autoencoder()))
    assert shared.weights is weights and shared.version == version and are_equal(tensors_of(shared.model), before)


def test_inference_during_a_load_has_old_or_new_weights(tmp_path, manager):
    shared = manager.shared
    image, expected, stop, failures = history()[2], {}, threading.Event(), []
    for seed in (1, 2):
        torch.save(autoencoder(seed).state_dict(), tmp_path / f"{seed}.pth")
        manager.load("autoencoder", tmp_path / f"{seed}.pth")
        expected[f"{tmp_path.name}/{seed}.pth"] = run_reconstruction(shared, image).mse

    def swap():
        for seed in itertools.cycle((1, 2)):
            if stop.is_set():
                return
            try:
                manager.load("autoencoder", tmp_path / f"{seed}.pth")
            except CheckpointError as problem:
                failures.append(problem)

    threads = [threading.Thread(target=swap) for _ in range(2)]
    for thread in threads:
        thread.start()
    results = [run_reconstruction(shared, image) for _ in range(150)]
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(one.mse == expected[one.weights.file] for one in results)
    assert len({one.weights.file for one in results}) == 2
