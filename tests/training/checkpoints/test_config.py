"""The architecture in a checkpoint: written with the weights, compared when they are loaded, enough to build from."""

import time
import zipfile
from collections import OrderedDict
from dataclasses import replace

import pytest
import torch

from models import (
    ActionPredictorConfig,
    AdaptiveWorldModelConfig,
    Architecture,
)
from models.action_predictor import TransformerActionConditionedPredictor
from tests.cases import every_case
from tests.models.small import AUTOENCODER, PREDICTOR
from tests.training import checkpoint_files
from tests.training.checkpoint_files import autoencoder, predictor
from tests.training.checkpoints.test_validate import are_equal, refused, tensors_of
from training import (
    CheckpointConfigDiffers,
    CheckpointDamaged,
    CheckpointKeysDiffer,
    CheckpointShapesDiffer,
    WrongNetwork,
    load_checkpoint,
)
from training.checkpoints.build import read_architecture, world_model_config
from training.checkpoints.writer import file_contents
from training.convert import convert


def write(path, network, weights=None, **changes):
    """A file of ours, its config changed; a change to None leaves the entry out."""
    content = file_contents(network, None, {"last_epoch": 7})
    config = {name: value for name, value in (content["config"] | changes).items() if value is not None}
    content |= {"config": config, "model_state_dict": weights or content["model_state_dict"]}
    torch.save(content, path)
    return path


@pytest.mark.parametrize("make", [autoencoder, predictor])
def test_a_network_is_built_again_from_what_its_file_states(tmp_path, make):
    saved = make(1)
    architecture = read_architecture(write(tmp_path / "a.pth", saved), saved.kind)
    built = architecture.build()
    assert type(built) is type(saved) and built.config == saved.config
    load_checkpoint(tmp_path / "a.pth", built)
    assert are_equal(tensors_of(built), tensors_of(saved))


def test_a_config_is_plain_and_names_the_network(tmp_path):
    content = torch.load(write(tmp_path / "p.pth", predictor()), weights_only=True)
    config = {"kind": "predictor", "architecture": "transformer", "action_channels": 2, "width": 32, "layers": 3}
    assert config.items() <= content["config"].items()
    assert content["config"]["film_after"] == (0, 2) and content["config"]["delta_latent"] is False


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (replace(PREDICTOR, layers=4), "its layers is 4, not 3;"),
        (replace(PREDICTOR, heads=2, film_after=()), "its heads is 2, not 4, film_after is (), not (0, 2);"),
        (replace(PREDICTOR, delta_latent=True), "its delta_latent is True, not False;"),
    ],
)
def test_another_architecture_is_refused_with_what_differs(tmp_path, saved, message):
    """Also if all names and shapes are the same, as with another number of heads."""
    path = write(tmp_path / "p.pth", TransformerActionConditionedPredictor(2, saved))
    assert message in refused(path, predictor(), CheckpointConfigDiffers)


def test_other_action_channels_and_the_other_network_have_the_same_message_as_without_config(tmp_path):
    path = write(tmp_path / "p.pth", predictor(channels=3))
    message = refused(path, predictor(channels=1), CheckpointShapesDiffer)
    assert "a predictor for 3 action channels, this robot has 1" in message
    assert "contains predictor weights" in refused(path, autoencoder(), WrongNetwork)


def test_what_changes_training_alone_does_not_keep_weights_apart(tmp_path):
    saved = TransformerActionConditionedPredictor(2, replace(PREDICTOR, dropout=0.3, attention_dropout=0.1))
    model = predictor(2)
    load_checkpoint(write(tmp_path / "p.pth", saved), model)
    assert are_equal(tensors_of(model), tensors_of(saved)) and model.config.dropout == PREDICTOR.dropout


def test_a_setting_that_is_newer_than_the_file_has_its_default(tmp_path):
    usual = ActionPredictorConfig()
    saved = TransformerActionConditionedPredictor(1, usual)
    path = write(tmp_path / "p.pth", saved, delta_latent=None, heads=None)
    assert read_architecture(path, "predictor").config == usual
    with pytest.raises(CheckpointConfigDiffers, match="its delta_latent is False, not True"):
        load_checkpoint(path, TransformerActionConditionedPredictor(1, replace(usual, delta_latent=True)))


@pytest.mark.parametrize("add_config", [False, True])
def test_a_file_without_config_loads_as_one_that_has_it(tmp_path, add_config):
    saved, model = predictor(1), predictor(2)
    content = file_contents(saved, None, {"last_epoch": 7})
    if not add_config:
        del content["config"]
    torch.save(content, tmp_path / "p.pth")
    assert load_checkpoint(tmp_path / "p.pth", model).step == 7
    assert are_equal(tensors_of(model), tensors_of(saved))
    assert (read_architecture(tmp_path / "p.pth", "predictor") is not None) == add_config


