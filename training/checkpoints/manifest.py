"""`state.json` beside the checkpoints: the files that were saved last, where they come from, and their random numbers.

It decides the validity of a save: a save is complete once this file names what it wrote. It also shows a later change
of a file: random numbers are used again only with the weights they belong to.
"""

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from session.files import sync_file
from training.values import is_number, printable

STATE_FILE = "state.json"
MAX_STATE_BYTES = 1 << 20
TEMPORARY = ".unfinished"
MOST_RECORDINGS = 20  # of an origin by name: a dataset has thousands


@dataclass(frozen=True, eq=False)
class ManifestEntry:
    """The entry of a file in `state.json`: the random state that was saved with it, None if they do not belong
    together, and notes for the visitor."""

    random_state: Tensor | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasuredLoss:
    """The evaluated loss of some weights in a phase of training; `is_held_out`: on frames that are not learned from."""

    value: float
    is_held_out: bool
    phase: str


@dataclass(frozen=True)
class Origin:
    """The digest of a checkpoint file, the step and loss of its weights, and what made them, as text, by the time at
    which that run began, and by the name of its log; each empty or None if unknown.

    `recordings`: the ids of the first 20 of the recordings that the run learned from, `recording_count` that of all;
    `code`: the version of the program.
    """

    digest: str
    step: int | None = None
    made_by: str = ""
    run: str = ""
    loss: MeasuredLoss | None = None
    log: str = ""
    recordings: tuple[str, ...] = ()
    recording_count: int = 0
    code: str = ""

    @classmethod
    def read(cls, content: object) -> "Origin":
        """The origin that `asdict` turned into `content`; raises ValueError, TypeError and LookupError."""
        step, loss, digest = content["step"], content["loss"], content["digest"]
        if not (isinstance(digest, str) and (step is None or (type(step) is int and 0 <= step < 2**53))):
            raise ValueError("not an origin")
        if loss is not None:
            if not is_number(loss["value"]):
                raise ValueError("not a loss")
            loss = MeasuredLoss(float(loss["value"]), bool(loss["is_held_out"]), str(loss["phase"]))
        log, code = str(content.get("log", "")), printable(str(content.get("code", "")))
        names, count = content.get("recordings", ()), content.get("recording_count", 0)  # earlier versions name neither
        if not (isinstance(names, list | tuple) and type(count) is int):
            raise TypeError("not recordings")
        recordings = tuple(printable(str(name)) for name in names[:MOST_RECORDINGS])
        made_by = printable(str(content["made_by"]))
        return cls(digest, step, made_by, str(content["run"]), loss, log, recordings, max(count, len(recordings)), code)

    def is_better_than(self, other: "Origin") -> bool:
        """True if one phase of one run made both, and the loss of this one on held-out frames is lower."""
        mine, its = self.loss, other.loss
        if mine is None or its is None or not self.run or (self.run, mine.phase) != (other.run, its.phase):
            return False
        return mine.is_held_out and its.is_held_out and mine.value < its.value


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_state(
    directory: Path, origins: Mapping[str, Origin], random_state: str, backups: Mapping[str, Origin]
) -> None:
    """Write the temporary file of `state.json`; entries of other files remain. Raises OSError.

    `origins`: of the files of the save, by name; `backups`: of those that have become backups.
    """
    before = read_state(directory)
    files = before.get("files")
    state = {
        "digests": {**before.get("digests", {}), **{name: one.digest for name, one in origins.items()}},
        "files": (files if isinstance(files, dict) else {})
        | {name: asdict(one) for name, one in (*origins.items(), *backups.items())},
        "random_state": random_state,
    }
    with (directory / (STATE_FILE + TEMPORARY)).open("w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        sync_file(file.fileno())


def encode_random_state(random_state: Tensor) -> str:
    """A random state as text."""
    return base64.b64encode(random_state.numpy().tobytes()).decode("ascii")


def read_state(directory: Path) -> dict[str, dict[str, object]]:
    """The contents of `state.json`, or an empty dict if it is absent, damaged or something else."""
    path = directory / STATE_FILE
    if os.path.islink(path) or not os.path.isfile(path):  # ours is neither a link nor a pipe, which would block
        return {}
    try:
        with path.open("rb") as file:
            state = json.loads(file.read(MAX_STATE_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) and isinstance(state.get("digests"), dict) else {}


def is_saved_here(path: Path, digest: str) -> bool:
    """True if a save has put the file with this digest there."""
    return read_state(path.parent).get("digests", {}).get(path.name) == digest


def saved_origin(path: Path, digest: str) -> Origin:
    """The origin of the checkpoint at `path`, whose contents have this digest; the digest alone if it is unknown."""
    try:
        origin = Origin.read(read_state(path.parent)["files"][path.name])
    except (ValueError, TypeError, LookupError):
        return Origin(digest)
    return origin if origin.digest == digest else Origin(digest)


def saved_with(path: Path, digest: str) -> ManifestEntry:
    """The entry of the checkpoint at `path`, whose contents have this digest."""
    state = read_state(path.parent)
    saved_digest, encoded = state.get("digests", {}).get(path.name), state.get("random_state")
    if saved_digest not in (None, digest):
        return ManifestEntry(notes=(f"{printable(path.name)} is not the file that was saved there last.",))
    if saved_digest is None or not isinstance(encoded, str):
        return ManifestEntry()
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        return ManifestEntry()
    return ManifestEntry(torch.frombuffer(bytearray(raw), dtype=torch.uint8) if raw else None)


def restore_random_state(generator: torch.Generator, state: Tensor | None) -> None:
    """Continue `generator` from a saved state; a state of another device, or a damaged one, is ignored."""
    if state is not None and state.shape == generator.get_state().shape:
        with contextlib.suppress(RuntimeError):
            generator.set_state(state)
