"""The command `python -m session.doctor`. Exit codes: 0 everything can be read, 1 something cannot, 2 wrong usage."""

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from session.command_line import SESSIONS, run_command
from session.data_folder import data_option
from session.doctor.checkpoints import DAMAGED, checkpoint_lines
from session.doctor.recordings import RecordingsReport, check_recordings
from session.doctor.versions import version_lines


def main(arguments: list[str]) -> int:
    """Print the report; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m session.doctor",
        description="Say what of a data folder can be read, and which versions run here. Nothing is changed.",
    )
    parser.add_argument("--data", type=data_option, default="saved", help="folder with sessions/ and checkpoints/")
    data = parser.parse_args(arguments).data
    with _without_log():
        return _report(data)


def _report(data: Path) -> int:
    _print("Versions", version_lines())
    report = check_recordings(data / SESSIONS)
    _print("Recordings", [_count(report), *report.problems])
    if report.unknown:
        _print("Folders that are no recording", report.unknown)
    files = list(checkpoint_lines(data))
    _print("Checkpoints and settings", files or ["none"])
    return 1 if report.problems or any(DAMAGED in line for line in files) else 0


@contextmanager
def _without_log() -> Iterator[None]:
    """What is logged while recordings open is in the report."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _count(report: RecordingsReport) -> str:
    text = f"{report.listed:,} listed, {report.opened:,} opened, {report.whole:,} of them with nothing to report"
    return f"{text}; only these were opened" if report.opened < report.listed and not report.problems else text


def _print(title: str, lines: Iterable[str]) -> None:
    sys.stdout.write("\n".join([f"{title}:", *(f"  {line}" for line in lines), "", ""]))


if __name__ == "__main__":
    run_command(main)
