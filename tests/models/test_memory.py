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


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc's heap is configured")
def test_freed_memory_is_held_until_it_is_trimmed():
    output = subprocess.run([sys.executable, "-c", RESIDENT], capture_output=True, text=True, check=True).stdout
    peak, held, left = map(float, output.split())
    assert peak > 300 and held > 300 and left < 30


class Enough(Exception):
    """Ends what has no end."""


def checks_at_trims(monkeypatch, cpu_times):
    """The numbers of the checks at which memory is trimmed, for CPU times of the process at each check."""
    clock, checks, trims = iter(cpu_times), [], []

    def process_time():
        checks.append(next(clock, None))
        if checks[-1] is None:
            raise Enough
        return checks[-1]

    monkeypatch.setattr(memory.time, "process_time", process_time)
    monkeypatch.setattr(memory.gc, "freeze", lambda: None)
    monkeypatch.setattr(memory, "trim_memory", lambda: trims.append(len(checks) - 1))
    with pytest.raises(Enough):
        memory.trim_memory_forever(0.001)
    return trims


def test_a_server_trims_once_when_it_has_become_idle(monkeypatch):
    assert checks_at_trims(monkeypatch, [0, 0, 0, 5, 9, 9, 9, 9, 9]) == [5]  # the trim itself reads the time once more


def test_a_busy_server_trims_now_and_then(monkeypatch):
    trims = checks_at_trims(monkeypatch, range(60))
    assert len(trims) == 3 and trims[0] == memory.CHECKS_WHILE_BUSY + 1


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    memory.configure_malloc()
    memory.trim_memory()
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.delattr(memory.ctypes, "CDLL")
    memory.configure_malloc()
    memory.trim_memory()
