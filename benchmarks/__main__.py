"""Runs every benchmark, one after the other: `make bench`."""

import subprocess
import sys

NAMES = ("listing_and_opening", "page_speed", "page_while_training", "evaluating", "many_visitors", "long_life")


def main() -> int:
    codes = [subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode for name in NAMES]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
