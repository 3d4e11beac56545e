import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from models import PredictionLosses, run_prediction, run_reconstruction
from session.batch import Batch, build_batch, scaled_candidates
from tests.training.tiny import FAST, are_equal, optimizer_state, shared_model, tensors_of, trainer
from training import AutoencoderTrainer, LossNotFinite, PredictorTrainer, TrainingConfig, TrainState
from training.steps import FramePrediction, explained_variance, train_step


def changed(before, after):
    return {key for key in before if not torch.equal(before[key], after[key])}


def test_an_autoencoder_step_reports_the_loss_it_minimized(batch):
    learner = trainer("autoencoder", replace(FAST, mask_ratio_low=0.4, mask_ratio_high=0.8))
    model, optimizers = learner.model, learner.state
    twin = torch.Generator()
    twin.set_state(optimizers.generator.get_state())
    mask_ratio = 0.4 + 0.4 * torch.rand((), generator=twin).item()
    noise = torch.rand(2, 16, generator=twin)
    with torch.no_grad():
        latents, mask, ids = model.autoencoder.forward_encoder(batch.target, mask_ratio, noise)
        patches = model.autoencoder.forward_decoder(latents, ids)
        expected = (patches - model.autoencoder.patchify(batch.target)).square().mean().item()
    assert mask.sum(dim=1).tolist() == [16 - int(16 * (1 - mask_ratio))] * 2
    metrics = learner.step(batch)
    assert metrics.losses["loss"] == pytest.approx(expected, rel=1e-6)
    assert metrics.grad_norm > 0 and metrics.lrs == {"autoencoder": optimizers.of("autoencoder").current_lr}


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_a_step_in_bfloat16_learns_like_one_in_float32_and_evaluates_in_float32(batch, fast_bfloat16, network):
    exact, rounded = (trainer(network, replace(FAST, precision=one)) for one in ("float32", "auto"))
    before = rounded.evaluate(batch).loss
    assert before == exact.evaluate(batch).loss
    name = "loss" if network == "autoencoder" else "total"
    first, second = (learner.step(batch).losses[name] for learner in (exact, rounded))
    assert first != second and second == pytest.approx(first, rel=2e-2)
    weights = rounded.model.state_dict().values()
    assert {weight.dtype for weight in weights} == {torch.float32} and rounded.evaluate(batch).loss != before


def test_masks_are_drawn_evenly_from_the_range(batch):
    learner, ratios = trainer("autoencoder", replace(FAST, mask_ratio_low=0.3, mask_ratio_high=0.85)), []
    bias = learner.model.autoencoder.decoder_pred[2].bias
    learner.model.autoencoder_loss = lambda images, ratio, noise: ratios.append(ratio) or bias.sum()
    for _ in range(60):
        learner.step(batch)
    assert all(0.3 <= ratio <= 0.85 for ratio in ratios)
    assert min(ratios) < 0.36 and max(ratios) > 0.79 and abs(sum(ratios) / 60 - 0.575) < 0.08


def test_a_predictor_step_reports_the_losses_it_minimized(batch):
    learner = trainer("predictor", replace(FAST, image_weight=0.6, latent_weight=0.3))
    for part in learner.model.modules():
        if hasattr(part, "rate"):
            part.rate = 0.0  # no dropout: evaluation computes the same
    model = learner.model
    with torch.no_grad():
        predicted, picture = model.predict(model.encode_history(batch.frames), batch.actions, batch.frames[:, -1])
        image = F.mse_loss(picture, batch.target).item()
        latent = F.mse_loss(predicted, model.encode(batch.target)).item()
    losses = learner.step(batch).losses
    assert losses["image"] == pytest.approx(image, rel=1e-5)
    assert losses["latent"] == pytest.approx(latent, rel=1e-5)
    assert losses["total"] == pytest.approx(0.6 * image + 0.3 * latent, rel=1e-5)


def known_gradients(model, factors):
    """In place of the model's losses one whose gradient on each named parameter is a factor everywhere, and on all
    others 0: the sum of factor · parameter."""
    named = dict(model.named_parameters())

    def losses(*_):
        total = sum(factor * named[name].sum() for name, factor in factors.items())
        return PredictionLosses(total, total, total, torch.zeros(1, 3, 224, 224))

    model.prediction_losses = losses


def test_a_predictor_step_has_the_gradients_share_on_action_parameters(batch):
    learner = trainer("predictor")
    factors = {
        "predictor.film_layers.0.to_beta.bias": 3.0,  # 32 values: 3²·32 = 288
        "predictor.action_embed.net.4.bias": 2.0,  # 8 values: 2²·8 = 32
        "predictor.action_token_proj.bias": 1.0,  # 32 values: 32
        "predictor.output_head.bias": 4.0,  # 32 values, no action: 512
        "autoencoder.decoder_embed.bias": 100.0,  # not of the predictor
    }
    known_gradients(learner.model, factors)
    metrics = learner.step(batch)
    assert metrics.action_gradient_share == pytest.approx((288 + 32 + 32) / (288 + 32 + 32 + 512))
    assert metrics.grad_norm == pytest.approx(math.sqrt(864 + 16 * 100.0**2))


