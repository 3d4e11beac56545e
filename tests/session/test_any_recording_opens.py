"""Random recordings and pictures, intact and damaged: each opens, quickly, with all its intact parts."""

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
from tests.session.generated import GeneratedRecording, make_recording, picture
from tests.session.reference import lost_events, unnamed_files, unnamed_lines
from tests.session.session_files import action, observation, write_session
from training import foretold_actions

PROMISE = pytest.mark.promise("any recording opens")
LONGEST_S = 5.0  # of processor time; by the clock, a busy machine may take longer
STALLED_S = 60.0
DRAW_EVERY = 20  # drawing figures takes longer than all the rest


class Trials:
    """The time of each trial, and the failures with their causes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.failures: list[str] = []

    def run(self, number: int, description: str, check: Callable[[], None]) -> None:
        began, began_at = time.process_time(), time.monotonic()
        try:
            check()
        except Exception as problem:  # noqa: BLE001  any error, reported with its number
            self.failures.append(f"number {number} ({description}): {type(problem).__name__}: {str(problem)[:300]}")
        self.seconds.append(time.process_time() - began)
        if self.seconds[-1] > LONGEST_S or time.monotonic() - began_at > STALLED_S:
            self.failures.append(f"number {number} ({description}): took {self.seconds[-1]:.1f} s")

    def describe(self, kind: str) -> str:
        summary = (
            f"{len(self.seconds)} {kind}: {len(self.failures)} errors, the longest {max(self.seconds):.2f} s of 5 s"
        )
        return summary + "".join(f"\n  {failure}" for failure in self.failures[:20])


@pytest.fixture
def folder(tmp_path: Path):
    """A folder for recordings, with a picture outside of it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "canary.jpg").write_bytes(picture(99))
    return tmp_path


@pytest.fixture(autouse=True)
def with_numeric_warnings_as_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def open_checked(generated: GeneratedRecording) -> RecordedSession:
    recording = SessionCache(generated.root).get(generated.session_id)
    assert not lost_events(generated, recording), lost_events(generated, recording)[:3]
    assert not unnamed_lines(generated, recording), (
        f"{unnamed_lines(generated, recording)} lines neither used nor named"
    )
    assert not unnamed_files(generated, recording), f"not named: {unnamed_files(generated, recording)}"
    sentences = recording.skipped_summary(10**6)
    assert not any(str(generated.root.parent) in line for line in sentences), "names a path of this machine"
    return recording


def use(generated: GeneratedRecording, recording: RecordedSession, is_drawn: bool) -> None:
    """Everything that the page and the networks do with a recording."""
    summaries = list_sessions(generated.root)
    assert generated.session_id in [summary.session_id for summary in summaries]
    titles, _, choices = session_choices(summaries, None)
    statistics = session_statistics(recording)
    texts = [*titles, *(label for label, _ in choices), session_facts(recording), *candidate_labels(recording)[0]]
    if is_drawn:
        texts.append(statistics_view(recording, statistics, foretold_actions(recording)))
    check_timeline(generated.session_id, recording)
    check_candidates(recording)
    for index in range(recording.frame_count):
        texts.append(frame_facts_or_notice(recording, index))
        check_frame(recording, index)
    assert all(text.encode() for text in texts)


def check_timeline(session_id: str, recording: RecordedSession) -> None:
    content = json.loads(timeline(session_id, recording), parse_constant=pytest.fail)
    for name in ("steps", "times", "previous", "action_into", "action_after"):
        assert len(content[name]) == content["frames"] == recording.frame_count and None not in content[name], name
    assert all(None not in values for values in content["actions"])


def check_candidates(recording: RecordedSession) -> None:
    candidates = scaled_candidates(recording)
    assert candidates.isfinite().all() and (candidates.abs() <= 1).all()
    for index in range(recording.action_count):
        recording.candidate_index(index)


def check_frame(recording: RecordedSession, index: int) -> None:
    """Check the picture and the predictor's input with its history, unless the picture is damaged or has no history."""
    try:
        pixels = frame_tensor(recording, index)
        assert pixels.shape == (1, 3, 224, 224)
        batch = build_batch(recording, recording.history(index, 2 + index % 7))
    except (FrameUnreadable, NoHistory):
        return
    assert batch.actions.isfinite().all() and (batch.actions.abs() <= 1).all()


@PROMISE
def test_random_recordings_open_completely(folder, figure):
    trials = Trials()
    for number in range(count(60, 2000)):
        generated = make_recording(folder / "sessions", number)

        def check(generated: GeneratedRecording = generated, number: int = number) -> None:
            recording = open_checked(generated)
            assert recording.total_events == len(generated.events), "not all events are there"
            assert all("to choose from" in entry.reason for entry in recording.skipped), recording.skipped_summary()
            for index, name in enumerate(recording.frame_names):
                assert recording.frame_bytes(index)[0] == generated.pictures[name]
            use(generated, recording, number % DRAW_EVERY == 0)

        trials.run(number, generated.session_id, check)
        shutil.rmtree(generated.root)
    figure(trials.describe("generated recordings"))
    assert not trials.failures, trials.describe("generated recordings")


@PROMISE
def test_randomly_damaged_recordings_open_with_all_intact_parts(folder, figure):
    trials = Trials()
    for number in range(count(40, 1000)):
        generated = make_recording(folder / "sessions", 10**6 + number)
        damage = damage_recording(generated, folder / "outside", random.Random(number))
        trials.run(
            number,
            "; ".join(damage),
            lambda generated=generated, number=number: use(
                generated, open_checked(generated), number % DRAW_EVERY == 0
            ),
        )
        shutil.rmtree(generated.root)
    figure(trials.describe("damaged recordings"))
    assert not trials.failures, trials.describe("damaged recordings")


@PROMISE
def test_randomly_damaged_pictures_open_or_are_reported(folder, figure):
    trials = Trials()
    for number in range(count(40, 400)):
        content = damaged_picture(number)
        session_folder = write_session(folder / "sessions" / "session_1", [observation(0), action(1), observation(2)])
        (session_folder / "frames" / "frame_000002.jpg").write_bytes(content)

        def check(session_folder: Path = session_folder) -> None:
            recording = load_session(session_folder)
            lost = [str(entry) for entry in recording.skipped]
            assert recording.frame_count + len(lost) == 2 and recording.action_count == 1, lost
            assert all(
                line.startswith("events_shard_000.jsonl line 3: frame frames/frame_000002.jpg ") for line in lost
            )
            for index in range(recording.frame_count):
                frame_facts_or_notice(recording, index)
                check_frame(recording, index)
            assert recording.picture(0).size == (16, 16)
            session_statistics(recording)

        trials.run(number, f"{len(content)} bytes", check)
        shutil.rmtree(session_folder)
    figure(trials.describe("damaged pictures"))
    assert not trials.failures, trials.describe("damaged pictures")


def test_a_picture_with_too_many_scans_is_refused(folder):
    """A progressive JPEG of 60 kB with 4,000 scans of 5,600 × 5,600 pixels would take half a minute."""
    session_folder = write_session(folder / "session_1", [observation(0), observation(1)])
    (session_folder / "frames" / "frame_000001.jpg").write_bytes(scan_bomb(4000, 5600))
    (session_folder / "frames" / "frame_000000.jpg").write_bytes(scan_bomb(80))
    recording = load_session(session_folder)
    assert recording.picture(0).size == (16, 16)
    with pytest.raises(FrameUnreadable, match="Frame 1 cannot be read: it has more than 100 scans; choose another"):
        recording.picture(1)
