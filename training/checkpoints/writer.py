"""Writing of checkpoints, so that a readable one exists at every moment, even if the process is killed.

Each network's file is first a temporary one in the same folder, flushed and read back; once all of them are written,
the old ones are kept in the history and linked as backups. Then `state.json` names the digest of each file: from here
on the save is valid, and the new files are renamed to their final names, now or by the next save or start. A lock on a
file in the folder excludes other threads and programs. Restoring a version of the history takes the same steps.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from models import Architecture, Network, NetworkModule
from session.files import sync_folder
from training.checkpoints.backup import Provenance, back_up, keep_replaced, new_origin, ordinary_digest
from training.checkpoints.errors import CheckpointNotSaved
from training.checkpoints.folder import (
    HashingFile,
    describe_os_error,
    exclusive_access,
    remove_temporary_files,
    require_free_space,
    temporary_path,
)
from training.checkpoints.history import copy_synced, keep_current
from training.checkpoints.manifest import (
    STATE_FILE,
    MeasuredLoss,
    Origin,
    encode_random_state,
    file_digest,
    saved_origin,
    write_state,
)
from training.checkpoints.paths import FILES, backup_of
from training.checkpoints.versions import Version
from training.steps import TrainState

logger = logging.getLogger(__name__)

Commit = Callable[[Mapping[str, Origin], str, Mapping[str, Origin]], None]
TENSOR_BYTES = 1024  # at most what an archive adds to a tensor's numbers: a header, an entry in its list, a gap


class _NotInPlace(OSError):
    """The disk failed after a save became valid, while its files were renamed."""


@dataclass(frozen=True)
class SavedCheckpoint:
    """Names of the files written, each with the step of its network, and notes on what they have replaced."""

    files: dict[str, int]
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Text for visitors: "autoencoder.pth (step 120)"."""
        return "; ".join([", ".join(f"{name} (step {step:,})" for name, step in self.files.items()), *self.notes])


@dataclass(frozen=True, eq=False)
class CheckpointData:
    """The contents of a save, copied from the live tensors: training may continue meanwhile. `losses`: the evaluated
    losses of these weights, as far as they are known."""

    networks: dict[Network, dict[str, object]]
    steps: dict[Network, int]
    random_state: Tensor
    losses: dict[Network, MeasuredLoss] = field(default_factory=dict)


def copy_contents(optimizers: TrainState, networks: Iterable[Network]) -> CheckpointData:
    """Copies of weights, optimizer, schedule and random state; nothing may change them during the call."""
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
    weights = {key: in_precision(value, dtype or value.dtype) for key, value in network.state_dict().items()}
    level = {"level": 0} if network.kind == "predictor" else {}
    return {
        "model_state_dict": _copied(weights),
        "optimizer_state_dict": _copied(optimizer),
        "scheduler_state_dict": _copied(schedule),
        "config": Architecture.of(network).as_dict(),
        **level,
    }


def in_precision(weights: Tensor, dtype: torch.dtype) -> Tensor:
    """Weights as numbers of one type; remembered pictures stay bytes."""
    return weights.to(dtype) if weights.is_floating_point() else weights


