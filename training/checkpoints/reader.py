"""Reads a checkpoint file into named tensors, with torch's restricted loader alone.

Owns the steps from a path to a `LoadedCheckpoint`; its fit to a network is checked in `compatibility.py`. This is the
one module that catches every exception: a damaged file causes at least seven kinds.
"""

import contextlib
import hashlib
import logging
import os
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from session.files import HEAD_BYTES, NotRegularFile, foreign_content, open_file
from training.checkpoints.archive_check import OldFormat, check_structure
from training.checkpoints.errors import CheckpointDamaged, CheckpointNotFound, CheckpointOldFormat
from training.checkpoints.pickle_check import NUMPY_DTYPES, NUMPY_SCALARS, ForbiddenContent
from training.checkpoints.wrappers import prefixes_in, unwrapped_optimizer, unwrapped_weights
from training.values import printable

logger = logging.getLogger(__name__)

MAX_FILE_BYTES = 160 << 20  # a predictor with the notebook's copy of the autoencoder and an optimizer has 123 MB

# torch keeps its allowed names in a process-wide set and takes ours out again after a load: one load at a time.
_allowed_names_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class LoadedCheckpoint:
    """A file's name and digest, its network's tensors by key, the step it was saved at and the state of its optimizer.

    The step is None if unknown. The optimizer's state is not checked, and None if the file has none. `config`: plain
    values of the network's architecture, None in files of the notebook and in older ones of ours. `prefixes`: those
    that wrappers had put before names; here the names have none.
    """

    file: str
    digest: str
    tensors: dict[str, Tensor]
    step: int | None
    optimizer: dict[str, object] | None
    config: dict[str, object] | None = None
    prefixes: tuple[str, ...] = ()


class InertFloat64:
    """Substitute for NumPy's float64 dtype in schedulers of old files: it stores the byte order alone."""

    __slots__ = ("order",)

    def __init__(self, code: str, *flags: bool) -> None:
        if code != "f8":
            raise ValueError("only float64 scalars are read")
        self.order = "<"

    def __setstate__(self, state: tuple[object, ...]) -> None:
        if state[1] not in ("<", ">"):
            raise ValueError("unknown byte order")
        self.order = state[1]


def inert_scalar(dtype: InertFloat64, data: bytes) -> float:
    """Substitute for NumPy's scalar constructor: 8 bytes to a plain float."""
    if type(dtype) is not InertFloat64 or type(data) is not bytes:
        raise ValueError("only float64 scalars are read")
    return struct.unpack(f"{dtype.order}d", data)[0]


def read_checkpoint(path: Path) -> LoadedCheckpoint:
    """Read a file made by `torch.save`; raises CheckpointNotFound, CheckpointDamaged or CheckpointOldFormat."""
    name = printable(path.name)
    with open_checkpoint(path) as handle, translate_errors(name):
        check_structure(handle, size_of(handle))
        content = restricted_load(handle)
        handle.seek(0)
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return parse_contents(content, name, digest)


@contextlib.contextmanager
def open_checkpoint(path: Path) -> Iterator[BinaryIO]:
    """An ordinary file of a size that weights can have; raises CheckpointNotFound or CheckpointDamaged."""
    name = printable(path.name)
    with _open_regular(path, name) as handle:
        if size_of(handle) > MAX_FILE_BYTES:
            raise CheckpointDamaged(f"{name} is larger than any checkpoint of these networks; choose another file.")
        if problem := foreign_content(handle.read(HEAD_BYTES)):
            raise CheckpointDamaged(f"{name} {problem}.")
        handle.seek(0)
        yield handle


def size_of(handle: BinaryIO) -> int:
    """Bytes of an open file."""
    return os.fstat(handle.fileno()).st_size


@contextlib.contextmanager
def translate_errors(name: str) -> Iterator[None]:
    """Turns any error that a file causes while it is checked and loaded into a CheckpointError."""
    try:
        yield
    except OldFormat as kind:
        raise CheckpointOldFormat(
            f"{name} is {kind}; convert it with `python -m training.convert`, or choose another file."
        ) from None
    except ForbiddenContent as problem:
        logger.warning("%s was not opened: it holds %s", name, problem)
        raise CheckpointDamaged(
            f"{name} holds something that is not weights ({printable(str(problem))}) and was not opened; "
            "choose another file."
        ) from None
    except Exception as problem:
        logger.info("%s cannot be read: %s", name, type(problem).__name__)
        raise CheckpointDamaged(f"{name} is damaged or not a checkpoint; choose another file.") from problem


