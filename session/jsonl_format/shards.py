"""The event files of a session in order, and reading of their lines one by one within bounded memory."""

import os
import re
from collections.abc import Iterator

from session.skipped import SkippedLog

SHARD_PATTERN = re.compile(r"events_shard_(\d{1,9})\.jsonl")
MAX_LINE_BYTES = 1_000_000
MAX_SHARD_BYTES = 256 << 20
BLOCK_BYTES = 1 << 20


def shard_name(number: int) -> str:
    return f"events_shard_{number:03d}.jsonl"


def is_shard(name: str) -> bool:
    return SHARD_PATTERN.fullmatch(name) is not None


def find_shards(folder: int, total_shards: int | None, log: SkippedLog) -> list[str]:
    """Names of the shards in ``folder`` by number (1000 after 999), logging the missing numbers."""
    matches = (SHARD_PATTERN.fullmatch(name) for name in os.listdir(folder))
    numbered = sorted((int(match[1]), match[0]) for match in matches if match)
    expected = 0
    for number, _ in numbered:
        _log_missing(expected, number, log)
        expected = number + 1
    _log_missing(expected, total_shards or 0, log)
    return [name for _, name in numbered]


def _log_missing(first: int, end: int, log: SkippedLog) -> None:
    # A run of missing shards is one entry: a broken total_shards may claim billions of them.
    if end - first == 1:
        log.add(shard_name(first), None, "missing")
    elif end > first:
        log.add(shard_name(first), None, f"missing, as are all up to {shard_name(end - 1)}")


def read_lines(file: int, limit: int = MAX_SHARD_BYTES) -> Iterator[tuple[int, bytes | None, bool]]:
    """Yield (number from 1, line or None if over 1 MB, True if it ends in a newline) for the lines of ``file``.

    At most ``limit`` bytes are read, and memory holds never more than a block and a line.
    """
    number, rest, is_too_long, total = 1, b"", False, 0
    while total < limit and (block := os.read(file, min(BLOCK_BYTES, limit - total))):
        total += len(block)
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield number, None if is_too_long or len(line) > MAX_LINE_BYTES else line, True
            number, is_too_long = number + 1, False
        if len(rest) > MAX_LINE_BYTES:
            is_too_long, rest = True, b""
    if rest or is_too_long:
        yield number, None if is_too_long else rest, False