def test_the_share_is_logged_at_the_first_step_and_each_time_losses_are_evaluated(batch):
    learner = trainer("predictor", replace(FAST, evaluate_every=3))
    shares = [learner.step(batch).action_gradient_share for _ in range(7)]
    assert [share is not None for share in shares] == [True, False, False, True, False, False, True]
    assert all(0 < share < 1 for share in shares if share is not None)


def test_telling_the_share_changes_no_step(batch):
    every, never = (trainer("predictor", replace(FAST, evaluate_every=each)) for each in (1, 1_000_000))
    never._steps = 1
    for _ in range(3):
        told, silent = every.step(batch), never.step(batch)
        assert told.action_gradient_share is not None and silent.action_gradient_share is None
        assert (told.losses, told.grad_norm) == (silent.losses, silent.grad_norm)
    assert are_equal(tensors_of(every.model), tensors_of(never.model))


def test_an_autoencoder_step_has_no_share(batch):
    assert trainer("autoencoder").step(batch).action_gradient_share is None


def test_a_predictor_step_drops_out_and_draws_from_its_own_generator(batch):
    learner, unused = trainer("predictor"), torch.get_rng_state()
    state = learner.state.generator.get_state()
    first = learner.step(batch).losses
    assert not torch.equal(learner.state.generator.get_state(), state)
    assert torch.equal(torch.get_rng_state(), unused)
    assert first["total"] != pytest.approx(trainer("predictor").evaluate(batch).losses["total"], rel=1e-4)


def test_a_predictor_step_changes_predictor_decoder_and_encoder(batch):
    learner = trainer("predictor", replace(FAST, weight_decay=0.0))
    before = tensors_of(learner.model)
    learner.step(batch)
    found = changed(before, tensors_of(learner.model))
    assert "predictor.output_head.weight" in found
    assert "autoencoder.decoder_pred.2.weight" in found
    assert "autoencoder.patch_embed.proj.weight" in found
    assert "autoencoder.mask_token" not in found
    assert not any(name.endswith("pos_embed") for name in found)


def test_an_autoencoder_step_changes_no_predictor_weight(batch):
    learner = trainer("autoencoder")
    before = tensors_of(learner.model)
    learner.step(batch)
    found = changed(before, tensors_of(learner.model))
    assert found and all(name.startswith("autoencoder.") for name in found)
    assert learner.state.of("predictor").steps == 0


def test_a_predictor_step_advances_both_schedules_once(batch):
    optimizers = TrainState(shared_model().model, TrainingConfig(warmup_steps=100))
    metrics = PredictorTrainer(optimizers.model, optimizers).step(batch)
    assert [optimizers.of(name).steps for name in ("autoencoder", "predictor")] == [1, 1]
    assert metrics.lrs == pytest.approx({"autoencoder": 1e-4 * 0.02, "predictor": 1.5e-4 * 0.02})
    AutoencoderTrainer(optimizers.model, optimizers).step(batch)
    assert [optimizers.of(name).steps for name in ("autoencoder", "predictor")] == [2, 1]


def test_each_parameter_belongs_to_exactly_one_optimizer():
    optimizers = TrainState(shared_model().model)
    owned = [
        id(parameter)
        for network in ("autoencoder", "predictor")
        for group in optimizers.of(network)._optimizer.param_groups
        for parameter in group["params"]
    ]
    assert sorted(owned) == sorted(id(parameter) for parameter in optimizers.model.parameters())


def test_the_model_is_in_evaluation_mode_between_steps_and_keeps_no_gradients(batch):
    for network in ("autoencoder", "predictor"):
        learner = trainer(network)
        learner.step(batch)
        assert not any(part.training for part in learner.model.modules())
        assert all(parameter.grad is None for parameter in learner.model.parameters())


def test_the_evaluated_loss_is_the_one_that_inference_shows(recording):
    shared = shared_model()
    optimizers = TrainState(shared.model, FAST)
    history = recording.history(6, 3)
    batch, candidates = build_batch(recording, history), scaled_candidates(recording)
    for _ in range(3):
        PredictorTrainer(shared.model, optimizers).step(batch)
    look = AutoencoderTrainer(shared.model, optimizers).evaluate(batch)
    assert look.loss == look.losses["loss"] == pytest.approx(run_reconstruction(shared, batch.target).mse, rel=1e-6)
    look = PredictorTrainer(shared.model, optimizers).evaluate(batch)
    recorded = recording.candidate_index(history.actions[-1])
    shown = run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
    assert look.loss == look.losses["image"] == pytest.approx(shown.mse, rel=1e-5)


