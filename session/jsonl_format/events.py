"""Parsing of the lines of the shards into columns of numbers, each line checked on its own.

An event that breaks the format is logged with file and line, and the next one is read. The files of the frames and
the channels of the actions are checked later.
"""

import re
from array import array

from session.files import is_plain
from session.formats.json_values import NotJson, parse_json
from session.formats.logged_files import BadLine, read_each_line
from session.history import ACTION, OBSERVATION
from session.jsonl_format.recorded_actions import RecordedActions
from session.jsonl_format.times import read_time
from session.skipped import SkippedLog

RESET = "reset"  # the type of the event between two episodes
MAX_STEP = 1 << 53
MAX_PATH_LENGTH = 1024
# Lines of a recording that are searched for what can be saved of them: it takes about a second a megabyte.
MAX_THOROUGH_BYTES = 1 << 20
DRIVE = re.compile(r"[A-Za-z]:[\\/]")
# The form of nearly all frame paths; others are checked part by part.
PLAIN_PATH = re.compile(r"[A-Za-z0-9_]\w*/[A-Za-z0-9_][\w.-]{0,200}", re.ASCII)


class EventColumns:
    """The events of a session in the order of their lines, one array a field; ``reset_steps`` are the steps at which
    another episode began, which are in none of the others."""

    def __init__(self) -> None:
        self.steps = array("q")
        self.times = array("d")  # as recorded, NaN for no number
        self.kinds = array("b")
        self.refs = array("q")  # into frame_paths or actions
        self.shards = array("q")  # into shard_names
        self.lines = array("q")
        self.reset_steps = array("q")
        self.shard_names: list[str] = []
        self.frame_paths: list[str] = []
        self.actions = RecordedActions()
        self._thorough_bytes = MAX_THOROUGH_BYTES

    def __len__(self) -> int:
        return len(self.steps)

    def append(self, line_number: int, line: bytes) -> None:
        """Add the event of a line of the newest shard; raises BadLine."""
        step, kind, data, timestamp = _check_event(self._parse(line))
        if kind == RESET:
            self.reset_steps.append(step)
            return
        if kind == "observation":
            self.frame_paths.append(_frame_path(data))
            self.refs.append(len(self.frame_paths) - 1)
            self.kinds.append(OBSERVATION)
        else:
            self.refs.append(self.actions.append(data))
            self.kinds.append(ACTION)
        self.steps.append(step)
        self.times.append(read_time(timestamp))
        self.shards.append(len(self.shard_names) - 1)
        self.lines.append(line_number)

    def _parse(self, line: bytes) -> object:
        try:
            return parse_json(line, is_thorough=False)
        except NotJson:
            self._thorough_bytes -= len(line)
            if self._thorough_bytes < 0:
                raise
        return parse_json(line)


def read_events(folder: int, shard_names: list[str], log: SkippedLog) -> EventColumns:
    """Read all shards of the session in the folder descriptor ``folder``."""
    events = EventColumns()
    for name in shard_names:
        events.shard_names.append(name)
        read_each_line(folder, name, events.append, log)
    return events


def _check_event(event: object) -> tuple[int, str, dict[str, object], object]:
    if type(event) is not dict:
        raise BadLine("not a JSON object")
    try:
        step, kind, data = event["step"], event["type"], event["data"]
    except KeyError as error:
        raise BadLine(f"{error.args[0]} is missing") from None
    if type(step) is float and step.is_integer():
        step = int(step)
    if type(step) is not int or not 0 <= step < MAX_STEP:
        raise BadLine("step is not a whole number")
    if kind != "observation" and kind != "action" and kind != RESET:
        raise BadLine("type is neither observation nor action")
    if type(data) is not dict:
        raise BadLine("data is not an object")
    return step, kind, data, event.get("timestamp")


def _frame_path(data: dict[str, object]) -> str:
    path = data.get("frame_path")
    if type(path) is not str:
        raise BadLine("frame_path is missing" if path is None else "frame_path is not text")
    return path if PLAIN_PATH.fullmatch(path) else _checked_path(path)


def _checked_path(path: str) -> str:
    if not path or len(path) > MAX_PATH_LENGTH or not is_plain(path):
        raise BadLine("frame_path is not a usable file name")
    is_absolute = path.startswith(("/", "\\")) or DRIVE.match(path)
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if is_absolute or ".." in parts or not parts:
        raise BadLine("frame_path leads outside the session")
    return "/".join(parts)
