"""`state.json` beside the checkpoints: the digests of the files that were saved last, and their random numbers.

It decides the validity of a save: a save is complete once this file names what it wrote. It also shows a later change
of a file: random numbers are used again only with the weights they belong to.
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

from session.files import sync_file
from training.values import printable

STATE_FILE = "state.json"
MAX_STATE_BYTES = 1 << 20
TEMPORARY = ".unfinished"


@dataclass(frozen=True, eq=False)
class ManifestEntry:
    """The entry of a file in `state.json`: the random state that was saved with it, None if they do not belong
    together, and notes for the visitor."""

    random_state: Tensor | None = None
    notes: tuple[str, ...] = ()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_state(directory: Path, digests: dict[str, str], random_state: Tensor) -> None:
    """Write the temporary file of `state.json`; entries of other files remain. Raises OSError."""
    others = {name: digest for name, digest in read_state(directory).get("digests", {}).items() if name not in digests}
    state = {
        "digests": {**others, **digests},
        "random_state": base64.b64encode(random_state.numpy().tobytes()).decode("ascii"),
    }
    with (directory / (STATE_FILE + TEMPORARY)).open("w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        sync_file(file.fileno())


def read_state(directory: Path) -> dict[str, dict[str, str]]:
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