def test_an_evaluation_changes_nothing(batch):
    for network in ("autoencoder", "predictor"):
        learner = trainer(network)
        before, random_state = tensors_of(learner.model), learner.state.generator.get_state()
        assert learner.evaluate(batch).loss == learner.evaluate(batch).loss
        assert are_equal(tensors_of(learner.model), before)
        assert torch.equal(learner.state.generator.get_state(), random_state)


def test_explained_variance_is_one_for_the_same_picture_and_none_for_a_plain_one():
    actual = torch.rand(1, 3, 8, 8)
    assert explained_variance(actual, actual) == 1
    assert explained_variance(actual + 0.3, actual) == pytest.approx(1)  # a shift explains nothing less
    assert explained_variance(torch.full_like(actual, 0.5), actual) == pytest.approx(0, abs=1e-6)
    assert explained_variance(actual, torch.ones_like(actual)) == 0


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_a_loss_that_is_not_finite_changes_nothing(batch, network, value):
    learner = trainer(network)
    learner.step(batch)
    before, moments = tensors_of(learner.model), optimizer_state(learner.state)
    rates = [learner.state.of(name).current_lr for name in ("autoencoder", "predictor")]
    target = batch.target.clone()
    target[0, 0, 0, 0] = value
    with pytest.raises(LossNotFinite, match="before the weights changed"):
        learner.step(Batch(batch.frames, batch.actions, target))
    assert are_equal(tensors_of(learner.model), before)
    assert are_equal(optimizer_state(learner.state), moments)
    assert rates == [learner.state.of(name).current_lr for name in ("autoencoder", "predictor")]
    assert not any(part.training for part in learner.model.modules())
    assert math.isfinite(learner.step(batch).grad_norm)


def test_a_gradient_that_is_not_finite_changes_nothing(batch):
    learner = trainer()
    before = tensors_of(learner.model)
    learner.model.autoencoder.decoder_pred[2].weight.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(LossNotFinite):
        learner.step(batch)
    assert are_equal(tensors_of(learner.model), before) and not optimizer_state(learner.state)


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_steps_that_are_far_too_long_end_before_weights_are_lost(batch, network):
    learner = trainer(network, replace(FAST, autoencoder_lr=1.0, predictor_lr=1.0, weight_decay=1000.0))
    with pytest.raises(LossNotFinite):
        for _ in range(200):
            before = tensors_of(learner.model)
            learner.step(batch)
    after = tensors_of(learner.model)
    assert are_equal(before, after) and all(torch.isfinite(value).all() for value in after.values())


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_another_configuration_keeps_moments_steps_and_random_numbers(batch, network):
    learner = trainer(network)
    for _ in range(3):
        learner.step(batch)
    moments = optimizer_state(learner.state)
    steps = {name: learner.state.of(name).steps for name in ("autoencoder", "predictor")}
    other = learner.state.configured(replace(FAST, autoencoder_lr=5e-4, predictor_lr=7e-4))
    assert are_equal(optimizer_state(other), moments)
    assert other.generator is learner.state.generator
    assert {name: other.of(name).steps for name in steps} == steps
    assert other.of("autoencoder").current_lr == pytest.approx(5e-4, rel=1e-3)
    assert other.of("predictor").current_lr == pytest.approx(7e-4, rel=1e-3)
    assert learner.state.configured(FAST) is learner.state


def test_a_changed_learning_rate_takes_effect(batch):
    moved = []
    for lr in (1e-5, 1e-3):
        learner = trainer()
        learner.step(batch)
        before = learner.model.autoencoder.decoder_pred[2].weight.clone()
        config = replace(FAST, autoencoder_lr=lr, weight_decay=0.0)
        AutoencoderTrainer(learner.model, learner.state.configured(config)).step(batch)
        moved.append((learner.model.autoencoder.decoder_pred[2].weight - before).abs().mean().item())
    assert moved[1] == pytest.approx(100 * moved[0], rel=0.05)


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_a_network_learns_one_frame_by_heart(batch, network):
    learner = trainer(network)
    one = Batch(batch.frames[:1], batch.actions[:1], batch.target[:1])
    before = learner.evaluate(one)
    for _ in range(60):
        learner.step(one)
    after = learner.evaluate(one)
    assert after.loss < 0.3 * before.loss and after.explained_variance > before.explained_variance


def test_a_predictor_that_trains_alone_leaves_the_autoencoder_as_it_is(batch):
    trained = trainer("predictor")
    before = tensors_of(trained.model)
    objective = FramePrediction(trained.model, FAST, trained=("predictor",))
    train_step(trained.state, objective, batch)
    assert {key.partition(".")[0] for key in changed(before, trained.model.state_dict())} == {"predictor"}
    assert FramePrediction.trained == ("predictor", "autoencoder")
