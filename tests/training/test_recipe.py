from dataclasses import replace

import pytest
import torch

from session import load_session, record_demo
from tests.training.tiny import are_equal, shared_model, tensors_of
from training.recipe import (
    RecipeConfig,
    foreground,
    learn_to_dream,
    learn_to_foresee,
    learn_to_see,
    rate_factor,
    sample_patches,
)
from training.unique_frames import UniqueFrames, is_held_out
from training.values import InvalidValue

QUICK = RecipeConfig(
    autoencoder_steps=60,
    predictor_steps=60,
    dream_steps=40,
    dreamed_frames=2,
    dream_lr=1e-3,
    autoencoder_batch=4,
    predictor_batch=4,
    autoencoder_lr=3e-3,
    predictor_lr=3e-3,
    warmup_steps=5,
    kept_patches=6,
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    return UniqueFrames([load_session(folder / record_demo(folder, "toroidal_dot", 40, seed=3))], is_held_out)


def losses(steps):
    return [now.loss for now in steps]


def test_the_autoencoder_learns_and_the_predictor_is_left_alone(pictures):
    model = shared_model().model
    before = tensors_of(model.predictor)
    found = losses(learn_to_see(model, pictures, QUICK))
    assert len(found) == 60 and sum(found[-10:]) < 0.7 * sum(found[:10])
    assert are_equal(tensors_of(model.predictor), before)
    assert not model.autoencoder.training


def test_the_predictor_learns_and_the_autoencoder_is_left_alone(pictures):
    model = shared_model().model
    list(learn_to_see(model, pictures, QUICK))
    before = tensors_of(model.autoencoder)
    found = losses(learn_to_foresee(model, pictures, QUICK))
    assert len(found) == 60 and sum(found[-10:]) < 0.7 * sum(found[:10])
    assert are_equal(tensors_of(model.autoencoder), before)
    assert not model.predictor.training


def test_dreaming_lowers_the_error_after_frames_that_were_imagined(pictures):
    """Judged apart from the loss: the picture after three steps in latents, from real frames on."""
    model = shared_model().model
    list(learn_to_see(model, pictures, QUICK))
    list(learn_to_foresee(model, pictures, QUICK))
    autoencoder, before = tensors_of(model.autoencoder), error_of_three_steps(model, pictures)
    assert len(losses(learn_to_dream(model, pictures, QUICK))) == 40
    assert error_of_three_steps(model, pictures) < before
    assert are_equal(tensors_of(model.autoencoder), autoencoder)


@torch.inference_mode()
def error_of_three_steps(model, pictures):
    windows = pictures.windows(5)
    context = torch.stack([model.encode(pictures.tensors(numbers)) for numbers in windows.pictures[:, :3]])
    actions = torch.from_numpy(windows.actions)
    for step in range(3):
        imagined = model.predict(context, actions[:, step : step + 3])
        context = torch.cat([context[:, 1:], imagined[:, None]], dim=1)
    targets = pictures.tensors(windows.targets)
    counts = 1 + QUICK.foreground_weight * (targets > 0.5)
    return (counts * (model.decode(context[:, -1]) - targets).square()).mean().item()


def test_without_steps_nothing_is_dreamed(pictures):
    assert losses(learn_to_dream(shared_model().model, pictures, replace(QUICK, dream_steps=0))) == []


@pytest.mark.parametrize("learn", [learn_to_see, learn_to_foresee, learn_to_dream])
def test_the_same_seed_learns_the_same_and_another_something_else(pictures, learn):
    short = replace(QUICK, autoencoder_steps=3, predictor_steps=3, dream_steps=3)

    def learned(config):
        model = shared_model().model
        list(learn(model, pictures, config))
        return tensors_of(model)

    first = learned(short)
    assert are_equal(first, learned(short))
    assert not are_equal(first, learned(replace(short, seed=1)))


def test_all_patches_are_kept_where_none_are_left_out(pictures):
    config = replace(QUICK, predictor_steps=2, kept_patches=0, initializes_spatiotemporal=False)
    assert len(losses(learn_to_foresee(shared_model().model, pictures, config))) == 2


def test_kept_patches_are_those_where_something_is_and_others_by_chance():
    is_there = torch.zeros(200, 16, dtype=torch.bool)
    is_there[:, [3, 9]] = True
    kept = sample_patches(is_there, 5, torch.Generator().manual_seed(0))
    assert kept.shape == (200, 6) and (kept[:, 0] == 0).all()
    assert (kept.diff(dim=1) > 0).all()
    assert all({4, 10} <= set(row.tolist()) for row in kept)
    assert set(kept[:, 1:].flatten().tolist()) == set(range(1, 17))


def test_foreground_is_what_differs_from_the_background():
    found = foreground(torch.tensor([[0.5, 0.04], [0.96, 0.0]]), torch.tensor([1.0, 0.0]))
    assert found.tolist() == [[1, 0], [0, 0]]


def test_the_rate_warms_up_and_falls_to_a_twentieth():
    assert rate_factor(0, 1000, 50) == pytest.approx(1 / 50)
    assert rate_factor(49, 1000, 50) > 0.99 and rate_factor(1000, 1000, 50) == pytest.approx(0.05)


def test_weights_that_run_away_end_the_lesson(pictures):
    model = shared_model().model
    with torch.no_grad():
        model.autoencoder.cls_token.fill_(float("nan"))
    with pytest.raises(InvalidValue, match="no longer a finite number"):
        list(learn_to_see(model, pictures, QUICK))


@pytest.mark.parametrize(
    "wrong",
    [
        {"autoencoder_steps": 0},
        {"predictor_batch": 65},
        {"predictor_lr": float("nan")},
        {"history_length": 9},
        {"foreground_weight": -1.0},
        {"mask_ratio_high": 1.0},
        {"kept_patches": -1},
        {"dreamed_frames": 6},
        {"dream_steps": -1},
        {"warmup_steps": 0},
        {"seed": -1},
        {"seed": 1.5},
    ],
)
def test_numbers_that_nothing_can_be_learned_with_are_refused(wrong):
    with pytest.raises(InvalidValue, match="must be"):
        RecipeConfig(**wrong)
