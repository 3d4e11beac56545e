from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from models import WeightsSource
from session import load_session, record_demo
from tests.training.tiny import shared_model
from training import EvidenceLog, FrameBaselines, FrameScore, diagnosed_scores, prediction_score
from training.evaluation.baselines import recording_baselines

SEES = {frame: FrameScore(0.01, 0.1, 0.1) for frame in range(4)}


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    return load_session(folder / record_demo(folder, "toroidal_dot", 4, seed=2))


@pytest.fixture
def shared():
    shared = shared_model()
    shared.set_weights_source({name: WeightsSource("a.pth", 3) for name in ("autoencoder", "predictor")})
    return shared


def levels(log, shared, recording):
    return {network: one.level for network, one in log.verdicts(shared, recording.folder).items()}


def change(shared, network):
    with shared.lock, torch.no_grad():
        next(shared.network(network).parameters()).add_(1)
        shared.set_weights_source({network: WeightsSource(None, 4)})


def filled(shared, recording):
    log = EvidenceLog()
    for network in ("autoencoder", "predictor"):
        log.add(shared, shared.version, recording, network, SEES)
    assert levels(log, shared, recording) == {"autoencoder": "sees", "predictor": "predicts"}
    return log


def test_evidence_returns_with_the_weights_that_it_is_of(shared, recording):
    log, former = filled(shared, recording), shared.snapshot()
    change(shared, "autoencoder")
    shared.digests()
    assert levels(log, shared, recording) == {"autoencoder": "not judged yet", "predictor": "not judged yet"}
    assert levels(log, former, recording) == {"autoencoder": "sees", "predictor": "predicts"}  # a copy from before
    shared.model.load_state_dict(former.model.state_dict())
    shared.set_weights_source({"autoencoder": WeightsSource("a.pth", 3)})
    shared.digests()
    assert levels(log, shared, recording) == {"autoencoder": "sees", "predictor": "predicts"}


def test_a_predictor_that_trains_alone_takes_nothing_from_the_autoencoder(shared, recording):
    log = filled(shared, recording)
    change(shared, "predictor")
    shared.digests()
    assert levels(log, shared, recording) == {"autoencoder": "sees", "predictor": "not judged yet"}


def test_weights_that_were_saved_to_another_file_keep_their_evidence(shared, recording):
    log = filled(shared, recording)
    shared.rename_weights({"predictor": WeightsSource("b.pth", 3)})
    assert levels(log, shared, recording) == {"autoencoder": "sees", "predictor": "predicts"}


def test_scores_of_weights_that_changed_meanwhile_are_dropped(shared, recording):
    log, version = EvidenceLog(), shared.version
    change(shared, "predictor")
    log.add(shared, version, recording, "autoencoder", SEES)
    assert levels(log, shared, recording)["autoencoder"] == "not judged yet"


@pytest.mark.parametrize("is_continuous", [False, True])
def test_extreme_actions_of_a_continuous_robot_are_no_evidence_that_actions_are_used(recording, is_continuous):
    """A network that has learned nothing of its actions errs more with those that are far from the middle."""
    recording = replace(recording, is_continuous=is_continuous)
    candidates = [SimpleNamespace(mse=mse) for mse in (0.9, 0.1, 0.9)]
    result = SimpleNamespace(mse=0.1, candidates=candidates, recorded=1)
    assert prediction_score(result, FrameBaselines(0.5, 0.4), recording).other == (None if is_continuous else 0.9)
    losses = dict(true_losses=np.array([0.1]), other_losses=np.array([0.9]), shuffled_losses=np.array([0.11]))
    diagnostics = SimpleNamespace(targets=(1,), **losses)
    score = diagnosed_scores(diagnostics, recording, recording_baselines(recording))[1]
    assert score.other == (0.11 if is_continuous else 0.9)
