"""Spot checks: a few frames computed in the background, as evidence on trained networks."""

import pytest
import torch

from models import WeightsSource
from session import load_session, record_demo
from tests.session.session_files import events_of, write_session
from tests.training.tiny import shared_model
from training import Baselines, EvidenceLog, RecordingBaselines
from training.evaluation.spot_check import FRAMES, SpotChecks


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    return load_session(folder / record_demo(folder, "toroidal_dot", 20, seed=2))


@pytest.fixture
def shared(recording):
    return shared_model()


def trained(shared, *networks):
    shared.set_weights_source({name: WeightsSource("a.pth", 3) for name in networks})
    return shared


def checked(shared, recording):
    log = EvidenceLog()
    checks = SpotChecks(Baselines(), log)
    assert checks.begin(shared, recording) and not checks.begin(shared, recording)
    checks.wait()
    return {network: (one.level, one.frames) for network, one in log.verdicts(shared, recording.folder).items()}


def test_trained_networks_are_judged_on_a_few_frames(shared, recording):
    judged = checked(trained(shared, "autoencoder", "predictor"), recording)
    assert {frames for _, frames in judged.values()} == {FRAMES}
    assert not {"not judged yet"} & {level for level, _ in judged.values()}


def test_an_untrained_predictor_is_not_run(shared, recording):
    judged = checked(trained(shared, "autoencoder"), recording)
    assert judged["autoencoder"][1] == FRAMES and judged["predictor"] == ("untrained", 0)


def test_a_check_ends_when_training_goes_on(shared, recording, monkeypatch):
    trained(shared, "autoencoder", "predictor")
    log = EvidenceLog()
    checks = SpotChecks(Baselines(), log)

    def step(self, *arguments):
        with shared.lock, torch.no_grad():
            next(shared.network("predictor").parameters()).add_(1)
            shared.set_weights_source({"predictor": WeightsSource(None, 4)})
        return of_frame(self, *arguments)

    of_frame = RecordingBaselines.of_frame
    monkeypatch.setattr(RecordingBaselines, "of_frame", step)
    checks._check(shared, recording, shared.version)
    assert {one.frames for one in log.verdicts(shared, recording.folder).values()} == {0}


def test_what_cannot_be_read_is_no_evidence_and_no_error(shared, tmp_path):
    recording = load_session(write_session(tmp_path / "jetbot" / "one", events_of("oaoao")))
    for file in (tmp_path / "jetbot" / "one" / "frames").iterdir():
        file.unlink()
    assert {frames for _, frames in checked(trained(shared, "autoencoder"), recording).values()} == {0}
