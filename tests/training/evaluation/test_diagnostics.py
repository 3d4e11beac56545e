import io
import math
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from models import (
    ActionPredictorConfig,
    AdaptiveWorldModelConfig,
    NotFinite,
    SharedWorldModel,
    WeightsSource,
    run_prediction,
)
from session import NoHistory, load_session
from session.batch import build_batch, scaled_candidates
from tests.cases import every_case
from tests.session.session_files import action, meta_of, observation, write_session
from tests.training.tiny import AUTOENCODER, are_equal, shared_model, tensors_of
from training import InvalidValue, diagnose_actions
from training.evaluation.diagnostics import MAX_ROWS, shuffled, variance

DARK, BRIGHT = 51, 204  # 0.2 and 0.8 of 255
STAY, MOVE = {"action": 0}, {"action": 1}


def grey(level, size=16):
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (level, level, level)).save(buffer, "PNG")
    return buffer.getvalue()


def record(folder, values, action_space=(STAY, MOVE), levels=None):
    """A recording of len(values) + 1 plain frames: bright if the action before them was above 0.5."""
    events = [observation(0, "frames/0.png")]
    for place, value in enumerate(values):
        step = 2 * place + 1
        events += [action(step, {"action": value}), observation(step + 1, f"frames/{place + 1}.png")]
    meta = meta_of(robot_type="ToroidalDotRobot", action_space=list(action_space))
    write_session(folder, events, meta)
    levels = levels or [DARK, *(BRIGHT if value > 0.5 else DARK for value in values)]
    for place, level in enumerate(levels):
        (folder / "frames" / f"{place}.png").write_bytes(grey(level))
    return load_session(folder)


def known_model():
    """A world model whose prediction is plain grey, depending on the sign of the last scaled action: 0.75 above 0, 0.25
    below, 0.5 at 0."""
    predictor = ActionPredictorConfig(
        width=32, layers=1, heads=2, action_hidden=2, action_width=2, max_tokens=256, film_after=(0,)
    )
    shared = SharedWorldModel(AdaptiveWorldModelConfig(1, AUTOENCODER, predictor), torch.device("cpu"))
    signs = torch.tensor([1.0, -1.0]).repeat(16)
    first, second, embed_norm = (shared.model.predictor.action_embed.net[place] for place in (0, 2, 4))
    film = shared.model.predictor.film_layers["0"]
    head, decoder = shared.model.predictor.output_head, shared.model.autoencoder
    with torch.no_grad():
        for linear in (first, second, film.to_gamma, film.to_beta, head, decoder.decoder_embed, *decoder.decoder_pred):
            if isinstance(linear, torch.nn.Linear):
                linear.weight.zero_()
                linear.bias.zero_()
        first.weight[:, 0] = torch.tensor([100.0, -100.0])  # GELU: (100, 0) above 0, (0, 100) below, (0, 0) at 0
        second.weight.copy_(torch.eye(2))  # its LayerNorm makes (1, −1), (−1, 1) and (0, 0) of them
        film.to_gamma.bias.fill_(-1.0)  # x·(1 − 1): only β remains
        film.to_beta.weight[:, 0] = signs  # β = ±(1, −1, 1, …) or 0, which the last LayerNorm does not change
        head.weight.copy_(torch.eye(32))
        decoder.decoder_pos_embed.zero_()
        decoder.decoder_embed.weight[0, 0] = 1.0
        decoder.decoder_pred[0].weight[0, 0] = 0.25
        decoder.decoder_pred[0].bias[0] = 0.25
        decoder.decoder_pred[2].weight[:, 0] = 1.0
        decoder.decoder_pred[2].bias.fill_(0.25)  # 0.25 + ReLU(0.25 ± 0.25)
    assert embed_norm.weight.tolist() == [1.0, 1.0]
    return shared


def ignorant_model():
    """Small networks without any effect of actions: FiLM starts as the identity, and action tokens are equal."""
    shared = shared_model()
    with torch.no_grad():
        shared.model.predictor.action_token_proj.weight.zero_()
    return shared


