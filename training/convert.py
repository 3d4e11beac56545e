"""Conversion of older checkpoints to today's format: `python -m training.convert OLD NEW`.

Opens files of the time before torch had archives, compressed archives, and weights of compiled or wrapped networks
(`_orig_mod.`, `module.` in their names); works offline, with torch's restricted loader alone, after a check of the
file's structure. Nothing in the file is run, `.pkl` files are not opened, and no existing file is overwritten. The
result is tried before it is written. Exit codes: 0 written and read back, 1 not converted, 2 wrong usage.
"""

import contextlib
import io
import logging
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from session.command_line import path_option, run_command
from session.files import sync_file, sync_folder
from training.checkpoints.archive_check import OldFormat, check_structure
from training.checkpoints.compatibility import check_size
from training.checkpoints.errors import CheckpointError, CheckpointNotFinite
from training.checkpoints.legacy import check_old_structure, unpack_archive
from training.checkpoints.manifest import TEMPORARY
from training.checkpoints.paths import SUFFIX
from training.checkpoints.reader import (
    MAX_FILE_BYTES,
    LoadedCheckpoint,
    open_checkpoint,
    parse_contents,
    read_checkpoint,
    restricted_load,
    size_of,
    translate_errors,
)
from training.checkpoints.trial import require_loadable
from training.cli import DONE, NOT_DONE, CommandParser
from training.values import printable

logger = logging.getLogger(__name__)

PICKLE = ".pkl"


class NotConverted(CheckpointError):
    """A file that is not converted, or not written; the message states the reason and a remedy."""


@dataclass(frozen=True)
class OldFile:
    """Contents of the old file: its kind as text, the number of tensors, the step it was saved at, and the prefixes of
    wrappers that were removed from its names."""

    kind: str
    tensors: int
    step: int | None
    prefixes: tuple[str, ...]

    def describe(self) -> str:
        """Text for the log: "of torch's old format, 63 tensors, step 120"."""
        step = "" if self.step is None else f", step {self.step:,}"
        prefix = f", names without {' and '.join(self.prefixes)}" if self.prefixes else ""
        return f"{self.kind}, {self.tensors} tensor{'' if self.tensors == 1 else 's'}{step}{prefix}"


def main(arguments: list[str]) -> int:
    """Convert by the command line; returns the exit code."""
    parser = CommandParser(
        prog="python -m training.convert",
        description="Write a checkpoint of an older kind as one that opens today: files of torch's old format, "
        "compressed ones, and weights of compiled or wrapped networks. Nothing in the file is run, and no file is "
        "overwritten.",
    )
    parser.add_argument("old", type=path_option, metavar="OLD", help="the file to convert; it stays as it is")
    parser.add_argument("new", type=path_option, metavar="NEW", help=f"the file to write; its name ends in {SUFFIX}")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        convert(options.old, options.new)
    except CheckpointError as problem:
        logger.error("%s", problem)
        return NOT_DONE
    return DONE


def convert(old: Path, new: Path) -> OldFile:
    """Convert one file and read the result back; raises a CheckpointError, and then nothing is written."""
    _check_names(old, new)
    name = printable(old.name)
    kind, content = _load(old, name)
    contents = parse_contents(content, name)
    if kind is None and not contents.prefixes:
        raise NotConverted(f"{name} is of today's format already; load it as it is.")
    weights = _weights(name, contents)
    old_file = OldFile(kind or "of today's format", len(weights), contents.step, contents.prefixes)
    logger.info("%s: %s.", name, old_file.describe())
    with translate_errors(name):
        buffer = io.BytesIO()
        is_whole = isinstance(content, dict) and "model_state_dict" in content
        optimizer = {"optimizer_state_dict": contents.optimizer} if contents.optimizer else {}
        torch.save({**content, **optimizer, "model_state_dict": weights} if is_whole else weights, buffer)
    _write(new, buffer.getvalue(), weights, contents.step)
    logger.info("%s: written and read back, %d bytes.", printable(new.name), buffer.tell())
    return old_file


