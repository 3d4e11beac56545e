"""Wall-clock times of recordings, stored without a time zone."""

import math
import re
from datetime import datetime

QUARTER_HOUR_S = 15 * 60
MAX_OFFSET_S = 14 * 3600
MAX_RESIDUAL_S = 5 * 60
NAME_PATTERN = re.compile(r"(\d{8})_(\d{6})")


def parse_local_time(text: str) -> datetime:
    """Read an ISO 8601 date and time as wall-clock time, dropping a zone; raises ValueError."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def time_in_name(name: str) -> datetime | None:
    """The time in a folder name such as ``session_20250921_142133``, or None."""
    match = NAME_PATTERN.search(name)
    try:
        return datetime.strptime("".join(match.groups()), "%Y%m%d%H%M%S") if match else None
    except ValueError:
        return None


def infer_utc_offset(start_time: datetime | None, first_timestamp: float | None) -> float:
    """Seconds that the recorder's wall clock was ahead of UTC.

    The start is wall-clock time, the first event's timestamp is Unix time, so their difference is the zone, as zones
    are multiples of 15 minutes and the first event follows the start closely. If it does not, this machine's own
    zone at that time is used.
    """
    if start_time is not None and first_timestamp is not None:
        ahead = (start_time - datetime(1970, 1, 1)).total_seconds() - first_timestamp
        offset = round(ahead / QUARTER_HOUR_S) * QUARTER_HOUR_S
        if abs(ahead - offset) < MAX_RESIDUAL_S and abs(offset) <= MAX_OFFSET_S:
            return float(offset)
    return _server_offset(first_timestamp, start_time)


def _server_offset(timestamp: float | None, start_time: datetime | None) -> float:
    try:
        if timestamp is not None and math.isfinite(timestamp):
            moment = datetime.fromtimestamp(timestamp).astimezone()
        else:
            moment = (start_time or datetime(1970, 1, 2)).astimezone()
    except (OverflowError, ValueError, OSError):
        return 0.0
    offset = moment.utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
