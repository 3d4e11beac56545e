"""Training from the page: with a second visitor, reloaded tabs and restarted servers."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from page.server.settings import Settings
from session import record_demo
from tests.app.conftest import api_client, fill, running, serving, unfold_models
from tests.app.pending import Pending
from tests.cases import every_case
from tests.training.tiny import are_equal, shared_model, until
from training import backend
from training.checkpoints.reader import read_checkpoint
from training.recipe import RecipeConfig

LONG_MS = 60_000
NOTIFICATIONS = """() => {
    window.notices = []; window.asked = 0
    class Stub {
        constructor(title, { body }) { window.notices.push([title, body]) }
        static async requestPermission() { window.asked += 1; return Stub.permission = Stub.answer }
    }
    window.answerNotifications = answer => {
        Stub.permission = 'default'; Stub.answer = answer
        if (answer === 'missing') delete window.Notification
        else window.Notification = Stub
    }
}"""


@pytest.fixture
def own(tmp_path: Path) -> tuple[Settings, str]:
    """A data folder of this test alone, and the query that opens its recording at frame 9."""
    session_id = record_demo(tmp_path / "sessions", "toroidal_dot", 20, seed=1)
    return Settings(data=tmp_path), f"?session={session_id}&frame=9"


def training_tab(page: Page) -> None:
    page.get_by_role("tab", name="Training").click()


def step_shown(page: Page) -> int:
    return int(re.search(r"Step ([\d,]+) of", page.locator("#training-numbers").inner_text()).group(1).replace(",", ""))


def switch_on_notifications(page: Page) -> None:
    """Press the switch where the browser has no notifications, blocks them, and allows them."""
    switch, box = page.locator("#notify-end"), page.locator("#notify-end input")
    page.evaluate(NOTIFICATIONS)
    for answer, words in {"missing": "Not available here", "denied": "blocks notifications"}.items():
        page.evaluate("answer => window.answerNotifications(answer)", answer)
        box.click()
        expect(switch).to_contain_text(words)
        expect(box).not_to_be_checked()
    page.evaluate("window.answerNotifications('granted')")
    assert page.evaluate("[window.notices.length, window.asked]") == [0, 1]
    box.click()
    expect(switch).not_to_contain_text("blocks")
    expect(box).to_be_checked()


def outcome(page: Page, words: str) -> None:
    expect(page.locator("#training-outcome")).to_contain_text(words, timeout=LONG_MS)


def test_train_pause_reload_resume_stop_save_restart_load_and_go_on(open_tab, own):
    settings, query = own
    with serving(settings) as address:
        page = open_tab(query, address)
        pending = Pending(page)
        training_tab(page)
        expect(page.locator("#pause, #resume, #stop")).to_have_count(3)
        assert not page.locator("#job-buttons").is_visible()
        page.locator("#autoencoder-way").get_by_text("until loss").click()
        fill(page, "autoencoder-threshold", "0.014")
        page.locator("#train-autoencoder-threshold").click()
        outcome(page, "Threshold 0.014 reached")
        expect(page.locator("#training-looks")).to_contain_text("autoencoder")
        page.locator("#autoencoder-way").get_by_text("for N steps").click()
        expect(page.locator("#training-pictures figure")).to_have_count(3)

        fill(page, "autoencoder-steps", "1000000")
        page.locator("#train-autoencoder-steps").click()
        page.wait_for_function("() => /Step [1-9]/.test(document.querySelector('#training-numbers')?.innerText || '')")
        watcher = open_tab(query, address)
        training_tab(watcher)
        expect(watcher.locator("#training-status")).to_contain_text("Training the autoencoder")
        for hidden in ("#train-autoencoder-steps", "#resume", "#world-model"):
            expect(page.locator(hidden)).to_be_hidden()
        expect(page).to_have_title(re.compile("^0 % trained"))
        page.locator("#pause").click()
        expect(page.locator("#training-status")).to_contain_text("paused")
        expect(watcher.locator("#training-status")).to_contain_text("paused")
        until(lambda: step_shown(page) == step_shown(watcher))  # a press may be answered after a later tick
        paused_at = step_shown(page)
        page.reload()
        training_tab(page)
        expect(page.locator("#training-status")).to_contain_text("paused")
        assert step_shown(page) == paused_at == step_shown(watcher)
        expect(page.locator(".loss-chart polyline")).to_have_count(3)  # the training loss raw and smoothed
        page.locator(".loss-chart").hover()
        expect(page.locator(".chart-tip")).to_contain_text(re.compile(r"training loss: [\d.e-]+ \(step [\d,]+\)"))
        expect(page.locator("#status")).to_contain_text("paused: autoencoder, step")

        watcher.get_by_role("button", name="Train one network").click()
        watcher.locator("#train-predictor-steps").click()
        expect(watcher.locator("[data-testid=toast-body]").first).to_contain_text("autoencoder on frame 9")
        page.locator("#resume").click()
        page.wait_for_function(
            "n => Number((document.querySelector('#training-numbers')?.innerText.match(/Step ([0-9,]+)/) || [])[1]"
            ".replace(/,/g, '')) > n",
            arg=paused_at,
        )
        switch_on_notifications(page)
        watcher.locator("#stop").click()
        outcome(page, "Stopped after")
        outcome(watcher, "Stopped after")
        page.wait_for_function("window.notices.length")
        ((notice, words),) = page.evaluate("window.notices")
        assert notice == "Training stopped" and words.startswith("Stopped after")
        page.get_by_role("button", name="Name and note").click()
        page.locator("#run-name input, #run-name textarea").fill("dot, lr 1e-3")
        page.locator("#run-note input, #run-note textarea").fill("the first long run")
        pending.settle()
        page.locator("#save-run-name").click()
        for tab in (page, watcher):
            expect(tab.locator("#training-status")).to_contain_text("dot, lr 1e-3 · Autoencoder stopped")
            expect(tab.locator("#training-view")).to_contain_text("the first long run")

        fill(page, "predictor-steps", "2")
        page.locator("#train-predictor-steps").click()
        outcome(page, "Done after 2 steps")
        expect(page).to_have_title(re.compile("^Training finished"))
        expect(page.locator(".legend").last).to_contain_text("reconstruction loss")
        expect(page.locator("#run-name input, #run-name textarea")).to_have_value("")  # that run has none
        assert page.evaluate("window.notices.length") == 2
        page.locator("#earlier-runs input").click()
        page.get_by_role("option", name="dot, lr 1e-3").click()
        expect(page.locator(".legend").last).to_contain_text("earlier: dot, lr 1e-3")
        page.keyboard.press("Escape")
        page.locator("#save-models").click()
        expect(page.locator("#save-message")).to_contain_text("predictor_0.pth (step 2)")
        saved = re.search(r"autoencoder.pth \(step ([\d,]+)\)", page.locator("#save-message").inner_text()).group(1)
        open_tab.leave(page)
        open_tab.leave(watcher)

    with serving(settings) as address:
        page = open_tab(query, address)
        unfold_models(page)
        page.get_by_role("button", name="Load Models").click()
        expect(page.locator("#models-message")).to_contain_text(f"toroidal_dot/autoencoder.pth, step {saved}")
        expect(page.locator("#models-message")).to_contain_text("toroidal_dot/predictor_0.pth, step 2")
        training_tab(page)
        fill(page, "predictor-steps", "1")
        page.locator("#train-predictor-steps").click()
        outcome(page, "predictor_0.pth (step 3)")

        page.get_by_role("button", name="Checkpoint history").click()
        expect(page.locator("#origins")).to_contain_text(
            re.compile(r"training the predictor .* · toroidal_dot/.* · code 0")
        )
        versions = page.locator("#versions label")
        expect(versions.first).to_contain_text(
            re.compile(
                rf"training the predictor on frame 9 .* autoencoder step {saved}, predictor step 2 · loss [\d.e-]+ ·"
            )
        )
        page.locator("#restore").click()
        expect(page.locator("#models-message")).to_contain_text(
            "Predictor loaded: toroidal_dot/predictor_0.pth, step 2"
        )
        expect(page.locator("#status")).to_contain_text("predictor_0.pth, step 2")
        expect(versions.first).to_contain_text("predictor step 3")
        expect(versions.nth(1)).to_contain_text("in use")
        open_tab.leave(page)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server whose networks learned nothing yet: its address, and the recording."""
    folder = tmp_path_factory.mktemp("untouched")
    session_id = record_demo(folder / "sessions", "toroidal_dot", 20, seed=1)
    with serving(Settings(data=folder)) as address:
        yield address, session_id


