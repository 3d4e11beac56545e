"""The event files of a session in order."""

import os
import re

from session.skipped import SkippedLog

SHARD_PATTERN = re.compile(r"events_shard_(\d{1,9})\.jsonl")


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
