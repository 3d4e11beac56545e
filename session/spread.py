"""Evenly spread picks from a sequence that is too long to process as a whole; the same for the same numbers."""

import numpy as np


def spread(count: int, at_most: int) -> list[int]:
    """Up to `at_most` indices of `count` items, evenly spread from the first to the last of them."""
    return np.linspace(0, count - 1, min(count, at_most)).round().astype(int).tolist()


def spread_starts(count: int, at_most: int) -> list[int]:
    """Up to `at_most` indices of `count` items: the first item of each of equally large parts."""
    parts = min(count, at_most)
    return [part * count // parts for part in range(parts)]
