"""Settings of the memory allocator: freed memory is reused by the next step, and returned to the system at times.

By default glibc returns every large block at once and requests it again, which cost a tenth of a training step in page
faults; and it holds the rest in a heap for nearly every thread, where it remains: a server that had trained and
evaluated held 2.7 GB when it used 0.6 GB. `python -m benchmarks.long_life` and `benchmarks.networks` measure both.
"""

import ctypes
import gc
import sys
import threading
import time
from typing import NoReturn

# Names and numbers of glibc's mallopt.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGEST_REUSED_BYTES = 32 << 20  # glibc refuses more
REUSED_BYTES = 1 << 30
CHECK_EVERY_S = 2.0
IDLE_SHARE = 0.05  # of a core
CHECKS_WHILE_BUSY = 15


def configure_malloc() -> None:
    """Hold freed blocks for reuse, in one heap for all threads, until `trim_memory`."""
    if libc := _glibc():
        for option, value in (
            (M_MMAP_THRESHOLD, LARGEST_REUSED_BYTES),
            (M_TRIM_THRESHOLD, REUSED_BYTES),
            (M_ARENA_MAX, 1),
        ):
            libc.mallopt(option, value)


def trim_memory() -> None:
    """Return unused memory to the system; takes some hundredths of a second for a gigabyte."""
    gc.collect()  # an exception and its frames refer to each other, and so hold the tensors of the frames
    if libc := _glibc():
        libc.malloc_trim(0)


def trim_memory_forever(check_every_s: float = CHECK_EVERY_S) -> NoReturn:
    """Trim memory in the main thread of a server: when the other threads become idle, and every half minute if busy."""
    gc.freeze()  # objects of the start remain: collecting among all of them took a fifth of a second each time
    never, cpu_time, checks = threading.Event(), time.process_time(), 0
    while True:
        never.wait(check_every_s)
        before, cpu_time = cpu_time, time.process_time()
        is_idle = cpu_time - before < IDLE_SHARE * check_every_s
        if checks > 0 and (is_idle or checks >= CHECKS_WHILE_BUSY):
            trim_memory()
            cpu_time, checks = time.process_time(), 0
        else:
            checks += not is_idle


def _glibc() -> ctypes.CDLL | None:
    """The C library, or None if it is not glibc."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    try:
        return libc if libc.mallopt and libc.malloc_trim else None
    except AttributeError:
        return None
