import subprocess
import sys

import pytest

from models import memory

RESIDENT = """
import numpy as np, sys
from pathlib import Path
from models import memory

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

memory.configure_malloc()
before, blocks = resident_mb(), [np.ones(3 << 20, dtype=np.uint8) for _ in range(100)]
below = [np.ones(1 << 10, dtype=np.uint8) for _ in range(100)]  # at the end of the heap: it cannot just shrink
used = resident_mb()
ring = [blocks[::2]]
ring.append(ring)
del blocks, ring
kept = resident_mb()
memory.trim_memory()
print(used - before, kept - before, resident_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc's heaps are told anything")
def test_freed_memory_is_kept_until_it_is_given_back():
    said = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, text=True, check=True).stdout
    used, kept, left = map(float, said.split())
    assert used > 300 and kept > 300 and left < 30


class Enough(Exception):
    """Ends what has no end."""


def looks_until_given(monkeypatch, spent):
    """At which looks memory is given back, where the process has spent so many seconds at each of them."""
    clock, looks, given = iter(spent), [], []

    def process_time():
        looks.append(next(clock, None))
        if looks[-1] is None:
            raise Enough
        return looks[-1]

    monkeypatch.setattr(memory.time, "process_time", process_time)
    monkeypatch.setattr(memory.gc, "freeze", lambda: None)
    monkeypatch.setattr(memory, "trim_memory", lambda: given.append(len(looks) - 1))
    with pytest.raises(Enough):
        memory.trim_memory_forever(0.001)
    return given


def test_a_server_gives_back_once_when_it_has_come_to_rest(monkeypatch):
    assert looks_until_given(monkeypatch, [0, 0, 0, 5, 9, 9, 9, 9, 9]) == [5]  # its own time is looked at once more


def test_a_server_at_work_gives_back_now_and_then(monkeypatch):
    given = looks_until_given(monkeypatch, range(60))
    assert len(given) == 3 and given[0] == memory.CHECKS_WHILE_BUSY + 1


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    memory.configure_malloc()
    memory.trim_memory()
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.delattr(memory.ctypes, "CDLL")
    memory.configure_malloc()
    memory.trim_memory()
