"""Common parts of every command and of the server's start: paths, signals to end, output, and the system's needs."""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

UNSUPPORTED = (
    "Session Explorer needs a system that opens files relative to a folder: Linux or macOS. On Windows, run it in WSL "
    "(the Windows Subsystem for Linux)."
)

VERSION = "0.9.0"  # as in pyproject.toml
INTERRUPTED = 130  # as shells report it
SESSIONS = "sessions"  # the folder in a data folder

# What sentences for visitors of the page tell them to do, and the same for the user of a terminal.
TERMINAL_WORDS = {
    "press Refresh and pick one from the list": "give the name of its folder below sessions/",
    ", then press Refresh": ", then run the command again",
    ", then start the page again": ", then run the command again",
    ", then press Load Models": ", then load the files again",
    ", then press Restore": ", then restore it again",
    ", then press Save Models": ", then run the command again",
    "press Resume to continue": "run training.learn with --resume to go on",
    "Wait, or stop it first": "Wait, or stop it where it was started",
}


def terminal_words(message: object) -> str:
    """A message, with the buttons of the page that it names replaced by what to do in a terminal."""
    text = str(message)
    for on_page, in_terminal in TERMINAL_WORDS.items():
        text = text.replace(on_page, in_terminal)
    return text


def path_option(text: str) -> Path:
    """The path of an option; `~` is the home folder also where the shell leaves it, as in `--data=~/robots`."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"the home folder of {text.partition('/')[0]} is not known") from None


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """The type of an option that is a whole number from ``low`` to ``high``."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
            raise argparse.ArgumentTypeError(f"give a whole number from {low} to {high}")
        return int(text)

    return parse


def session_option(text: str) -> str:
    """The id of a session that an option names, or the path of its folder, as shells complete it."""
    path = path_option(text)
    names = path.parts
    if SESSIONS in names and (path.exists() or path.parent.exists()):
        names = names[len(names) - names[::-1].index(SESSIONS) :]
    return "/".join(names)


def end_signals() -> list[signal.Signals]:
    """Signals that request the end: Ctrl-C, SIGTERM, and SIGHUP, sent when the terminal or the connection is closed.

    A SIGHUP that is ignored at the start, as under nohup, stays ignored.
    """
    hangup = signal.Signals.__members__.get("SIGHUP")  # Windows has none
    ends = [signal.SIGINT, signal.SIGTERM]
    return ends if hangup is None or signal.getsignal(hangup) == signal.SIG_IGN else [*ends, hangup]


class LastingStream:
    """An output stream whose terminal or pipe may close: what is written afterwards is lost, and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as far as possible; returns the length of the text."""
        try:
            return self._stream.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Flush as far as possible."""
        try:
            self._stream.flush()
        except OSError:
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def outlive_terminal() -> None:
    """Keep the process running when its terminal or pipe closes: a save must not fail because of a message."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # for terminals that lack a character
    sys.stdout, sys.stderr = LastingStream(sys.stdout), LastingStream(sys.stderr)


def require_supported_system() -> None:
    """End with a sentence on a system without the calls that recordings are opened with."""
    if os.open not in os.supports_dir_fd:
        sys.exit(UNSUPPORTED)


def run_command(main: Callable[[list[str]], int | None]) -> NoReturn:
    """Run a command in this process, and end it with the command's exit code, or after Ctrl-C with INTERRUPTED."""
    outlive_terminal()
    require_supported_system()
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("Ended by Ctrl-C.\n")
        code = INTERRUPTED
    sys.exit(code)
