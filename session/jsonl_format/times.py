"""Times of events: their unit, recognized once for a recording, and settings of the clock.

Recorders write Unix seconds as a rule; others count milliseconds, microseconds or nanoseconds, or write text. A time
that cannot be read is NaN, and its event stays.
"""

import math
from datetime import UTC, datetime, timedelta

import numpy as np

# Beyond this a time cannot be shown as a date (year 9999).
MAX_TIMESTAMP = 253_000_000_000
UNITS = (("seconds", 1.0), ("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9))
# Seconds from 1990 to 2100: times in that range in some unit are dates, if they are enough to be no damage.
FIRST_DATE, LAST_DATE = 631_152_000.0, 4_102_444_800.0
MIN_DATES = 0.1
# Times that are no dates count from the start of a machine: then the metadata's length tells the unit.
TOO_LONG, AS_LONG = 10.0, 3.0
# A clock that jumps further was set: one that goes back by less only shows that threads wrote out of order, and
# a recording that pauses for less than a day is possible.
MAX_BACK_S, MAX_PAUSE_S = 1.0, 86_400.0
MAX_TEXT_LENGTH = 64


def read_time(value: object) -> float:
    """The number that a recorded time stands for, also written as text; NaN if it is none."""
    if isinstance(value, str) and len(value) <= MAX_TEXT_LENGTH:
        return _time_in_text(value)
    if type(value) not in (int, float):
        return math.nan
    return float(value) if abs(value) < 1e300 else math.nan


def _time_in_text(text: str) -> float:
    try:
        number = float(text)
        return number if math.isfinite(number) else math.nan
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
        # Without a zone it is wall-clock time, as the start in the metadata is: no zone lies between them.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan


def in_seconds(times: np.ndarray, length: timedelta | None) -> tuple[np.ndarray, str]:
    """The times of a recording in seconds, NaN for those that are no dates, and the name of their unit.

    ``length``: how long it took by its metadata, if that tells.
    """
    name, factor = _unit(times, None if length is None else length.total_seconds())
    with np.errstate(invalid="ignore"):
        seconds = times / factor
        return np.where((seconds >= 0) & (seconds < MAX_TIMESTAMP), seconds, np.nan), name


def _unit(times: np.ndarray, length_s: float | None) -> tuple[str, float]:
    known = times[np.isfinite(times)]
    if not len(known):
        return UNITS[0]
    # The most frequent one: before its clock is set, a machine counts from 1970 on.
    dates = [int(((FIRST_DATE * factor <= known) & (known < LAST_DATE * factor)).sum()) for _, factor in UNITS]
    if max(dates) > MIN_DATES * len(known):
        return UNITS[dates.index(max(dates))]
    span = float(known.max() - known.min())
    if length_s is None or length_s <= 0 or span <= TOO_LONG * length_s:
        return UNITS[0]
    fitting = (unit for unit in UNITS if length_s / AS_LONG <= span / unit[1] <= AS_LONG * length_s)
    return next(fitting, UNITS[0])


def clock_settings(times: np.ndarray) -> np.ndarray:
    """Indices of the times, in the order of their events, before which the clock was set; unknown times are NaN."""
    known = np.flatnonzero(np.isfinite(times))
    jumps = np.diff(times[known])
    return known[1:][is_clock_setting(jumps)]


def is_clock_setting(jumps: np.ndarray) -> np.ndarray:
    """For each difference of two times in seconds, True if no clock that runs on makes it."""
    with np.errstate(invalid="ignore"):
        return (jumps < -MAX_BACK_S) | (jumps > MAX_PAUSE_S)
