"""A server that runs for long: its use of memory, threads, descriptors and files does not grow."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.coded_recordings import record_coded
from benchmarks.long_life import added_by_second_half, open_many, repeat, resource_use_at_rest, soak, warm_up
from benchmarks.long_session import LongSession
from benchmarks.memory_use import BOUND, ResourceUse, is_within
from benchmarks.raw_client import RawClient
from benchmarks.server import Server, running_server
from page.figures import render_figure
from page.server import web_app
from page.server.settings import Settings
from page.visitor import TABS_REMEMBERED
from session import SessionCache
from tests.app.conftest import own_port, running
from tests.app.narrow import program
from tests.promises import IS_FULL, count

HOURS_S = 3600
REMEMBERED = count(20, TABS_REMEMBERED)
REST_S = count(0, 5)
TIMES = {
    LongSession.scrub_file: count(10, 500),
    LongSession.scrub_facts: count(10, 500),
    LongSession.reconstruct: count(5, 1000),
    LongSession.predict: count(2, 1000),
    LongSession.attend: count(2, 1000),
    LongSession.weights: count(0, 200),
    LongSession.evaluate_and_cancel: count(2, 1000),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("long"), own_port(20160), program("session_explorer_gradio")) as server:
        yield server


@pytest.mark.promise("nothing leaks")
@pytest.mark.timeout(0 if IS_FULL else 120)
def test_everything_many_times_over_leaves_nothing_behind(server, figure):
    resident = LongSession(server.address, server.data, 0, count(20, 1200))
    for act, times in TIMES.items():
        warm_up(resident, act, times)
    if IS_FULL:
        open_many(server, resident, 0)  # as many as the cache keeps
    before = resource_use_at_rest(server, resident, REST_S)
    results = {act.__name__: repeat(server, resident, act, times, HOURS_S, REST_S) for act, times in TIMES.items()}
    results["open_recording"] = open_many(server, resident, count(6, 300), SessionCache.CAPACITY if IS_FULL else 3)
    growth = resource_use_at_rest(server, resident, REST_S).grown_since(before)
    done = ", ".join(f"{result['times']:,} {name}" for name, result in results.items())
    each = ", ".join(f"{result['memory_mb']:+.0f}" for result in results.values())
    figure(f"{done}: {describe(growth)} (MB one after the other: {each})")
    assert [name for name, result in results.items() if result["problems"]] == []
    # After few repetitions the heaps are still growing to the size that the work needs.
    assert is_within(growth, replace(BOUND, memory_mb=count(150, BOUND.memory_mb))), growth


@pytest.mark.promise("nothing leaks")
@pytest.mark.timeout(0 if IS_FULL else 120)
def test_a_life_of_everything_at_once_leaves_nothing_behind(server, figure):
    residents = [LongSession(server.address, server.data, owner) for owner in range(1, count(3, 5))]
    readings, problems = soak(server, residents, count(20, 3000), HOURS_S, REST_S)
    actions, late = problems.pop("actions"), added_by_second_half(readings)
    figure(
        f"{actions:,} mixed actions by {len(residents)} visitors: {problems.total()} wrong; "
        f"second half {describe(late)}"
    )
    assert dict(problems) == {}
    assert late.files <= BOUND.files and late.threads <= BOUND.threads and late.descriptors <= BOUND.descriptors
    # A short run has not filled the caches.
    assert late.memory_mb <= count(400, BOUND.memory_mb)


def test_closed_tabs_are_forgotten_and_one_that_is_seen_keeps_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(web_app, "TABS_REMEMBERED", REMEMBERED)
    session_id = record_coded(tmp_path / "sessions", 1, 9, "toroidal_dot")
    with running(Settings(data=tmp_path)) as (_, demo):
        active, passing = RawClient(demo.local_url), RawClient(demo.local_url)
        active.ask("load_session", session_id)
        for number in range(REMEMBERED + 20):
            passing.reload()
            passing.ask("show_frame", None)
            if number % (REMEMBERED // 2) == 0:
                active.ask("tick")
        assert len(demo.app.state_holder.session_data) == REMEMBERED
        assert "Frame 1 / 8" in active.ask("show_frame", None)[0]


def describe(growth: ResourceUse) -> str:
    return (
        f"{growth.memory_mb:+.0f} MB, {growth.descriptors:+d} descriptors, {growth.threads:+d} threads, "
        f"{growth.files:+d} cache files"
    )


def test_figures_are_all_drawn_by_one_thread():
    threads = set()
    for _ in range(3):
        caller = threading.Thread(target=render_figure, args=(lambda figure: threads.add(threading.get_ident()), 1.0))
        caller.start()
        caller.join()
    assert len(threads) == 1
