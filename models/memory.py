"""What becomes of freed memory: kept for the next step, and given back now and then. Nothing else depends on it.

By itself glibc gives every large block back at once and asks for it again, which cost a tenth of a training step in
page faults; and what it keeps, it keeps in a heap for nearly every thread, where it stays: a server that had trained
and evaluated held 2.7 GB when it used 0.6 GB. `python -m benchmarks.long_life` and `benchmarks.networks` show both.
"""

import ctypes
import gc
import sys
import threading
import time
from typing import NoReturn

# Names and numbers of glibc's mallopt.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGEST_KEPT_BYTES = 32 << 20  # glibc refuses more
KEPT_BYTES = 1 << 30
LOOK_EVERY_S = 2.0
AT_REST = 0.05  # of a core
LOOKS_WHILE_BUSY = 15


def configure_malloc() -> None:
    """Keep blocks that are freed, in one heap for all threads, until `trim_memory`."""
    if libc := _glibc():
        for option, value in (
            (M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES),
            (M_TRIM_THRESHOLD, KEPT_BYTES),
            (M_ARENA_MAX, 1),
        ):
            libc.mallopt(option, value)


def trim_memory() -> None:
    """Give what is kept and not used back to the machine; takes some hundredths of a second for a gigabyte."""
    gc.collect()  # an exception and its frames hold each other, and with them what they worked on
    if libc := _glibc():
        libc.malloc_trim(0)


def trim_memory_forever(look_every_s: float = LOOK_EVERY_S) -> NoReturn:
    """What the main thread of a server does while the others work: gives back when they have come to rest, and every
    half minute while they have not."""
    gc.freeze()  # what is there at the start stays: looking through all of it took a fifth of a second each time
    never, spent, looks = threading.Event(), time.process_time(), 0
    while True:
        never.wait(look_every_s)
        before, spent = spent, time.process_time()
        is_at_rest = spent - before < AT_REST * look_every_s
        if looks > 0 and (is_at_rest or looks >= LOOKS_WHILE_BUSY):
            trim_memory()
            spent, looks = time.process_time(), 0
        else:
            looks += not is_at_rest


def _glibc() -> ctypes.CDLL | None:
    """The C library, None where it is another one."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    try:
        return libc if libc.mallopt and libc.malloc_trim else None
    except AttributeError:
        return None