def test_commands_without_a_job_and_saves_without_learning_say_so(untouched):
    address, session_id = untouched
    client = api_client(address)
    client.predict(session_id, api_name="/load_session")
    for name in ("/pause_training", "/resume_training", "/stop_training"):
        with pytest.raises(AppError, match="No training is in progress"):
            client.predict(api_name=name)
    with pytest.raises(AppError, match="There is nothing to save yet"):
        client.predict(api_name="/save_models")
    with pytest.raises(AppError, match="There is no run to name yet"):
        client.predict("name", "note", api_name="/name_run")
    status = client.predict(api_name="/training_status")
    assert "No training is running" in status and "Predictor: <b>untrained</b>" in status


def test_a_range_trains_with_a_held_out_share_and_its_numbers_download(open_tab, untouched):
    address, session_id = untouched
    page = open_tab(f"?session={session_id}&frame=9", address)
    training_tab(page)
    page.get_by_label("Range of frames").check()
    fill(page, "first-frame", "2")
    fill(page, "last-frame", "11")
    fill(page, "batch-size", "2")
    fill(page, "autoencoder-steps", "12")
    page.locator("#train-autoencoder-steps").click()
    outcome(page, "Done after 12 steps")
    expect(page.locator(".legend").last).to_contain_text("validation loss")
    expect(page.locator("#training-view")).to_contain_text("the mean image")
    expect(page.locator("#training-status")).to_contain_text("frames 2 to 11")
    page.get_by_label("Log scale").uncheck()
    expect(page.locator(".loss-chart").last).to_be_visible()
    strip = httpx.get(address + page.locator("#training-looks a").get_attribute("href"))
    assert strip.headers["content-type"] == "image/png" and strip.content.startswith(b"\x89PNG")
    lines = httpx.get(f"{address}runs/toroidal_dot").text.splitlines()
    assert '"batch_size": 2' in lines[0] and '"ended"' in lines[-1]
    open_tab.leave(page)


