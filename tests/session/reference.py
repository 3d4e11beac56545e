"""What must be left of a recording, read off its files a second time in the simplest way there is.

Knows which lines and pictures were written whole; whatever is still there byte for byte must open.
"""

import json
import re
from collections.abc import Iterator

import numpy as np

from session import RecordedSession
from tests.session.damaged import META, is_plain
from tests.session.generated import Made

TWICE = "its step was recorded before; the first one is kept"


def lost_events(made: Made, recording: RecordedSession) -> list[str]:
    """Whole events that are not in the recording, by file and line; empty where the promise holds."""
    present = set(_present(recording))
    is_another_robot = set(recording.profile.channel_names) != {*made.channels}
    named = {(entry.file, entry.line): entry.reason for entry in recording.skipped}
    lost: list[str] = []
    taken: list[object] = []  # steps of damaged lines
    for file, number, line in lines_on_disk(made):
        event = made.events.get(line.strip(b" \t\r"))
        if event is None:
            taken.append(_step_in(line))
        elif _is_whole(made, event) and _identity(event, recording.profile.channel_names) not in present:
            reason = named.get((file, number), "not named")
            # A damaged line before it may have got its step, and damage may have made another robot of the recording.
            is_second = reason == TWICE and event["step"] in taken
            if not is_second and not (is_another_robot and reason.startswith("action ")):
                lost.append(f"{file} line {number}: {reason}")
    return lost


def unnamed_lines(made: Made, recording: RecordedSession) -> int:
    """Lines that are neither an event of the recording nor named as left out."""
    written = sum(bool(line.strip()) for _, _, line in lines_on_disk(made))
    return written - recording.total_events - sum(entry.line is not None for entry in recording.skipped)


def unnamed_files(made: Made, recording: RecordedSession) -> list[str]:
    """Shards and metadata that cannot be read and are not named."""
    named = {entry.file for entry in recording.skipped if entry.line is None}
    return [name for name in (*_shard_names(made), META) if name not in named and not is_plain(made.folder / name)]


def lines_on_disk(made: Made) -> Iterator[tuple[str, int, bytes]]:
    """File, number from 1 and bytes of every line of the shards that are files, by the numbers of the shards."""
    for name in _shard_names(made):
        if is_plain(made.folder / name):
            for number, line in enumerate((made.folder / name).read_bytes().split(b"\n"), 1):
                yield name, number, line


def _shard_names(made: Made) -> list[str]:
    found = (re.fullmatch(r"events_shard_(\d{1,9})\.jsonl", path.name) for path in made.folder.iterdir())
    return [name for _, name in sorted((int(match[1]), match[0]) for match in found if match)]


def _is_whole(made: Made, event: dict) -> bool:
    """Whether the picture of an event, if it has one, is the one that was written, and no link led to it."""
    if event["type"] == "action":
        return True
    path = made.folder / event["data"]["frame_path"]
    is_there = is_plain(path) and not path.parent.is_symlink()
    return is_there and path.read_bytes() == made.pictures[event["data"]["frame_path"]]


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
