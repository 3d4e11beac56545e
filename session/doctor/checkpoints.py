"""The other files of a data folder, by their beginnings: checkpoints, and JSON beside them. No checkpoint is loaded."""

import os
from collections.abc import Iterator
from pathlib import Path

from session.files import HEAD_BYTES, describe, foreign_content, open_folder, open_regular, read_at_most
from session.formats.adoption import FILE as ADOPTED
from session.formats.json_values import parse_json
from session.marks.store import FILE as MARKS

ZIP = b"PK\x03\x04"  # the beginning of a file that torch.save has written since 1.6
MAX_JSON_BYTES = 1 << 24
DAMAGED = "DAMAGED"


def checkpoint_lines(data: Path) -> Iterator[str]:
    """A line for each checkpoint and JSON file below `checkpoints`, for `adopted.json` and for `marks.json`."""
    yield from _file_line(data, data / ADOPTED)
    yield from _file_line(data, data / MARKS)
    for path in sorted((data / "checkpoints").glob("*/*")):
        if path.suffix in (".pth", ".json"):
            yield from _file_line(data, path)


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


def _json_problem(content: bytes) -> str:
    try:
        return "" if isinstance(parse_json(content, is_thorough=False), dict) else "it is no JSON object"
    except ValueError:
        return foreign_content(content[:HEAD_BYTES]) or "it is no JSON"


def _checkpoint_problem(head: bytes) -> str:
    return "" if head.startswith(ZIP) else foreign_content(head) or "it does not begin as torch.save writes files"