SMALL = RecipeConfig(
    autoencoder_steps=6, autoencoder_batch=2, predictor_steps=8, dream_steps=4, kept_patches=6, predictor_batch=2
)


@contextmanager
def serving_small(data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a server with the smallest networks and a short recipe, with the newest recording open."""
    monkeypatch.setattr(backend, "standard_config", lambda frames: SMALL)
    with running(Settings(data=data)) as (explorer, demo):
        model = shared_model()
        monkeypatch.setattr(explorer._world_models, "get", lambda key, channels: model)
        client = api_client(demo.local_url)
        client.predict((data / "id").read_text(), api_name="/load_session")
        yield client


def trained_by(client: Client, endpoint: str, words: str) -> str:
    """Press a button, and wait for these words in the status; returns the status."""
    client.predict(api_name=endpoint)
    pages: list[str] = []

    def is_said() -> bool:
        time.sleep(0.05)  # leaves the processor to the training
        pages.append(client.predict(api_name="/training_status"))
        return words in pages[-1]

    until(is_said, 60)
    return pages[-1]


def test_a_world_model_that_is_stopped_goes_on_after_a_restart_as_if_uninterrupted(tmp_path, monkeypatch):
    """On both recordings of the robot; each server is a program of its own to the networks."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for seed in (1, 2):
        session_id = record_demo(whole / "sessions", "toroidal_dot", 20, seed=seed)
    parts.mkdir()
    (parts / "sessions").symlink_to(whole / "sessions")
    for folder in (whole, parts):
        (folder / "id").write_text(session_id)
    with serving_small(whole, monkeypatch) as client:
        page = trained_by(client, "/train_world_model", "Predictor finished")
        assert "2 Toroidal Dot recordings" in page and "phase 3 of 3: rollout" in page and "data-buttons" not in page
    with serving_small(parts, monkeypatch) as client:
        trained_by(client, "/train_world_model", "phase 2 of 3")
        assert 'data-buttons="resume"' in trained_by(client, "/stop_training", "Stopped")
        assert "both dots" in client.predict("both dots", "", api_name="/name_run")[0]
    with serving_small(parts, monkeypatch) as client:
        assert "press Resume to continue" in client.predict(api_name="/training_status")
        page = trained_by(client, "/resume_training", "Predictor finished")
        assert "of 18" in page and "both dots" in page  # the name goes on with the run
        with pytest.raises(AppError, match="No training is in progress"):
            client.predict(api_name="/resume_training")
    for name in ("autoencoder.pth", "predictor_0.pth"):
        one, other = (read_checkpoint(folder / "checkpoints" / "toroidal_dot" / name) for folder in (whole, parts))
        assert one.step == other.step and are_equal(one.tensors, other.tensors)


@every_case(
    ("name", "arguments", "words"),
    [
        ("/train_autoencoder_steps", [0], "The number of steps must be a whole number from 1"),
        ("/train_autoencoder_steps", [2.5], "The number of steps must be a whole number from 1"),
        ("/train_predictor_steps", ["many"], "The number of steps must be a whole number from 1"),
        ("/train_autoencoder_threshold", [-1, 10], "The threshold must be a number from"),
        ("/train_predictor_threshold", [0.1, 10**9], "The number of steps at most must be a whole number"),
    ],
)
def test_numbers_are_refused_by_name(server, session_ids, name, arguments, words):
    client = api_client(server)
    client.predict(session_ids["dot"], api_name="/load_session")
    with pytest.raises(AppError, match=words):
        client.predict(*arguments, api_name=name)


def test_a_read_only_server_changes_nothing_and_shows_the_usual_checkpoints(data, session_ids):
    with serving(Settings(data=data, read_only=True)) as address:
        client = api_client(address)
        client.predict(session_ids["jetbot"], api_name="/load_session")
        names = ("/train_autoencoder_steps", "/train_predictor_steps", "/save_models", "/load_models")
        for name in (*names, "/restore_checkpoint"):
            with pytest.raises(AppError, match="read-only"):
                client.predict(api_name=name)
        for name, arguments in (("flag_frames", ()), ("remove_mark", ("x",)), ("restore_mark", ("x",))):
            with pytest.raises(AppError, match="read-only"):
                client.predict(session_ids["jetbot"], *arguments, api_name=f"/{name}")
        assert "jetbot/autoencoder.pth, step 1,200" in client.predict(api_name="/run_autoencoder")
