"""The curves of a run read back from its file of numbers, the JSON lines that `tracking.py` writes.

The file may be cut short, long or somebody else's: what is not a line of numbers is left out, and of a long file
samples are read that still show the shape of its curves.
"""

import json
import math
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from session.safe_files import open_folder, open_regular, open_subfolder
from training.config import MAX_STEPS
from training.curve import Curve

FOLDER = "runs"
NAME = re.compile(r"[\w-][\w.-]*\.jsonl", re.ASCII)
MAX_WHOLE = 4 << 20  # bytes; some 15,000 steps, read in a tenth of a second
SAMPLES, SAMPLE_BYTES = 400, 4 << 10
SHARE = "gradient_share/action"


@dataclass
class RunNumbers:
    """Curves by the names that a job gives them, the share of gradients on actions, the last step taken, and the first
    and the last evaluated loss."""

    curves: dict[str, Curve] = field(default_factory=dict)
    shares: Curve = field(default_factory=Curve)
    last_step: int = 0
    first_loss: float | None = None
    loss: float | None = None
    evaluated_at: int = -1


def numbers_path(directory: Path, name: str) -> Path | None:
    """The regular file of that name among the runs of a robot's folder; None where there is none."""
    if not NAME.fullmatch(name):
        return None
    try:
        with open_folder(directory) as folder, open_subfolder(folder, FOLDER) as runs, open_regular(runs, name):
            return directory / FOLDER / name
    except OSError:
        return None


def read_numbers(directory: Path, name: str) -> RunNumbers:
    """What is found in the file; nothing where it cannot be read."""
    numbers, reached = RunNumbers(), 0
    if not NAME.fullmatch(name):
        return numbers
    try:
        with open_folder(directory) as folder, open_subfolder(folder, FOLDER) as runs, open_regular(runs, name) as file:
            lines = _lines(file)
    except OSError:
        return numbers
    for line in lines:
        found = _parsed(line)
        if found is not None and reached <= found["step"] <= MAX_STEPS:
            reached = found["step"]
            _add(numbers, found)
    return numbers


def _lines(file: int) -> list[bytes]:
    """Whole lines, all of them or those in evenly spread samples."""
    size = os.fstat(file).st_size
    if size <= MAX_WHOLE:
        return os.pread(file, MAX_WHOLE, 0).split(b"\n")
    lines = []
    for place in range(SAMPLES):
        read = os.pread(file, SAMPLE_BYTES, place * (size - SAMPLE_BYTES) // (SAMPLES - 1))
        lines += read.split(b"\n")[1:-1]
    return lines


def _parsed(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and type(found.get("step")) is int else None


def _add(numbers: RunNumbers, found: dict[str, object]) -> None:
    step = found["step"]
    for key, value in found.items():
        if type(value) not in (int, float) or not -1e30 < value < 1e30 or math.isnan(value):
            continue
        name = _curve_name(key)
        if key == SHARE:
            numbers.shares.add(step, value)
        elif name:
            numbers.curves.setdefault(name, Curve()).add(step, value)
        if name == "evaluated":
            numbers.first_loss = value if numbers.first_loss is None else numbers.first_loss
            numbers.loss, numbers.evaluated_at = value, step
    if any(key.startswith("training/") for key in found):
        numbers.last_step = max(numbers.last_step, step)


def _curve_name(key: str) -> str | None:
    """The curve of a number: "training loss" of "training/loss", "evaluated" of "evaluated/loss"."""
    part, _, rest = key.partition("/")
    if part == "training" and rest in ("loss", "total", "image", "latent"):
        return f"training {rest}"
    return part if part in ("evaluated", "held out") and rest == "loss" else None
