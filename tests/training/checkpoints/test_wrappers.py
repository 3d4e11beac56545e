"""Weights of networks that were compiled or wrapped, by torch itself where it can on one CPU."""

import re

import pytest
import torch

from models import Architecture
from tests.cases import every_case
from tests.training import checkpoint_files
from tests.training.checkpoints.test_validate import are_equal
from tests.training.tiny import make_manager, optimizer_state, train
from training import CheckpointDamaged, FixedSteps, load_checkpoint
from training.checkpoints.wrappers import unwrapped, unwrapped_optimizer
from training.convert import convert

AROUND = ["_orig_mod.", "module.", "_orig_mod.module.", "module._orig_mod.", "module.module._orig_mod."]
WHOLE = [(prefix, "") for prefix in AROUND]


def renamed(weights, prefix, inner=""):
    """Names with prefixes, `inner` also within them, as of a network of which only a part was wrapped."""
    names = {key: re.sub(r"^(\w+\.\d+\.)", rf"\1{inner}", key) for key in weights}
    return {prefix + names[key]: value for key, value in weights.items()}


@every_case("prefix, inner", [*WHOLE, ("", "_orig_mod."), ("module.", "module._orig_mod.")])
@pytest.mark.parametrize("make", [checkpoint_files.autoencoder, checkpoint_files.predictor])
def test_prefixes_come_off_in_any_order_and_number(tmp_path, make, prefix, inner):
    saved, model, other = make(1).state_dict(), make(2), make(3)
    weights = renamed(saved, prefix, inner)
    assert weights.keys() != saved.keys()
    torch.save(weights, tmp_path / "wrapped.pth")
    (note,) = load_checkpoint(tmp_path / "wrapped.pth", model).notes
    assert note.startswith("Prefixes of its names were left aside: ") and are_equal(model.state_dict(), saved)
    convert(tmp_path / "wrapped.pth", tmp_path / "new.pth")
    assert are_equal(torch.load(tmp_path / "new.pth", weights_only=True), saved)
    assert load_checkpoint(tmp_path / "new.pth", other).notes == () and are_equal(other.state_dict(), saved)


def compiled_and_parallel(network):
    return torch.compile(torch.nn.DataParallel(network))


@every_case("wrap", [torch.compile, torch.nn.DataParallel, torch.optim.swa_utils.AveragedModel, compiled_and_parallel])
def test_what_torch_itself_wraps_opens(tmp_path, wrap):
    saved, model = checkpoint_files.autoencoder(1), checkpoint_files.autoencoder(2)
    content = {"model_state_dict": wrap(saved).state_dict(), "config": Architecture.of(saved).as_dict()}
    torch.save(content, tmp_path / "wrapped.pth")
    load_checkpoint(tmp_path / "wrapped.pth", model)
    assert are_equal(model.state_dict(), saved.state_dict())
    convert(tmp_path / "wrapped.pth", tmp_path / "new.pth")
    load_checkpoint(tmp_path / "new.pth", checkpoint_files.autoencoder(3))


def test_the_optimizer_goes_on_by_its_names(tmp_path, recording):
    first, second = make_manager(tmp_path / "first"), make_manager(tmp_path / "second")
    train(first, recording, condition=FixedSteps(2))
    path = first.directory / "autoencoder.pth"
    content = torch.load(path, weights_only=True)
    content["model_state_dict"] = renamed(content["model_state_dict"], "module._orig_mod.")
    for group in content["optimizer_state_dict"]["param_groups"]:
        group["param_names"] = [f"module._orig_mod.{name}" for name in group["param_names"]]
    torch.save(content, tmp_path / "wrapped.pth")
    convert(tmp_path / "wrapped.pth", tmp_path / "new.pth")
    moments = {key: value for key, value in optimizer_state(first.trainer.state).items() if "autoencoder" in key}
    for name in ("wrapped", "new"):
        notes = second.load("autoencoder", tmp_path / f"{name}.pth").notes
        assert not any("starts with a fresh one" in note for note in notes)
        restored = optimizer_state(second.trainer.state)
        assert moments and all(torch.equal(restored[key], value) for key, value in moments.items())


def test_a_weight_that_is_there_twice_is_refused(tmp_path):
    saved = checkpoint_files.autoencoder(1).state_dict()
    torch.save({**saved, "module.cls_token": saved["cls_token"]}, tmp_path / "twice.pth")
    with pytest.raises(CheckpointDamaged, match="holds some weights twice"):
        load_checkpoint(tmp_path / "twice.pth", checkpoint_files.autoencoder(2))


def test_names_lose_prefixes_between_dots_alone():
    names = ["a.module.b._orig_mod.c", "submodule.a", "module", "a.module", "_orig_mod.module"]
    assert [unwrapped(name) for name in names] == ["a.b.c", "submodule.a", "module", "a.module", "module"]
    saved = {"state": {"module.a": 1, 0: 2}, "param_groups": [{"params": ["module.a", 0], "lr": 1}, "odd"], "more": 3}
    expected = {"state": {"a": 1, 0: 2}, "param_groups": [{"params": ["a", 0], "lr": 1}, "odd"], "more": 3}
    assert unwrapped_optimizer(saved) == expected
