"""Numbers that are no numbers: in what is learned from, by steps far too long, and in files."""

import itertools
import math

import pytest
import torch

from tests.promises import count
from tests.training.tiny import FAST, are_equal, make_manager, request, tensors_of, train, until
from training import CheckpointError, CheckpointNotSaved, FixedSteps, FrameDataset, LossNotFinite, TrainingConfig
from training.checkpoints.manifest import file_digest
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES
from training.values import InvalidValue

pytestmark = pytest.mark.promise("NaN")
NETWORKS = ("autoencoder", "predictor")
WORDS = str(LossNotFinite())


def digests(manager):
    return {path.name: file_digest(path) for path in manager.directory.glob("*.pth")}


def all_finite(manager):
    return all(torch.isfinite(value).all() for value in manager.shared.model.state_dict().values())


def spoil(monkeypatch, value, at):
    """Every picture holds a number that is none from the draw with index `at` on."""
    real, draws = FrameDataset.draw, []

    def draw(self, generator):
        batch = real(self, generator)
        draws.append(1)
        if len(draws) > at:
            batch.target[0, 0, 3, 3] = value
        return batch

    monkeypatch.setattr(FrameDataset, "draw", draw)


@pytest.mark.parametrize("network", NETWORKS)
def test_bad_input_stops_before_the_update_and_replaces_no_file(tmp_path, recording, monkeypatch, network, figure):
    tries, changed, saved = 0, 0, 0
    manager = make_manager(tmp_path)
    train(manager, recording, network)
    before, note = [tensors_of(manager.shared.model)], manager.trainer._record_steps

    def keep(name):
        note(name)
        before[0] = tensors_of(manager.shared.model)

    manager.trainer._record_steps = keep
    for value in (math.nan, math.inf, -math.inf, 1e30):
        for at in range(count(1, 0), count(2, 12)):  # the first step that fails is the second, or any
            files = digests(manager)
            with monkeypatch.context() as patched:
                spoil(patched, value, at)
                now = train(manager, recording, network, condition=FixedSteps(at + 3))
            assert (now.status, now.message, now.step, now.saved) == ("failed", WORDS, at, "")
            tries += 1
            changed += not are_equal(before[0], tensors_of(manager.shared.model))
            saved += digests(manager) != files
            assert train(manager, recording, network).status == "finished"
    figure(
        f"{network}: {tries} runs with bad input: {changed} changed a weight after the last good step, {saved} saved"
    )
    assert changed == saved == 0


@pytest.mark.parametrize("evaluate_every", [1, 50])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_learning_rate_of_a_billion_costs_no_file(manager, recording, network, evaluate_every, figure):
    with pytest.raises(InvalidValue, match="learning rate must be a number from"):
        TrainingConfig(autoencoder_lr=1e9)
    train(manager, recording, network)
    files = digests(manager)
    wild = TrainingConfig(warmup_steps=0, save_every=1, evaluate_every=evaluate_every)
    for name in ("autoencoder_lr", "predictor_lr"):
        object.__setattr__(wild, name, 1e9)  # as if nobody had refused it
    now = train(manager, recording, network, condition=FixedSteps(50), config=wild)
    loadable = all(not loading_fails(manager, name) for name in files)
    figure(f"{network}: a rate of 1e9 failed at step {now.step}; weights finite: {all_finite(manager)}")
    assert (now.status, now.saved) == ("failed", "") and now.message == WORDS
    assert all_finite(manager) and loadable and digests(manager) == files


def loading_fails(manager, name):
    network = "autoencoder" if name.startswith("autoencoder") else "predictor"
    try:
        make_manager(manager.directory).load(network, manager.directory / name)
    except CheckpointError:
        return True
    return False


@pytest.mark.parametrize("network", NETWORKS)
def test_weights_that_only_give_nan_are_not_saved_by_hand_either(manager, recording, network):
    train(manager, recording, "predictor")
    files, module = digests(manager), manager.shared.network(network)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1e25)  # finite, and of no use
    with pytest.raises(CheckpointNotSaved, match=f"weights of the {network} give numbers that are not finite"):
        manager.save()
    assert digests(manager) == files
    with torch.no_grad():
        next(module.parameters()).view(-1)[0] = math.nan
    with pytest.raises(CheckpointNotSaved, match="finite"):
        manager.save()
    assert digests(manager) == files


def test_a_checkpoint_with_numbers_that_are_none_is_not_taken_in(manager, recording, figure):
    train(manager, recording, "predictor")
    (manager.directory / "autoencoder_backup.pth").unlink(missing_ok=True)
    for value, (network, name) in itertools.product((math.nan, math.inf), FILES.items()):
        refused = 0
        path = manager.directory / name
        content = torch.load(path, weights_only=True)
        spoiled = list(content["model_state_dict"])[count(2, 1) :: count(4, 1)]
        for key in spoiled:
            weights = {**content["model_state_dict"]}
            weights[key] = weights[key].clone().fill_(value)
            torch.save({**content, "model_state_dict": weights}, manager.directory / "spoiled.pth")
            before = tensors_of(manager.shared.model)
            with pytest.raises(CheckpointError, match="not finite"):
                manager.load(network, manager.directory / "spoiled.pth")
            assert are_equal(before, tensors_of(manager.shared.model))
            refused += 1
        figure(f"{refused} checkpoints of the {network} with {value} in a tensor refused, the weights in use untouched")


def test_a_moment_that_is_no_number_is_left_aside(manager, recording):
    train(manager, recording)
    path = manager.directory / FILES["autoencoder"]
    content = torch.load(path, weights_only=True)
    content["optimizer_state_dict"]["state"][0]["exp_avg"].fill_(math.nan)
    torch.save(content, manager.directory / "spoiled.pth")
    other = make_manager(manager.directory)
    notes = other.load("autoencoder", manager.directory / "spoiled.pth").notes
    assert any("could not be matched" in note for note in notes)
    now = train(other, recording)
    assert now.status == "finished" and all_finite(other)


def test_a_job_that_broke_down_is_mended_by_loading_the_checkpoint(manager, recording, monkeypatch):
    train(manager, recording)
    with monkeypatch.context() as patched:
        spoil(patched, math.nan, 1)
        assert train(manager, recording).status == "failed"
    manager.load("autoencoder", manager.directory / FILES["autoencoder"])
    job = manager.train(request(recording, config=FAST, condition=FixedSteps(5)))
    until(lambda: not job.snapshot().is_active)
    assert job.snapshot().status == "finished"
    assert read_checkpoint(manager.directory / FILES["autoencoder"]).step == 7
