"""Checkpoints of predictors that copy pixels, loaded into networks that do not, and the other way around."""

from dataclasses import replace

import pytest
import torch

from models import AdaptiveWorldModelConfig, SharedWorldModel
from tests.training.tiny import AUTOENCODER, CONFIG, PREDICTOR, are_equal, shared_model, tensors_of
from training import TrainingManager, TrainState, save_checkpoint
from training.checkpoints.errors import CheckpointError, CheckpointNotFinite
from training.checkpoints.validate import load_checkpoint, validate_checkpoint
from training.checkpoints.writer import file_contents
from training.evaluation.request import copy_model

COPYING = AdaptiveWorldModelConfig(1, AUTOENCODER, replace(PREDICTOR, shifts=(0, 0, -27, 0)))
MOVING = AdaptiveWorldModelConfig(1, AUTOENCODER, replace(COPYING.predictor, motion_fields=2))
WRAPPING = replace(COPYING, predictor=replace(COPYING.predictor, wraps=True))
REMEMBERING = replace(
    COPYING, predictor=replace(COPYING.predictor, remembered=3, picture_size=32, chooses_by_action=True)
)


def saved(folder, config):
    shared = SharedWorldModel(config, torch.device("cpu"))
    memory = shared.model.predictor.memory
    if memory is not None:
        memory.fill(torch.arange(3 * 3 * 32 * 32).reshape(3, 3, 32, 32).byte())
    save_checkpoint(folder, TrainState(shared.model))
    return folder / "predictor_0.pth", shared.model.predictor


@pytest.mark.parametrize(
    ("from_config", "to_config"),
    [
        (COPYING, CONFIG),
        (CONFIG, COPYING),
        (COPYING, COPYING),
        (MOVING, COPYING),
        (COPYING, MOVING),
        (REMEMBERING, MOVING),
        (WRAPPING, REMEMBERING),
    ],
)
def test_a_network_in_use_adopts_shifts_motion_and_memory_of_a_file(tmp_path, from_config, to_config):
    path, predictor = saved(tmp_path / "a", from_config)
    manager = TrainingManager(SharedWorldModel(to_config, torch.device("cpu")), tmp_path / "b")
    manager.load("predictor", path)
    model = manager.shared.model
    assert model.config.predictor == model.predictor.config == from_config.predictor
    assert are_equal(tensors_of(model.predictor), tensors_of(predictor))
    copy = copy_model(SharedWorldModel(to_config, torch.device("cpu")), {"predictor": path})
    assert are_equal(tensors_of(copy.model.predictor), tensors_of(predictor))


def test_other_sizes_are_refused_as_ever_and_loading_into_a_network_adopts_nothing(tmp_path):
    other = replace(COPYING, predictor=replace(COPYING.predictor, layers=3))
    path, _ = saved(tmp_path / "a", other)
    with pytest.raises(CheckpointError, match="layers is 3"):
        validate_checkpoint(path, shared_model().model.predictor)
    copying, _ = saved(tmp_path / "b", COPYING)
    with pytest.raises(CheckpointError, match="shifts"):
        load_checkpoint(copying, shared_model().model.predictor)


def test_remembered_pictures_stay_bytes_in_half_precision_and_are_nothing_else(tmp_path):
    path, predictor = saved(tmp_path, REMEMBERING)
    contents = torch.load(path, weights_only=True)
    half = file_contents(predictor, None, contents["scheduler_state_dict"], torch.float16)
    weights = half["model_state_dict"]
    assert weights["memory.pictures"].dtype == torch.uint8 and weights["output_head.weight"].dtype == torch.float16
    torch.save(half, path)
    network = SharedWorldModel(REMEMBERING, torch.device("cpu")).model.predictor
    load_checkpoint(path, network)
    assert torch.equal(network.memory.pictures, predictor.memory.pictures)
    weights["memory.pictures"] = weights["memory.pictures"].float()
    torch.save(half, path)
    with pytest.raises(CheckpointNotFinite, match=r"memory\.pictures"):
        load_checkpoint(path, network)
