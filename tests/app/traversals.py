"""Spellings of a path that leads out of a folder, and a watch on forbidden files outside."""

import ctypes
import os
import struct
from pathlib import Path
from urllib.parse import quote

FIRST_LOOK = 0x20 | 0x1  # IN_OPEN | IN_ACCESS


def traversals(relative: str, absolute: str) -> list[str]:
    """40 spellings of a path outside, from its path relative to the folder and its absolute path."""
    up = "../" * relative.count("../")
    rest = relative.removeprefix(up)
    encoded = quote(relative, safe="").replace(".", "%2e")
    return [
        relative, absolute, f"./{relative}", f"x/../{relative}", f"jetbot/../{relative}", f"{relative}/",
        f"{relative}/.", f"/{absolute}", f"////{absolute}", f"/proc/self/root{absolute}",
        f"/proc/self/cwd/../../../../..{absolute}", "/proc/self/environ", "/etc/passwd", f"{'../' * 40}etc/passwd",
        f"~/{rest}", "~root/.bashrc", relative.replace("/", "\\"), relative.replace("../", "..\\"),
        f"\\\\server\\share\\{rest}", f"//server/share/{rest}", f"C:\\{rest}", f"\\\\?\\C:{absolute}",
        f"file://{absolute}", f"http://127.0.0.1:9{absolute}", encoded, quote(encoded, safe=""),
        relative.replace("../", "%c0%ae%c0%ae%c0%af"), relative.replace("../", "..%00/"),
        relative.replace("../", "．．／"), relative.replace("../", "\u2024\u2024\u2215"),
        relative.replace("../", "....//"), relative.replace("../", "..;/"), f"{relative}\0", f"\0{relative}",
        f"{relative}\n", f"{relative} ", f"{relative}...", f"\u202e{relative}", f"{'./' * 3000}{relative}",
        f"{up}*/{rest[:3]}*",
    ]  # fmt: skip


class Canaries:
    """Watches files and folders through the operating system (inotify): every access to one of them is noticed."""

    def __init__(self, paths: list[Path]) -> None:
        self._system = ctypes.CDLL(None, use_errno=True)
        self._file = self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._file >= 0, "this system cannot watch files"
        self._paths = {self._watch(path): path for path in paths}

    def _watch(self, path: Path) -> int:
        watch = self._system.inotify_add_watch(self._file, os.fsencode(path), FIRST_LOOK)
        assert watch >= 0, f"{path} cannot be watched"
        return watch

    def looked_at(self) -> set[str]:
        """Names of the files and folders opened since the last call."""
        names: set[str] = set()
        while True:
            try:
                events = os.read(self._file, 1 << 16)
            except BlockingIOError:
                return names
            while events:
                watch, _, _, length = struct.unpack("iIII", events[:16])
                names.add(self._paths[watch].name)
                events = events[16 + length :]

    def __enter__(self) -> "Canaries":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
