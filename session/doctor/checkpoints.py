"""The other files of a data folder, by their beginnings: checkpoints, with what made them, and JSON beside them. No
checkpoint is loaded."""

import os
from collections.abc import Iterator
from pathlib import Path

from session.files import (
    HEAD_BYTES,
    describe,
    foreign_content,
    is_plain,
    open_folder,
    open_regular,
    read_at_most,
)
from session.formats.adoption import FILE as ADOPTED
from session.formats.json_values import parse_json
from session.marks.store import FILE as MARKS

ZIP = b"PK\x03\x04"  # the beginning of a file that torch.save has written since 1.6
MAX_JSON_BYTES = 1 << 24
DAMAGED = "DAMAGED"
STATE = "state.json"  # beside checkpoints: what saved them
MAX_LINE = 400


def checkpoint_lines(data: Path) -> Iterator[str]:
    """A line for each checkpoint and JSON file below `checkpoints`, for `adopted.json` and for `marks.json`."""
    yield from _file_line(data, data / ADOPTED)
    yield from _file_line(data, data / MARKS)
    for path in sorted((data / "checkpoints").glob("*/*")):
        if path.suffix in (".pth", ".json"):
            yield from _file_line(data, path)
        if path.name == STATE:
            yield from _origin_lines(data, path)


def _file_line(data: Path, path: Path) -> Iterator[str]:
    name = path.relative_to(data).as_posix()
    try:
        with open_folder(path.parent) as folder, open_regular(folder, path.name) as file:
            size = os.fstat(file).st_size
            content = read_at_most(file, MAX_JSON_BYTES) if path.suffix == ".json" else os.read(file, HEAD_BYTES)
    except FileNotFoundError:
        return
    except OSError as problem:
        yield f"{name}: {DAMAGED}, cannot be read ({describe(problem)})"
        return
    problem = _json_problem(content) if path.suffix == ".json" else _checkpoint_problem(content)
    yield f"{name}: {f'{DAMAGED}, {problem}' if problem else 'ok'}, {size:,} bytes"


def _origin_lines(data: Path, path: Path) -> Iterator[str]:
    """A line for each checkpoint that a folder's `state.json` names: the run, recordings and code that made it."""
    try:
        with open_folder(path.parent) as folder, open_regular(folder, path.name) as file:
            files = parse_json(read_at_most(file, MAX_JSON_BYTES), is_thorough=False)["files"]
        folder_name = path.parent.relative_to(data).as_posix()
        lines = [f"{folder_name}/{name}: {_origin_text(origin)}" for name, origin in files.items()]
    except (OSError, ValueError, TypeError, LookupError, AttributeError):  # damage is said of the file itself
        return
    yield from ("".join(letter if is_plain(letter) else "?" for letter in line[:MAX_LINE]) for line in lines)


def _origin_text(origin: dict[str, object]) -> str:
    names, count = origin.get("recordings") or (), origin.get("recording_count") or 0
    learned_from = f"{count:,} recording{'' if count == 1 else 's'} ({', '.join(map(str, names))})" if count else ""
    code = f"code {origin['code']}" if origin.get("code") else "code not known"
    return ", ".join(["from " + (origin["made_by"] or "a run that is not known"), *filter(None, (learned_from, code))])


def _json_problem(content: bytes) -> str:
    try:
        return "" if isinstance(parse_json(content, is_thorough=False), dict) else "it is no JSON object"
    except ValueError:
        return foreign_content(content[:HEAD_BYTES]) or "it is no JSON"


def _checkpoint_problem(head: bytes) -> str:
    return "" if head.startswith(ZIP) else foreign_content(head) or "it does not begin as torch.save writes files"
