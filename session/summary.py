"""Summary of a recording for lists, from its metadata alone."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SessionSummary:
    """A line of the session picker.

    ``session_id`` is the path below the sessions folder ("jetbot/session_20250921_142133"). ``robot`` is the name of a
    profile, "unknown" if only the events show it. ``total_events`` and ``duration_s`` are known only after a clean
    finish. ``is_being_recorded``: certainly, at this moment.
    """

    session_id: str
    name: str
    robot: str
    robot_title: str
    start_time: datetime | None
    total_events: int | None
    duration_s: float | None
    is_finished: bool
    is_being_recorded: bool
