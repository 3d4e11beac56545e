"""Run of all benchmarks, one after the other: `make bench`, or `python -m benchmarks [--json PATH] [NAME …]`.

Ends with the table of targets and figures; all figures are written to a JSON file (default `benchmarks.json`). All of
them take about half an hour on two cores; one that has not ended after ten minutes is ended, and its servers with it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.children import end_with_parent
from benchmarks.targets import table
from session.command_line import path_option

SPEED = ("networks", "page_speed", "page_while_training", "listing_and_opening", "evaluating", "imagining", "scaling")
NAMES = (*SPEED, "many_visitors", "long_life")
LIMIT_S = 600
TOO_LONG = 1


def benchmark_name(name: str) -> str:
    """The name of a benchmark; raises ArgumentTypeError for any other text."""
    if name not in NAMES:
        raise argparse.ArgumentTypeError(f"there is no benchmark {name!r}; choose from {', '.join(NAMES)}")
    return name


def run(name: str, path: Path) -> int:
    """Run a benchmark in a process of its own, which writes its figures to `path`; returns its exit code."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(path)]
    try:
        return subprocess.run(command, check=False, timeout=LIMIT_S, preexec_fn=end_with_parent).returncode
    except subprocess.TimeoutExpired:
        print(f"{name} has not ended within {LIMIT_S // 60} minutes")
        return TOO_LONG


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    # Not `choices`: Python 3.11 checks the default of "*" against them as if it were one name.
    parser.add_argument("names", nargs="*", type=benchmark_name, default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", type=path_option, default=Path("benchmarks.json"))
    arguments = parser.parse_args()
    results, codes = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.names:
            path = Path(folder) / f"{name}.json"
            print(f"\n{name}", flush=True)
            codes.append(run(name, path))
            results[name] = json.loads(path.read_text()) if path.is_file() else {}
    arguments.json.write_text(json.dumps(results, indent=1))
    print(f"\n{table(results)}")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
