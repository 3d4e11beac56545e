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
    """A recording of len(values) + 1 plain frames: bright where the action before them was above 0.5."""
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
    """A world model whose prediction is plain grey, by the sign of the last action as the network sees it: 0.75 above
    0, 0.25 below, 0.5 at 0."""
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
        film.to_gamma.bias.fill_(-1.0)  # x·(1 − 1): nothing but β is left
        film.to_beta.weight[:, 0] = signs  # β = ±(1, −1, 1, …) or 0, which the last LayerNorm leaves as it is
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
    """Small networks of which no action changes anything: FiLM starts as the identity, action tokens are all alike."""
    shared = shared_model()
    with torch.no_grad():
        shared.model.predictor.action_token_proj.weight.zero_()
    return shared


def approximately(value):
    return pytest.approx(value, rel=1e-3, abs=1e-6)


def test_measures_of_a_prediction_that_is_known(tmp_path):
    """Targets 2 to 5 came from the actions 1, 0, 1, 1 and are 0.8, 0.2, 0.8, 0.8 bright."""
    found = diagnose_actions(known_model(), record(tmp_path / "s", [0, 1, 0, 1, 1]), 2)
    assert found.targets == (2, 3, 4, 5) and found.history_length == 2
    assert found.true_losses == approximately([0.0025] * 4)  # (0.75 − 0.8)² and (0.25 − 0.2)²
    assert found.zeroed_losses == approximately([0.09] * 4)  # (0.5 − 0.8)² and (0.5 − 0.2)²
    # In a ring through all, the only 0 goes to one of the others, and its target gets a 1: two are wrong by 0.55.
    assert sorted(found.shuffled_losses) == approximately([0.0025, 0.0025, 0.3025, 0.3025])
    assert found.true_loss == approximately(0.0025)
    assert found.asg == approximately(0.15)  # (2·0.3025 + 2·0.0025)/4 − 0.0025
    assert found.azg == approximately(0.0875)
    assert found.relative_asg == approximately(60) and found.relative_azg == approximately(35)
    assert found.sensitivity == approximately(0.0625)  # 0.75 and 0.25 are 0.25 from their mean
    # The actual frames: mean 0.65, variance (3·0.15² + 0.45²)/4 = 0.0675.
    assert found.sensitivity_share == approximately(0.0625 / 0.0675)
    assert (found.best_is_recorded, found.chance) == (1.0, 0.5)


def test_a_predictor_that_knows_better_without_the_recorded_action_is_told_by_negative_gaps(tmp_path):
    levels = [DARK, DARK, DARK, BRIGHT, DARK]  # each frame is what the other action is predicted to give
    found = diagnose_actions(known_model(), record(tmp_path / "s", [0, 1, 0, 1], levels=levels), 2)
    assert found.true_losses == approximately([0.3025] * 3)  # (0.75 − 0.2)² and (0.25 − 0.8)²
    assert found.azg == approximately(0.09 - 0.3025)
    assert found.asg < 0 and found.best_is_recorded == 0.0


def test_a_predictor_that_ignores_actions_gains_and_loses_nothing(recording):
    found = diagnose_actions(ignorant_model(), recording, 3)
    assert found.asg == pytest.approx(0, abs=1e-7 * found.true_loss)
    assert found.azg == pytest.approx(0, abs=1e-7 * found.true_loss)
    assert found.sensitivity == pytest.approx(0, abs=1e-12)
    assert found.best_is_recorded == found.chance == 0.5  # all are equally good: no better than guessing


def test_the_true_loss_is_the_one_that_a_prediction_shows(recording):
    shared = shared_model()
    torch.nn.init.normal_(shared.model.predictor.film_layers["0"].to_beta.weight)
    found = diagnose_actions(shared, recording, 3, targets=5)
    assert found.targets == (3, 5, 7, 9, 11)
    for target, loss in zip(found.targets, found.true_losses, strict=True):
        history = recording.history(target, 3)
        batch, candidates = build_batch(recording, history), scaled_candidates(recording)
        recorded = recording.candidate_index(history.actions[-1])
        shown = run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
        assert loss == pytest.approx(shown.mse, rel=1e-5)
    assert found.sensitivity > 0 and found.asg != 0