def _open_regular(path: Path, name: str) -> BinaryIO:
    try:
        descriptor = open_file(path, follows_links=True)
    except (FileNotFoundError, NotADirectoryError) as problem:
        raise CheckpointNotFound(f"There is no checkpoint {name}; choose one that exists.") from problem
    except NotRegularFile as problem:
        raise CheckpointDamaged(f"{name} is not an ordinary file; choose another one.") from problem
    except (OSError, ValueError) as problem:
        raise CheckpointDamaged(f"{name} cannot be opened; choose another file.") from problem
    return os.fdopen(descriptor, "rb", buffering=1 << 16)


def restricted_load(handle: BinaryIO) -> object:
    """The contents of an open file, by torch's restricted loader; only after a check of its structure. May raise any
    exception."""
    handle.seek(0)
    substitutes = [(InertFloat64, name) for name in NUMPY_DTYPES] + [(inert_scalar, name) for name in NUMPY_SCALARS]
    with _allowed_names_lock, torch.serialization.safe_globals(substitutes):
        return torch.load(handle, map_location="cpu", weights_only=True, mmap=False)


def parse_contents(content: object, name: str, digest: str = "") -> LoadedCheckpoint:
    """The contents of a file, either a dict with parts or a bare state dict; raises CheckpointDamaged."""
    is_whole = isinstance(content, dict) and "model_state_dict" in content
    tensors = content["model_state_dict"] if is_whole else content
    if not isinstance(tensors, dict) or not tensors or not all(isinstance(key, str) for key in tensors):
        raise CheckpointDamaged(f"{name} holds no weights of a network; choose another file.")
    if not all(isinstance(value, Tensor) for value in tensors.values()):
        raise CheckpointDamaged(f"{name} holds things that are not tensors among its weights; choose another file.")
    weights, prefixes = unwrapped_weights(tensors), prefixes_in(tensors)
    if weights is None:
        raise CheckpointDamaged(f"{name} holds some weights twice, with and without a prefix; choose another file.")
    if not is_whole:
        return LoadedCheckpoint(name, digest, weights, None, None, prefixes=prefixes)
    step, optimizer = _saved_step(content), content.get("optimizer_state_dict")
    optimizer = unwrapped_optimizer(optimizer) if isinstance(optimizer, dict) else None
    return LoadedCheckpoint(name, digest, weights, step, optimizer, _saved_config(content, name), prefixes)


def _saved_config(content: dict[str, object], name: str) -> dict[str, object] | None:
    """The config, or None if the file has none; raises CheckpointDamaged if it holds anything but plain values."""
    config = content.get("config")
    if "config" in content and not (type(config) is dict and all(map(_is_setting, config, config.values()))):
        raise CheckpointDamaged(f"{name} holds a config that is not made of numbers and text; choose another file.")
    return config


def _is_setting(key: object, value: object) -> bool:
    items = value if type(value) in (tuple, list) else (value,)
    return type(key) is str and all(type(item) in (bool, int, float, str) for item in items)


def _saved_step(content: dict[str, object]) -> int | None:
    """The schedule's count of steps, or the highest of the optimizer's, or None."""
    schedule, optimizer = content.get("scheduler_state_dict"), content.get("optimizer_state_dict")
    if isinstance(schedule, dict) and _is_count(schedule.get("last_epoch")):
        return schedule["last_epoch"]
    states = optimizer.get("state") if isinstance(optimizer, dict) else None
    entries = states.values() if isinstance(states, dict) else ()
    counts = [_as_count(entry.get("step")) for entry in entries if isinstance(entry, dict)]
    return max((count for count in counts if count is not None), default=None)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _as_count(value: object) -> int | None:
    """An optimizer's step: a number, or a tensor that holds one."""
    if isinstance(value, Tensor):
        value = value.item() if value.numel() == 1 and value.layout is torch.strided else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if _is_count(value) else None
