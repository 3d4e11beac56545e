"""Reading of the log of a run: its progress, its saves and its curves.

A log may be cut short, long, or of another origin: lines that a `RunLog` cannot have written are ignored, and a long
file is sampled, which preserves the shape of its curves.
"""

import json
import math
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from models import NETWORKS, Network
from session.files import open_folder, open_regular, open_subfolder
from training.config import MAX_STEPS
from training.jobs.run_log import LIVE, RUNS_FOLDER, RunInfo
from training.jobs.snapshot import SKILL, UNCERTAINTY, Curve, Status
from training.references import FORMER_NAMES
from training.values import printable

NAME = re.compile(rf"\d{{8}}_\d{{6}}_({'|'.join((*NETWORKS, LIVE))})(_\d{{1,4}})?\.jsonl", re.ASCII)
MAX_HEAD, TAIL = 1 << 16, 1 << 16  # bytes that hold the first line, and those that hold the last steps
MAX_WHOLE = 4 << 20  # bytes; some 15,000 steps, read in a tenth of a second
SAMPLES, SAMPLE_BYTES = 400, 4 << 10
MAX_SECONDS = 1e10
MAX_RUN_STEPS = 10 * MAX_STEPS
SHARE = "gradient_share/action"
ENDED: tuple[Status, ...] = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class RecordedRun:
    """A run by its log, in its last phase.

    `step` is the last one taken, `saved_step` the one whose weights are on disk, None if there is none, `saving_step`
    the one that was about to be written. `offset`: steps of the network's life at the run's step 0. `status` is
    "interrupted" if the program ended, one of `ENDED` if the run ended without it, and None without a last line.
    """

    name: str
    info: RunInfo
    config: dict[str, object]
    network: Network = "autoencoder"
    phase: str = ""
    offset: int = 0
    threshold: float | None = None
    step: int = 0
    seconds: float = 0.0
    saved_step: int | None = None
    saving_step: int | None = None
    status: Status | None = None

    @property
    def has_ended(self) -> bool:
        """True if the run ended without an interruption."""
        return self.status in ENDED

    @property
    def progress(self) -> str:
        """Text: "step 340 / 1,000"."""
        return f"step {self.step:,} / {self.info.max_steps:,}"


@dataclass
class RunCurves:
    """Curves of the last phase by the names that a job gives them, and the first and the last evaluated loss."""

    curves: dict[str, Curve] = field(default_factory=dict)
    shares: Curve = field(default_factory=Curve)
    measures: dict[str, Curve] = field(default_factory=dict)
    references: dict[str, float] = field(default_factory=dict)
    first_loss: float | None = None
    loss: float | None = None
    evaluated_at: int = -1


def newest_log(directory: Path) -> str | None:
    """The name of the newest log of a training job in a robot's folder, or None."""
    return next(iter(log_names(directory)), None)


def log_names(directory: Path, kinds: Collection[str] = NETWORKS) -> list[str]:
    """The names of the logs in a robot's folder, newest first: by default those of training jobs.

    Links and files with other names are ignored.
    """
    try:
        with open_folder(directory) as folder, open_subfolder(folder, RUNS_FOLDER) as runs, os.scandir(runs) as entries:
            logs = [
                (entry.name[:15], entry.stat(follow_symlinks=False).st_mtime_ns, entry.name)
                for entry in entries
                if (match := NAME.fullmatch(entry.name)) and match[1] in kinds and entry.is_file(follow_symlinks=False)
            ]
    except OSError:
        return []
    return [name for _, _, name in sorted(logs, reverse=True)]


def read_run(directory: Path, name: str) -> RecordedRun | None:
    """The run of a log, or None if it cannot be read or is no log of a run."""
    head, _, rest = _read(directory, name, whole=False).partition(b"\n")
    run = _run_of(name, _parsed(head))
    if run is None:
        return None
    phase = (b"\n" + rest).rfind(b'\n{"phase": ')
    run = run if phase < 0 else _after_phase(run, _parsed(rest[phase:].partition(b"\n")[0]))
    # The last lines hold the values of all lines before them.
    for line in rest[-TAIL:].split(b"\n"):
        run = _after_line(run, _parsed(line) or {})
    return run


def read_curves(directory: Path, name: str) -> RunCurves:
    """The curves of a log; none if it cannot be read."""
    curves, reached = RunCurves(), 0
    for line in _read(directory, name, whole=True).split(b"\n"):
        content = _parsed(line)
        if content is None:
            continue
        if isinstance(content.get("phase"), str):
            curves = RunCurves()  # losses of one phase cannot be compared with those of another
        step = content.get("step")
        if type(step) is int and reached <= step <= MAX_RUN_STEPS:
            reached = step
            _add(curves, step, content)
    return curves


def log_path(directory: Path, name: str) -> Path | None:
    """The path of a log, or None if no regular file of that name is among the runs of a robot's folder."""
    return directory / RUNS_FOLDER / name if _open_size(directory, name) is not None else None


