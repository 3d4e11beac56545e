"""Stopping, saving and going on elsewhere gives the very numbers that going on at once would have given."""

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from session import load_session
from tests.promises import IS_FULL, count
from tests.training.tiny import FAST, are_equal, make_manager, optimizer_state, tensors_of, train
from training import FixedSteps, TrainingConfig
from training.checkpoints.manifest import STATE_FILE
from training.checkpoints.writer import FILES

STEPS = count(6, 100)  # half of a run
CONFIG = replace(FAST, warmup_steps=20)
LOSS = {"autoencoder": "training loss", "predictor": "training total"}


def losses_of(manager, recording, network, steps):
    """Losses of each step, and the last evaluated one."""
    now = train(manager, recording, network, FixedSteps(steps), config=CONFIG)
    assert now.status == "finished", now.message
    return [value for _, value in now.curves[LOSS[network]]] + [now.loss]


def restarted(folder):
    """Another server's manager over the same folder, everything loaded that is there."""
    manager = make_manager(folder)
    for network, name in FILES.items():
        if (folder / name).exists():
            manager.load(network, folder / name)
    return manager


def is_same(first, second):
    return first == second if isinstance(first, str) else torch.equal(first, second)


def differences(network, how, losses, found, tensors):
    """What is to be told of a comparison: pairs of losses, and two dicts of tensors or digests."""
    losses = list(losses)
    other = [key for key in tensors if not is_same(found[key], tensors[key])]
    return (
        f"{network}, {2 * STEPS} steps against {STEPS} + save + {how} + {STEPS}: "
        f"{sum(first != second for first, second in losses)} of {len(losses)} losses and {len(other)} of "
        f"{len(tensors)} tensors differ"
    )


def everything(manager):
    return {
        **tensors_of(manager.shared.model),
        **optimizer_state(manager.trainer.state),
        "random numbers": manager.trainer.state.generator.get_state(),
    }


@pytest.fixture(scope="module", params=["autoencoder", "predictor"])
def network(request):
    return request.param


@pytest.fixture(scope="module")
def saved_halfway(tmp_path_factory, recording, network):
    """A folder with what half the steps leave behind, after some of the other network, and the losses."""
    manager = make_manager(tmp_path_factory.mktemp("halfway") / "r")
    losses_of(manager, recording, "autoencoder", 2)
    losses = losses_of(manager, recording, network, STEPS)
    manager.save()
    return manager.directory, losses


@pytest.fixture
def halfway(tmp_path, saved_halfway):
    """A copy of that folder, to go on in."""
    return shutil.copytree(saved_halfway[0], tmp_path / "r")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, recording, network):
    """Losses of all the steps in one run, and every tensor after them."""
    manager = make_manager(tmp_path_factory.mktemp("uninterrupted"))
    losses_of(manager, recording, "autoencoder", 2)
    losses = losses_of(manager, recording, network, 2 * STEPS)
    return losses, everything(manager)


@pytest.mark.promise("resume = uninterrupted")
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(
    saved_halfway, halfway, recording, network, uninterrupted, figure
):
    before, manager = saved_halfway[1], restarted(halfway)
    after = losses_of(manager, recording, network, STEPS)
    losses, tensors = uninterrupted
    pairs = zip(before[:-1] + after, losses, strict=True)
    figure(differences(network, "loaded again", pairs, everything(manager), tensors))
    assert before[:-1] + after == losses
    assert are_equal(everything(manager), tensors)


def without_optimizer(folder, name):
    content = torch.load(folder / name, weights_only=True)
    torch.save(content | {"optimizer_state_dict": None}, folder / name)


def without_schedule(folder, name):
    content = torch.load(folder / name, weights_only=True)
    content["scheduler_state_dict"]["last_epoch"] = 0
    torch.save(content, folder / name)


def without_random_state(folder, name):
    (folder / STATE_FILE).unlink()


