"""Resources of a process, read from outside: memory, descriptors, threads, files in a folder. Linux only."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class ResourceUse:
    """Resources of a server. `files`: in the folder to which Gradio copies the files that it serves."""

    memory_mb: float
    descriptors: int
    threads: int
    files: int

    @classmethod
    def of(cls, pid: int, cache: Path) -> Self:
        process = Path(f"/proc/{pid}")
        pages = int((process / "statm").read_text().split()[1])
        return cls(
            memory_mb=pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
            descriptors=len(os.listdir(process / "fd")),
            threads=len(os.listdir(process / "task")),
            files=sum(path.is_file() for path in cache.rglob("*")),
        )

    def grown_since(self, earlier: Self) -> Self:
        before, now = vars(earlier), vars(self)
        return type(self)(**{name: now[name] - before[name] for name in now})

    @classmethod
    def highest(cls, readings: list[Self]) -> Self:
        return cls(**{name: max(vars(one)[name] for one in readings) for name in vars(readings[0])})


def peak_mb(pid: int) -> float:
    """The peak memory of a process since its start."""
    (line,) = (one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


# Malloc retains freed memory, workers vary with the load, and closed connections remain for seconds.
BOUND = ResourceUse(memory_mb=50, descriptors=10, threads=10, files=0)


def is_within(growth: ResourceUse, bound: ResourceUse = BOUND) -> bool:
    return all(vars(growth)[name] <= vars(bound)[name] for name in vars(bound))