def approximately(value):
    return pytest.approx(value, rel=1e-3, abs=1e-6)


def test_measures_of_a_prediction_that_is_known(tmp_path):
    """Targets 2 to 5 came from the actions 1, 0, 1, 1 and are 0.8, 0.2, 0.8, 0.8 bright."""
    result = diagnose_actions(known_model(), record(tmp_path / "s", [0, 1, 0, 1, 1]), 2)
    assert result.targets == (2, 3, 4, 5) and result.history_length == 2
    assert result.true_losses == approximately([0.0025] * 4)  # (0.75 − 0.8)² and (0.25 − 0.2)²
    assert result.zeroed_losses == approximately([0.09] * 4)  # (0.5 − 0.8)² and (0.5 − 0.2)²
    # In a ring through all, the only 0 goes to one of the others, and its target gets a 1: two have an error of 0.55.
    assert sorted(result.shuffled_losses) == approximately([0.0025, 0.0025, 0.3025, 0.3025])
    assert result.true_loss == approximately(0.0025)
    assert result.asg == approximately(0.15)  # (2·0.3025 + 2·0.0025)/4 − 0.0025
    assert result.azg == approximately(0.0875)
    assert result.relative_asg == approximately(60) and result.relative_azg == approximately(35)
    assert result.sensitivity == approximately(0.0625)  # 0.75 and 0.25 are 0.25 from their mean
    # The actual frames: mean 0.65, variance (3·0.15² + 0.45²)/4 = 0.0675.
    assert result.sensitivity_share == approximately(0.0625 / 0.0675)
    assert (result.best_is_recorded, result.told_apart, result.chance) == (1.0, 4, 0.5)
    assert result.other_losses == approximately([0.3025] * 4)


def test_a_predictor_that_is_better_without_the_recorded_action_has_negative_gaps(tmp_path):
    levels = [DARK, DARK, DARK, BRIGHT, DARK]  # each frame equals the prediction for the other action
    result = diagnose_actions(known_model(), record(tmp_path / "s", [0, 1, 0, 1], levels=levels), 2)
    assert result.true_losses == approximately([0.3025] * 3)  # (0.75 − 0.2)² and (0.25 − 0.8)²
    assert result.azg == approximately(0.09 - 0.3025)
    assert result.asg < 0 and result.best_is_recorded == 0.0


def test_a_predictor_that_ignores_actions_gains_and_loses_nothing(recording):
    result = diagnose_actions(ignorant_model(), recording, 3)
    assert result.asg == pytest.approx(0, abs=1e-7 * result.true_loss)
    assert result.azg == pytest.approx(0, abs=1e-7 * result.true_loss)
    assert result.sensitivity == pytest.approx(0, abs=1e-12)
    assert (result.best_is_recorded, result.told_apart, result.chance) == (None, 0, 0.5)


def test_the_true_loss_equals_that_of_run_predictor(recording):
    shared = shared_model()
    torch.nn.init.normal_(shared.model.predictor.film_layers["0"].to_beta.weight)
    result = diagnose_actions(shared, recording, 3, targets=5)
    assert result.targets == (3, 5, 7, 9, 11)
    for target, loss in zip(result.targets, result.true_losses, strict=True):
        history = recording.history(target, 3)
        batch, candidates = build_batch(recording, history), scaled_candidates(recording)
        recorded = recording.candidate_index(history.actions[-1])
        expected = run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
        assert loss == pytest.approx(expected.mse, rel=1e-5)
    assert result.sensitivity > 0 and result.asg != 0


