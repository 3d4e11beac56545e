from types import SimpleNamespace

import numpy as np
import pytest

from page.tabs.skill import skill_view
from page.verdicts import baselines_line, evaluation_lines
from session import load_session, record_demo
from tests.cases import every_case
from tests.page.test_page_figures import Html, table
from tests.training.evaluation.skill.models import mean_model, oracle
from training import Baselines, EvidenceLog, measure_skill
from training.evaluation.baselines import recording_baselines
from training.evaluation.frame_errors import FrameErrors


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    return load_session(folder / record_demo(folder, "toroidal_dot", 20, seed=5))


@every_case(
    ("error", "mean", "repeat", "text"),
    [
        (0.26, 1.0, 0.5, "Explains 74 % of the variance between frames · repeating the last frame: 0.500 · mean "),
        (1.5, 1.0, None, "Worse than always showing the mean image · mean image: 1.00"),
        (0.1, 0.0, 0.0, "All frames look the same · repeating the last frame: 0 · mean image: 0"),
    ],
)
def test_beside_an_error_stands_what_trivial_answers_give(error, mean, repeat, text):
    assert Html(baselines_line(error, mean, repeat)).text.replace("\u00a0", " ").startswith(text)


def test_errors_of_a_recording_are_judged_by_the_weights_that_were_evaluated(recording):
    baselines, count = recording_baselines(recording), recording.frame_count
    reconstruction = np.float32(0.5) * baselines.mean.astype(np.float32)
    prediction = np.float32(0.95) * baselines.mean.astype(np.float32)
    prediction[0] = np.nan
    track = FrameErrors(reconstruction, prediction, np.full(count, 3, np.int8), count)
    weights = {"autoencoder": "autoencoder.pth", "predictor": "predictor_0.pth"}
    text = Html(evaluation_lines(SimpleNamespace(track=track, weights=weights), baselines)).text
    assert f"Autoencoder: sees. Over {count} frames of this recording: it explains 50 %" in text
    assert f"Predictor: learns the mean. Over {count - 1} frames of this recording: it explains 5 %" in text
    weights["autoencoder"] = "untrained"
    text = Html(evaluation_lines(SimpleNamespace(track=track, weights=weights), baselines)).text
    assert "Autoencoder: untrained" in text and "Predictor: untrained" in text


@pytest.mark.parametrize("make", [mean_model, oracle])
def test_the_measures_are_shown_with_their_sentences_and_as_a_table(recording, monkeypatch, make):
    shared = make(monkeypatch, recording) if make is mean_model else make(monkeypatch)
    skill, log = measure_skill(shared, recording, "id", 3, frames=17), EvidenceLog()
    for network, scores in skill.scores().items():
        log.add(shared, shared.version, recording, network, scores)
    html = skill_view(recording, skill, log.verdicts(shared, recording.folder))
    text = Html(html).text
    assert ("the model ignores the action" in text) is (make is mean_model)
    assert ("learns the mean" in text) is (make is mean_model) and ("uses the actions" in text) is (make is oracle)
    header, *rows = table(html, f"skill_{recording.name}.csv")
    assert header[0] == "frame" and [int(row[0]) for row in rows] == [one.frame for one in skill.targets]


def test_baselines_are_computed_once_for_each_version_of_a_recording(recording):
    baselines = Baselines()
    assert baselines.of(recording) is baselines.of(recording)
