"""The record of a run in progress, `run.json` beside the checkpoints: what is known of a run whose program was killed.

Owns the file: who trains what, how far it is, which step is saved, where its numbers are. It is there while a job runs
and goes when the job ends in good order; what a later program makes of one that has stayed is `previous_run.py`.
"""

import contextlib
import json
import logging
import math
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path

from session.files import open_folder, open_regular, open_subfolder, read_at_most
from training.config import MAX_STEPS
from training.jobs.snapshot import Curve, JobSnapshot
from training.values import printable

logger = logging.getLogger(__name__)

RECORD_FILE = "run.json"
UNFINISHED = "run.json.new"
MAX_BYTES = 1 << 14
WRITE_EVERY_S = 1.0
LONGEST_S = 1e10
NETWORKS = ("autoencoder", "predictor")
FOLDER = "runs"
NAME = re.compile(r"[\w-][\w.-]*\.jsonl", re.ASCII)
MAX_WHOLE = 4 << 20  # bytes; some 15,000 steps, read in a tenth of a second
SAMPLES, SAMPLE_BYTES = 400, 4 << 10
SHARE = "gradient_share/action"


@dataclass(frozen=True)
class RunRecord:
    """A run as it was last written down.

    `first_step` is that of the network's optimizer before it. `saved_step`: whose weights are in the checkpoints, None
    before the first save; `saving_step`: whose were about to be put there. `is_interrupted`: its program was told to
    end; where it is not and the program is gone, it was killed.
    """

    network: str
    subject: str
    started_by: str
    began: str  # ISO 8601, local time
    step: int
    max_steps: int
    threshold: float | None
    seconds: float
    first_step: int
    saved_step: int | None
    saving_step: int | None
    numbers: str  # the name of a file in runs/
    is_interrupted: bool

    @property
    def word(self) -> str:
        """Who trains what, as it is left in the folder's lock."""
        return run_label(self.started_by, self.network, self.subject)

    @property
    def progress(self) -> str:
        """For people: "step 340 of at most 1,000"."""
        return f"step {self.step:,} of at most {self.max_steps:,}"


def run_label(started_by: str, network: str, subject: str) -> str:
    """Who trains what."""
    return f"{started_by or 'a program'}: {network} on {subject}"


class RunRecorder:
    """Keeps the record of the job in progress, written at its begin, at saves, and otherwise about once a second.

    Not flushed to the disk: a kill costs nothing of it, and after a power cut a damaged record is left aside. Training
    goes on where it cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()  # visitors save while the job trains
        self._record: RunRecord | None = None
        self._written_at = -math.inf

    def begin(self, record: RunRecord) -> None:
        """A job begins."""
        with self._lock:
            self._record = record
            self._write()

    def note_progress(self, now: JobSnapshot) -> None:
        """Where the job stands."""
        with self._lock:
            if self._record is None:
                return
            self._record = replace(self._record, step=now.step, seconds=now.seconds)
            if time.monotonic() - self._written_at >= WRITE_EVERY_S:
                self._write()

    def note_saving(self, steps: Mapping[str, int]) -> None:
        """The weights of these steps of the networks' optimizers are about to be saved."""
        with self._lock:
            if self._record is not None and self._record.network in steps:
                self._record = replace(self._record, saving_step=self._step_in(steps))
                self._write()

    def note_saved(self, steps: Mapping[str, int]) -> None:
        """They are in the checkpoints."""
        with self._lock:
            if self._record is None or self._record.network not in steps:
                return
            step = self._step_in(steps)
            if step >= (self._record.saved_step or 0):  # two saves at once may end in another order than they began
                self._record = replace(self._record, saved_step=step, saving_step=None)
                self._write()

    def _step_in(self, steps: Mapping[str, int]) -> int:
        """The job's own step."""
        return steps[self._record.network] - self._record.first_step

    def end(self, is_interrupted: bool = False) -> None:
        """The job has ended and saved: in good order, or because its program ends."""
        with self._lock:
            if self._record is None:
                return
            if is_interrupted:
                self._record = replace(self._record, is_interrupted=True)
                self._write()
            else:
                self._remove()
            self._record = None

    def _write(self) -> None:
        self._written_at = time.monotonic()
        unfinished = self._directory / UNFINISHED
        try:
            unfinished.unlink(missing_ok=True)  # whatever has that name is not written through
            with unfinished.open("x", encoding="utf-8") as file:
                json.dump(asdict(self._record), file)
            os.replace(unfinished, self._directory / RECORD_FILE)
        except OSError as problem:
            logger.warning("the record of this run was not written: %s", problem.strerror)

    def _remove(self) -> None:
        for name in (RECORD_FILE, UNFINISHED):
            with contextlib.suppress(OSError):
                (self._directory / name).unlink(missing_ok=True)


def read_record(directory: Path) -> RunRecord | None:
    """The record in a folder; None where there is none, or something else than a record."""
    try:
        with open_folder(directory) as folder, open_regular(folder, RECORD_FILE) as file:
            found = json.loads(read_at_most(file, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    names = {field.name for field in fields(RunRecord)}
    if not isinstance(found, dict) or found.keys() != names or not _is_sound(found):
        return None
    words = {name: printable(found[name]) for name in ("subject", "started_by", "numbers")}
    return RunRecord(**(found | words))


def _is_sound(found: dict[str, object]) -> bool:
    """Whether every value is one that we could have written."""
    texts = ("network", "subject", "started_by", "began", "numbers")
    if not all(isinstance(found[name], str) for name in texts) or type(found["is_interrupted"]) is not bool:
        return False
    steps = [found[name] for name in ("step", "max_steps")]
    steps += [found[name] for name in ("saved_step", "saving_step") if found[name] is not None]
    if not all(type(step) is int and 0 <= step <= MAX_STEPS for step in steps) or not found["max_steps"]:
        return False
    if type(found["first_step"]) is not int:
        return False
    amounts = (found["seconds"], 0.0 if found["threshold"] is None else found["threshold"])
    if not all(type(amount) in (int, float) and 0 <= amount <= LONGEST_S for amount in amounts):
        return False
    return found["network"] in NETWORKS and found["step"] <= found["max_steps"] and _is_time(found["began"])


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).year > 0
    except ValueError:
        return False


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
