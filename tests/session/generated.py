"""Random intact recordings and pictures, the same for the same number. damaged.py damages them."""

import io
import json
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

JETBOT_CHANNELS = ("motor_left", "motor_right", "duration")
HARM = "<img src=x onerror=alert(1)>"
# Robot type, channels, possible folders.
ROBOTS = (
    ("JetBotInterface", JETBOT_CHANNELS, ("jetbot", "")),
    ("jetbot", (*JETBOT_CHANNELS, "gripper"), ("jetbot",)),
    ("ToroidalDotRobot", ("action",), ("toroidal_dot", "")),
    ("PickerArm", ("arm", "grip"), ("picker", "")),
    (HARM, (HARM, "ä ö", "x" * 100), ("odd", "")),
    (None, ("turn",), ("unknown", "")),
)
NAMES = ("session_20250921_142133", "session_1", f"a{HARM}&#?%20b", "Sitzung größer", "session_20259999_999999")
START_TIMES = ("2025-09-21T14:21:33", "2025-09-21T14:21:33.123456", "2025-09-21", "0001-01-01T00:00:00", None)
PICTURE_MODES = ("RGB", "L", "CMYK", "progressive", "exif", "RGBA", "P", "I;16", "text")


@dataclass(frozen=True)
class GeneratedRecording:
    """A recording as it was written: `events` by their lines, `pictures` by their paths."""

    root: Path
    session_id: str
    channels: tuple[str, ...]
    events: dict[bytes, dict]
    pictures: dict[str, bytes]

    @property
    def folder(self) -> Path:
        return self.root / self.session_id


@cache
def picture(shade: int, mode: str = "RGB", size: tuple[int, int] = (16, 16)) -> bytes:
    """A JPEG or PNG of that mode with compressible content."""
    image = Image.linear_gradient("L").resize(size).point(lambda level: (level + shade) % 256)
    buffer = io.BytesIO()
    if mode in ("RGBA", "P", "I;16", "text"):
        image.convert("RGB" if mode == "text" else mode).save(buffer, "PNG")
    else:
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = 6, "a robot"
        options = {"exif": exif, "icc_profile": bytes(200)} if mode == "exif" else {}
        image.convert(mode if mode in ("L", "CMYK") else "RGB").save(
            buffer, "JPEG", progressive=mode == "progressive", **options
        )
    return buffer.getvalue()


def make_recording(root: Path, number: int) -> GeneratedRecording:
    """Write an intact recording below `root`: any robot, length, spacing of steps and style that the format allows."""
    chance = random.Random(number)
    robot_type, channels, folders = chance.choice(ROBOTS)
    session_id = "/".join(filter(None, (chance.choice(folders), chance.choice(NAMES))))
    folder = root / session_id
    (folder / "frames").mkdir(parents=True)
    events, pictures = _events(chance, channels)
    for path, content in pictures.items():
        (folder / path).write_bytes(content)
    lines = [_line(chance, event) for event in events]
    shards = _write_shards(chance, folder, list(lines))
    _write_meta(chance, folder, robot_type, channels, shards, len(events))
    by_line = dict(zip((line.strip() for line in lines), events, strict=True))
    return GeneratedRecording(root, session_id, channels, by_line, pictures)


def _events(chance: random.Random, channels: tuple[str, ...]) -> tuple[list[dict], dict[str, bytes]]:
    step, time = chance.choice((0, 0, 0, 7, 2**40)), chance.choice((0.0, 1758486093.25, 1758486093, 4e9))
    events: list[dict] = []
    pictures: dict[str, bytes] = {}
    for place in range(chance.choice((0, 1, 2, 8, 20, 30))):
        is_action = place % 2 == 1 if chance.random() < 0.85 else chance.random() < 0.5
        data = _action(chance, channels) if is_action else {"frame_path": _frame(chance, step, pictures)}
        kind = "action" if is_action else "observation"
        events.append({"step": step, "type": kind, "data": data, "timestamp": time})
        step += 1 if chance.random() < 0.9 else chance.choice((2, 3, 1000))
        time = max(0, time + chance.choice((0.1, 0.1, 0.25, 1, 0, -0.5, 3600)))
    return events, pictures


def _action(chance: random.Random, channels: tuple[str, ...]) -> dict[str, float]:
    values = {name: chance.choice((0, 1, 0.12, 0.2, -0.2, 1e-7, 12345.678, -3e4)) for name in channels}
    return values if chance.random() < 0.8 else dict(reversed(values.items()))


def _frame(chance: random.Random, step: int, pictures: dict[str, bytes]) -> str:
    """The path of a new picture, or of one of another observation."""
    if pictures and chance.random() < 0.05:
        return chance.choice(list(pictures))
    path = chance.choice((*("frames/frame_{:06d}.jpg",) * 8, "frames/a b {}.png", "top_{}.jpg", "frames/ü{}.JPG"))
    size = chance.choice(((16, 16), (24, 9), (1, 1)))
    pictures[path.format(step)] = picture(chance.randrange(8), chance.choice(PICTURE_MODES), size)
    return path.format(step)


def _line(chance: random.Random, event: dict) -> bytes:
    """An event in any style: with spaces or without, with further keys, in another order, letters escaped or not."""
    if chance.random() < 0.1:
        event = {"note": HARM, **dict(reversed(event.items()))}
    separators = chance.choice(((", ", ": "), (",", ":"), (" , ", " :\t")))
    return json.dumps(event, separators=separators, ensure_ascii=chance.random() < 0.7).encode()


def _write_shards(chance: random.Random, folder: Path, lines: list[bytes]) -> int:
    if chance.random() < 0.1:
        chance.shuffle(lines)
    ending = chance.choice((b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b" \n\t\n"))
    size = chance.choice((1, 3, 10, 1000))
    starts = range(0, len(lines), size)
    for number, start in enumerate(starts):
        content = ending.join(lines[start : start + size]) + (ending if chance.random() < 0.9 else b"")
        (folder / f"events_shard_{number:03d}.jsonl").write_bytes(content)
    return len(starts)


def _write_meta(
    chance: random.Random, folder: Path, robot_type: str | None, channels: tuple[str, ...], shards: int, events: int
) -> None:
    content = {
        "session_name": folder.name,
        "start_time": chance.choice(START_TIMES),
        "shard_size": 1000,
        "max_disk_gb": 10.0,
        "action_space": chance.choice((None, [_action(chance, channels) for _ in range(chance.randrange(1, 4))])),
        "robot_type": robot_type,
        "total_shards": chance.choice((shards, 0, None)),
        "end_time": chance.choice(START_TIMES),
        "total_steps": chance.choice((0, None, min(1, events))),
    }
    entries = {key: value for key, value in content.items() if key == "robot_type" or chance.random() < 0.9}
    (folder / "session_meta.json").write_text(json.dumps(entries))
