"""Numbers that are no numbers: in what is learned from, by steps far too long, and in files."""

import math

import pytest
import torch

from tests.promises import count
from tests.training.tiny import FAST, are_equal, make_workshop, order, tensors_of, train, until
from training import CheckpointError, CheckpointNotSaved, FixedSteps, LossNotFinite, TrainingConfig, TrainingSet
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES, file_digest
from training.values import BadTrainingValue

pytestmark = pytest.mark.promise("NaN")
NETWORKS = ("autoencoder", "predictor")
WORDS = str(LossNotFinite())


def digests(workshop):
    return {path.name: file_digest(path) for path in workshop.directory.glob("*.pth")}


def all_finite(workshop):
    return all(torch.isfinite(value).all() for value in workshop.shared.model.state_dict().values())


def spoil(monkeypatch, value, at):
    """Every picture holds a number that is none from the draw with index `at` on."""
    real, draws = TrainingSet.draw, []

    def draw(self, generator):
        batch = real(self, generator)
        draws.append(1)
        if len(draws) > at:
            batch.target[0, 0, 3, 3] = value
        return batch

    monkeypatch.setattr(TrainingSet, "draw", draw)


@pytest.mark.parametrize("network", NETWORKS)
def test_bad_input_stops_before_the_update_and_replaces_no_file(tmp_path, recording, monkeypatch, network, figure):
    tries, changed, saved = 0, 0, 0
    for value in (math.nan, math.inf, -math.inf, 1e30):
        for at in range(count(1, 0), count(2, 12)):  # the first step that fails is the second, or any
            workshop = make_workshop(tmp_path / f"{value} {at}")
            train(workshop, recording, network)
            before, files = [tensors_of(workshop.shared.model)], digests(workshop)
            note = workshop._note_steps

            def keep(name, note=note, workshop=workshop, before=before):
                note(name)
                before[0] = tensors_of(workshop.shared.model)

            workshop._note_steps = keep
            with monkeypatch.context() as patched:
                spoil(patched, value, at)
                now = train(workshop, recording, network, condition=FixedSteps(at + 3))
            assert (now.status, now.message, now.step, now.saved) == ("failed", WORDS, at, "")
            tries += 1
            changed += not are_equal(before[0], tensors_of(workshop.shared.model))
            saved += digests(workshop) != files
            assert train(workshop, recording, network).status == "finished"
    figure(
        f"{network}: {tries} runs with bad input: {changed} changed a weight after the last good step, {saved} saved"
    )
    assert changed == saved == 0


@pytest.mark.parametrize("evaluate_every", [1, 50])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_learning_rate_of_a_billion_costs_no_file(workshop, recording, network, evaluate_every, figure):
    with pytest.raises(BadTrainingValue, match="learning rate must be a number from"):
        TrainingConfig(autoencoder_lr=1e9)
    train(workshop, recording, network)
    files = digests(workshop)
    wild = TrainingConfig(warmup_steps=0, save_every=1, evaluate_every=evaluate_every)
    for name in ("autoencoder_lr", "predictor_lr"):
        object.__setattr__(wild, name, 1e9)  # as if nobody had refused it
    now = train(workshop, recording, network, condition=FixedSteps(50), config=wild)
    loadable = all(not loading_fails(workshop, name) for name in files)
    figure(f"{network}: a rate of 1e9 failed at step {now.step}; weights finite: {all_finite(workshop)}")
    assert (now.status, now.saved) == ("failed", "") and now.message == WORDS
    assert all_finite(workshop) and loadable and digests(workshop) == files


def loading_fails(workshop, name):
    network = "autoencoder" if name.startswith("autoencoder") else "predictor"
    try:
        make_workshop(workshop.directory).load(network, workshop.directory / name)
    except CheckpointError:
        return True
    return False


@pytest.mark.parametrize("network", NETWORKS)
def test_weights_that_only_give_nan_are_not_saved_by_hand_either(workshop, recording, network):
    train(workshop, recording, "predictor")
    files, module = digests(workshop), workshop.shared.network(network)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1e25)  # finite, and of no use
    with pytest.raises(CheckpointNotSaved, match=f"weights of the {network} give numbers that are not finite"):
        workshop.save()
    assert digests(workshop) == files
    with torch.no_grad():
        next(module.parameters()).view(-1)[0] = math.nan
    with pytest.raises(CheckpointNotSaved, match="finite"):
        workshop.save()
    assert digests(workshop) == files


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_checkpoint_with_numbers_that_are_none_is_not_taken_in(workshop, recording, value, figure):
    train(workshop, recording, "predictor")
    (workshop.directory / "autoencoder_backup.pth").unlink(missing_ok=True)
    refused = 0
    for network, name in FILES.items():
        path = workshop.directory / name
        content = torch.load(path, weights_only=True)
        spoiled = list(content["model_state_dict"])[count(2, 1) :: count(4, 1)]
        for key in spoiled:
            weights = {**content["model_state_dict"]}
            weights[key] = weights[key].clone().fill_(value)
            torch.save({**content, "model_state_dict": weights}, workshop.directory / "spoiled.pth")
            before = tensors_of(workshop.shared.model)
            with pytest.raises(CheckpointError, match="not finite"):
                workshop.load(network, workshop.directory / "spoiled.pth")
            assert are_equal(before, tensors_of(workshop.shared.model))
            refused += 1
    figure(f"{refused} of {refused} checkpoints with {value} in one tensor refused, the weights in use untouched")


def test_a_moment_that_is_no_number_is_left_aside(workshop, recording):
    train(workshop, recording)
    path = workshop.directory / FILES["autoencoder"]
    content = torch.load(path, weights_only=True)
    content["optimizer_state_dict"]["state"][0]["exp_avg"].fill_(math.nan)
    torch.save(content, workshop.directory / "spoiled.pth")
    other = make_workshop(workshop.directory)
    notes = other.load("autoencoder", workshop.directory / "spoiled.pth").notes
    assert any("could not be matched" in note for note in notes)
    now = train(other, recording)
    assert now.status == "finished" and all_finite(other)


def test_a_job_that_broke_down_is_mended_by_loading_the_checkpoint(workshop, recording, monkeypatch):
    train(workshop, recording)
    with monkeypatch.context() as patched:
        spoil(patched, math.nan, 1)
        assert train(workshop, recording).status == "failed"
    workshop.load("autoencoder", workshop.directory / FILES["autoencoder"])
    job = workshop.train(order(recording, config=FAST, condition=FixedSteps(5)))
    until(lambda: not job.snapshot().is_active)
    assert job.snapshot().status == "finished"
    assert read_checkpoint(workshop.directory / FILES["autoencoder"]).step == 7
