import gc
import json
import os
import threading
import weakref

import pytest

from session import SessionCache, SessionNotFound
from session import cache as cache_module
from tests.session.session_files import action, events_of, jpeg, observation, write_session

WAIT_S = 20


@pytest.fixture
def root(tmp_path):
    for number in range(4):
        write_session(tmp_path / "jetbot" / f"session_{number}", events_of("oaoao"))
    return tmp_path


@pytest.fixture
def loads(monkeypatch):
    """Names of the sessions that were opened, in order."""
    opened = []
    real = cache_module.load_session
    monkeypatch.setattr(cache_module, "load_session", lambda folder: opened.append(folder.name) or real(folder))
    return opened


def test_a_session_is_opened_once(root, loads):
    sessions = SessionCache(root)
    assert sessions.get("jetbot/session_1") is sessions.get("jetbot/session_1")
    assert loads == ["session_1"]


@pytest.mark.parametrize("change", ["event", "meta", "frame"])
def test_a_session_that_changed_is_opened_again(root, loads, change):
    sessions = SessionCache(root)
    folder = root / "jetbot" / "session_1"
    (folder / "frames" / "frame_000004.jpg").unlink()
    assert sessions.get("jetbot/session_1").frame_count == 2
    if change == "event":
        with (folder / "events_shard_000.jsonl").open("a") as file:
            file.write(json.dumps(action(5)) + "\n" + json.dumps(observation(6, "frames/frame_000000.jpg")) + "\n")
    elif change == "meta":
        (folder / "session_meta.json").write_text("{}")
    else:
        (folder / "frames" / "frame_000004.jpg").write_bytes(jpeg())
    session = sessions.get("jetbot/session_1")
    assert loads == ["session_1"] * 2
    assert session.frame_count == (2 if change == "meta" else 3)


def test_a_request_within_the_allowed_age_does_not_open_it_again(root, loads):
    sessions = SessionCache(root)
    before = sessions.get("jetbot/session_1", max_age_s=60)
    (root / "jetbot" / "session_1" / "frames" / "frame_000004.jpg").unlink()
    assert sessions.get("jetbot/session_1", max_age_s=60) is before
    assert sessions.get("jetbot/session_1").frame_count == before.frame_count - 1


def test_the_least_recently_requested_session_is_evicted(root, loads):
    sessions = SessionCache(root, capacity=2)
    for number in (0, 1, 0, 2, 0, 1):
        sessions.get(f"jetbot/session_{number}")
    assert loads == ["session_0", "session_1", "session_2", "session_1"]


def test_twenty_visitors_each_in_a_session_of_his_own_open_it_once(tmp_path, loads):
    for number in range(20):
        write_session(tmp_path / "jetbot" / f"session_{number}", events_of("oao"))
    sessions = SessionCache(tmp_path)
    for _ in range(3):
        for number in range(20):
            sessions.get(f"jetbot/session_{number}")
    assert len(loads) == 20


def test_long_sessions_evict_each_other_and_a_single_one_stays(root, loads):
    sessions = SessionCache(root, max_events=12)  # two sessions of five events
    for number in (0, 1, 0, 2, 0, 1):
        sessions.get(f"jetbot/session_{number}")
    assert loads == ["session_0", "session_1", "session_2", "session_1"]
    single = SessionCache(root, max_events=1)
    assert single.get("jetbot/session_0") is single.get("jetbot/session_0")


def test_of_three_hundred_sessions_no_more_than_the_capacity_stay(tmp_path):
    for number in range(300):
        write_session(tmp_path / "jetbot" / f"session_{number}", events_of("o"))
    sessions = SessionCache(tmp_path, capacity=10)
    opened = [weakref.ref(sessions.get(f"jetbot/session_{number}")) for number in range(300)]
    gc.collect()
    assert sum(session() is not None for session in opened) == 10


def test_a_deleted_or_foreign_session_is_not_found(root, loads):
    sessions = SessionCache(root)
    sessions.get("jetbot/session_1")
    (root / "jetbot" / "session_1").rename(root.parent / "moved")
    for session_id in ("jetbot/session_1", "../moved", None):
        with pytest.raises(SessionNotFound):
            sessions.get(session_id)


def test_many_threads_open_a_session_once(root, loads):
    sessions = SessionCache(root)
    barrier = threading.Barrier(8)
    sessions_of_threads = []

    def visit():
        barrier.wait(WAIT_S)
        sessions_of_threads.append(sessions.get("jetbot/session_2"))

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert len(sessions_of_threads) == 8 and len(set(map(id, sessions_of_threads))) == 1
    assert loads == ["session_2"]


def test_opening_one_session_does_not_delay_another(root, monkeypatch):
    sessions = SessionCache(root)
    is_opening, may_go_on = threading.Event(), threading.Event()
    real = cache_module.load_session

    def slow(folder):
        if folder.name == "session_0":
            is_opening.set()
            assert may_go_on.wait(WAIT_S)
        return real(folder)

    monkeypatch.setattr(cache_module, "load_session", slow)
    thread = threading.Thread(target=sessions.get, args=("jetbot/session_0",))
    thread.start()
    assert is_opening.wait(WAIT_S)
    assert sessions.get("jetbot/session_1").frame_count == 3
    assert thread.is_alive()
    may_go_on.set()
    thread.join(WAIT_S)


def test_a_picture_corrected_in_place_makes_another_version_also_after_a_restart(root):
    sessions = SessionCache(root)
    before = sessions.get("jetbot/session_1")
    frame = root / "jetbot" / "session_1" / "frames" / "frame_000002.jpg"
    frame.write_bytes(jpeg(77).ljust(frame.stat().st_size, b"\0"))  # the same size
    os.utime(frame, ns=(1, 1))
    after = sessions.get("jetbot/session_1")
    assert after.version != before.version
    assert SessionCache(root).get("jetbot/session_1").version == after.version


def test_pictures_of_a_recording_in_subfolders_are_watched(tmp_path):
    events = [observation(0, "frames/left/a.jpg"), action(1), observation(2, "frames/left/b.jpg")]
    folder = tmp_path / "jetbot" / "session_1"
    (folder / "frames" / "left").mkdir(parents=True)
    for name in ("a", "b"):
        (folder / "frames" / "left" / f"{name}.jpg").write_bytes(jpeg())
    (folder / "events_shard_000.jsonl").write_text("\n".join(map(json.dumps, events)))
    sessions = SessionCache(tmp_path)
    before = sessions.get("jetbot/session_1")
    assert before.frame_count == 2 and sessions.get("jetbot/session_1") is before
    (folder / "frames" / "left" / "b.jpg").write_bytes(jpeg(9, size=32))
    assert sessions.get("jetbot/session_1").version != before.version