def test_diagnosing_twice_gives_the_same_numbers(recording):
    shared = shared_model()
    first, second = (diagnose_actions(shared, recording, 3) for _ in range(2))
    for name in ("true_losses", "shuffled_losses", "zeroed_losses"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_weights_and_modes_stay_as_they_were(recording):
    shared = shared_model()
    shared.model.predictor.train()  # a trainer may leave one network in this mode
    before, version = tensors_of(shared.model), shared.version
    modes = [part.training for part in shared.model.modules()]
    result = diagnose_actions(shared, recording, 3, targets=2)
    assert are_equal(tensors_of(shared.model), before) and shared.version == version
    assert [part.training for part in shared.model.modules()] == modes
    assert all(parameter.grad is None for parameter in shared.model.parameters())
    assert result.weights_in_use == shared.weights and not result.is_mixed


class CountedLock:
    """A lock that counts its acquisitions and calls a function at each release."""

    def __init__(self, note_release=lambda: None):
        self.inner, self.taken, self.note_release = threading.RLock(), 0, note_release

    def __enter__(self):
        self.inner.acquire()
        self.taken += 1

    def __exit__(self, *_):
        self.inner.release()
        self.note_release()


def test_the_lock_is_free_between_targets(recording):
    shared = shared_model()
    shared.lock = CountedLock()
    assert len(diagnose_actions(shared, recording, 3, targets=4).targets) == shared.lock.taken == 4


def test_a_change_of_weights_during_the_run_is_reported(recording):
    shared = shared_model()

    def train_a_step():
        lock, shared.lock = shared.lock, threading.RLock()
        shared.set_weights_source({"predictor": WeightsSource(None, shared.version + 1)})
        shared.lock = lock

    shared.lock = CountedLock(train_a_step)
    result = diagnose_actions(shared, recording, 3, targets=3)
    assert result.is_mixed and result.weights_in_use["predictor"].step == 2  # as for the last of three targets


def test_each_target_encodes_its_context_once_and_itself_never(recording, monkeypatch):
    shared, sizes = shared_model(), []
    encode = shared.model.encode
    monkeypatch.setattr(shared.model, "encode", lambda images: sizes.append(len(images)) or encode(images))
    diagnose_actions(shared, recording, 3, targets=4)
    assert sizes == [3, 3, 3, 3]


def test_the_replacements_of_the_true_actions(tmp_path, monkeypatch):
    shared, rows = known_model(), []
    predict = shared.model.predict
    monkeypatch.setattr(
        shared.model, "predict", lambda x, actions, last: rows.append(actions) or predict(x, actions, last)
    )
    diagnose_actions(shared, record(tmp_path / "s", [1, 0, 0, 1]), 3)
    # Targets 3 and 4 came from 1, 0, 0 and from 0, 0, 1: true, those of the other, none, and the other candidate last.
    first, second = (part[:, :, 0].tolist() for part in rows)
    assert first == [[1, -1, -1], [-1, -1, 1], [0, 0, 0], [1, -1, 1]]
    assert second == [[-1, -1, 1], [1, -1, -1], [0, 0, 0], [-1, -1, -1]]


def test_many_candidates_are_thinned_and_predicted_in_parts(tmp_path, monkeypatch):
    space = [{"action": value / 40} for value in range(41)]
    recording = record(tmp_path / "s", [0, 1, 0], space)
    shared, rows = known_model(), []
    predict = shared.model.predict
    monkeypatch.setattr(
        shared.model, "predict", lambda x, actions, last: rows.append(actions) or predict(x, actions, last)
    )
    result = diagnose_actions(shared, recording, 2, targets=1)
    assert [len(part) for part in rows] == [8, 8, 2] and MAX_ROWS == 8  # 3 and 15 others: the recorded one is listed
    swept = {round(value, 4) for value in torch.cat(rows)[3:, -1, 0].tolist()}
    assert len(swept) == 15 and -1.0 in swept and 1.0 not in swept  # that is the recorded one
    assert result.chance == 1 / 16


def test_a_recorded_action_that_is_no_candidate_is_compared_as_well(tmp_path):
    result = diagnose_actions(known_model(), record(tmp_path / "s", [0.9, 0.1, 0.9]), 2)
    # Predicted just as well from the candidate of its sign: each of the two counts as a half.
    assert result.chance == pytest.approx(1 / 3) and result.best_is_recorded == 0.5
    assert result.sensitivity == approximately(0.0625)  # over the candidates alone


def test_candidates_that_are_equal_after_scaling_count_once(tmp_path):
    space = [STAY, MOVE, {"action": 2}]  # beyond the range: clipped to what MOVE is
    assert diagnose_actions(known_model(), record(tmp_path / "s", [0, 1, 0], space), 2).chance == 0.5


def test_a_recording_of_one_action_is_reported(tmp_path):
    result = diagnose_actions(known_model(), record(tmp_path / "s", [1] * 6), 3)
    assert result.same_share == 1.0 and result.asg == 0
    assert result.sensitivity_share is None  # all frames look the same
    assert result.azg == approximately(0.0875)


def test_no_target_keeps_its_own_actions():
    for count in range(2, 20):
        actions = [torch.full((1, 2, 1), float(index)) for index in range(count)]
        indices = [int(own[0, 0, 0]) for own in shuffled(actions)]
        assert sorted(indices) == list(range(count)) and all(own != index for index, own in enumerate(indices))


def test_the_actions_of_a_single_history_are_rotated():
    (rotated,) = shuffled([torch.tensor([[[1.0], [2.0], [3.0]]])])
    assert rotated.flatten().tolist() == [3.0, 1.0, 2.0]


def test_variance_is_that_of_the_population_and_none_for_equal_pictures():
    plain = torch.ones(1, 3, 4, 4)
    assert variance(torch.cat([0.1 * plain, 0.2 * plain, 0.6 * plain])) == pytest.approx(0.14 / 3)  # mean 0.3
    assert variance((plain / 3).repeat(7, 1, 1, 1)) == 0.0


def test_if_no_history_is_whole_the_longest_are_used(tmp_path):
    recording = record(tmp_path / "s", [0, 1, 1])
    result = diagnose_actions(known_model(), recording, 8)
    assert (result.targets, result.history_length) == ((3,), 3)


def test_a_recording_without_any_history_is_refused(tmp_path):
    write_session(tmp_path / "s", [observation(0), observation(1)])
    with pytest.raises(NoHistory, match="choose a session"):
        diagnose_actions(shared_model(), load_session(tmp_path / "s"), 3)


@every_case("targets", [0, 65, 2.5, None])
def test_an_invalid_number_of_frames_is_refused(recording, targets):
    with pytest.raises(InvalidValue, match="The number of frames to look at must be a whole number from 1 to 64"):
        diagnose_actions(shared_model(), recording, 3, targets)


def weights_of(model, network):
    return {"predictor": model.predictor.output_head, "autoencoder": model.autoencoder.patch_embed.proj}[network].bias


@pytest.mark.parametrize("network", ["predictor", "autoencoder"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_networks_with_outputs_that_are_not_finite_are_named(recording, network, value):
    shared = shared_model()
    with torch.no_grad():
        weights_of(shared.model, network)[0] = value
    with pytest.raises(NotFinite) as raised:
        diagnose_actions(shared, recording, 3)
    assert raised.value.network == network
    assert not any(part.training for part in shared.model.modules())


def test_a_loss_too_large_for_float32_is_finite(recording):
    shared = shared_model()
    with torch.no_grad():
        shared.model.autoencoder.decoder_pred[2].bias.fill_(1e30)
    result = diagnose_actions(shared, recording, 3, targets=2)
    assert result.true_loss == pytest.approx(1e60, rel=1e-5) and math.isfinite(result.asg)


def test_gaps_are_relative_to_a_loss_above_zero(recording):
    result = diagnose_actions(shared_model(), recording, 3, targets=2)
    none = replace(result, true_losses=np.zeros(2))
    assert none.relative_asg is None and none.relative_azg is None
    assert result.relative_asg == result.asg / result.true_loss
