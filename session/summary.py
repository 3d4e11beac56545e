"""Summary of a recording for lists, from its metadata alone."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SessionSummary:
    """A line of the session picker.

    ``session_id`` is the path below the sessions folder ("jetbot/session_20250921_142133"). ``robot`` is the name of a
    profile, "unknown" if only the events show it. ``total_events`` and ``duration_s`` are known only after a clean
    finish. ``is_being_recorded``: certainly, at this moment. Not ``is_readable``: a folder, of a recording, a robot or
    all of them, that cannot be read; only its names are known. ``problem``: why, if it is not the right to read it.
    ``readings``: robots that the recording has in other readings, each with what that adds to the id.
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
    is_readable: bool = True
    problem: str = ""
    readings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_unreadable(cls, session_id: str, problem: str = "") -> "SessionSummary":
        """The summary of a folder that cannot be read."""
        *parents, name = session_id.split("/")
        robot, title = parents[0] if parents else "unknown", parents[0] if parents else name
        return cls(session_id, name, robot, title, None, None, None, False, False, False, problem)
