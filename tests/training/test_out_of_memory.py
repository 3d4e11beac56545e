"""Memory that runs out at any call of a step, or anywhere else in a job."""

import threading

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from models import run_reconstruction
from session.batch import frame_tensor
from tests.promises import count
from tests.training.tiny import (
    ENDLESS,
    are_equal,
    make_manager,
    optimizer_state,
    request,
    tensors_of,
    train,
    trainer,
    until,
)
from training import FixedSteps, FrameDataset
from training import dataset as dataset_module
from training.checkpoints.reader import read_checkpoint
from training.failures import OUT_OF_MEMORY
from training.jobs import loop as loop_module
from training.jobs import trainer as trainer_module
from training.steps import PartialUpdate

pytestmark = pytest.mark.promise("out of memory")
PROBLEMS = (torch.OutOfMemoryError, MemoryError, lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory"))


class Calls(TorchDispatchMode):
    """Counts the calls into torch, and lets one of them fail; those that change tensors in place are noted."""

    def __init__(self, failing=None, problem=torch.OutOfMemoryError):
        super().__init__()
        self.names, self.failing, self.problem = [], failing, problem

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(function._schema.name)
        if len(self.names) - 1 == self.failing:
            raise self.problem()
        return function(*args, **(kwargs or {}))


def first_update(names):
    """Where the first optimizer begins to change its steps, weights and moments."""
    return names.index("aten::_foreach_add_")


def moments_of(optimizers):
    """Every moment that is not still what it is before a first step."""
    return {name: value for name, value in optimizer_state(optimizers).items() if value.any()}


def fail_at(network, steps_before, place, problem, batch):
    """Let a call of a step fail; returns the trainer, whether all was as before, and what was raised."""
    learner = trainer(network)
    for _ in range(steps_before):
        learner.step(batch)
    before, moments = tensors_of(learner.model), moments_of(learner.state)
    rates = [learner.state.of(name).current_lr for name in ("autoencoder", "predictor")]
    with pytest.raises((MemoryError, RuntimeError)) as caught, Calls(place, problem):
        learner.step(batch)
    is_same = are_equal(tensors_of(learner.model), before) and are_equal(moments_of(learner.state), moments)
    is_same &= rates == [learner.state.of(name).current_lr for name in ("autoencoder", "predictor")]
    return learner, is_same, caught.value


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
@pytest.mark.parametrize("steps_before", [0, 2])
def test_at_each_call_of_a_step_all_stays_as_it_was(network, steps_before, batch, figure):
    counting = trainer(network)
    for _ in range(steps_before):
        counting.step(batch)
    with Calls() as calls:
        counting.step(batch)
    end = first_update(calls.names)
    # The last calls in every run: there, memory once ran out between the updates of two networks.
    places = sorted({*range(0, end, count(end // 8, 1)), *range(end - 3, end)})
    changed, kept = [], []
    for place in places:
        learner, is_same, _ = fail_at(network, steps_before, place, PROBLEMS[place % len(PROBLEMS)], batch)
        if not is_same or any(part.training for part in learner.model.modules()):
            changed.append(calls.names[place])
        if any(parameter.grad is not None for parameter in learner.model.parameters()):
            kept.append(calls.names[place])
        learner.step(batch)
    figure(
        f"{network}, step {steps_before + 1}: memory ran out at {len(places)} of the {end} calls before the update: "
        f"{len(changed)} changed weights, moments or modes, {len(kept)} kept gradients, the next step worked each time"
    )
    assert changed == [] and kept == []


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_the_update_itself_takes_no_memory_and_comes_last(network, batch, figure):
    learner = trainer(network)
    with Calls() as calls:
        learner.step(batch)
    update = calls.names[first_update(calls.names) :]
    figure(f"{network}: the {len(update)} calls from the update on take no memory")
    assert {name for name in update if name.startswith("aten")} == {"aten::_foreach_add_", "aten::_fused_adamw_"}
    for place in range(len(calls.names) - len(update), len(calls.names)):
        assert isinstance(fail_at(network, 0, place, RuntimeError, batch)[2], PartialUpdate)


def test_an_update_that_breaks_off_for_another_reason_is_reported_and_not_saved(manager, recording, monkeypatch):
    train(manager, recording, "predictor")
    before = read_checkpoint(manager.directory / "autoencoder.pth").step
    optimizer = manager.trainer.state.of("autoencoder")
    steps = []

    def broken():
        steps.append(1)
        if len(steps) > 2:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        type(optimizer).step(optimizer)

    monkeypatch.setattr(optimizer, "step", broken)
    now = train(manager, recording, "predictor", condition=FixedSteps(9))
    assert (now.status, now.message, now.saved) == ("failed", str(PartialUpdate()), "")
    assert read_checkpoint(manager.directory / "autoencoder.pth").step == before


class FailingAt:
    """Fails at one of its calls: stands for whatever a job asks for beside its steps."""

    def __init__(self, function, place):
        self.function, self.place, self.calls = function, place, 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        if self.calls == self.place:
            raise MemoryError
        return self.function(*arguments, **options)


OWNERS = {
    "draw": FrameDataset,
    "evaluation_batches": FrameDataset,
    "build_target": dataset_module,
    "to_uint8": loop_module,
    "copy_contents": trainer_module,
    "require_finite_outputs": trainer_module,
}


@pytest.mark.parametrize("place", range(1, count(2, 6)))
@pytest.mark.parametrize("part", OWNERS)
def test_a_job_ends_in_plain_words_wherever_memory_runs_out(manager, recording, monkeypatch, part, place):
    owner = OWNERS[part]
    failing = FailingAt(getattr(owner, part), place)
    with monkeypatch.context() as patched:
        patched.setattr(owner, part, lambda *given, **options: failing(*given, **options))
        now = train(manager, recording, condition=FixedSteps(3))
    assert not now.is_active
    if now.status == "failed":
        assert now.message == OUT_OF_MEMORY
    assert all(torch.isfinite(value).all() for value in tensors_of(manager.shared.model).values())
    assert not any(part.training for part in manager.shared.model.modules())
    assert train(manager, recording).status == "finished"
    assert train(make_manager(manager.directory), recording).status == "finished"  # the folder is free


def test_others_are_served_while_memory_runs_out_again_and_again(manager, recording, monkeypatch):
    """A job that fails lets go of the model's lock."""
    real = manager.shared.model.autoencoder_loss

    def no_memory(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    manager.shared.model.autoencoder_loss = no_memory
    for _ in range(3):
        assert train(manager, recording, condition=ENDLESS).message == OUT_OF_MEMORY
        assert run_reconstruction(manager.shared, frame_tensor(recording, 5)).mse > 0
    manager.shared.model.autoencoder_loss = real
    job = manager.train(request(recording, condition=ENDLESS))
    until(lambda: job.snapshot().step > 2)
    manager.stop()
    assert manager.wait(30) and threading.active_count() < 50
