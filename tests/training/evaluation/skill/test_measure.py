import numpy as np
import pytest

from models import run_reconstruction
from session import NoHistory, load_session, record_demo
from session.batch import frame_tensor
from tests.cases import every_case
from tests.session.session_files import observation, write_session
from tests.training.evaluation.skill.models import mean_model, oracle
from tests.training.tiny import evaluate_all, shared_model
from training import EvidenceLog, diagnose_actions, measure_skill
from training.evaluation.baselines import recording_baselines
from training.evaluation.evidence import diagnosed_scores, evaluated_scores
from training.evaluation.skill import measure
from training.evaluation.skill.rows import skill_rows
from training.values import InvalidValue


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """30 frames of the Toroidal Dot under random actions."""
    folder = tmp_path_factory.mktemp("sessions")
    return load_session(folder / record_demo(folder, "toroidal_dot", 30, seed=5))


@pytest.fixture
def patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def levels(shared, recording, skill):
    log = EvidenceLog()
    for network, scores in skill.scores().items():
        log.add(shared, shared.version, recording, network, scores)
    return {network: one.level for network, one in log.verdicts(shared, recording.folder).items()}


def rows_of(skill):
    return {row.title: row for row in skill_rows(skill)}


def test_a_model_that_shows_the_mean_picture_is_not_flattered(recording, patch):
    shared = mean_model(patch, recording)
    skill = measure_skill(shared, recording, "id", 3, frames=8)
    assert skill.explained == pytest.approx(0, abs=0.01) and skill.prediction == pytest.approx(skill.mean, rel=0.01)
    assert skill.best is None and skill.chance == 0.5
    assert skill.gain_db == pytest.approx(0, abs=0.01)
    # The nearest true picture is always that of the same action.
    assert np.mean([one.right for one in skill.truths]) == 0.5
    rows = rows_of(skill)
    assert rows["Recorded action predicts best"].value == "the model ignores the action"
    assert rows["Nearest to the true picture of its own action"].beside == "by chance 50 %"
    assert levels(shared, recording, skill) == {"autoencoder": "learns the mean", "predictor": "learns the mean"}
    assert diagnose_actions(shared, recording, 3, targets=4).best_is_recorded is None


def test_an_oracle_uses_the_actions(recording, patch):
    shared = oracle(patch)
    skill = measure_skill(shared, recording, "id", 3, frames=8)
    # Frames of recordings are JPEG files: a moved dot differs by a level here and there.
    assert skill.prediction < 1e-6 and skill.reconstruction == 0
    assert skill.skill > 0.999 and skill.explained > 0.999
    assert skill.repeat > 0 and (skill.best, len(skill.told_apart)) == (1, 8)
    assert skill.gain_db > 20
    assert {(one.right, one.chance) for one in skill.truths} == {(1, 0.5)} and len(skill.truths) == 16
    assert max(one.mse for one in skill.truths) < 1e-5 and max(one.pixels for one in skill.truths) < 0.1
    rows = rows_of(skill)
    assert rows["Recorded action predicts best"].value == "100 % of 8"
    assert rows["Within 2 px of the truth"].value == "100 %"
    assert float(rows["Prediction beside the truth, any action"].value.split()[0]) > 60
    assert levels(shared, recording, skill) == {"autoencoder": "sees", "predictor": "uses the actions"}


def test_an_untrained_model_is_untrained(recording):
    shared = shared_model()
    skill = measure_skill(shared, recording, "id", 3, frames=2)
    assert levels(shared, recording, skill) == {"autoencoder": "untrained", "predictor": "untrained"}


def test_a_verdict_belongs_to_its_weights_and_its_recording(recording, patch):
    shared, log = oracle(patch), EvidenceLog()
    scores = measure_skill(shared, recording, "id", 3, frames=4).scores()["predictor"]
    log.add(shared, shared.version, recording, "predictor", scores)
    assert log.verdicts(shared, recording.folder)["predictor"].level == "uses the actions"
    assert log.verdicts(shared, recording.folder)["autoencoder"].level == "not judged yet"
    assert log.verdicts(shared, recording.folder.parent)["predictor"].level == "not judged yet"
    before = shared.version
    shared.set_weights_source({"predictor": shared.weights["predictor"]})
    assert log.verdicts(shared, recording.folder)["predictor"].level == "not judged yet"
    log.add(shared, before, recording, "predictor", scores)  # computed with the weights before
    assert log.verdicts(shared, recording.folder)["predictor"].level == "not judged yet"


def test_an_evaluation_and_diagnostics_are_evidence(recording, patch):
    shared, log, baselines = oracle(patch), EvidenceLog(), recording_baselines(recording)
    evaluated = evaluated_scores(evaluate_all(shared.model, recording, 3), baselines)
    for network, scores in evaluated.items():
        log.add(shared, shared.version, recording, network, scores)
    assert {one.level for one in log.verdicts(shared, recording.folder).values()} == {"sees", "predicts"}
    diagnostics = diagnose_actions(shared, recording, 3, targets=8)
    scores = diagnosed_scores(diagnostics, recording, baselines)
    for found in (scores, evaluated["predictor"]):  # an evaluation does not forget what it does not measure
        log.add(shared, shared.version, recording, "predictor", found)
        assert log.verdicts(shared, recording.folder)["predictor"].level == "uses the actions"


def test_the_baselines_are_those_of_the_recording(recording):
    baselines = recording_baselines(recording)
    assert baselines.frames.tolist() == list(range(30)) and np.isnan(baselines.repeat[0])
    pictures = np.stack([frame_tensor(recording, frame)[0].numpy() for frame in range(30)])
    mean = pictures.mean(axis=0)
    assert baselines.mean == pytest.approx(np.square(pictures - mean).mean(axis=(1, 2, 3)), rel=1e-3)
    one = baselines.of_frame(recording, 7)
    assert one.mean == pytest.approx(baselines.mean[7]) and one.repeat == pytest.approx(baselines.repeat[7])
    before = pictures[recording.previous[7]]
    assert one.repeat == pytest.approx(np.square(pictures[7] - before).mean(), rel=1e-3, abs=1e-9)


def test_held_out_frames_are_measured_alone(recording):
    skill = measure_skill(shared_model(), recording, "id", 3, targets=[20, 21, 22])
    assert [one.frame for one in skill.targets] == [20, 21, 22]
    with pytest.raises(InvalidValue, match="None of the frames to measure"):
        measure_skill(shared_model(), recording, "id", 3, targets=[])


@every_case("frames", [0, measure.MAX_FRAMES + 1, 1.5, None])
def test_an_invalid_number_of_frames_is_refused(recording, frames):
    with pytest.raises(InvalidValue, match="The number of frames to measure"):
        measure_skill(shared_model(), recording, "id", 3, frames=frames)


def test_a_recording_without_history_is_refused(tmp_path):
    write_session(tmp_path / "s", [observation(0), observation(1)])
    with pytest.raises(NoHistory):
        measure_skill(shared_model(), load_session(tmp_path / "s"), "id", 3)


def test_the_reconstruction_is_that_of_run_autoencoder(recording):
    shared = shared_model()
    (row,) = measure_skill(shared, recording, "id", 3, frames=1).targets
    assert row.reconstruction == run_reconstruction(shared, frame_tensor(recording, row.frame)).mse
