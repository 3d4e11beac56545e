"""Recordings and pictures made and damaged at random: each opens, quickly, with everything that is whole."""

import json
import random
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from page.facts import frame_facts_or_notice, session_choices, session_facts
from page.server.routes import timeline
from page.tabs.networks import candidate_labels
from page.tabs.statistics import statistics_view
from session import (
    FrameUnreadable,
    NoHistory,
    RecordedSession,
    SessionCache,
    list_sessions,
    load_session,
    session_statistics,
)
from session.batch import build_batch, frame_tensor, scaled_candidates
from tests.promises import count
from tests.session.damaged import damage_recording, damaged_picture, scan_bomb
from tests.session.generated import Made, make_recording, picture
from tests.session.reference import lost_events, unnamed_files, unnamed_lines
from tests.session.session_files import action, observation, write_session

PROMISE = pytest.mark.promise("any recording opens")
LONGEST_S = 5.0  # of the processor; a machine with much else to do may take longer
STALLED_S = 60.0
DRAWN_EVERY = 20  # drawing figures takes longer than all the rest


class Tried:
    """How long each try took, and which failed by what."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.failures: list[str] = []

    def run(self, number: int, told: str, look: Callable[[], None]) -> None:
        began, began_at = time.process_time(), time.monotonic()
        try:
            look()
        except Exception as problem:  # noqa: BLE001  whatever it is, its number is told
            self.failures.append(f"number {number} ({told}): {type(problem).__name__}: {str(problem)[:300]}")
        self.seconds.append(time.process_time() - began)
        if self.seconds[-1] > LONGEST_S or time.monotonic() - began_at > STALLED_S:
            self.failures.append(f"number {number} ({told}): took {self.seconds[-1]:.1f} s")

    def describe(self, what: str) -> str:
        told = f"{len(self.seconds)} {what}: {len(self.failures)} errors, the longest {max(self.seconds):.2f} s of 5 s"
        return told + "".join(f"\n  {failure}" for failure in self.failures[:20])


@pytest.fixture
def folder(tmp_path: Path):
    """Where recordings are made one after another, with a picture outside of it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "canary.jpg").write_bytes(picture(99))
    return tmp_path


@pytest.fixture(autouse=True)
def numbers_that_do_not_fit_are_noticed():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def opened(made: Made) -> RecordedSession:
    recording = SessionCache(made.root).get(made.session_id)
    assert not lost_events(made, recording), lost_events(made, recording)[:3]
    assert not unnamed_lines(made, recording), f"{unnamed_lines(made, recording)} lines neither used nor named"
    assert not unnamed_files(made, recording), f"not named: {unnamed_files(made, recording)}"
    told = recording.skipped_summary(10**6)
    assert not any(str(made.root.parent) in line for line in told), "told a path of this machine"
    return recording


def look_at(made: Made, recording: RecordedSession, is_drawn: bool) -> None:
    """All that the page and the networks ask of a recording."""
    summaries = list_sessions(made.root)
    assert made.session_id in [summary.session_id for summary in summaries]
    titles, _, choices = session_choices(summaries, None)
    found = session_statistics(recording)
    texts = [*titles, *(label for label, _ in choices), session_facts(recording), *candidate_labels(recording)[0]]
    if is_drawn:
        texts.append(statistics_view(recording, found))
    look_at_timeline(made.session_id, recording)
    look_at_candidates(recording)
    for index in range(recording.frame_count):
        texts.append(frame_facts_or_notice(recording, index))
        look_at_frame(recording, index)
    assert all(text.encode() for text in texts)


def look_at_timeline(session_id: str, recording: RecordedSession) -> None:
    told = json.loads(timeline(session_id, recording), parse_constant=pytest.fail)
    for name in ("steps", "times", "previous", "action_into", "action_after"):
        assert len(told[name]) == told["frames"] == recording.frame_count and None not in told[name], name
    assert all(None not in values for values in told["actions"])


