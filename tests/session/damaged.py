"""Random damage to the files of a recording and to the bytes of pictures, the same for the same seed."""

import json
import os
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.session.generated import GeneratedRecording, picture

META = "session_meta.json"
# JSON, or text that some programs accept as JSON.
ODD_NUMBERS = (
    "NaN", "-Infinity", "1e400", "-1e400", "1e308", "-1e308", "3.5e38", "-1", "-0", "0.5", "1e-400", "9007199254740992",
    "9223372036854775808", "18446744073709551616", "9" * 5000, "1" + "0" * 50, "253000000000", "252999999999.9",
)  # fmt: skip
ODD_VALUES = (
    *ODD_NUMBERS, "true", "null", '""', '"x"', '"\\ud800"', '"\\u0000"', '"a\\nb"', "[]", "{}",
    "[" * 2000 + "]" * 2000, "[" * 200_000,
    '{"a":' * 800 + "1" + "}" * 800, '"' + "x" * 100_000 + '"', '"/etc/passwd"', '"../../outside.jpg"',
    '"frames/../../../outside.jpg"', '"..\\\\outside.jpg"', '"\\u202e/frames"', '"frames"', '"session_meta.json"',
    '{"frame_path": "/etc/passwd"}', '{"frame_path": ["frames"]}', '{"motor_left": 1e300}', "'x'", "01", "+1", "1,2",
    '"<img src=x onerror=alert(1)>"', '"2025-02-30T25:61:00"', '"9999-12-31T23:59:59"', '"+12025-01-01"',
    '[{"action": 1e300}]', '[{"a": 1}, {"b": 2}, {}]', '[{"arm": 3e38}, {"arm": -3e38}]', '[[], null, "x"]', "",
)  # fmt: skip


def damage_recording(recording: GeneratedRecording, outside: Path, chance: random.Random) -> list[str]:
    """Damage a recording in one to three ways and return their descriptions; links lead to `outside`."""
    return [_damage(recording.folder, outside, chance) for _ in range(chance.choice((1, 1, 2, 3)))]


def _damage(folder: Path, outside: Path, chance: random.Random) -> str:
    shards = [path for path in sorted(folder.glob("events_shard_*")) if is_plain(path)]
    frames = [path for path in sorted(folder.glob("frames/*")) if is_plain(path)]
    files = [paths for paths in (shards, shards, frames, [folder / META]) if paths]
    path = chance.choice(chance.choice(files))
    if not is_plain(path):
        return f"nothing: {path.name} is gone"
    is_text = path not in frames
    kinds: tuple[tuple[Callable, ...], ...] = ((_change_bytes,), (_change_value, _change_text), (_change_file,))
    change = chance.choice(chance.choice(kinds if is_text else (kinds[0], kinds[2])))
    if change is _change_file:
        return f"{path.name}: {_change_file(path, outside, chance)}"
    path.write_bytes(change(path.read_bytes(), chance))
    return f"{path.name}: {change.__name__}"


def is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _change_bytes(content: bytes, chance: random.Random) -> bytes:
    return chance.choice((flip, cut, behead, insert, repeat, blank, reverse))(content, chance)


def flip(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))) if changed else ():
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randint(0, len(content))]


def behead(content: bytes, chance: random.Random) -> bytes:
    return content[chance.randint(0, len(content)) :]


def insert(content: bytes, chance: random.Random) -> bytes:
    at = chance.randint(0, len(content))
    piece = chance.choice(
        (b"\0" * chance.randint(1, 5000), b"\n", b"\r", b'"', b"}{", chance.randbytes(20), b"\xff\xd8")
    )
    return content[:at] + piece + content[at:]


def repeat(content: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randint(0, len(content)) for _ in range(2))
    return content[:end] + content[start:]


def blank(content: bytes, chance: random.Random) -> bytes:
    """A block that was never written, as after a power failure."""
    start = chance.randint(0, len(content))
    return content[:start] + bytes(min(512, len(content) - start)) + content[start + 512 :]


def reverse(content: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randint(0, len(content)) for _ in range(2))
    return content[:start] + content[start:end][::-1] + content[end:]


def _change_value(content: bytes, chance: random.Random) -> bytes:
    """An odd value in place of one of the values of a line (metadata are one line)."""
    lines = content.split(b"\n")
    place = chance.randrange(len(lines))
    try:
        parsed = json.loads(lines[place])
        holder, key = _some_place(parsed, chance)
    except (ValueError, IndexError, RecursionError):
        return flip(content, chance)
    is_number = isinstance(holder[key], int | float) and chance.random() < 0.6
    value = chance.choice(ODD_NUMBERS if is_number else ODD_VALUES)
    if chance.random() < 0.2 and isinstance(holder, dict):
        del holder[key]
        text = json.dumps(parsed)
        twice = chance.random() < 0.5
        lines[place] = (f'{{"{key}": {value}, ' + text[1:] if twice else text).encode()
    else:
        holder[key] = "\x1amark"
        lines[place] = json.dumps(parsed).replace(json.dumps("\x1amark"), value).encode()
    return b"\n".join(lines)


