"""Facts about recordings, frames and weights as sentences and small HTML tables. All text from files is escaped: a
session may have any name."""

import json
import mimetypes
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import numpy as np

from page import messages
from page.text import bytes_text, count_text, duration_text, number_text
from session import OutsideRanges, RecordedSession, SessionError, SessionSummary, action_name, decode_picture

ALL_ROBOTS = "All robots"


def session_choices(summaries: list[SessionSummary], robot: str | None) -> tuple[list[str], str, list[tuple[str, str]]]:
    """The contents of the lists: all robots, the chosen one, and label and id of each of its recordings."""
    titles = [ALL_ROBOTS, *sorted({summary.robot_title for summary in summaries if summary.is_readable})]
    robot = robot if robot in titles else ALL_ROBOTS
    chosen = [summary for summary in summaries if robot in (ALL_ROBOTS, summary.robot_title)]
    ids = [summary.session_id for summary in chosen]
    return titles, robot, list(zip(session_labels(chosen), ids, strict=True))


def session_labels(summaries: list[SessionSummary]) -> list[str]:
    """A line of the list for each recording: robot, date, length, and the folder's name."""
    return [_label(summary) for summary in summaries]


def _label(summary: SessionSummary) -> str:
    if not summary.is_readable:
        return f"{summary.session_id} · {summary.problem or 'cannot be read'}"
    date = summary.start_time.strftime("%Y-%m-%d %H:%M:%S") if summary.start_time else summary.name
    length = "being recorded" if summary.is_being_recorded else "not finished"
    if summary.is_finished:
        length = "length not known" if summary.duration_s is None else duration_text(summary.duration_s)
    return " · ".join([summary.robot_title, date, length, *([summary.name] if date != summary.name else [])])


def holdings(data: Path, summaries: list[SessionSummary]) -> str:
    """Text for the terminal: the data folder, and the number of its recordings."""
    unreadable = [summary for summary in summaries if not summary.is_readable]
    names = [f"{one.session_id} ({one.problem})" if one.problem else one.session_id for one in unreadable]
    text = f"Serving {os.path.abspath(data)}: {count_text(len(summaries) - len(unreadable), 'recording')}."
    return f"{text} Folders that cannot be read: {', '.join(names)}." if unreadable else text


def session_facts(recording: RecordedSession) -> str:
    """HTML of a recording: one line, a folded table of all facts, and the entries skipped while it was opened."""
    rows = [
        ("Session", recording.name),
        ("Robot", _robot_text(recording)),
        ("Events", f"{recording.total_events:,}"),
        ("Observations", f"{recording.frame_count:,}"),
        ("Actions", f"{recording.action_count:,}"),
        ("Began", _date_text(recording.start_time)),
        ("Ended", _ended(recording)),
        ("Length", duration_text(recording.duration_s)),
        ("Action space", _action_list(recording)),
        ("Ranges of the actions", _ranges_text(recording)),
    ]
    rows += recording.details
    return (
        f'<p class="summary" data-part="extent">{escape(session_extent(recording))}</p>{_task(recording)}'
        f'<details class="facts"><summary>Details</summary>{facts_table(rows)}</details>{_skipped(recording)}'
        f"{_notes(recording)}{_outside(recording)}"
    )


def _task(recording: RecordedSession) -> str:
    return f'<p class="task" id="task">Task: {escape(recording.task)}</p>' if recording.task else ""


def session_extent(recording: RecordedSession) -> str:
    """The extent of a recording in one line: the facts that change while it grows."""
    parts = [count_text(recording.frame_count, "frame"), count_text(recording.action_count, "action")]
    parts.append(duration_text(recording.duration_s))
    return " · ".join([*parts, "being recorded"] if recording.is_being_recorded else parts)


def _ended(recording: RecordedSession) -> str:
    if recording.is_finished:
        return _date_text(recording.end_time)
    return "being recorded" if recording.is_being_recorded else "not finished cleanly"


def _notes(recording: RecordedSession) -> str:
    notes = " ".join(recording.notes)
    return f'<div class="notice" id="recording-notes">{escape(notes)}</div>' if notes else ""


def _skipped(recording: RecordedSession) -> str:
    lines = recording.skipped_summary(limit=20)
    if not lines:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    summary = f"{count_text(len(recording.skipped_log), 'problem')} found in this recording"
    return f'<details class="facts" id="left-out"><summary>{summary}</summary><ul>{items}</ul></details>'


def clipped_notice(recording: RecordedSession) -> str:
    """HTML beside results that depend on the actions; empty if these are inside the robot's ranges."""
    outside = recording.outside_ranges
    return f'<div class="notice clipped">{clipped_text(outside)}</div>' if outside else ""


def clipped_text(outside: OutsideRanges) -> str:
    return f"{outside}: see the facts of this session."


