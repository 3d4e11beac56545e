import os
import time
from datetime import datetime

import pytest

from session.jsonl_format.local_time import infer_utc_offset, parse_local_time, time_in_name
from tests.cases import every_case

NOON = datetime(2025, 6, 1, 12, 0, 0)
NOON_UTC = 1748779200.0


@pytest.fixture
def zone(monkeypatch):
    """This machine is in New York time, four hours behind UTC in summer."""
    monkeypatch.setitem(os.environ, "TZ", "America/New_York")
    time.tzset()
    yield -4 * 3600
    monkeypatch.undo()
    time.tzset()


@every_case("hours", [0, -7, 2, 5.5, 5.75, 14, -11])
@every_case("delay_s", [0.0, 3.0, 250.0])
def test_the_zone_of_the_recorder_follows_from_its_first_event(hours, delay_s):
    assert infer_utc_offset(NOON, NOON_UTC - hours * 3600 + delay_s) == hours * 3600


@pytest.mark.parametrize("ahead_s", [400.0, 20 * 3600.0, -15 * 3600.0])
def test_an_implausible_difference_gives_the_zone_of_this_machine(zone, ahead_s):
    assert infer_utc_offset(NOON, NOON_UTC - ahead_s) == zone


def test_without_a_start_or_events_the_zone_of_this_machine_is_used(zone):
    assert infer_utc_offset(None, NOON_UTC) == zone
    assert infer_utc_offset(NOON, None) == zone
    assert infer_utc_offset(None, None) in (zone, zone - 3600)


@pytest.mark.parametrize("start", [datetime.min, datetime.max])
def test_times_at_the_ends_of_the_calendar_raise_no_error(start):
    assert isinstance(infer_utc_offset(start, None), float)
    assert isinstance(infer_utc_offset(start, 0.0), float)


def test_a_zone_in_a_start_time_is_dropped():
    assert parse_local_time("2025-06-01T12:00:00+02:00") == NOON
    assert parse_local_time("2025-06-01T12:00:00Z") == NOON
    with pytest.raises(ValueError):
        parse_local_time("noon")


def test_the_time_of_a_folder_name():
    assert time_in_name("session_20250921_142133") == datetime(2025, 9, 21, 14, 21, 33)
    assert time_in_name("session_20250921_142133_2") == datetime(2025, 9, 21, 14, 21, 33)
    assert time_in_name("session_20259921_142133") is None
    assert time_in_name("session_x") is None
