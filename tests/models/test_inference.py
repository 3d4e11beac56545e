import threading

import numpy as np
import pytest
import torch

from models import NotFinite, SharedWorldModel, WeightsSource, WorldModels, run_prediction, run_reconstruction
from models.inference import to_uint8
from tests.models.reference import randomize
from tests.models.small import generator, history, small_config

CANDIDATES = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.5, -0.5]])


@pytest.fixture
def shared():
    shared = SharedWorldModel(small_config(), torch.device("cpu"))
    randomize(shared.model, generator())
    return shared


def modes(shared):
    return [part.training for part in shared.model.modules()]


def test_a_reconstruction_shows_frame_picture_and_error(shared):
    image = history()[2]
    result = run_reconstruction(shared, image)
    with torch.inference_mode():
        picture = shared.model.reconstruct(image)[0]
    assert np.array_equal(result.input, to_uint8(image[0]))
    assert np.array_equal(result.reconstruction, to_uint8(picture))
    assert result.error.shape == (32, 32) and result.error.dtype == np.float32
    assert np.allclose(result.error, ((picture - image[0]) ** 2).mean(dim=0).numpy(), atol=1e-7)
    assert result.mse == pytest.approx(shared.model.autoencoder.reconstruction_loss(image).item(), rel=1e-5)
    assert result.mse == pytest.approx(float(result.error.mean()), rel=1e-5)
    assert result.weights.describe() == "untrained"


def test_the_shown_loss_is_the_one_training_reports_in_evaluation_mode(shared):
    frames, actions, target = history()
    result = run_prediction(shared, frames, actions, target, CANDIDATES, None)
    with torch.inference_mode():
        losses = shared.model.prediction_losses(frames, actions, target)
    assert result.mse == pytest.approx(losses.image.item(), rel=1e-5)


def test_the_error_counts_what_clipping_hides(shared):
    """The random networks leave [0, 1] by far: an error of the displayed picture would be smaller."""
    frames, actions, target = history()
    result = run_prediction(shared, frames, actions, target, CANDIDATES, None)
    displayed = ((result.predicted / 255.0 - target[0].permute(1, 2, 0).numpy()) ** 2).mean()
    assert result.mse > 1.01 * displayed


def test_each_candidate_equals_a_prediction_with_that_action(shared):
    frames, actions, target = history()
    result = run_prediction(shared, frames, actions, target, CANDIDATES, None)
    assert len(result.candidates) == 3 and result.recorded is None
    for candidate, swept in zip(CANDIDATES, result.candidates, strict=True):
        replaced = actions.clone()
        replaced[0, -1] = candidate
        alone = run_prediction(shared, frames, replaced, target, CANDIDATES, None)
        assert alone.mse == pytest.approx(swept.mse, rel=1e-5)
        assert np.abs(alone.predicted.astype(int) - swept.picture.astype(int)).max() <= 1
    assert result.best == int(np.argmin([swept.mse for swept in result.candidates]))


@pytest.mark.parametrize("is_exact", [True, False])
def test_the_recorded_action_has_its_own_prediction(shared, is_exact):
    """Also if it differs a little from the candidate that represents it."""
    frames, actions, target = history()
    actions[0, -1] = CANDIDATES[1] + (0.0 if is_exact else 0.25)
    result = run_prediction(shared, frames, actions, target, CANDIDATES, 1)
    with torch.inference_mode():
        expected = shared.model.prediction_losses(frames, actions, target).image.item()
    assert result.recorded == 1 and result.mse == pytest.approx(expected, rel=1e-5)
    assert (result.mse == result.candidates[1].mse) is is_exact


@pytest.mark.parametrize("recorded", [1, None])
def test_differences_are_candidate_minus_recorded_in_brightness_before_clipping(shared, recorded):
    """With the recorded action listed as candidate 1, and with one that no candidate is."""
    frames, actions, target = history()
    actions[0, -1] = torch.tensor([0.3, 0.7]) if recorded is None else CANDIDATES[recorded]
    result = run_prediction(shared, frames, actions, target, CANDIDATES, recorded)

    def picture_of(action):
        replaced = actions.clone()
        replaced[0, -1] = action
        with torch.inference_mode():
            return shared.model.prediction_losses(frames, replaced, target).picture[0].numpy()

    pictures, own = np.stack([picture_of(action) for action in CANDIDATES]), picture_of(actions[0, -1])
    assert pictures.max() > 1  # so clipping would show
    expected = (pictures[:, 0] + pictures[:, 1] + pictures[:, 2] - own[0] - own[1] - own[2]) / 3
    assert result.differences.shape == (3, 32, 32) and result.differences.dtype == np.float32
    assert np.allclose(result.differences, expected, atol=1e-4)
    assert result.difference_top == pytest.approx(np.abs(expected).max(), abs=1e-4) and result.difference_top > 0.01
    assert [bool(difference.any()) for difference in result.differences] == [True, recorded is None, True]


