"""Files of a recording, read as far as they are good: everything else is logged as skipped, with file and line."""

import os
from collections.abc import Callable

from session.files import HEAD_BYTES, describe, foreign_text, open_regular, read_at_most
from session.formats.json_values import BYTE_ORDER_MARK, NotJson
from session.formats.lines import MAX_FILE_BYTES, is_at_end, read_lines
from session.skipped import SkippedLog

# The rest of a file with more is skipped: it is no recording, and reading it would only take time.
MAX_BAD_LINES = 100_000


class BadLine(Exception):
    """A line that is no entry of its format; the text is the reason."""


def read_whole(folder: int, name: str, most: int, log: SkippedLog) -> bytes | None:
    """The first ``most`` bytes of a file in a folder descriptor; None if it is missing or cannot be read."""
    try:
        with open_regular(folder, name) as file:
            return read_at_most(file, most)
    except FileNotFoundError:
        log.add(name, None, "missing")
    except OSError as error:
        log.add(name, None, f"cannot be read ({describe(error)})")
    return None


def read_each_line(folder: int, name: str, append: Callable[[int, bytes], None], log: SkippedLog) -> None:
    """Pass number and content of each line of a file to ``append``, which raises BadLine or NotJson for a bad one."""
    try:
        with open_regular(folder, name) as file:
            _read_lines(file, name, append, log)
    except OSError as error:
        log.add(name, None, f"cannot be read ({describe(error)})")


def _read_lines(file: int, name: str, append: Callable[[int, bytes], None], log: SkippedLog) -> None:
    problem = foreign_text(os.pread(file, HEAD_BYTES, 0))
    if problem:
        log.add(name, None, problem)
        return
    bad_lines = 0
    for number, line, is_ended in read_lines(file, MAX_FILE_BYTES):
        try:
            if line is None:
                raise BadLine("longer than 1 MB")
            if line and line.removeprefix(BYTE_ORDER_MARK).strip():
                append(number, line)
        except (NotJson, BadLine) as error:
            log.add(name, number, _reason(error, is_ended))
            bad_lines += 1
            if bad_lines > MAX_BAD_LINES:
                log.add(name, number, f"more than {MAX_BAD_LINES} bad lines; the rest of this file was not read")
                return
    if not is_at_end(file):
        log.add(name, None, f"larger than {MAX_FILE_BYTES >> 20} MB; the rest of this file was not read")


def _reason(error: NotJson | BadLine, is_ended: bool) -> str:
    if isinstance(error, BadLine):
        return str(error)
    return "not JSON" if is_ended else "not JSON (cut short)"
