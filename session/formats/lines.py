"""Reading of the lines of a file one by one, within bounded memory."""

import os
from collections.abc import Iterator

MAX_LINE_BYTES = 1_000_000
MAX_FILE_BYTES = 256 << 20
BLOCK_BYTES = 1 << 20


def read_lines(file: int, limit: int = MAX_FILE_BYTES) -> Iterator[tuple[int, bytes | None, bool]]:
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


def is_at_end(file: int) -> bool:
    """True if ``file`` was read to its end."""
    return not os.read(file, 1)