def look_at_candidates(recording: RecordedSession) -> None:
    candidates = scaled_candidates(recording)
    assert candidates.isfinite().all() and (candidates.abs() <= 1).all()
    for index in range(recording.action_count):
        recording.candidate_index(index)


def look_at_frame(recording: RecordedSession, index: int) -> None:
    """The picture, and the history before it as the predictor gets it; a damaged picture is said to be one."""
    try:
        pixels = frame_tensor(recording, index)
        assert pixels.shape == (1, 3, 224, 224)
        batch = build_batch(recording, recording.history(index, 2 + index % 7))
    except (FrameUnreadable, NoHistory):
        return
    assert batch.actions.isfinite().all() and (batch.actions.abs() <= 1).all()


@PROMISE
def test_recordings_made_at_random_open_whole(folder, figure):
    tried = Tried()
    for number in range(count(60, 2000)):
        made = make_recording(folder / "sessions", number)

        def look(made: Made = made, number: int = number) -> None:
            recording = opened(made)
            assert recording.total_events == len(made.events), "not all events are there"
            assert all("to choose from" in entry.reason for entry in recording.skipped), recording.skipped_summary()
            for index, name in enumerate(recording.frame_names):
                assert recording.frame_bytes(index)[0] == made.pictures[name]
            look_at(made, recording, number % DRAWN_EVERY == 0)

        tried.run(number, made.session_id, look)
        shutil.rmtree(made.root)
    figure(tried.describe("generated recordings"))
    assert not tried.failures, tried.describe("generated recordings")


@PROMISE
def test_recordings_damaged_at_random_open_with_all_that_is_whole(folder, figure):
    tried = Tried()
    for number in range(count(40, 1000)):
        made = make_recording(folder / "sessions", 10**6 + number)
        told = damage_recording(made, folder / "outside", random.Random(number))
        tried.run(
            number,
            "; ".join(told),
            lambda made=made, number=number: look_at(made, opened(made), number % DRAWN_EVERY == 0),
        )
        shutil.rmtree(made.root)
    figure(tried.describe("damaged recordings"))
    assert not tried.failures, tried.describe("damaged recordings")


@PROMISE
def test_pictures_damaged_at_random_are_shown_or_said_to_be_damaged(folder, figure):
    tried = Tried()
    for number in range(count(40, 400)):
        content = damaged_picture(number)
        made = write_session(folder / "sessions" / "session_1", [observation(0), action(1), observation(2)])
        (made / "frames" / "frame_000002.jpg").write_bytes(content)

        def look(made: Path = made) -> None:
            recording = load_session(made)
            lost = [str(entry) for entry in recording.skipped]
            assert recording.frame_count + len(lost) == 2 and recording.action_count == 1, lost
            assert all(
                line.startswith("events_shard_000.jsonl line 3: frame frames/frame_000002.jpg ") for line in lost
            )
            for index in range(recording.frame_count):
                frame_facts_or_notice(recording, index)
                look_at_frame(recording, index)
            assert recording.picture(0).size == (16, 16)
            session_statistics(recording)

        tried.run(number, f"{len(content)} bytes", look)
        shutil.rmtree(made)
    figure(tried.describe("damaged pictures"))
    assert not tried.failures, tried.describe("damaged pictures")


def test_a_picture_that_is_gone_over_again_and_again_is_refused(folder):
    """A progressive JPEG of 60 kB with 4,000 scans of 5,600 × 5,600 pixels would take half a minute."""
    made = write_session(folder / "session_1", [observation(0), observation(1)])
    (made / "frames" / "frame_000001.jpg").write_bytes(scan_bomb(4000, 5600))
    (made / "frames" / "frame_000000.jpg").write_bytes(scan_bomb(80))
    recording = load_session(made)
    assert recording.picture(0).size == (16, 16)
    with pytest.raises(FrameUnreadable, match="Frame 1 cannot be read: it has more than 100 scans; choose another"):
        recording.picture(1)