def _open_size(directory: Path, name: str) -> int | None:
    if not NAME.fullmatch(name):
        return None
    try:
        with (
            open_folder(directory) as folder,
            open_subfolder(folder, RUNS_FOLDER) as runs,
            open_regular(runs, name) as file,
        ):
            return os.fstat(file).st_size
    except OSError:
        return None


def _read(directory: Path, name: str, whole: bool) -> bytes:
    """Whole lines of a log: all, or of a long file samples (if `whole`), or its head and its last 4 MB."""
    if not NAME.fullmatch(name):
        return b""
    try:
        with (
            open_folder(directory) as folder,
            open_subfolder(folder, RUNS_FOLDER) as runs,
            open_regular(runs, name) as file,
        ):
            size = os.fstat(file).st_size
            if size <= MAX_WHOLE:
                return os.pread(file, MAX_WHOLE, 0)
            return b"\n".join(_samples(file, size)) if whole else _head_and_tail(file, size)
    except OSError:
        return b""


def _samples(file: int, size: int) -> Iterator[bytes]:
    for place in range(SAMPLES):
        block = os.pread(file, SAMPLE_BYTES, place * (size - SAMPLE_BYTES) // (SAMPLES - 1))
        yield from block.split(b"\n")[1:-1]


def _head_and_tail(file: int, size: int) -> bytes:
    head = os.pread(file, MAX_HEAD, 0).partition(b"\n")[0]
    return head + b"\n" + os.pread(file, MAX_WHOLE, size - MAX_WHOLE).partition(b"\n")[2]


def _parsed(line: bytes) -> dict[str, object] | None:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _run_of(name: str, first_line: dict[str, object] | None) -> RecordedRun | None:
    """The run of a log's first line, or None if a `RunLog` cannot have written a value."""
    run, config = (first_line or {}).get("run"), (first_line or {}).get("config")
    if not isinstance(run, dict) or not isinstance(config, dict):
        return None
    texts = [run.get(key) for key in ("label", "subject", "started_by", "began")]
    if not all(isinstance(text, str) for text in texts) or not _is_time(texts[-1]):
        return None
    if not _is_step(run.get("max_steps")) or not run["max_steps"]:
        return None
    label, subject, started_by = (printable(text) for text in texts[:3])
    return RecordedRun(name, RunInfo(label, subject, started_by, texts[-1], run["max_steps"]), config)


def _after_phase(run: RecordedRun, line: dict[str, object] | None) -> RecordedRun:
    """The run in the phase that a line begins."""
    line = line or {}
    phase, network, offset = line.get("phase"), line.get("network"), line.get("offset")
    if not isinstance(phase, str) or network not in NETWORKS or type(offset) is not int:
        return run
    threshold = line.get("threshold")
    is_number = type(threshold) in (int, float) and 0 <= threshold <= MAX_SECONDS
    return replace(run, phase=phase[:40], network=network, offset=offset, threshold=threshold if is_number else None)


def _after_line(run: RecordedRun, line: dict[str, object]) -> RecordedRun:
    """The run with the values of a line."""
    changes: dict[str, object] = {}
    if _is_step(line.get("step")):
        changes["step"] = min(max(run.step, line["step"]), run.info.max_steps)
    seconds = line.get("seconds")
    if type(seconds) in (int, float) and 0 <= seconds <= MAX_SECONDS:
        changes["seconds"] = seconds
    for key in ("saving", "saved"):
        if _is_step(line.get(key)):
            changes[f"{key}_step"] = line[key]
    if isinstance(line.get("ended"), str):
        status = line.get("status")
        changes["status"] = status if status in (*ENDED, "interrupted") else "finished"
    return replace(run, **changes) if changes else run


def _is_step(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_RUN_STEPS


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).year > 0
    except ValueError:
        return False


def _add(curves: RunCurves, step: int, content: dict[str, object]) -> None:
    for key, value in content.items():
        if type(value) not in (int, float) or not -1e30 < value < 1e30 or math.isnan(value):
            continue
        name = _curve_name(key)
        if key == SHARE:
            curves.shares.add(step, value)
        elif key == SKILL or key.endswith("_share"):
            curves.measures.setdefault(key, Curve()).add(step, value)
        elif key.startswith("reference/"):
            name = key.removeprefix("reference/")[:40]
            curves.references[FORMER_NAMES.get(name, name)] = value
        elif name:
            curves.curves.setdefault(name, Curve()).add(step, value)
        if name == "evaluated":
            curves.first_loss = value if curves.first_loss is None else curves.first_loss
            curves.loss, curves.evaluated_at = value, step


def _curve_name(key: str) -> str | None:
    """The curve of a number: "training loss" of "training/loss", "evaluated" of "evaluated/loss"."""
    if key == UNCERTAINTY:
        return key
    part, _, rest = key.partition("/")
    if part == "training" and rest in ("loss", "total", "image", "latent"):
        return f"training {rest}"
    return part if part in ("evaluated", "held out", "reconstruction", "prediction") and rest == "loss" else None