def _outside(recording: RecordedSession) -> str:
    """HTML: which actions are outside the robot's ranges, what follows, and how to have other ranges."""
    outside = recording.outside_ranges
    if outside is None:
        return ""
    ranges = json.dumps({name: [*map(_rounded, span)] for name, span in outside.spans.items()}, ensure_ascii=False)
    merged = ""
    if outside.distinguished < outside.different:
        merged = f" {outside.different:,} different actions reach the networks as {outside.distinguished:,}."
    advice = (
        "To have this recording scaled by its own ranges, with networks of its own, add "
        f'<code>"ranges": {escape(ranges)}</code> to its <code>session_meta.json</code> and press Load Session.'
    )
    return (
        f'<div class="notice" id="outside-ranges"><b>{escape(str(outside))}.</b>{merged} The networks of this robot '
        f"know {escape(_ranges_text(recording))}. {'' if recording.choices else advice}</div>"
    )


def _ranges_text(recording: RecordedSession) -> str:
    channels = recording.profile.channels
    return ", ".join(f"{one.name} {number_text(one.low)} to {number_text(one.high)}" for one in channels) or "none"


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")  # the recorded 0.3, not float32's 0.30000001192


def _file_text(name: str, media_type: str, size: int) -> str:
    """The file of a frame, its type and its size; of a video's frame these are of the picture that is shown."""
    is_own_file = mimetypes.guess_type(name)[0] == media_type
    return f"{name}{',' if is_own_file else ' · shown as'} {media_type}, {bytes_text(size)}"


def frame_facts(recording: RecordedSession, index: int) -> str:
    """HTML table of one frame: the line under the player, its file, and the actions before and after it."""
    data, media_type = recording.frame_bytes(index)
    picture = decode_picture(data)
    into, after = int(recording.action_into[index]), int(recording.action_after[index])
    rows = [
        ("Frame", f"Frame {index} / {recording.frame_count - 1} · step {recording.steps[index]}"),
        ("Time", clock_text(recording, index)),
        ("File", _file_text(recording.frame_names[index], media_type, len(data))),
        ("Size", f"{picture.width} × {picture.height} pixels{_squeezed(picture.width, picture.height)}"),
        ("Previous action", action_text(recording, into) if into >= 0 else "none"),
        ("Next action", action_text(recording, after) if after >= 0 else "none"),
    ]
    return facts_table(rows)


def _squeezed(width: int, height: int) -> str:
    return "" if width == height else "; the networks get it squeezed into a square"


def frame_facts_or_notice(recording: RecordedSession, index: int) -> str:
    """The same, or a notice if the frame cannot be read."""
    try:
        return frame_facts(recording, index)
    except SessionError as problem:
        return messages.notice(problem)


def clock_text(recording: RecordedSession, index: int) -> str:
    """The time of a frame by the clock of the recording machine, or since the beginning, to the millisecond."""
    if not recording.has_dates and np.isfinite(recording.times[index]):
        return f"{recording.times[index]:.3f} s"
    try:
        local = datetime.fromtimestamp(float(recording.times[index]), UTC) + timedelta(seconds=recording.utc_offset_s)
    except (OverflowError, ValueError, OSError):  # a damaged recording may hold any number as a time
        return "time not known"
    return local.strftime("%Y-%m-%d %H:%M:%S.") + f"{local.microsecond // 1000:03d}"


def action_text(recording: RecordedSession, action: int) -> str:
    """The name of a recorded action with its values in brackets, or the values alone if it has no name."""
    name = action_name(recording.profile, recording.actions[action])
    values = values_text(recording.profile.channel_names, recording.actions[action])
    return f"{name} ({values})" if name else values


def values_text(names: Sequence[str], values: np.ndarray) -> str:
    """Raw values of the channels in `names` as text."""
    pairs = zip(names, values, strict=True)
    return ", ".join(f"{name} {number_text(float(value))}" for name, value in pairs)


def _robot_text(recording: RecordedSession) -> str:
    source = f"recorded as {recording.robot_type}" if recording.robot_type else "the recording names none"
    return f"{recording.profile.title} ({source})"


def _action_list(recording: RecordedSession) -> str:
    actions = [values_text(recording.profile.channel_names, values) for values in recording.candidate_actions]
    return " | ".join(actions) or "none"


def _date_text(date: datetime | None) -> str:
    return date.strftime("%Y-%m-%d %H:%M:%S") if date else "not known"


def facts_table(rows: list[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="facts"><tbody>{body}</tbody></table>'


def status_line(device: str, robot: str, weights: dict[str, str], note: str) -> str:
    """HTML of the status line: device, robot, weights in use, and a note on who may change them."""
    parts = [("Device", device), ("Robot", robot), *((name, text) for name, text in weights.items()), ("", note)]
    chips = "".join(f"<span>{f'<b>{escape(name)}</b> ' if name else ''}{escape(text)}</span>" for name, text in parts)
    return f'<div class="status-line" role="status">{chips}</div>'