def _check_names(old: Path, new: Path) -> None:
    if PICKLE in (old.suffix.lower(), Path(os.path.realpath(old)).suffix.lower()):
        raise NotConverted(f"{printable(old.name)} is a pickle and is never opened; choose a checkpoint.")
    if new.suffix != SUFFIX:
        raise NotConverted(f"{printable(new.name)} does not end in {SUFFIX}; choose a name that does.")
    if os.path.lexists(new):
        raise NotConverted(f"{printable(new.name)} is there already; choose another name.")


def _load(old: Path, name: str) -> tuple[str | None, object]:
    """The kind of an older file, or None for one of today's, and its contents."""
    with open_checkpoint(old) as handle, translate_errors(name):
        size = size_of(handle)
        try:
            check_structure(handle, size)
            return None, restricted_load(handle)
        except OldFormat as problem:
            kind = str(problem)
        handle.seek(0)
        if kind == "compressed":
            return kind, _unpacked(handle, size)
        check_old_structure(handle, size)
        return kind, restricted_load(handle)


def _unpacked(handle: BinaryIO, size: int) -> object:
    with tempfile.TemporaryFile() as stored:
        unpack_archive(handle, size, stored, MAX_FILE_BYTES)
        stored.seek(0)
        check_structure(stored, size_of(stored))
        return restricted_load(stored)


def _weights(name: str, contents: LoadedCheckpoint) -> dict[str, Tensor]:
    """The network's tensors, copied."""
    check_size(contents)
    weights = {key: tensor.detach().clone() for key, tensor in contents.tensors.items()}
    for key, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointNotFinite(
                f"{name} holds numbers in {printable(key)} that are not finite; choose another file."
            )
    return weights


def _write(new: Path, data: bytes, weights: dict[str, Tensor], step: int | None) -> None:
    """Write under a temporary name, read that back and try it, and only then rename it."""
    try:
        with _temporary(new, data) as temporary:
            if not _is_same(temporary, weights, step):
                raise NotConverted(
                    f"{printable(new.name)} was not the same when it was read back; nothing was written."
                )
            _try(temporary, new)
            _give_name(temporary, new)
        sync_folder(new.parent)
    except OSError as problem:
        reason = problem.strerror or "input/output error"
        raise NotConverted(
            f"{printable(new.name)} was not written ({reason}); choose another name or place."
        ) from problem


@contextlib.contextmanager
def _temporary(new: Path, data: bytes) -> Iterator[Path]:
    """A temporary file beside the new one, removed in the end; raises OSError."""
    temporary = new.with_name(f"{new.name}.{os.getpid()}{TEMPORARY}")
    with temporary.open("xb") as file, contextlib.ExitStack() as undo:
        undo.callback(temporary.unlink, missing_ok=True)
        file.write(data)
        file.flush()
        sync_file(file.fileno())
        yield temporary


def _is_same(path: Path, weights: dict[str, Tensor], step: int | None) -> bool:
    try:
        checkpoint = read_checkpoint(path)
    except CheckpointError as problem:
        logger.info("%s", problem)
        return False
    return (
        checkpoint.step == step
        and checkpoint.tensors.keys() == weights.keys()
        and all(torch.equal(checkpoint.tensors[key], weights[key]) for key in weights)
    )


def _try(temporary: Path, new: Path) -> None:
    """Raises NotConverted if no network of this program would open the file."""
    try:
        require_loadable(temporary)
    except CheckpointError as problem:
        reason = str(problem).replace(printable(temporary.name), printable(new.name))
        raise NotConverted(f"Nothing was written, because the result would not open: {reason}") from problem


def _give_name(temporary: Path, new: Path) -> None:
    """Rename without ever replacing a file; raises OSError."""
    try:
        os.link(temporary, new)
    except FileExistsError:
        raise
    except OSError:  # some file systems have no links: a new empty file is replaced instead
        new.open("x").close()
        os.replace(temporary, new)


if __name__ == "__main__":
    run_command(main)
