"""A server in a process of its own that logs its file accesses: `python -m tests.app.watched_server DATA LOG`.

LOG gets one JSON line for every file or folder that Python opens, lists or changes once the program is imported, with
links resolved, and for every program it starts. The first line of standard output is the address; the end of standard
input ends the server.
"""

import json
import os
import sys
import threading
from pathlib import Path

LOG = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
WATCHED = {
    *("open", "os.listdir", "os.scandir", "os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.link", "os.symlink"),
    *("os.truncate", "os.chmod", "os.chown", "os.utime", "os.chdir"),
}
STARTED = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.getaddrinfo", "socket.connect"}
below = threading.local()
open_for_real = os.open


def note(event: str, path: str) -> None:
    os.write(LOG, json.dumps([event, path]).encode() + b"\n")


def open_and_note(path, flags, mode=0o777, *, dir_fd=None):
    """Open a file and log its path as the system resolves it: the audit event does not name the folder of `dir_fd`."""
    if dir_fd is None:
        return open_for_real(path, flags, mode)
    below.is_opening = True
    try:
        file = open_for_real(path, flags, mode, dir_fd=dir_fd)
    finally:
        below.is_opening = False
    note("open below", os.readlink(f"/proc/self/fd/{file}"))
    return file


def hook(event: str, arguments: tuple) -> None:
    if event in STARTED:
        note(event, repr(arguments[0]))
    elif event in WATCHED and not (event == "open" and vars(below).get("is_opening")):
        path = arguments[0]
        if isinstance(path, int):
            path = f"/proc/self/fd/{path}" if event != "open" else os.devnull
        note(event, os.path.realpath(os.fsdecode(path).replace("\0", "")))


if __name__ == "__main__":
    os.open = open_and_note
    from page.server.settings import Settings
    from tests.app.conftest import serving

    sys.addaudithook(hook)  # after the thousands of modules
    with serving(Settings(data=Path(sys.argv[1]))) as address:
        print(address, flush=True)
        sys.stdin.read()
