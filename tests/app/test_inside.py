"""The tab Inside the model in headless Chromium."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect

from page.server.settings import Settings
from session import record_demo
from tests.app.conftest import fill, serving
from tests.app.narrow import PREDICTOR
from tests.cases import every_case

LONG_MS = 60_000


def inside(page: Page, panel: str | None = None) -> None:
    page.get_by_role("tab", name="Inside the model").click()
    if panel:
        page.get_by_role("tab", name=panel, exact=True).click()


def choose(page: Page, field: str, option: str) -> None:
    page.locator(f"#{field} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def kept_text(page: Page, link: str) -> str:
    with page.expect_download() as download:
        page.locator(link).click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        return file.read()


def kept_bytes(page: Page, link) -> bytes:
    with page.expect_download() as download:
        link.click()
    with open(download.value.path(), "rb") as file:
        return file.read()


def test_attention_is_one_click_away_follows_its_fields_and_is_kept_as_csv_and_png(page_at, session_ids):
    page = page_at(session_ids["jetbot"], 12)
    inside(page)
    result = page.locator("#attention-result")
    expect(result.locator("#attention-measures")).to_be_visible(timeout=LONG_MS)
    expect(result).to_contain_text("Frame 12 from frames 9, 10, 11")
    expect(result.locator("#attention-overlays figure")).to_have_count(4)
    expect(result.locator("figure.chart")).to_have_count(3)
    for measure in ("APA", "ALF", "TTAR", "RI@16", "Entropy"):
        expect(result.locator("#attention-measures")).to_contain_text(measure)
    expect(result).to_contain_text(f"mean of {PREDICTOR.heads} heads")
    choose(page, "attention-layer", "Layer 2")
    choose(page, "attention-head", "Head 3")
    choose(page, "attention-token", "Patch in row 4, column 6")
    expect(result).to_contain_text(f"layer 2 of {PREDICTOR.layers}, head 3 of {PREDICTOR.heads}", timeout=LONG_MS)
    expect(result).to_contain_text("From the token of the patch in row 4, column 6 to each patch", timeout=LONG_MS)
    rows = list(csv.reader(io.StringIO(kept_text(page, "#attention-result a[download$=_tokens\\.csv]"))))
    assert rows[0] == ["future token", "place", "last action", "last frame", "rest"] and len(rows) == 198
    assert all(abs(sum(map(float, row[2:])) - 1) < 1e-5 for row in rows[1:])
    link = page.locator("#attention-result a.keep-picture").first
    expect(link).to_be_visible(timeout=LONG_MS)
    assert kept_bytes(page, link).startswith(b"\x89PNG")


def test_a_frame_without_history_is_answered_in_place_and_a_moved_frame_marks_the_result(page_at, session_ids):
    page = page_at(session_ids["dot"], 0)
    inside(page)
    expect(page.locator("#attention-result .notice")).to_contain_text("choose frame 1 instead", timeout=LONG_MS)
    page.get_by_label("Next frame").click()
    page.locator("#look-at-attention").click()
    expect(page.locator("#attention-result .result:not(.stale)")).to_contain_text("Only 1 of 3", timeout=LONG_MS)
    page.get_by_label("Next frame").click()
    expect(page.locator("#attention-result .result.stale")).to_be_visible()


def test_use_of_actions_says_how_to_read_each_measure(page_at, session_ids):
    page = page_at(session_ids["dot"], 5)
    inside(page, "Use of actions")
    table = page.locator("#action-measures")
    expect(table).to_be_visible(timeout=LONG_MS)
    for words in ("ASG", "AZG", "Action sensitivity", "Near 0"):
        expect(table).to_contain_text(words)
    fill(page, "skill-frames", "2")
    page.locator("#measure-skill").click()
    skill = page.locator("#skill-result")
    expect(skill.locator("#skill-table")).to_be_visible(timeout=LONG_MS)
    for words in ("Skill over repeating the last frame", "mean image", "by chance 50 %", "Autoencoder: untrained"):
        expect(skill).to_contain_text(words)


def test_session_statistics_open_on_the_tab_of_the_session(page_at, session_ids):
    page = page_at(session_ids["jetbot"], 1, "session")
    page.get_by_role("button", name="Session statistics").click()
    result = page.locator("#statistics-result")
    expect(result.locator("figure.chart")).to_have_count(2, timeout=LONG_MS)
    expect(result).to_contain_text("Frame sizes")
    expect(result).to_contain_text("224 × 224 (40)")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A data folder of this module alone, without a recording at first, and the address of its server."""
    folder = tmp_path_factory.mktemp("inside")
    with serving(Settings(data=folder)) as address:
        yield folder, address


def test_without_a_session_the_panels_say_what_to_do(open_tab, own):
    advice = "choose one in the list"
    page = open_tab("", own[1], awaited="#record-demo")
    inside(page)
    expect(page.locator("#attention-result .notice")).to_contain_text(advice, timeout=LONG_MS)
    page.get_by_role("tab", name="Errors").click()
    expect(page.locator("[data-testid=toast-body]").first).to_contain_text(advice, timeout=LONG_MS)
    open_tab.leave(page)


def test_weights_show_before_and_after_a_training_job(open_tab, own):
    folder, address = own
    session_id = record_demo(folder / "sessions", "toroidal_dot", 12, seed=1)
    page = open_tab(f"?session={session_id}&frame=6", address)
    inside(page, "Weights")
    result = page.locator("#weights-result")
    expect(result.locator("figure.chart")).to_have_count(5, timeout=LONG_MS)
    expect(result).to_contain_text("After training, this shows")
    page.get_by_role("tab", name="Training").click()
    fill(page, "predictor-steps", "2")
    page.locator("#train-predictor-steps").click()
    expect(page.locator("#training-outcome")).to_contain_text("Done after 2 steps", timeout=LONG_MS)
    expect(page.locator("#training-view")).to_contain_text("action", ignore_case=True)
    inside(page, "Weights")
    expect(result).to_contain_text("predictor training on frame 6", timeout=LONG_MS)
    expect(result.locator("figure.chart")).to_have_count(6)
    rows = list(csv.DictReader(io.StringIO(kept_text(page, "#weights-result a[download='weights_change.csv']"))))
    changed = {row["network"] for row in rows if float(row["relative"]) > 0}
    assert changed == {"autoencoder", "predictor"}
    assert "not found" not in result.inner_text().lower()
    open_tab.leave(page)


@every_case(
    ("name", "arguments", "words"),
    [
        ("/look_at_attention", [5, 3, 7, 0, -1], "The layer must be a whole number from 0 to 6"),
        ("/look_at_attention", [5, 3, 0, 9, -1], "The head must be a whole number from 0 to 8"),
        ("/look_at_attention", [5, 3, 0, 0, 197], "The future token must be a whole number from -1 to 196"),
        ("/look_at_attention", [5, 9, 0, 0, -1], "The history length must be a whole number from 2 to 8"),
        ("/look_at_attention", [5, 3, "x", 0, -1], "what arrived is not a number"),
        ("/diagnose_actions", [3, 0], "The number of frames to look at must be a whole number from 1 to 64"),
        ("/measure_skill", [3, 0], "The number of frames to measure must be a whole number from 1 to 500"),
    ],
)
def test_programs_get_a_sentence_for_what_does_not_exist(client: Client, session_ids, name, arguments, words):
    client.predict(session_ids["jetbot"], api_name="/load_session")
    with pytest.raises(AppError, match=words):
        client.predict(*arguments, api_name=name)
