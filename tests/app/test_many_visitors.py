"""Many visitors at once: no visitor gets the answer of another, and scrubbing does not wait for other visitors."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.coded_recordings import coded_picture, read_code, record_coded
from benchmarks.many_visitors import scrub, scrub_beside, start_training_together, summarize, visit_together
from benchmarks.raw_client import RawClient
from benchmarks.server import running_server
from benchmarks.visitor_client import VisitorClient
from page.server import web_app
from page.server.settings import Settings
from tests.app.conftest import own_port, running
from tests.app.narrow import program
from tests.promises import IS_FULL, count
from tests.training.tiny import until

IDLE_MS, TRAINING_MS = 500, 1500
ANSWERS = count(20, 1000)
WAIT_S = 20
ENDLESS = 100_000
VISITORS = (10, 20) if IS_FULL else (3,)
WAITING = ("run_autoencoder", "run_predictor", "run_predictor", "evaluate_recording")
NEVER_WAITING = {
    "show_frame": [4],
    "training_status": [False, 0.6, []],
    "evaluation_status": [],
    "describe_session": [],
    "refresh_sessions": [],
}


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[VisitorClient]]:
    """Visitors of a server in a process of its own, one more than are active at the same time."""
    with running_server(tmp_path_factory.mktemp("many"), own_port(19960), program("session_explorer_gradio")) as server:
        yield [VisitorClient(server.address, server.data, owner) for owner in range(VISITORS[-1] + 1)]


@pytest.fixture
def training(guests: list[VisitorClient]) -> Iterator[None]:
    """Train the predictor of the first visitor during the test."""
    assert start_training_together(guests[:1], ENDLESS) == [""]
    yield
    guests[0].stop_training()


def test_a_code_is_read_back_and_any_other_picture_is_none():
    assert read_code(Image.fromarray(coded_picture(4095, 65535))) == (4095, 65535)
    assert read_code(Image.fromarray(255 - coded_picture(1, 2))) is None
    spoilt = coded_picture(1, 2)
    spoilt[:16, :16] = 255 - spoilt[:16, :16]
    assert read_code(Image.fromarray(spoilt)) is None


@pytest.mark.promise("users do not mix")
@pytest.mark.parametrize("visitors", VISITORS)
def test_every_answer_is_the_visitors_own(guests, visitors, figure):
    answers = visit_together(guests[:visitors], count(1, 60), ANSWERS)
    check(answers, f"{visitors} visitors, idle", IDLE_MS, figure)


@pytest.mark.promise("users do not mix")
@pytest.mark.parametrize("visitors", VISITORS)
def test_every_answer_is_the_visitors_own_while_training(guests, training, visitors, figure):
    answers = visit_together(guests[:visitors], count(1, 60), ANSWERS)
    check(answers, f"{visitors} visitors, while training", TRAINING_MS, figure)


def check(answers, condition, bound_ms, figure):
    summary = summarize(answers)
    figure(
        f"{condition}: {summary['mismatches']} mismatches and {summary['errors']} errors in {summary['answers']:,} "
        f"answers; p95 of scrubbing (frame files, frame facts, timelines) {summary['scrubbing p95_ms']:.0f} ms, of "
        f"running the networks, asked without a pause by all, {summary['running the networks p95_ms']:,.0f} ms"
    )
    assert [answer for answer in answers if answer.problem] == []
    assert len(answers) >= ANSWERS
    assert summary["scrubbing p95_ms"] <= bound_ms


@pytest.mark.promise("users do not mix")
def test_scrubbing_does_not_wait_for_those_who_run_the_networks(guests, figure):
    looks = count(30, 400)
    alone, beside = scrub(guests[0], looks)["p95_ms"], scrub_beside(guests[0], guests[1:], looks)["p95_ms"]
    figure(f"p95 of scrubbing {alone:.0f} ms alone, {beside:.0f} ms beside {len(guests) - 1} who run the networks")
    assert beside <= IDLE_MS


@pytest.mark.promise("users do not mix")
def test_all_press_train_at_once_and_one_job_begins(guests, figure):
    same_robot = guests[::2]
    messages = start_training_together(same_robot, ENDLESS)
    scrubbing = scrub(guests[1], count(30, 400))["p95_ms"]
    guests[0].stop_training()
    figure(
        f"{len(same_robot)} press Train at once: {messages.count('')} job; "
        f"p95 of scrubbing {scrubbing:.0f} ms beside it"
    )
    assert messages.count("") == 1
    assert all("Training is running (predictor" in message for message in messages if message)
    assert scrubbing <= TRAINING_MS


def test_two_visitors_of_one_recording_have_each_a_place_and_a_new_page_has_none(guests):
    first, other = guests[0].client, RawClient(str(guests[0].client.http.base_url))
    other.ask("load_session", guests[0].session_id)
    first.ask("show_frame", 7)
    assert "Frame 1 / 29" in other.ask("show_frame", None)[0]
    assert "Frame 7 / 29" in first.ask("show_frame", None)[0]
    other.reload()
    assert "No session is open" in other.ask("show_frame", None)[0]
    assert guests[0].scrub_facts() == ""


def test_nothing_but_the_networks_waits_for_the_networks(tmp_path: Path):
    session_id = record_coded(tmp_path / "sessions", 1, 9, "toroidal_dot")
    with running(Settings(data=tmp_path)) as (explorer, demo):
        one, *busy = (RawClient(demo.local_url) for _ in range(1 + len(WAITING)))
        for client in (one, *busy):
            client.ask("load_session", session_id)
            client.ask("show_frame", 5)
        one.tick()  # computes the digest of the weights, which later calls reuse
        shared = explorer.manager(explorer.sessions.get(session_id).profile).shared
        threads = [
            threading.Thread(target=client.ask, args=(name,)) for client, name in zip(busy, WAITING, strict=True)
        ]
        with shared.lock:
            for thread in threads:
                thread.start()
            one.http.timeout = WAIT_S
            for name, data in NEVER_WAITING.items():
                one.ask(name, *data)
            one.get(f"recorded/frame/3/{session_id}")
            one.get(f"recorded/timeline/{session_id}")
            one.reload()
            one.ask("load_session", session_id)
            one.tick()
            assert all(thread.is_alive() for thread in threads)
        until(lambda: not any(thread.is_alive() for thread in threads), 60)
        explorer.evaluator.close(WAIT_S)


def test_tabs_that_ask_and_never_listen_stop_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(web_app, "MAILBOXES", 3)
    session_id = record_coded(tmp_path / "sessions", 1, 9, "toroidal_dot")
    with running(Settings(data=tmp_path)) as (_, demo):
        deaf = RawClient(demo.local_url)
        for _ in range(12):
            deaf.reload()
            deaf.ask("load_session", session_id)
            deaf.begin("run_predictor", {"session": session_id, "frame": 5})
        until(lambda: demo._queue.stopped or not any(demo._queue.active_jobs), WAIT_S)
        assert not demo._queue.stopped and len(demo._queue.pending_messages_per_session) <= 3
        assert len(demo._queue.event_analytics) <= 1
        assert "9 frames" in str(RawClient(demo.local_url).ask("load_session", session_id))
