"""The Errors tab: evaluate, follow, jump, compare, save, restart."""

import csv
import io
import re
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Page, expect

import models
from page.server.settings import Settings
from page.tabs.errors_view import errors_data
from session import load_session, record_demo
from session.batch import build_batch, frame_tensor
from tests.app.conftest import checked, fill, new_explorer, serving
from tests.app.tabs import VIEWPORT, Stay, Tabs, staying
from tests.app.test_browser import settled_at
from tests.app.test_inside import LONG_MS, choose, kept_bytes, kept_text
from tests.cases import every_case
from training import FrameErrors
from training.evaluation import evaluator

FRAMES, MANY_FRAMES = 24, 100


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[int, str]]:
    """A data folder of this module alone, with recordings by their number of frames."""
    folder = tmp_path_factory.mktemp("errors")
    frames = (FRAMES, MANY_FRAMES)
    return Settings(data=folder), {
        count: record_demo(folder / "sessions", "toroidal_dot", count, 1) for count in frames
    }


@pytest.fixture(scope="module")
def own_stay(tabs: Tabs, own) -> Iterator[Stay]:
    """A page of a server over that folder."""
    with serving(own[0]) as address, staying(tabs, address) as stay:
        yield stay


@pytest.fixture
def own_page_at(own_stay: Stay, request: pytest.FixtureRequest) -> Iterator[Stay]:
    yield from checked(own_stay, request)


@pytest.fixture
def evaluated(own_page_at: Stay, own) -> Page:
    """That page at frame 9, with the errors of the shorter recording."""
    page = own_page_at(own[1][FRAMES], 9, "errors")
    if not page.locator("#errors-summary").is_visible():
        evaluate(page)
    return page


def evaluate(page: Page) -> None:
    page.get_by_role("tab", name="Errors").click()
    page.locator("#evaluate").click()
    expect(page.locator("#errors-summary")).to_be_visible(timeout=LONG_MS)


def track_rows(page: Page) -> list[str]:
    return page.locator("#player [data-part=errors] .track-name").all_inner_texts()


def test_evaluate_shows_a_track_and_jumps_to_the_worst_frame(evaluated, own):
    page, (settings, session_ids) = evaluated, own
    assert [row.split(",")[0] for row in track_rows(page)] == ["Prediction MSE", "Reconstruction MSE"]
    expect(page.locator("#worst-prediction li")).to_have_count(8)
    first = page.locator("#worst-prediction button").first
    worst = int(first.get_attribute("data-go-frame"))
    first.click()
    settled_at(page, worst)
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator("#worst-reconstruction button").last.click()
    expect(page.locator("#player canvas.frame")).to_be_in_viewport()
    page.set_viewport_size(VIEWPORT)
    rows = list(csv.DictReader(io.StringIO(kept_text(page, "#errors-view a[download^=errors_of_frames_]"))))
    assert len(rows) == FRAMES and rows[0]["prediction mse"] == ""
    assert max(rows[1:], key=lambda row: float(row["prediction mse"]))["frame"] == str(worst)
    assert shown_by_inference(settings, session_ids[FRAMES], 7) == pytest.approx(
        (float(rows[7]["prediction mse"]), float(rows[7]["reconstruction mse"])), rel=1e-4
    )


def shown_by_inference(settings: Settings, session_id: str, frame: int) -> tuple[float, float]:
    recording = load_session(settings.data / "sessions" / session_id)
    shared = new_explorer(settings).manager(recording.profile).shared
    batch = build_batch(recording, recording.history(frame, 3))
    predicted = models.run_prediction(shared, batch.frames, batch.actions, batch.target, batch.actions[0, :0], None)
    return predicted.mse, models.run_reconstruction(shared, frame_tensor(recording, frame)).mse


def test_a_click_on_the_track_goes_to_that_frame(evaluated):
    canvas = evaluated.locator("#player [data-part=errors] canvas").first
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 10.5 / FRAMES, "y": box["height"] / 2})
    settled_at(evaluated, 10)
    track = evaluated.locator("#player [data-part=errors]")
    for width, height in ((900, 900), (1366, 768), (1440, 900)):
        evaluated.set_viewport_size({"width": width, "height": height})
        assert track.evaluate("one => one.scrollHeight <= one.clientHeight")
    evaluated.set_viewport_size({"width": 1366, "height": 768})  # all of them on the first screen
    evaluated.evaluate("scrollTo(0, 0)")
    evaluated.wait_for_function(
        "() => document.querySelector('#player [data-part=errors]').getBoundingClientRect().bottom <= innerHeight"
    )
    evaluated.set_viewport_size(VIEWPORT)


def test_errors_survive_a_restart(evaluated, own_stay, open_tab, own):
    own_stay.leave()
    settings, session_ids = own
    with serving(settings) as address:
        page = open_tab(f"?session={session_ids[FRAMES]}", address)
        expect(page.locator("#player [data-part=errors] canvas")).to_have_count(2)  # loaded from disk, not computed
        page.get_by_role("tab", name="Errors").click()
        expect(page.locator("#errors-summary")).to_be_visible(timeout=LONG_MS)
        open_tab.leave(page)


