"""Command: write the report on a robot's newest run, `python -m page.reports --robot jetbot report.html`.

Exit codes: 0 done, 1 there is no run, 2 wrong usage.
"""

import argparse
import sys
from pathlib import Path

from page.backend import PageBackend
from page.reports.run_report import profile_of_robot, run_report
from session import data_option, path_option, run_command


def main(arguments: list[str]) -> int:
    """Write the report; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m page.reports", description="Write the report on a robot's run.")
    parser.add_argument("--robot", required=True, help="the name of its folder of checkpoints")
    parser.add_argument("--data", type=data_option, default="saved", help="folder with sessions/ and checkpoints/")
    parser.add_argument("file", type=path_option, help="the HTML file to write")
    options = parser.parse_args(arguments)
    backend = PageBackend(Path(options.data), "cpu", is_read_only=True)
    profile = profile_of_robot(backend, options.robot)
    if profile is None:
        parser.error(f"There is no recording of {options.robot}; give the name of a folder in checkpoints/.")
    report = run_report(backend, profile)
    if report is None:
        sys.stderr.write("Nothing was trained for this robot yet; train first.\n")
        return 1
    options.file.write_text(report, encoding="utf-8")
    sys.stdout.write(f"Written: {options.file}\n")
    return 0


if __name__ == "__main__":
    run_command(main)