def test_diagnosing_twice_gives_the_same_numbers(recording):
    shared = shared_model()
    first, second = (diagnose_actions(shared, recording, 3) for _ in range(2))
    for name in ("true_losses", "shuffled_losses", "zeroed_losses"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_weights_and_modes_stay_as_they_were(recording):
    shared = shared_model()
    shared.model.predictor.train()  # a trainer may have left one network so
    before, version = tensors_of(shared.model), shared.version
    modes = [part.training for part in shared.model.modules()]
    found = diagnose_actions(shared, recording, 3, targets=2)
    assert are_equal(tensors_of(shared.model), before) and shared.version == version
    assert [part.training for part in shared.model.modules()] == modes
    assert all(parameter.grad is None for parameter in shared.model.parameters())
    assert found.weights_in_use == shared.weights and not found.is_mixed


class CountedLock:
    """A lock that counts how often it was taken, and tells when it is let go."""

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


def test_weights_that_change_meanwhile_are_told(recording):
    shared = shared_model()

    def train_a_step():
        lock, shared.lock = shared.lock, threading.RLock()
        shared.set_weights_source({"predictor": WeightsSource(None, shared.version + 1)})
        shared.lock = lock

    shared.lock = CountedLock(train_a_step)
    found = diagnose_actions(shared, recording, 3, targets=3)
    assert found.is_mixed and found.weights_in_use["predictor"].step == 2  # as the last of three targets found them


def test_each_target_encodes_its_context_once_and_itself_never(recording, monkeypatch):
    shared, seen = shared_model(), []
    encode = shared.model.encode
    monkeypatch.setattr(shared.model, "encode", lambda images: seen.append(len(images)) or encode(images))
    diagnose_actions(shared, recording, 3, targets=4)
    assert seen == [3, 3, 3, 3]


def test_what_stands_in_place_of_the_true_actions(tmp_path, monkeypatch):
    shared, rows = known_model(), []
    predict = shared.model.predict
    monkeypatch.setattr(shared.model, "predict", lambda x, actions: rows.append(actions) or predict(x, actions))
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
    monkeypatch.setattr(shared.model, "predict", lambda x, actions: rows.append(actions) or predict(x, actions))
    found = diagnose_actions(shared, recording, 2, targets=1)
    assert [len(part) for part in rows] == [8, 8, 2] and MAX_ROWS == 8  # 3 and 15 others: the recorded one is listed
    swept = {round(value, 4) for value in torch.cat(rows)[3:, -1, 0].tolist()}
    assert len(swept) == 15 and -1.0 in swept and 1.0 not in swept  # that is the recorded one
    assert found.chance == 1 / 16


def test_a_recorded_action_that_is_no_candidate_is_one_more_to_compare(tmp_path):
    found = diagnose_actions(known_model(), record(tmp_path / "s", [0.9, 0.1, 0.9]), 2)
    # Predicted just as well from the candidate of its sign: each of the two counts as a half.
    assert found.chance == pytest.approx(1 / 3) and found.best_is_recorded == 0.5
    assert found.sensitivity == approximately(0.0625)  # over the candidates alone


def test_candidates_that_the_network_cannot_tell_apart_count_once(tmp_path):
    space = [STAY, MOVE, {"action": 2}]  # beyond the range: clipped to what MOVE is
    assert diagnose_actions(known_model(), record(tmp_path / "s", [0, 1, 0], space), 2).chance == 0.5


def test_a_recording_of_one_action_is_told(tmp_path):
    found = diagnose_actions(known_model(), record(tmp_path / "s", [1] * 6), 3)
    assert found.same_share == 1.0 and found.asg == 0
    assert found.sensitivity_share is None  # all frames look the same
    assert found.azg == approximately(0.0875)


def test_no_actions_stay_where_they_were():
    for count in range(2, 20):
        given = [torch.full((1, 2, 1), float(place)) for place in range(count)]
        taken = [int(own[0, 0, 0]) for own in shuffled(given)]
        assert sorted(taken) == list(range(count)) and all(own != place for place, own in enumerate(taken))


def test_a_single_history_has_its_own_actions_moved_on():
    (found,) = shuffled([torch.tensor([[[1.0], [2.0], [3.0]]])])
    assert found.flatten().tolist() == [3.0, 1.0, 2.0]


def test_variance_is_that_of_the_population_and_none_for_equal_pictures():
    plain = torch.ones(1, 3, 4, 4)
    assert variance(torch.cat([0.1 * plain, 0.2 * plain, 0.6 * plain])) == pytest.approx(0.14 / 3)  # mean 0.3
    assert variance((plain / 3).repeat(7, 1, 1, 1)) == 0.0


def test_where_no_history_is_whole_the_longest_are_used(tmp_path):
    recording = record(tmp_path / "s", [0, 1, 1])
    found = diagnose_actions(known_model(), recording, 8)
    assert (found.targets, found.history_length) == ((3,), 3)


def test_a_recording_without_any_history_says_so(tmp_path):
    write_session(tmp_path / "s", [observation(0), observation(1)])
    with pytest.raises(NoHistory, match="choose a session"):
        diagnose_actions(shared_model(), load_session(tmp_path / "s"), 3)


@pytest.mark.parametrize("targets", [0, 65, 2.5, None])
def test_a_number_of_frames_that_does_not_work_is_refused(recording, targets):
    with pytest.raises(InvalidValue, match="The number of frames to look at must be a whole number from 1 to 64"):
        diagnose_actions(shared_model(), recording, 3, targets)


def weights_of(model, network):
    return {"predictor": model.predictor.output_head, "autoencoder": model.autoencoder.patch_embed.proj}[network].bias


@pytest.mark.parametrize("network", ["predictor", "autoencoder"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_give_no_numbers_are_named(recording, network, value):
    shared = shared_model()
    with torch.no_grad():
        weights_of(shared.model, network)[0] = value
    with pytest.raises(NotFinite) as raised:
        diagnose_actions(shared, recording, 3)
    assert raised.value.network == network
    assert not any(part.training for part in shared.model.modules())


def test_a_loss_too_large_for_float32_is_still_a_number(recording):
    shared = shared_model()
    with torch.no_grad():
        shared.model.autoencoder.decoder_pred[2].bias.fill_(1e30)
    found = diagnose_actions(shared, recording, 3, targets=2)
    assert found.true_loss == pytest.approx(1e60, rel=1e-5) and math.isfinite(found.asg)


def test_gaps_are_relative_to_a_loss_that_is_there(recording):
    found = diagnose_actions(shared_model(), recording, 3, targets=2)
    none = replace(found, true_losses=np.zeros(2))
    assert none.relative_asg is None and none.relative_azg is None
    assert found.relative_asg == found.asg / found.true_loss
