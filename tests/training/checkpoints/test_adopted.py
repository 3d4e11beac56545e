"""Checkpoints of predictors that copy pixels, loaded into networks that do not, and the other way around."""

from dataclasses import replace

import pytest
import torch

from models import AdaptiveWorldModelConfig, SharedWorldModel
from tests.training.tiny import AUTOENCODER, CONFIG, PREDICTOR, are_equal, shared_model, tensors_of
from training import TrainingManager, TrainState, save_checkpoint
from training.checkpoints.errors import CheckpointError
from training.checkpoints.validate import load_checkpoint, validate_checkpoint
from training.evaluation.request import copy_model

COPYING = AdaptiveWorldModelConfig(1, AUTOENCODER, replace(PREDICTOR, shifts=(0, 0, -27, 0)))
MOVING = AdaptiveWorldModelConfig(1, AUTOENCODER, replace(COPYING.predictor, motion_fields=2))


def saved(folder, config):
    shared = SharedWorldModel(config, torch.device("cpu"))
    save_checkpoint(folder, TrainState(shared.model))
    return folder / "predictor_0.pth", shared.model.predictor


@pytest.mark.parametrize(
    ("from_config", "to_config"),
    [(COPYING, CONFIG), (CONFIG, COPYING), (COPYING, COPYING), (MOVING, COPYING), (COPYING, MOVING)],
)
def test_a_network_in_use_adopts_the_shifts_and_the_motion_of_a_file(tmp_path, from_config, to_config):
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
