"""The trainer of a world model: phases, one count of steps, weights alone."""

from dataclasses import replace

import pytest
import torch

from tests.training.tiny import FAST, RANGE, make_manager, request, shared_model, train
from training import FixedSteps
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES
from training.jobs.request import plain_run
from training.jobs.trainer import WorldModelTrainer
from training.recipe.phase import Phase
from training.steps import OBJECTIVES, TrainState, train_step

AUTOENCODER = FILES["autoencoder"]


def test_steps_go_on_from_the_files_also_if_its_optimizer_is_not_in_it(manager, recording):
    train(manager, recording, condition=FixedSteps(5))
    manager.save_weights(torch.float32)
    other = make_manager(manager.directory)
    assert other.load("autoencoder", manager.directory / AUTOENCODER).step == 5
    now = train(other, recording, condition=FixedSteps(3))
    assert (now.step, now.saved) == (3, "autoencoder.pth (step 8)")
    # A restart goes on with the schedule that was fresh at step 5.
    third = make_manager(manager.directory)
    third.load("autoencoder", manager.directory / AUTOENCODER)
    optimizer = third.trainer.state.of("autoencoder")
    assert (optimizer.steps, optimizer.first_step) == (8, 5)


def test_weights_alone_are_smaller_and_those_of_the_run(manager, recording):
    train(manager, recording, "predictor", condition=FixedSteps(2))
    whole = read_checkpoint(manager.directory / AUTOENCODER)
    size = (manager.directory / AUTOENCODER).stat().st_size
    assert manager.save_weights(torch.float16).files == {AUTOENCODER: 2, FILES["predictor"]: 2}
    alone = read_checkpoint(manager.directory / AUTOENCODER)
    assert (alone.step, alone.optimizer) == (2, None)
    assert (manager.directory / AUTOENCODER).stat().st_size < 0.4 * size
    assert all(torch.equal(alone.tensors[key], value.half()) for key, value in whole.tensors.items())


def phase_of(trainer, recording, first_step, config=FAST):
    run = plain_run(request(recording, selection=RANGE, config=config), trainer.shared.model)
    (plain,) = run.phases
    return Phase(plain.objective, plain.dataset, FixedSteps(4), config, "a phase", first_step)


def test_a_phase_has_fresh_optimizers_before_its_first_step_and_keeps_them_afterwards(tmp_path, recording):
    trainer = WorldModelTrainer(shared_model(), tmp_path)
    first = phase_of(trainer, recording, 0)
    assert trainer.begin_phase(first) == 0
    for _ in range(4):
        trainer.step(first.objective, first.dataset.draw(trainer.state.generator))
    second = phase_of(trainer, recording, 4, replace(FAST, autoencoder_lr=5e-4))
    assert trainer.begin_phase(second) == 0
    optimizer = trainer.state.of("autoencoder")
    assert (optimizer.steps, optimizer.first_step, optimizer.state().optimizer["state"]) == (4, 4, {})
    trainer.step(second.objective, second.dataset.draw(trainer.state.generator))
    assert trainer.begin_phase(second) == 1 and trainer.state.of("autoencoder").state().optimizer["state"]


def test_a_phase_is_initialized_once(tmp_path, recording):
    trainer, calls = WorldModelTrainer(shared_model(), tmp_path), []
    phase = replace(
        phase_of(trainer, recording, 0), initialize=lambda: calls.append(trainer.state.of("autoencoder").steps)
    )
    trainer.begin_phase(phase)
    trainer.step(phase.objective, phase.dataset.draw(trainer.state.generator))
    trainer.begin_phase(phase)
    assert calls == [0]


@pytest.mark.parametrize("clip_norm", [None, 1e-3, 1e9])
def test_gradients_are_scaled_down_to_the_clip_norm(recording, clip_norm):
    """Seen in the moments that the first step leaves: a tenth of the gradients."""
    model = shared_model().model
    state = TrainState(model, replace(FAST, clip_norm=clip_norm))
    run = plain_run(request(recording, selection=RANGE), model)
    objective = OBJECTIVES["autoencoder"](model, FAST)
    metrics = train_step(state, objective, run.phases[0].dataset.draw(state.generator))
    moments = state.of("autoencoder").state().optimizer["state"].values()
    norm = 10 * torch.linalg.vector_norm(torch.stack([one["exp_avg"].norm() for one in moments])).item()
    expected = min(metrics.grad_norm, clip_norm or metrics.grad_norm)
    assert norm == pytest.approx(expected, rel=1e-4) and metrics.grad_norm > 1e-3
