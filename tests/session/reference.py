"""The expected content of a damaged recording, read from its files in the simplest way.

Every line and picture that is byte for byte as it was written must open.
"""

import json
import re
from collections.abc import Iterator

import numpy as np

from session import RecordedSession
from tests.session.damaged import META, is_plain
from tests.session.generated import GeneratedRecording

TWICE = "its step was recorded before; the first one is kept"


def lost_events(generated: GeneratedRecording, recording: RecordedSession) -> list[str]:
    """Intact events that are not in the recording, by file and line; empty if the promise holds."""
    present = set(_present(recording))
    is_another_robot = set(recording.profile.channel_names) != {*generated.channels}
    named = {(entry.file, entry.line): entry.reason for entry in recording.skipped}
    lost: list[str] = []
    damaged_steps: list[object] = []  # of damaged lines
    for file, number, line in lines_on_disk(generated):
        event = generated.events.get(line.strip(b" \t\r"))
        if event is None:
            damaged_steps.append(_step_in(line))
        elif _is_whole(generated, event) and _identity(event, recording.profile.channel_names) not in present:
            reason = named.get((file, number), "not named")
            # A damaged line before it may have the same step, and damage may have changed the robot of the recording.
            is_second = reason == TWICE and event["step"] in damaged_steps
            if not is_second and not (is_another_robot and reason.startswith("action ")):
                lost.append(f"{file} line {number}: {reason}")
    return lost


def unnamed_lines(generated: GeneratedRecording, recording: RecordedSession) -> int:
    """The number of lines that are neither an event of the recording nor named as skipped."""
    written = sum(bool(line.strip()) for _, _, line in lines_on_disk(generated))
    return written - recording.total_events - sum(entry.line is not None for entry in recording.skipped)


def unnamed_files(generated: GeneratedRecording, recording: RecordedSession) -> list[str]:
    """Shards and metadata that cannot be read and are not named as skipped."""
    named = {entry.file for entry in recording.skipped if entry.line is None}
    return [
        name for name in (*_shard_names(generated), META) if name not in named and not is_plain(generated.folder / name)
    ]


def lines_on_disk(generated: GeneratedRecording) -> Iterator[tuple[str, int, bytes]]:
    """File, number from 1 and bytes of every line of the shards that are files, ordered by shard number."""
    for name in _shard_names(generated):
        if is_plain(generated.folder / name):
            for number, line in enumerate((generated.folder / name).read_bytes().split(b"\n"), 1):
                yield name, number, line


def _shard_names(generated: GeneratedRecording) -> list[str]:
    matches = (re.fullmatch(r"events_shard_(\d{1,9})\.jsonl", path.name) for path in generated.folder.iterdir())
    return [name for _, name in sorted((int(match[1]), match[0]) for match in matches if match)]


def _is_whole(generated: GeneratedRecording, event: dict) -> bool:
    """True if the event has no picture, or the one that was written, with no link in its path."""
    if event["type"] == "action":
        return True
    path = generated.folder / event["data"]["frame_path"]
    is_there = is_plain(path) and not path.parent.is_symlink()
    return is_there and path.read_bytes() == generated.pictures[event["data"]["frame_path"]]


def _identity(event: dict, channels: tuple[str, ...]) -> tuple:
    if event["type"] == "observation":
        return event["step"], float(event["timestamp"]), event["data"]["frame_path"]
    values = (float(np.float32(event["data"].get(name, np.nan))) for name in channels)
    return event["step"], float(event["timestamp"]), *values


def _present(recording: RecordedSession) -> Iterator[tuple]:
    yield from zip(recording.steps.tolist(), recording.times.tolist(), recording.frame_names, strict=True)
    columns = zip(
        recording.action_steps.tolist(), recording.action_times.tolist(), recording.actions.tolist(), strict=True
    )
    for step, time, values in columns:
        yield step, time, *values


def _step_in(line: bytes) -> object:
    try:
        return json.loads(line)["step"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
