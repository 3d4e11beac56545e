"""`state.json` beside the checkpoints: the digests of the files that were saved last, and their random numbers.

It decides which generation of files counts: a save has taken place once this file names what it wrote. And it tells
whether a file is still that one: random numbers are used again only with the very weights they belong to.
"""

import base64
import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from training.values import printable

STATE_FILE = "state.json"
MAX_STATE_BYTES = 1 << 20
TEMPORARY = ".unfinished"


@dataclass(frozen=True, eq=False)
class ManifestEntry:
    """What `state.json` tells of a file: the random state that was saved together with it, None where they do not
    belong together, and what is to be said."""

    random_state: Tensor | None = None
    notes: tuple[str, ...] = ()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_state(directory: Path, digests: dict[str, str], random_state: Tensor) -> None:
    """Write the temporary file of `state.json`; what is known of other files is kept. Raises OSError."""
    kept = {name: digest for name, digest in read_state(directory).get("digests", {}).items() if name not in digests}
    state = {
        "digests": {**kept, **digests},
        "random_state": base64.b64encode(random_state.numpy().tobytes()).decode("ascii"),
    }
    with (directory / (STATE_FILE + TEMPORARY)).open("w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())


def read_state(directory: Path) -> dict[str, dict[str, str]]:
    """`state.json` as written; empty where it is absent, damaged or something else."""
    path = directory / STATE_FILE
    if path.is_symlink() or not path.is_file():  # ours is neither a link nor a pipe that nobody writes into
        return {}
    try:
        with path.open("rb") as file:
            state = json.loads(file.read(MAX_STATE_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) and isinstance(state.get("digests"), dict) else {}


def saved_with(path: Path, digest: str) -> ManifestEntry:
    """What is known of the checkpoint at `path`, whose contents have this digest."""
    state = read_state(path.parent)
    known, encoded = state.get("digests", {}).get(path.name), state.get("random_state")
    if known not in (None, digest):
        return ManifestEntry(notes=(f"{printable(path.name)} is not the file that was saved there last.",))
    if known is None or not isinstance(encoded, str):
        return ManifestEntry()
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        return ManifestEntry()
    return ManifestEntry(torch.frombuffer(bytearray(raw), dtype=torch.uint8) if raw else None)


def restore_random_state(generator: torch.Generator, state: Tensor | None) -> None:
    """Let `generator` go on from a saved state; one of another kind of device, or a damaged one, is left aside."""
    if state is not None and state.shape == generator.get_state().shape:
        with contextlib.suppress(RuntimeError):
            generator.set_state(state)
