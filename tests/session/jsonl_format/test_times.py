import json
import math
from pathlib import Path

import numpy as np
import pytest

from session import RecordedSession, list_sessions, load_session, session_statistics
from tests.cases import every_case
from tests.session.session_files import START_TIMESTAMP, action, meta_of, observation, write_session

START = START_TIMESTAMP


def timed(folder: Path, times: list[object], **meta) -> RecordedSession:
    """A recording that alternates observations and actions at these times; `...` for none."""
    events = [(action if step % 2 else observation)(step) for step in range(len(times))]
    for event, time in zip(events, times, strict=True):
        event["timestamp"] = time
        if time is ...:
            del event["timestamp"]
    return load_session(write_session(folder / "jetbot" / "session_1", events, meta=meta_of(**meta)))


def all_times(recording: RecordedSession) -> list[float]:
    times = np.concatenate((recording.times, recording.action_times))
    return times[np.argsort(np.concatenate((recording.steps, recording.action_steps)))].tolist()


@every_case("unit, factor", [("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)])
def test_the_unit_is_recognized_once_and_said(tmp_path, unit, factor):
    for number, kind in enumerate((int, float, lambda time: str(int(time)))):
        recording = timed(tmp_path / str(number), [kind((START + 0.1 * step) * factor) for step in range(5)])
        assert all_times(recording) == pytest.approx([START + 0.1 * step for step in range(5)], abs=2e-3)
        assert recording.notes == (f"Times are recorded in {unit}.",)
        assert recording.duration_s == pytest.approx(0.4, abs=2e-3) and recording.utc_offset_s == -6 * 3600


def test_seconds_stay_as_they_are(tmp_path):
    for number, times in enumerate(([START, START + 1.5], [0.0, 0.5], [2e11, 2e11 + 1])):
        recording = timed(tmp_path / str(number), times)
        assert all_times(recording) == times and recording.notes == ()


def test_times_since_the_start_of_a_machine_take_their_unit_from_the_length_in_the_metadata(tmp_path):
    times = [5_000 + 1000 * second for second in range(61)]
    recording = timed(tmp_path, times)  # a minute by its metadata
    assert recording.duration_s == pytest.approx(60) and "milliseconds" in recording.notes[0]


@every_case("text", ["2025-09-21T20:21:33+00:00", "2025-09-21T14:21:33-06:00", "2025-09-21T20:21:33Z", str(START)])
def test_times_in_text_are_read(tmp_path, text):
    assert all_times(timed(tmp_path, [text, text])) == [START, START]


@every_case("time", [None, ..., "noon", "", True, [], {}, -1, 1e300, 2**62, "nan", "inf", math.nan, math.inf])
def test_an_event_without_a_usable_time_stays_and_its_time_is_not_known(tmp_path, time):
    recording = timed(tmp_path, [START, START + 1, time, START + 3, START + 4])
    assert (recording.frame_count, recording.action_count) == (3, 2)
    assert math.isnan(recording.times[1]) and recording.times[2] == START + 4
    assert recording.skipped == () and "Times of 1 of 5 events are not known" in recording.notes[0]
    assert recording.duration_s == 4.0 and recording.previous.tolist() == [-1, 0, 1]
    assert session_statistics(recording).frame_to_frame.median_s is None


def test_steps_and_counts_may_be_whole_numbers_written_as_fractions(tmp_path):
    events = [observation(0), action(1), observation(2)]
    lines = [json.dumps(event | {"step": float(event["step"])}) for event in events]
    folder = write_session(tmp_path / "jetbot" / "session_1", events)
    (folder / "events_shard_000.jsonl").write_text("\n".join(lines))
    (folder / "session_meta.json").write_text(json.dumps(meta_of(total_steps=3.0, total_shards=1.0)))
    recording = load_session(folder)
    assert recording.steps.tolist() == [0, 2] and recording.skipped == ()


@every_case("jump", [-3600.0, -1.5, 1.7e9, 2 * 86_400.0])
def test_a_clock_that_was_set_is_told_and_left_out_of_lengths(tmp_path, jump):
    begin = 12.0 if jump > 1e9 else START
    times = [begin + 0.1 * step + (jump if step >= 3 else 0) for step in range(7)]
    recording = timed(tmp_path, times, start_time=None)
    assert recording.clock_settings == (3,) and "The clock was set while recording" in recording.notes[-1]
    assert recording.duration_s == pytest.approx(0.5) and all_times(recording) == pytest.approx(times)
    statistics = session_statistics(recording)
    assert statistics.frame_to_frame.longest_s == pytest.approx(0.2)
    assert len(statistics.frame_to_frame.seconds) == (2 if jump > 0 else 3)
    assert statistics.backward_times == (jump < 0)


@every_case("jump", [-0.5, 0.0, 7 * 3600.0])
def test_a_pause_and_events_a_little_out_of_order_are_no_setting_of_the_clock(tmp_path, jump):
    times = [START + 0.1 * step + (jump if step >= 3 else 0) for step in range(7)]
    recording = timed(tmp_path, times)
    assert recording.clock_settings == () and recording.notes == ()
    assert recording.duration_s == pytest.approx(max(times) - min(times))


def test_a_clock_set_back_does_not_move_the_zone_of_the_recorder(tmp_path):
    times = [START + 0.1 * step - (3600 if step >= 3 else 0) for step in range(7)]
    assert timed(tmp_path, times).utc_offset_s == -6 * 3600


@every_case(
    "start, length", [("1970-01-01T00:00:12", None), ("2025-09-21T15:00:00", None), ("2025-09-21T14:22:00", 33)]
)
def test_the_list_shows_no_length_that_the_clock_made(tmp_path, start, length):
    timed(tmp_path, [START], start_time=start, end_time="2025-09-21T14:22:33")
    assert list_sessions(tmp_path)[0].duration_s == length