@pytest.mark.promise("resume = uninterrupted")
@pytest.mark.parametrize("leave_out", [without_optimizer, without_schedule, without_random_state])
def test_each_part_of_the_saved_state_is_needed(halfway, recording, network, uninterrupted, leave_out, figure):
    if leave_out is not without_random_state:  # the random numbers stay those of the run: one thing at a time
        state = torch.Generator()
        manager = restarted(halfway)
        state.set_state(manager.trainer.state.generator.get_state())
    leave_out(halfway, FILES[network])
    manager = restarted(halfway)
    if leave_out is not without_random_state:
        manager.trainer.state.generator.set_state(state.get_state())
    after = losses_of(manager, recording, network, STEPS)
    losses, tensors = uninterrupted
    kept = [key for key, value in tensors_of(manager.shared.model).items() if torch.equal(value, tensors[key])]
    same = sum(first == second for first, second in zip(after, losses[-len(after) :], strict=True))
    told = leave_out.__name__.replace("_", " ")
    figure(
        f"{network}, {STEPS} + {STEPS} steps {told}: {same} of {len(after)} losses and {len(kept)} tensors stay equal"
    )
    assert after != losses[-len(after) :]
    assert not are_equal(tensors_of(manager.shared.model), {k: tensors[k] for k in tensors_of(manager.shared.model)})


GO_ON = """
import hashlib, json, sys
from pathlib import Path
import torch
torch.set_num_threads(int(sys.argv[4]))
from tests.training.test_resume import everything, load_session, losses_of, restarted
manager = restarted(Path(sys.argv[1]))
losses = losses_of(manager, load_session(sys.argv[2]), sys.argv[3], int(sys.argv[5]))
digests = {key: hashlib.sha256(value.numpy().tobytes()).hexdigest() for key, value in everything(manager).items()}
assert not {"torch._dynamo", "sympy"} & sys.modules.keys(), "seconds of each program's start"
sys.stdout.write(json.dumps({"losses": [loss.hex() for loss in losses], "digests": digests}))
"""


@pytest.mark.promise("resume = uninterrupted")
@pytest.mark.parametrize("network", ["autoencoder", "predictor"] if IS_FULL else ["predictor"], scope="module")
def test_another_process_goes_on_to_the_bit(saved_halfway, halfway, recording, network, uninterrupted, figure):
    before, arguments = saved_halfway[1], [halfway, recording.folder, network, torch.get_num_threads(), STEPS]
    done = subprocess.run(
        [sys.executable, "-c", GO_ON, *map(str, arguments)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found, (losses, tensors) = json.loads(done.stdout), uninterrupted
    after = [float.fromhex(loss) for loss in found["losses"]]
    expected = {key: hashlib.sha256(value.numpy().tobytes()).hexdigest() for key, value in tensors.items()}
    pairs = zip(before[:-1] + after, losses, strict=True)
    figure(differences(network, "another process", pairs, found["digests"], expected))
    assert [loss.hex() for loss in before[:-1]] + found["losses"] == [loss.hex() for loss in losses]
    assert found["digests"] == expected


def test_a_resumed_run_can_be_given_another_learning_rate(halfway, network):
    manager = restarted(halfway)
    moments = optimizer_state(manager.trainer.state)
    steps = manager.trainer.state.of(network).steps
    config = TrainingConfig(autoencoder_lr=3e-4, predictor_lr=4e-4, warmup_steps=0)
    changed = manager.trainer.state.configured(config)
    assert are_equal(optimizer_state(changed), moments) and changed.of(network).steps == steps
    assert changed.of(network).current_lr == pytest.approx({"autoencoder": 3e-4, "predictor": 4e-4}[network], rel=1e-3)


def test_losses_of_the_helper_are_floats_that_differ(tmp_path, recording):
    """Else all comparisons above would hold by accident."""
    losses = losses_of(make_manager(tmp_path), load_session(recording.folder), "predictor", 5)
    assert len(set(losses)) == 6 and all(isinstance(loss, float) for loss in losses)