def test_a_predictor_that_ignores_the_action_shows_no_difference(shared):
    for part in (shared.model.predictor.action_token_proj, *shared.model.predictor.film_layers.values()):
        for parameter in part.parameters():
            torch.nn.init.zeros_(parameter)
    frames, actions, target = history()
    result = run_prediction(shared, frames, actions, target, CANDIDATES, None)
    # The rows of one batch may differ in the last digit.
    assert result.difference_top == np.abs(result.differences).max() < 1e-6


def test_pictures_too_large_to_be_compared_are_refused_by_name(shared):
    torch.nn.init.constant_(shared.model.autoencoder.decoder_pred[2].bias, 1e25)
    frames, actions, target = history()
    with pytest.raises(NotFinite, match="autoencoder"):
        run_reconstruction(shared, target)
    with pytest.raises(NotFinite):
        run_prediction(shared, frames, actions, target, CANDIDATES, None)


def test_no_candidates_is_no_best_one(shared):
    frames, actions, target = history()
    result = run_prediction(shared, frames, actions, target, torch.empty(0, 2), None)
    assert result.candidates == () and result.best is None and result.mse > 0
    assert result.differences.shape == (0, 32, 32) and result.difference_top == 0.0


def test_results_name_the_weights_they_come_from(shared):
    frames, actions, target = history()
    shared.set_weights_source({"autoencoder": WeightsSource("autoencoder.pth", 3)})
    assert run_reconstruction(shared, target).weights == WeightsSource("autoencoder.pth", 3)
    result = run_prediction(shared, frames, actions, target, CANDIDATES, None)
    shared.set_weights_source({"predictor": WeightsSource("predictor_0.pth", 9)})
    assert result.weights["autoencoder"].step == 3 and not result.weights["predictor"].is_trained


def test_inference_computes_as_in_evaluation_mode_and_leaves_modes_as_found(shared):
    frames, actions, target = history()
    expected = run_prediction(shared, frames, actions, target, CANDIDATES, None)
    shared.model.predictor.train()
    shared.model.predictor.dropout.eval()
    before = modes(shared)
    result = run_prediction(shared, frames, actions, target, CANDIDATES, None)
    assert np.array_equal(result.predicted, expected.predicted) and result.mse == expected.mse
    assert modes(shared) == before and True in before


def test_inference_beside_a_thread_that_trains_equals_inference_alone(shared):
    frames, actions, target = history()
    expected = run_prediction(shared, frames, actions, target, CANDIDATES, None)
    stop, harmed, steps = threading.Event(), [], []

    def train():
        with shared.lock:
            shared.model.train()
        while not stop.is_set():
            with shared.lock:
                if not all(modes(shared)):
                    harmed.append(len(steps))
                shared.model.prediction_losses(frames, actions, target).total.backward()
                steps.append(1)

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        result = [run_prediction(shared, frames, actions, target, CANDIDATES, None) for _ in range(40)]
    finally:
        stop.set()
        trainer.join()
    assert all(np.array_equal(one.predicted, expected.predicted) and one.mse == expected.mse for one in result)
    assert harmed == []


def test_weights_that_are_not_finite_are_named_and_modes_survive(shared):
    frames, actions, target = history()
    shared.model.train()
    shared.model.predictor.future_query.data.fill_(float("nan"))
    with pytest.raises(NotFinite, match=r"predictor's weights .* not finite; load another checkpoint"):
        run_prediction(shared, frames, actions, target, CANDIDATES, None)
    assert all(modes(shared))
    shared.model.autoencoder.cls_token.data.fill_(float("inf"))
    with pytest.raises(NotFinite, match="autoencoder's weights"):
        run_prediction(shared, frames, actions, target, CANDIDATES, None)
    with pytest.raises(NotFinite, match="autoencoder's weights"):
        run_reconstruction(shared, target)
    assert shared.lock.acquire(blocking=False)
    shared.lock.release()


def test_inference_leaves_no_gradients_and_no_changes(shared):
    frames, actions, target = history()
    before = {key: value.clone() for key, value in shared.model.state_dict().items()}
    run_prediction(shared, frames, actions, target, CANDIDATES, None)
    assert all(parameter.grad is None for parameter in shared.model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in shared.model.state_dict().items())


def test_the_full_size_predicts_from_eight_frames():
    shared = WorldModels(torch.device("cpu")).get("dot", 1)
    frames, actions, target = history(t=8, channels=1, size=224)
    result = run_prediction(shared, frames, actions, target, torch.tensor([[-1.0], [1.0]]), None)
    assert result.predicted.shape == (224, 224, 3) and result.predicted.dtype == np.uint8
    assert result.error.shape == (224, 224) and len(result.candidates) == 2
