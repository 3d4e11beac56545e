"""Small recordings for tests, in the form that other recorders write."""

import io
import json
from functools import cache
from pathlib import Path

from PIL import Image

START_TIMESTAMP = 1758486093.0
START_TIME = "2025-09-21T14:21:33"  # six hours behind UTC
RIGHT = {"motor_left": 0, "motor_right": 0.12, "duration": 0.2}
STAY = {"motor_left": 0, "motor_right": 0, "duration": 0.2}


@cache
def jpeg(shade: int = 0, size: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (shade % 256, 100, 200)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@cache
def png(size: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (1, 2, 3)).save(buffer, "PNG")
    return buffer.getvalue()


def observation(step: int, path: str | None = None) -> dict:
    data = {"frame_path": path or f"frames/frame_{step:06d}.jpg"}
    return {"step": step, "type": "observation", "data": data, "timestamp": START_TIMESTAMP + 0.1 * step}


def action(step: int, data: dict | None = None) -> dict:
    timestamp = START_TIMESTAMP + 0.1 * step
    return {"step": step, "type": "action", "data": RIGHT if data is None else data, "timestamp": timestamp}


def events_of(letters: str) -> list[dict]:
    """Events from letters: "o" an observation, "a" an action, "." a step that is missing."""
    makers = {"o": observation, "a": action}
    return [makers[letter](step) for step, letter in enumerate(letters) if letter != "."]


def meta_of(**changes) -> dict:
    content = {
        "session_name": "session_20250921_142133",
        "start_time": START_TIME,
        "shard_size": 1000,
        "max_disk_gb": 10.0,
        "action_space": [STAY, RIGHT],
        "robot_type": "JetBotInterface",
        "total_shards": 1,
        "end_time": "2025-09-21T14:22:33",
        "total_steps": 0,
    }
    content |= changes
    return content


def write_session(folder: Path, events: list[dict | str | bytes], meta: object = None, shard_size: int = 1000) -> Path:
    """Write a session whose events may also be raw lines; frames are written for all well-formed observations."""
    (folder / "frames").mkdir(parents=True)
    for number, start in enumerate(range(0, len(events), shard_size)):
        lines = [as_line(event) for event in events[start : start + shard_size]]
        (folder / f"events_shard_{number:03d}.jsonl").write_bytes(b"".join(lines))
    for event in events:
        if isinstance(event, dict) and event.get("type") == "observation":
            (folder / event["data"]["frame_path"]).write_bytes(jpeg(event["step"]))
    content = meta_of(total_shards=-(-len(events) // shard_size)) if meta is None else meta
    (folder / "session_meta.json").write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def change_meta(folder: Path, **changes: object) -> Path:
    """Change a recording's metadata; None leaves a key out."""
    path = folder / "session_meta.json"
    content = json.loads(path.read_bytes()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return folder


def as_line(event: dict | str | bytes) -> bytes:
    if isinstance(event, bytes):
        return event
    return (event if isinstance(event, str) else json.dumps(event)).encode() + b"\n"


def contents_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder, to compare before and after."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
