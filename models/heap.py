"""How much freed memory the C library keeps for later. Nothing else in the program depends on it."""

import ctypes
import sys

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # names and numbers of glibc's mallopt
LARGE_BYTES = 4 << 20
HEAPS = 1


def keep_less_freed_memory() -> None:
    """Give large blocks back at once, and keep the rest in one heap instead of one for nearly every thread.

    By itself glibc puts ever larger blocks into its heaps, where what is freed stays: a server that had trained and
    evaluated held 2.7 GB when it used 0.6 GB. Costs no time that can be measured. Does nothing elsewhere than on Linux.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
    mallopt(M_ARENA_MAX, HEAPS)
