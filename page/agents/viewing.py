"""Tools that look at recordings."""

from collections.abc import Mapping

import numpy as np

from page.agents.results import ToolResult, Value, named, number
from page.backend import PageBackend
from page.facts import clock_text
from page.handlers import PageError
from session import RecordedSession, SessionSummary, action_name
from training import whole_number

MOST_LISTED = 200


def list_sessions(backend: PageBackend, text: str = "", robot: str = "", first: int = 0, count: int = 50) -> ToolResult:
    """List recordings, the newest first: ids, robots, dates, lengths and tasks.

    text: words that the id, the robot or the task must contain. robot: only recordings of the robot of this title.
    first, count: which part of the list, at most 200 at once.
    """
    first = whole_number(first, "The first one", 0, 10**9)
    count = whole_number(count, "The number of recordings", 1, MOST_LISTED)
    words = text.casefold().split()
    found = [
        one
        for one in backend.sessions.list()
        if one.is_readable and (not robot or robot.casefold() == one.robot_title.casefold())
        if all(word in f"{one.session_id} {one.robot_title} {one.task}".casefold() for word in words)
    ]
    return ToolResult({"found": len(found), "sessions": [_summary(one) for one in found[first : first + count]]})


def describe_session(backend: PageBackend, session: str) -> ToolResult:
    """Describe a recording: numbers of frames and actions, channels with their ranges, the actions to choose from, what
    was to be done, and what is missing or damaged.

    session: its id, as list_sessions gives it.
    """
    recording = opened(backend, session)
    profile = recording.profile
    actions = [action_values(recording, values) for values in recording.candidate_actions]
    values: dict[str, Value] = {
        "session": session,
        "robot": profile.title,
        "frames": recording.frame_count,
        "actions": recording.action_count,
        "seconds": number(recording.duration_s),
        "task": recording.task,
        "channels": [{"name": one.name, "low": one.low, "high": one.high} for one in profile.channels],
        "is_continuous": recording.is_continuous,
        "actions_to_choose_from": actions,
        "problems": recording.skipped_summary(20),
        "notes": list(recording.notes),
    }
    return ToolResult(values)


def see_frame(backend: PageBackend, session: str, frame: int) -> ToolResult:
    """Show a recorded frame, with its time and the actions before and after it.

    session: the recording's id. frame: its number, from 0.
    """
    recording = opened(backend, session)
    index = frame_of(recording, frame)
    into, after = int(recording.action_into[index]), int(recording.action_after[index])
    values: dict[str, Value] = {
        "session": session,
        "frame": index,
        "of": recording.frame_count,
        "step": int(recording.steps[index]),
        "time": clock_text(recording, index),
        "previous_action": action_values(recording, recording.actions[into]) if into >= 0 else None,
        "next_action": action_values(recording, recording.actions[after]) if after >= 0 else None,
    }
    return ToolResult(values, {f"Frame {index}": np.asarray(recording.picture(index))})


def opened(backend: PageBackend, session: str) -> RecordedSession:
    """The recording of a tool's session; raises SessionError and PageError."""
    if not isinstance(session, str) or not session:
        raise PageError("Name a session: list_sessions gives their ids.")
    recording = backend.sessions.get(session)
    if not recording.frame_count:
        raise PageError("This recording has no frames; choose another session.")
    return recording


def frame_of(recording: RecordedSession, frame: int) -> int:
    """The checked number of a frame; raises InvalidValue."""
    return whole_number(frame, "The frame number", 0, recording.frame_count - 1)


def _summary(one: SessionSummary) -> Mapping[str, Value]:
    return {
        "session": one.session_id,
        "robot": one.robot_title,
        "began": one.start_time.isoformat(timespec="seconds") if one.start_time else None,
        "seconds": number(one.duration_s),
        "task": one.task,
        "is_being_recorded": one.is_being_recorded,
    }


def action_values(recording: RecordedSession, values: np.ndarray) -> dict[str, Value]:
    """An action with its name, empty if it has none."""
    return {
        "name": action_name(recording.profile, values),
        "values": named(recording.profile.channel_names, values),
    }