def test_two_sets_of_weights_are_compared_on_the_same_track(evaluated):
    page = evaluated
    page.get_by_role("tab", name="Training").click()
    fill(page, "autoencoder-steps", "25")
    page.locator("#train-autoencoder-steps").click()
    expect(page.locator("#training-outcome")).to_contain_text("Done after 25 steps", timeout=LONG_MS)
    page.get_by_role("tab", name="Errors").click()
    expect(page.locator("#errors-notice")).to_contain_text("different weights", timeout=LONG_MS)
    evaluate(page)
    page.wait_for_function("() => document.querySelector('#errors-view').innerText.includes('step 25')")
    page.locator("#compared-errors input").click()
    page.get_by_role("option").filter(has_text="untrained + untrained").click()
    comparison = page.locator("#errors-comparison")
    expect(comparison).to_contain_text(f"lower in {FRAMES} of {FRAMES} frames", timeout=LONG_MS)
    expect(page.locator("#player [data-part=errors] .track-value").first).to_contain_text("vs")
    choose(page, "compared-errors", "Nothing")
    expect(comparison).to_be_hidden(timeout=LONG_MS)
    expect(page.locator("#errors-notice")).not_to_contain_text("different weights")


@pytest.fixture
def held_evaluation(monkeypatch):
    """Evaluations that wait after their first batch of frames until they are cancelled."""
    evaluate, cancel, go = evaluator.evaluate_frames, evaluator.EvaluationJob.cancel, threading.Event()

    def evaluate_and_wait(*arguments, **options):
        go.clear()
        for batch in evaluate(*arguments, **options):
            yield batch
            assert go.wait(60)

    def cancel_and_go(job):
        cancel(job)
        go.set()

    monkeypatch.setattr(evaluator, "evaluate_frames", evaluate_and_wait)
    monkeypatch.setattr(evaluator.EvaluationJob, "cancel", cancel_and_go)


def test_a_cancelled_evaluation_keeps_what_it_has_and_goes_on(own_page_at, own_stay, open_tab, own, held_evaluation):
    session_id = own[1][MANY_FRAMES]
    page = own_page_at(session_id, 9, "errors")
    progress = f"frame [1-9][0-9]* of {MANY_FRAMES}"
    page.locator("#evaluate").click()
    expect(page.locator("#evaluation-status")).to_contain_text(re.compile(progress), timeout=LONG_MS)
    other = open_tab(f"?session={session_id}", own_stay.server)
    expect(other.locator("#status")).to_contain_text("Evaluating")
    expect(other.locator("#player [data-part=errors] canvas")).to_have_count(2)
    open_tab.leave(other)
    page.locator("#cancel-evaluation").click()
    expect(page.locator("#evaluation-outcome")).to_contain_text("goes on from there", timeout=LONG_MS)
    page.locator("#evaluate").click()
    expect(page.locator("#evaluation-status")).to_contain_text(re.compile(progress), timeout=LONG_MS)
    page.locator("#cancel-evaluation").click()
    expect(page.locator("#evaluation-outcome")).to_be_visible(timeout=LONG_MS)
    own_stay.leave()


def test_a_track_of_many_frames_points_at_the_worst_frame_of_each_column(page_at, session_ids):
    """2,000 frames in fewer columns with a single peak: the column of the peak leads to its frame, and the frame to its
    column, whose value is the mean of several frames."""
    peak, prediction, reconstruction = 1402, *(np.full(2000, value, dtype=np.float32) for value in (0.1, 0.2))
    prediction[peak] = 0.3
    track = FrameErrors(reconstruction, prediction, np.full(2000, 3, dtype=np.int8), 2000)
    weights = {"autoencoder": "untrained", "predictor": "untrained"}
    errors = SimpleNamespace(track=track, weights=weights, history_length=3, made_at="2025-10-14T09:00:00")
    data = errors_data(session_ids["long"], 2000, errors, None)
    page = page_at(session_ids["long"], 1)
    page.evaluate("data => document.dispatchEvent(new CustomEvent('recorded-errors', { detail: data }))", data)
    expect(page.locator("#player .track-note")).to_contain_text("untrained + untrained · history 3")
    values, canvas = page.locator("#player .errors .track-value"), page.locator("#player .errors canvas").first
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * (peak + 0.5) / 2000, "y": box["height"] / 2})
    settled_at(page, peak)
    expect(values.first).to_have_text(re.compile(r"about 0\.1[3-9]|about 0\.2"))
    expect(values.last).to_have_text(re.compile(r"about 0\.2"))
    page.get_by_label("Frame number").fill("1300")
    page.get_by_role("button", name="Jump").click()
    expect(values.first).to_have_text(re.compile(r"about 0\.10*$"))


def test_a_clip_plays_actual_beside_predicted(page_at, session_ids):
    page = page_at(session_ids["dot"], 1, "errors")
    fill(page, "clip-last", "3")
    page.get_by_role("button", name="Make clip").click()
    link = page.locator("#clip-result a.keep-picture")
    expect(link).to_contain_text("Download WebP", timeout=LONG_MS)
    clip = Image.open(io.BytesIO(kept_bytes(page, link)))
    assert clip.format == "WEBP" and clip.is_animated


@every_case(
    ("name", "arguments", "words"),
    [
        ("/evaluate_recording", [3, "Others", None, None], "Evaluate with one of"),
        ("/evaluate_recording", [1, "Loaded weights", None, None], "The history length must be"),
        ("/evaluate_recording", [3, "Selected checkpoints", "../../x.pth", "y"], "There is no checkpoint"),
        ("/cancel_evaluation", [], "No evaluation is in progress"),
        ("/make_clip", [3, 5, 2, 5, "WebP"], "A clip shows 1 to 300 frames"),
        ("/make_clip", [3, 0, 1e9, 5, "WebP"], "The last frame of the clip must be"),
        ("/make_clip", [3, 0, 1, "fast", "WebP"], "must be"),
        ("/make_clip", [3, 0, 1, 5, "exe"], "The file must be one of"),
    ],
)
def test_programs_get_a_sentence_for_what_cannot_be(client: Client, session_ids, name, arguments, words):
    client.predict(session_ids["jetbot"], api_name="/load_session")
    with pytest.raises(AppError, match=words):
        client.predict(*arguments, api_name=name)
