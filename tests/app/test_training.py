"""Training from the page: with a second visitor, reloaded tabs and restarted servers."""

import re
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

import session_explorer_gradio as script
from session import record_demo
from tests.app.conftest import serving, unfold_models
from tests.cases import every_case

LONG_MS = 60_000


@pytest.fixture
def own(tmp_path: Path) -> tuple[script.Settings, str]:
    """A data folder of this test alone, and the query that opens its recording at frame 9."""
    session_id = record_demo(tmp_path / "sessions", "toroidal_dot", 20, seed=1)
    return script.Settings(data=tmp_path), f"?session={session_id}&frame=9"


def training_tab(page: Page) -> None:
    page.get_by_role("tab", name="Training").click()


def fill(page: Page, field: str, value: str) -> None:
    box = page.locator(f"#{field} input")
    box.fill(value)
    box.press("Tab")


def step_shown(page: Page) -> int:
    return int(re.search(r"Step ([\d,]+) of", page.locator("#training-numbers").inner_text()).group(1).replace(",", ""))


def outcome(page: Page, words: str) -> None:
    expect(page.locator("#training-outcome")).to_contain_text(words, timeout=LONG_MS)


def test_train_pause_reload_resume_stop_save_restart_load_and_go_on(open_tab, own):
    settings, query = own
    with serving(settings) as address:
        page = open_tab(query, address)
        training_tab(page)
        fill(page, "autoencoder-threshold", "0.008")
        page.locator("#train-autoencoder-threshold").click()
        outcome(page, "Threshold 0.008 reached")
        expect(page.locator("#training-pictures figure")).to_have_count(3)

        fill(page, "autoencoder-steps", "1000000")
        page.locator("#train-autoencoder-steps").click()
        page.wait_for_function("() => /Step [1-9]/.test(document.querySelector('#training-numbers')?.innerText || '')")
        watcher = open_tab(query, address)
        training_tab(watcher)
        expect(watcher.locator("#training-status")).to_contain_text("Training the autoencoder")
        page.locator("#pause").click()
        expect(page.locator("#training-status")).to_contain_text("Paused")
        expect(watcher.locator("#training-status")).to_contain_text("Paused")
        paused_at = step_shown(page)
        page.reload()
        training_tab(page)
        expect(page.locator("#training-status")).to_contain_text("Paused")
        assert step_shown(page) == paused_at == step_shown(watcher)
        expect(page.locator(".loss-chart polyline")).to_have_count(2)
        expect(page.locator("#status")).to_contain_text("paused: autoencoder training")

        watcher.locator("#train-predictor-steps").click()
        expect(watcher.locator("[data-testid=toast-body]").first).to_contain_text("trains the autoencoder on frame 9")
        page.locator("#resume").click()
        page.wait_for_function(
            "n => Number((document.querySelector('#training-numbers')?.innerText.match(/Step ([0-9,]+)/) || [])[1]"
            ".replace(/,/g, '')) > n",
            arg=paused_at,
        )
        watcher.locator("#stop").click()
        outcome(page, "Stopped after")
        outcome(watcher, "Stopped after")

        fill(page, "predictor-steps", "2")
        page.locator("#train-predictor-steps").click()
        outcome(page, "Done after 2 steps")
        expect(page.locator(".legend")).to_contain_text("latent")
        page.locator("#save-models").click()
        expect(page.locator("#save-message")).to_contain_text("predictor_0.pth (step 2)")
        saved = re.search(r"autoencoder.pth \(step ([\d,]+)\)", page.locator("#save-message").inner_text()).group(1)
        page.close()
        watcher.close()

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
        page.close()


def test_a_range_trains_with_a_held_out_share_and_its_numbers_download(open_tab, own):
    settings, query = own
    with serving(settings) as address:
        page = open_tab(query, address)
        training_tab(page)
        page.get_by_label("Range of frames").check()
        fill(page, "first-frame", "2")
        fill(page, "last-frame", "11")
        fill(page, "batch-size", "2")
        fill(page, "autoencoder-steps", "12")
        page.locator("#train-autoencoder-steps").click()
        outcome(page, "Done after 12 steps")
        expect(page.locator(".legend")).to_contain_text("held out")
        expect(page.locator("#training-status")).to_contain_text("frames 2 to 11")
        page.get_by_label("Logarithmic losses").check()
        expect(page.locator(".loss-chart")).to_be_visible()
        lines = httpx.get(f"{address}runs/toroidal_dot").text.splitlines()
        assert '"batch_size": 2' in lines[0] and '"ended"' in lines[-1]
        page.close()


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
    client = Client(server, verbose=False)
    client.predict(session_ids["dot"], api_name="/load_session")
    with pytest.raises(AppError, match=words):
        client.predict(*arguments, api_name=name)


def test_commands_without_a_job_and_saves_without_learning_say_so(own):
    settings, query = own
    with serving(settings) as address:
        client = Client(address, verbose=False)
        client.predict(re.search("session=(.*)&", query).group(1), api_name="/load_session")
        for name in ("/pause_training", "/resume_training", "/stop_training"):
            with pytest.raises(AppError, match="No training is in progress"):
                client.predict(api_name=name)
        with pytest.raises(AppError, match="There is nothing to save yet"):
            client.predict(api_name="/save_models")
        assert "Nothing is being trained" in client.predict(api_name="/training_status")


def test_a_read_only_server_changes_nothing_and_shows_the_usual_checkpoints(data, session_ids):
    with serving(script.Settings(data=data, read_only=True)) as address:
        client = Client(address, verbose=False)
        client.predict(session_ids["jetbot"], api_name="/load_session")
        for name in ("/train_autoencoder_steps", "/train_predictor_steps", "/save_models", "/load_models"):
            with pytest.raises(AppError, match="read-only"):
                client.predict(api_name=name)
        assert "jetbot/autoencoder.pth, step 1,200" in client.predict(api_name="/run_autoencoder")
