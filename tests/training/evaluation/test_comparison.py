"""Two pairs of networks on the same frame and in the same dream."""

import numpy as np
import pytest
import torch

from models import run_prediction
from session.batch import build_batch
from tests.cases import every_case
from tests.training.checkpoints.test_history import save_run
from tests.training.tiny import make_manager, shared_model, tensors_of
from training import (
    CannotImagine,
    CheckpointDamaged,
    CheckpointNotFound,
    InvalidValue,
    better_of,
    copy_with_files,
    copy_with_version,
    dream_with_each,
    imagine_next,
    predict_with_each,
    recorded_actions,
    start_imagination,
)


@pytest.fixture(scope="module")
def pair():
    """Two models of different weights."""
    first, second = shared_model(), shared_model()
    with torch.no_grad():
        for parameter in second.model.parameters():
            parameter.mul_(1.3)
    return first, second


def test_each_predicts_as_it_does_alone(pair, recording):
    history = recording.history(5, 3)
    both, batch = predict_with_each(pair, recording, history), build_batch(recording, history)
    for shared, one in zip(pair, both, strict=True):
        alone = run_prediction(shared, batch.frames, batch.actions, batch.target, batch.actions[0, -1:], 0)
        assert one.mse == pytest.approx(alone.mse, rel=1e-5) and np.array_equal(one.actual, alone.actual)
    assert both[0].mse != both[1].mse


def test_each_dreams_as_it_does_alone_under_the_same_actions(pair, recording):
    actions = recorded_actions(recording, 4, 3)
    assert len(actions) == 3 and len(recorded_actions(recording, 9, 50)) == 2
    steps = list(dream_with_each(pair, recording, 4, actions, "latents", 3))
    assert [step.number for step in steps] == [1, 2, 3] and all(step.repeat_mse is not None for step in steps)
    for place, shared in enumerate(pair):
        alone = start_imagination(recording, 4, 3)
        for step, action in zip(steps, actions, strict=True):
            alone = imagine_next(shared, recording, alone, action, "latents", 3)
            assert step.mses[place] == pytest.approx(alone.steps[-1].mse, rel=1e-5)
            assert np.array_equal(step.imagined[place], alone.picture)
            assert np.array_equal(step.actual, alone.truth.picture)
    assert np.allclose(steps[0].actual, np.asarray(recording.picture(5)), atol=40)  # the recorded frame, as JPEG


@every_case("steps", [0, 51, 2.0, None, "3", True])
def test_a_dream_has_1_to_50_recorded_steps(recording, steps):
    with pytest.raises(InvalidValue, match="The number of steps must be a whole number from 1 to 50"):
        recorded_actions(recording, 0, steps)


def test_from_the_last_frame_on_nothing_was_recorded(recording):
    with pytest.raises(CannotImagine, match="choose an earlier frame"):
        recorded_actions(recording, 11, 3)


def test_a_copy_of_a_version_or_of_files_changes_no_weights_in_use(tmp_path):
    manager = make_manager(tmp_path / "robot")
    save_run(manager)
    save_run(manager)
    (version,) = manager.versions()
    before, weights = tensors_of(manager.shared.model), manager.shared.weights
    old = copy_with_version(manager.shared, manager.directory, version)
    now = copy_with_files(manager.shared, {"predictor": manager.directory / "predictor_0.pth"})
    assert old.weights["predictor"].step == 1 and now.weights["predictor"].step == 2
    assert old.digests() != now.digests() == manager.shared.digests()
    assert manager.shared.weights == weights
    assert all(torch.equal(value, before[key]) for key, value in manager.shared.model.state_dict().items())
    path = version.path(manager.directory, "autoencoder")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointDamaged):
        copy_with_version(manager.shared, manager.directory, version)
    path.unlink()
    with pytest.raises(CheckpointNotFound):
        copy_with_version(manager.shared, manager.directory, version)


def grey(shade):
    return np.full((4, 4, 3), shade, np.uint8)


@every_case(
    "errors, pictures, best",
    [
        ((0.2, 0.1), (grey(90), grey(100)), 1),
        ((0.1, 0.2), (), 0),
        ((0.1, 0.1005), (grey(90), grey(100)), None),  # less than 1 %
        ((0.2, 0.1), (grey(90), grey(90)), None),
        ((0.0, 0.0), (), None),
    ],
)
def test_one_is_better_only_if_the_difference_means_something(errors, pictures, best):
    assert better_of(errors, pictures) == best
