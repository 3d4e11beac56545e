"""The report on a run: one file that stands alone."""

import re

from starlette.applications import Starlette
from starlette.testclient import TestClient

from page.backend import PageBackend
from page.reports.__main__ import main
from page.reports.route import report_route
from tests.app.narrow import NarrowWorldModels
from training import EvaluationRequest, FixedSteps, FrameSelection, RunTitle, TrainingRequest

NAME = "<img src=x onerror=alert(1)>"


def train(backend: PageBackend) -> None:
    (session_id,) = backend.session_ids("jetbot")
    recording = backend.sessions.get(session_id)
    manager = backend.loaded_manager(recording.profile)
    job = manager.train(
        TrainingRequest("autoencoder", recording, FrameSelection(0, 8, held_out=0.3), FixedSteps(2), started_by="Ada")
    )
    assert job.wait(60)
    manager.name_run(RunTitle(NAME, "with <b>notes</b>"))
    backend.evaluator.start(manager.served, EvaluationRequest(session_id, recording, 3))
    assert backend.evaluator.wait(60)


def test_a_report_holds_everything_and_loads_nothing(backend, tmp_path, monkeypatch, capsys):
    client = TestClient(Starlette(routes=[report_route(backend)]))
    assert client.get("/runs/jetbot/report.html").status_code == 404
    monkeypatch.setattr("training.backend.WorldModels", NarrowWorldModels)
    command = ["--data", str(tmp_path), "--robot", "jetbot", str(tmp_path / "report.html")]
    assert main(command) == 1 and "train first" in capsys.readouterr().err
    train(backend)
    answer = client.get("/runs/jetbot/report.html")
    assert "attachment" in answer.headers["content-disposition"]
    for report in (answer.text, (tmp_path / "report.html").read_text() if main(command) == 0 else ""):
        assert "Autoencoder finished" in report and "Started by</b> Ada" in report
        assert 'data-level="' in report and report.count("<svg") >= 2 and "Over the training" in report
        assert "Errors of jetbot/" in report and "Worst predictions" in report and "Batch size" in report
        assert "Saved: autoencoder.pth" in report and "9 frames, version " in report and "step 2, " in report
        assert "<script" not in report and NAME not in report and "&lt;img src=x" in report
        assert not re.search(r"""(?:src|href)=["'](?!data:|#|["'])""", report)
    assert client.get("/runs/none/report.html").status_code == 404