def _copied(value: object) -> object:
    """A deep copy of nested dicts and lists, with tensors on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def save_checkpoint(
    directory: Path, optimizers: TrainState, networks: Iterable[Network] = ("autoencoder", "predictor")
) -> SavedCheckpoint:
    """Write the named networks with their optimizers; raises CheckpointNotSaved. No training may run meanwhile."""
    return write_contents(directory, copy_contents(optimizers, networks))


def write_contents(directory: Path, contents: CheckpointData, provenance: Provenance | None = None) -> SavedCheckpoint:
    """Write copied contents; raises CheckpointNotSaved. Without a `provenance` all intact files become backups."""
    _require_finite(contents)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with exclusive_access(directory):
            notes = _write_generation(directory, contents, provenance)
    except OSError as problem:
        logger.warning("checkpoint not saved: %s", problem)
        raise CheckpointNotSaved(_describe_failure(problem, directory, contents)) from problem
    return SavedCheckpoint({FILES[name]: step for name, step in contents.steps.items()}, notes)


def restore_version(directory: Path, version: Version) -> None:
    """Put copies of a version's files in the place of the checkpoints, which become a version themselves.

    Raises CheckpointNotSaved, and then the checkpoints are those from before.
    """
    try:
        with exclusive_access(directory):
            names = [FILES[network] for network in version.files]
            saved = version.newest.saved[:16].replace("T", " ")
            keep_current(directory, f"before restoring the version of {saved}", names, version.name)
            _copy_generation(directory, version)
    except _NotInPlace as problem:
        raise CheckpointNotSaved(
            f"The version was written, but the disk failed while it was put in its place ({problem.strerror}); the "
            "next save or start finishes it. Check the folder, then press Load Models."
        ) from problem
    except OSError as problem:
        logger.warning("checkpoint not restored: %s", problem)
        raise CheckpointNotSaved(
            f"The version was not restored ({describe_os_error(problem, directory, version.size)}); the checkpoints in "
            "use are still there. Make room or check the folder, then press Restore."
        ) from problem


def _require_finite(contents: CheckpointData) -> None:
    for network, part in contents.networks.items():
        if not all(torch.isfinite(value).all() for value in part["model_state_dict"].values()):
            raise CheckpointNotSaved(
                f"The weights of the {network} are no longer finite numbers and were not saved; the checkpoint saved "
                "before is still there. Load a checkpoint."
            )


def _describe_failure(problem: OSError, directory: Path, contents: CheckpointData) -> str:
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
    with _generation(directory, list(paths)) as commit:
        require_free_space(directory, _size_of(contents))
        # All files are complete on the disk before the first is renamed: a full disk does not separate the networks.
        digests = {path: _write_temporary(path, part) for path, part in paths.items()}
        replaced = {path: ordinary_digest(path) for path in paths if path.exists()}
        steps = {directory / FILES[name]: step for name, step in contents.steps.items()}
        losses = {directory / FILES[name]: loss for name, loss in contents.losses.items()}
        origins = {
            path.name: new_origin(path, digest, steps[path], losses.get(path), replaced.get(path), provenance)
            for path, digest in digests.items()
        }
        problem = keep_replaced(directory, replaced, origins, provenance)
        notes, backups = [problem], {}
        for path, digest in replaced.items():
            note, is_backup = back_up(path, digest, provenance, is_in_history=not problem)
            notes.append(note)
            if is_backup:
                backups[backup_of(path).name] = saved_origin(path, digest)
        commit(origins, encode_random_state(contents.random_state), backups)
        for name, origin in origins.items():
            if provenance is not None:
                provenance.note(name, origin)
    return tuple(dict.fromkeys(note for note in notes if note))


def _copy_generation(directory: Path, version: Version) -> None:
    paths = {network: directory / FILES[network] for network in version.files}
    with _generation(directory, list(paths.values())) as commit:
        require_free_space(directory, version.size)
        origins = {}
        for network, path in paths.items():
            source, origin = version.path(directory, network), version.files[network].origin
            digest = origin.digest or file_digest(source)
            copy_synced(source, temporary_path(path), digest)
            origins[path.name] = replace(origin, digest=digest)
        commit(origins, version.random_state, {})


@contextlib.contextmanager
def _generation(directory: Path, paths: list[Path]) -> Iterator[Commit]:
    """Yields the function that makes the temporary files of these paths the checkpoints: it gets their origins, their
    random state, and the origins of new backups. They are renamed in the end, and removed if there is an error before.
    """
    with contextlib.ExitStack() as undo:
        undo.callback(remove_temporary_files, directory)

        def commit(origins: Mapping[str, Origin], random_state: str, backups: Mapping[str, Origin]) -> None:
            state = directory / STATE_FILE
            write_state(directory, origins, random_state, backups)
            os.replace(temporary_path(state), state)
            undo.pop_all()

        yield commit
    _rename_all(directory, paths)


def _rename_all(directory: Path, paths: list[Path]) -> None:
    try:
        sync_folder(directory)  # before the renames: state.json must not reach the disk after them
        for path in paths:
            os.replace(temporary_path(path), path)
        sync_folder(directory)
    except OSError as problem:
        raise _NotInPlace(problem.errno, problem.strerror or "input/output error") from problem


def _write_temporary(path: Path, content: dict[str, object]) -> str:
    """Write a file under its temporary name; returns the digest of the file as read back."""
    temporary = temporary_path(path)
    with temporary.open("wb") as file:
        hashing = HashingFile(file)
        torch.save(content, hashing)
        digest = hashing.finish()
    if file_digest(temporary) != digest:
        raise OSError(errno.EIO, "the disk gave back other bytes than were written")
    return digest


def _size_of(contents: CheckpointData) -> int:
    """Upper estimate of the size of the files, in bytes."""
    tensors = [tensor for part in contents.networks.values() for tensor in _tensors_in(part)]
    return sum(tensor.nbytes + TENSOR_BYTES for tensor in tensors)


def _tensors_in(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [tensor for item in inner for tensor in _tensors_in(item)]
