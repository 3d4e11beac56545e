"""Writing checkpoints so that at no moment, whatever kills the process, there is no readable one.

Each network's file: a temporary one in the same folder, flushed and read back; once all of them are there, the old
ones are linked as backups. Then `state.json` names the digest of each file: from here on the save has taken place, and
the new files are renamed into place, now or by whoever comes next. A lock on a file in the folder keeps threads and
other programs apart.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from models import Architecture, Network, NetworkModule
from training.checkpoints.backup import Provenance, back_up
from training.checkpoints.errors import CheckpointNotSaved
from training.checkpoints.folder import (
    HashingFile,
    describe_os_error,
    exclusive_access,
    remove_temporary_files,
    require_free_space,
    sync_folder,
    temporary_path,
)
from training.checkpoints.manifest import STATE_FILE, file_digest, write_state
from training.checkpoints.paths import SUFFIX
from training.steps import TrainState

logger = logging.getLogger(__name__)

FILES: dict[Network, str] = {"autoencoder": f"autoencoder{SUFFIX}", "predictor": f"predictor_0{SUFFIX}"}
TENSOR_BYTES = 1024  # at most what an archive adds to a tensor's numbers: its header, its place in the list, a gap


class _NotInPlace(OSError):
    """The disk failed after a save had taken place, while its files were renamed."""


@dataclass(frozen=True)
class SavedCheckpoint:
    """Names of the files written, each with the step of its network, and under which names others that lay there are
    kept."""

    files: dict[str, int]
    kept: tuple[str, ...] = ()

    def describe(self) -> str:
        """For people: "autoencoder.pth (step 120)"."""
        written = ", ".join(f"{name} (step {step:,})" for name, step in self.files.items())
        others = f"; what lay there was other weights and is kept as {', '.join(self.kept)}" if self.kept else ""
        return written + others


@dataclass(frozen=True, eq=False)
class CheckpointData:
    """What is to be written, apart from the live tensors: training may go on meanwhile."""

    networks: dict[Network, dict[str, object]]
    steps: dict[Network, int]
    random_state: Tensor


def copy_contents(optimizers: TrainState, networks: Iterable[Network]) -> CheckpointData:
    """Copies of weights, optimizer, schedule and random state; to be called while nobody changes them."""
    contents, steps = {}, {}
    for network in networks:
        state = optimizers.of(network).state()
        contents[network] = file_contents(optimizers.model.network(network), state.optimizer, state.schedule)
        steps[network] = state.step
    return CheckpointData(contents, steps, optimizers.generator.get_state())


def file_contents(
    network: NetworkModule,
    optimizer: dict[str, object] | None,
    schedule: dict[str, object],
    dtype: torch.dtype | None = None,
) -> dict[str, object]:
    """The dict that a network's file holds, copied; weights are converted to `dtype` if one is given."""
    weights = {key: value.to(dtype or value.dtype) for key, value in network.state_dict().items()}
    level = {"level": 0} if network.kind == "predictor" else {}
    return {
        "model_state_dict": _copied(weights),
        "optimizer_state_dict": _copied(optimizer),
        "scheduler_state_dict": _copied(schedule),
        "config": Architecture.of(network).as_dict(),
        **level,
    }


def _copied(value: object) -> object:
    """The same nest of dicts and lists with tensors of its own on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def save_checkpoint(
    directory: Path, optimizers: TrainState, networks: Iterable[Network] = ("autoencoder", "predictor")
) -> SavedCheckpoint:
    """Write the named networks with their optimizers; raises CheckpointNotSaved. Nobody may train meanwhile."""
    return write_contents(directory, copy_contents(optimizers, networks))


def write_contents(directory: Path, contents: CheckpointData, provenance: Provenance | None = None) -> SavedCheckpoint:
    """Write copied contents; raises CheckpointNotSaved. Without a `provenance` whole files become backups."""
    _require_finite(contents)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with exclusive_access(directory):
            kept = _write_generation(directory, contents, provenance)
    except OSError as problem:
        logger.warning("checkpoint not saved: %s", problem)
        raise CheckpointNotSaved(_told(problem, directory, contents)) from problem
    return SavedCheckpoint({FILES[name]: step for name, step in contents.steps.items()}, kept)


def _require_finite(contents: CheckpointData) -> None:
    for network, part in contents.networks.items():
        if not all(torch.isfinite(value).all() for value in part["model_state_dict"].values()):
            raise CheckpointNotSaved(
                f"The weights of the {network} are no longer finite numbers and were not saved; the checkpoint saved "
                "before is still there. Load a checkpoint."
            )


def _told(problem: OSError, directory: Path, contents: CheckpointData) -> str:
    if isinstance(problem, _NotInPlace):
        return (
            f"The checkpoint was written, but the disk failed while it was put in its place ({problem.strerror}); the "
            "next save or start finishes it. Check the folder, then press Save Models."
        )
    return (
        f"The checkpoint was not saved ({describe_os_error(problem, directory, _size_of(contents))}); the one saved "
        "before is still there. Make room or check the folder, then press Save Models."
    )


def _write_generation(directory: Path, contents: CheckpointData, provenance: Provenance | None) -> tuple[str, ...]:
    paths = {directory / FILES[name]: part for name, part in contents.networks.items()}
    with contextlib.ExitStack() as undo:
        undo.callback(remove_temporary_files, directory)
        require_free_space(directory, _size_of(contents))
        # All files are whole on the disk before the first takes its place: a full disk does not part the networks.
        digests = {path.name: _write_temporary(path, part) for path, part in paths.items()}
        kept = [name for path in paths if (name := back_up(path, provenance))]
        state = directory / STATE_FILE
        write_state(directory, digests, contents.random_state)
        os.replace(temporary_path(state), state)
        undo.pop_all()
    for name, digest in digests.items():
        if provenance is not None:
            provenance.note(name, digest)
    _put_in_place(directory, list(paths))
    return tuple(kept)


def _put_in_place(directory: Path, paths: list[Path]) -> None:
    try:
        sync_folder(directory)  # before the names: what counts must not come after what it decides
        for path in paths:
            os.replace(temporary_path(path), path)
        sync_folder(directory)
    except OSError as problem:
        raise _NotInPlace(problem.errno, problem.strerror or "input/output error") from problem


def _write_temporary(path: Path, content: dict[str, object]) -> str:
    """Returns the digest of the file as read back."""
    temporary = temporary_path(path)
    with temporary.open("wb") as file:
        counted = HashingFile(file)
        torch.save(content, counted)
        digest = counted.finish()
    if file_digest(temporary) != digest:
        raise OSError(errno.EIO, "the disk gave back other bytes than were written")
    return digest


def _size_of(contents: CheckpointData) -> int:
    """Bytes that the files will take, and a little more."""
    tensors = [tensor for part in contents.networks.values() for tensor in _tensors_in(part)]
    return sum(tensor.nbytes + TENSOR_BYTES for tensor in tensors)


def _tensors_in(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [tensor for item in inner for tensor in _tensors_in(item)]
