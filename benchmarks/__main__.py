"""Run of all benchmarks, one after the other: `make bench`, or `python -m benchmarks [--json PATH] [NAME …]`.

Ends with the table of targets and figures; all figures are written to a JSON file (default `benchmarks.json`).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.targets import table
from session.command_line import path_option

SPEED = ("networks", "page_speed", "page_while_training", "listing_and_opening", "evaluating", "imagining", "scaling")
NAMES = (*SPEED, "many_visitors", "long_life")


def benchmark_name(name: str) -> str:
    """The name of a benchmark; raises ArgumentTypeError for any other text."""
    if name not in NAMES:
        raise argparse.ArgumentTypeError(f"there is no benchmark {name!r}; choose from {', '.join(NAMES)}")
    return name


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
            command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(path)]
            codes.append(subprocess.run(command, check=False).returncode)
            results[name] = json.loads(path.read_text()) if path.is_file() else {}
    arguments.json.write_text(json.dumps(results, indent=1))
    print(f"\n{table(results)}")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