def _some_place(parsed: object, chance: random.Random) -> tuple[dict | list, str | int]:
    """A container within the parsed value, and one of its keys; raises IndexError if there is none."""
    places: list[tuple[dict | list, str | int]] = []
    rest = [parsed]
    while rest:
        one = rest.pop()
        keys = list(one) if isinstance(one, dict) else list(range(len(one))) if isinstance(one, list) else []
        places += [(one, key) for key in keys]
        rest += [one[key] for key in keys]
    return chance.choice(places)


def _change_text(content: bytes, chance: random.Random) -> bytes:
    garbage = chance.choice(
        (b"[" * 100_000, b"x" * 1_500_000, b'{"step": 1}', b"\0" * 3000, b"[]", b"\x80" * 90, b"{}")
    )
    return chance.choice(
        (
            b"\xef\xbb\xbf" + content,
            content.decode("utf-8", "replace").encode("utf-16"),
            content.replace(b"\n", b"\r\n"),
            content.replace(b"\n", b""),
            content.replace(b'"', b"'"),
            content + garbage,
            content + b"\n" + garbage + b"\n",
            garbage + b"\n" + content,
            b"\n".join(reversed(content.split(b"\n"))),
            content + content,
            b"",
        )
    )


def _change_file(path: Path, outside: Path, chance: random.Random) -> str:
    kind = chance.choice(
        ("gone", "folder", "link", "loop", "pipe", "closed", "copied", "renumbered", "grown", "no frames")
    )
    target = path.with_name(f"events_shard_{chance.choice((0, 1, 7, 999, 1000, 10**6, 10**8))}.jsonl")
    if kind == "no frames":
        frames = path.parent / "frames"
        if frames.is_dir() and not frames.is_symlink():
            frames.rename(outside / f"frames_{chance.random()}")
            chance.choice((frames.touch, lambda: frames.symlink_to(outside), lambda: None))()
    elif kind == "copied":
        if not target.exists():
            target.write_bytes(path.read_bytes())
    elif kind == "renumbered":
        if not target.exists():
            path.rename(target)
    elif kind == "closed":
        path.chmod(0)
    elif kind == "grown":
        os.truncate(path, path.stat().st_size + 3_000_000)
    else:
        path.unlink()
        put = {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "loop": lambda: path.symlink_to(path.name)}
        put.get(kind, lambda: path.symlink_to(outside / "canary.jpg") if kind == "link" else None)()
    return kind


def damaged_picture(number: int) -> bytes:
    """The bytes of a damaged picture, or of something that is no picture."""
    chance = random.Random(number)
    mode = chance.choice(("RGB", "L", "CMYK", "progressive", "exif", "RGBA", "P", "I;16", "text"))
    content = picture(chance.randrange(8), mode, chance.choice(((16, 16), (40, 30))))
    is_png = content.startswith(b"\x89")
    makers = (
        *(lambda: flip(content, chance), lambda: _flip_head(content, chance), lambda: insert(content, chance)) * 2,
        *(lambda: cut(content, chance), lambda: cut(content, chance) + content[-12:], lambda: behead(content, chance)),
        *(lambda: repeat(content, chance), lambda: reverse(content, chance), lambda: blank(content, chance)),
        lambda: content + chance.randbytes(chance.choice((10, 60, 5000))),
        lambda: chance.choice((b"GIF89a", b"RIFF0000WEBP", b"BM", b"II*\0", b"%!PS", b"\0")) + content,
        lambda: content[:8] + chance.randbytes(300) + content[-12:],
        lambda: _resized(content, chance.choice(((65500, 65500), (5600, 5700), (0, 0), (1, 65535), (65535, 480)))),
        lambda: png_bomb(chance.choice((b"zTXt", b"iCCP", b"IDAT", b"iTXt"))) if is_png else scan_bomb(400),
        lambda: png_bomb(b"IDAT", side=chance.choice((0, 5000, 30_000, 2**31 - 1))),
    )
    return chance.choice(makers)()


def _flip_head(content: bytes, chance: random.Random) -> bytes:
    return flip(content[:200], chance) + content[200:]


def _resized(content: bytes, size: tuple[int, int]) -> bytes:
    """A header that claims another size."""
    width, height = size
    if content.startswith(b"\x89"):
        header = content[12:16] + struct.pack(">II", width, height) + content[24:29]
        return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    at = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    return content[: at + 5] + struct.pack(">HH", height % 65536, width % 65536) + content[at + 9 :]


def png_bomb(chunk: bytes, side: int = 16) -> bytes:
    """A PNG with a chunk of a few kilobytes that unpacks to 50 megabytes."""
    packed = zlib.compress(bytes(50_000_000), 9)
    content = {b"zTXt": b"a\0\0", b"iCCP": b"a\0\0", b"iTXt": b"a\0\1\0\0\0"}.get(chunk, b"") + packed
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)), (chunk, content), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def scan_bomb(scans: int, side: int = 16) -> bytes:
    """A progressive JPEG with many scans of all its pixels, a few bytes each."""
    content = _resized(picture(1, "progressive"), (side, side))
    start = content.rindex(b"\xff\xda")
    return content[:start] + content[start:-2] * scans + content[-2:]
