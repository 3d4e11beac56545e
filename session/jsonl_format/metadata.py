"""Reading ``session_meta.json``: every key on its own, so that one broken value costs only itself."""

from dataclasses import dataclass, field
from datetime import datetime

from session.errors import BadSimulator
from session.files import HEAD_BYTES, foreign_text
from session.formats.json_values import Broken, NotJson, parse_json
from session.formats.logged_files import read_whole
from session.jsonl_format.local_time import parse_local_time
from session.robots.actions import is_action
from session.robots.registry import parse_simulator
from session.robots.simulator import SimulatorEntry
from session.skipped import SkippedLog

META_FILE = "session_meta.json"
MAX_META_BYTES = 4 << 20
MAX_TEXT_LENGTH = 200
USED_KEYS = (
    "robot_type",
    "start_time",
    "end_time",
    "total_steps",
    "total_shards",
    "action_space",
    "ranges",
    "channels",
)


@dataclass(frozen=True)
class Metadata:
    """The contents of the file; None or empty for values that are absent or unusable. ``channels``: those of a robot
    with continuous actions, and their ranges; ``ranges``: others that this recording is to be scaled by."""

    robot_type: str | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_steps: int | None = None
    total_shards: int | None = None
    action_space: tuple[dict[str, float], ...] = ()
    simulator: SimulatorEntry | None = None
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    channels: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def channel_ends(self) -> tuple[dict[str, float], ...]:
        """The actions with all stated channels at their lowest and at their highest values; empty if none are."""
        ends = ({name: bounds[end] for name, bounds in self.channels.items()} for end in (0, 1))
        return tuple(ends) if self.channels else ()

    @property
    def is_finished(self) -> bool:
        """True if the recording ended cleanly; a killed one has neither of the two values."""
        return self.end_time is not None or self.total_steps is not None


def read_metadata(folder: int, log: SkippedLog) -> Metadata:
    """Read the metadata of the session in the folder descriptor ``folder``, logging unusable values."""
    text = read_whole(folder, META_FILE, MAX_META_BYTES, log)
    return Metadata() if text is None else _read(text, log)


def _read(text: bytes, log: SkippedLog) -> Metadata:
    problem = foreign_text(text[:HEAD_BYTES])
    try:
        content = {} if problem else parse_json(text)
    except NotJson:
        problem = "not JSON"
    if not problem and not isinstance(content, dict):
        problem = "not a JSON object"
    if problem:
        log.add(META_FILE, None, problem)
        return Metadata()
    for key, value in content.items():
        if isinstance(value, Broken) and key not in USED_KEYS:
            log.add(META_FILE, None, f"{key[:MAX_TEXT_LENGTH]} has no value that can be read")
    return _parse(content, log)


def _parse(content: dict[str, object], log: SkippedLog) -> Metadata:
    return Metadata(
        robot_type=_text(content, "robot_type", log),
        start_time=_time(content, "start_time", log),
        end_time=_time(content, "end_time", log),
        total_steps=_count(content, "total_steps", log),
        total_shards=_count(content, "total_shards", log),
        action_space=_action_space(content.get("action_space"), log),
        simulator=_simulator(content.get("simulator"), log),
        ranges=_ranges("ranges", content.get("ranges"), log),
        channels=_channels(content.get("channels"), log),
    )


def _text(content: dict[str, object], key: str, log: SkippedLog) -> str | None:
    value = content.get(key)
    if value is not None and not isinstance(value, str):
        log.add(META_FILE, None, f"{key} is not text")
        return None
    return None if value is None else value[:MAX_TEXT_LENGTH]


def _time(content: dict[str, object], key: str, log: SkippedLog) -> datetime | None:
    value = _text(content, key, log)
    try:
        return None if value is None else parse_local_time(value)
    except ValueError:
        log.add(META_FILE, None, f"{key} is not an ISO 8601 time")
        return None


def _count(content: dict[str, object], key: str, log: SkippedLog) -> int | None:
    value = content.get(key)
    if value is None:
        return None
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 0:
        log.add(META_FILE, None, f"{key} is not a whole number")
        return None
    return value


def _channels(value: object, log: SkippedLog) -> dict[str, tuple[float, float]]:
    """All action channels of the robot with their ranges; empty if one of them is unusable."""
    channels = _ranges("channels", value, log)
    if not channels or len(channels) < len(value):
        return {}
    if not is_action({name: low for name, (low, _) in channels.items()}):
        log.add(META_FILE, None, "channels are too many, or have unusable names")
        return {}
    return channels


def _ranges(key: str, value: object, log: SkippedLog) -> dict[str, tuple[float, float]]:
    """Ranges of action channels, see README.md; those that are ranges."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        log.add(META_FILE, None, f"{key} is not an object of channels")
        return {}
    for name, bounds in value.items():
        if not _is_range(bounds):
            log.add(
                META_FILE, None, f"the range of {name[:MAX_TEXT_LENGTH]} is not a list of two numbers, low and high"
            )
    return {name: (float(bounds[0]), float(bounds[1])) for name, bounds in value.items() if _is_range(bounds)}


def _is_range(value: object) -> bool:
    is_pair = isinstance(value, list) and len(value) == 2 and is_action(dict(zip("ab", value, strict=True)))
    return is_pair and value[0] <= value[1]


def _action_space(value: object, log: SkippedLog) -> tuple[dict[str, float], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        log.add(META_FILE, None, "action_space is not a list")
        return ()
    for index, action in enumerate(value):
        if not is_action(action):
            log.add(META_FILE, None, f"entry {index} of action_space is not an object of channels and numbers")
    return tuple({name: float(number) for name, number in action.items()} for action in value if is_action(action))


def _simulator(value: object, log: SkippedLog) -> SimulatorEntry | None:
    try:
        return None if value is None else parse_simulator(value)
    except BadSimulator as problem:
        log.add(META_FILE, None, f"simulator is not used: {problem}")
        return None