@every_case(
    ("changes", "named"),
    [
        ({"architecture": "recurrent"}, "architecture recurrent"),
        ({"architecture": 3}, "architecture 3"),
        ({"kind": "planner"}, "kind planner"),
        ({"kind": ["predictor"]}, "kind ['predictor']"),
        ({"action_channels": 0}, "action_channels 0"),
        ({"action_channels": 1 << 40}, f"action_channels {1 << 40}"),
        ({"memory": 5}, "memory 5"),
        ({"mem\nory": "x" * 500}, "mem?ory xxx"),
        ({"width": 32.0}, "width 32.0"),
        ({"delta_latent": 1}, "delta_latent 1"),
        ({"film_after": ("0",)}, "film_after ('0',)"),
        ({"film_after": (7,)}, "film_after (7,) names a layer that is not one of 3"),
        ({"heads": 0}, "heads 0 is not from 1 to 65536"),
        ({"layers": 1 << 40}, f"layers {1 << 40} is not from 1 to 128"),
        ({"dropout": float("nan")}, "dropout nan is not in [0, 1)"),
    ],
)
def test_a_config_of_no_network_of_ours_is_refused(tmp_path, changes, named):
    path = write(tmp_path / "p.pth", predictor(1), **changes)
    message = refused(path, predictor(), CheckpointConfigDiffers)
    assert message.startswith("p.pth is of a design that this program does not have") and named in message


NOT_PLAIN = [
    None,
    3,
    "transformer",
    [("width", 32)],
    OrderedDict(width=32),
    {1: 2},
    {"width": None},
    {"width": torch.tensor(32)},
    {"width": {"of": 32}},
    {"film_after": ((0,), 2)},
]


@pytest.mark.parametrize("config", NOT_PLAIN, ids=str)
def test_a_config_of_anything_but_numbers_and_text_is_refused(tmp_path, config):
    torch.save(file_contents(predictor(1), None, {}) | {"config": config}, tmp_path / "p.pth")
    assert "holds a config that is not made of numbers and text" in refused(
        tmp_path / "p.pth", predictor(), CheckpointDamaged
    )


def test_a_converted_file_keeps_its_config(tmp_path):
    parts = checkpoint_files.entries(write(tmp_path / "p.pth", predictor()))
    convert(checkpoint_files.write_archive(tmp_path / "old.pth", parts, zipfile.ZIP_DEFLATED), tmp_path / "new.pth")
    assert read_architecture(tmp_path / "new.pth", "predictor") == Architecture.of(predictor())


def test_a_world_model_has_the_sizes_of_its_files(tmp_path):
    files = {
        "autoencoder": write(tmp_path / "a.pth", autoencoder()),
        "predictor": write(tmp_path / "p.pth", predictor()),
    }
    assert world_model_config(2, files) == AdaptiveWorldModelConfig(2, AUTOENCODER, PREDICTOR)
    torch.save(predictor().state_dict(), tmp_path / "p.pth")  # no config: the usual sizes
    with pytest.raises(CheckpointConfigDiffers, match=r"a\.pth and p\.pth do not fit together: widths 32 and 256"):
        world_model_config(2, files)
    assert world_model_config(2, {}) == AdaptiveWorldModelConfig(2)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"width": 1 << 16, "action_width": 1 << 16}, CheckpointShapesDiffer, "holds weights of other sizes"),
        ({"layers": 128}, CheckpointKeysDiffer, "names missing"),
        ({"action_channels": 1 << 16}, CheckpointShapesDiffer, "a predictor for 2 action channels"),
    ],
)
def test_a_config_cannot_state_other_sizes_than_those_of_the_weights(tmp_path, changes, error, message):
    """Sizes that would fill the memory are refused at once; no network of them is built."""
    path, began = write(tmp_path / "p.pth", predictor(), **changes), time.process_time()
    with pytest.raises(error, match=message):
        read_architecture(path, "predictor")
    assert time.process_time() - began < 2


def test_weights_that_repeat_one_number_build_nothing(tmp_path):
    """A tensor can claim any shape over one number: with a config of that shape it would be built and filled."""
    claimed = {key: torch.zeros(1).expand(value.shape) for key, value in predictor().state_dict().items()}
    claimed["position_embedding.weight"] = torch.zeros(1).expand(1 << 16, 1 << 14)
    path = write(tmp_path / "p.pth", predictor(), claimed, max_tokens=1 << 16)
    with pytest.raises(CheckpointDamaged, match="larger than any of these networks"):
        read_architecture(path, "predictor")
