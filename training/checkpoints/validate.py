"""Validation of checkpoints against a network, and loading of their weights.

Owns the order of the checks between `reader.py` (a file's tensors) and a network. All of them pass before anything in
the network changes, so the weights in use survive every bad file.
"""

import copy
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from models import AdaptiveWorldModel, Architecture, Network, NetworkModule, SharedWorldModel
from training.checkpoints.compatibility import (
    adopted,
    as_numbers,
    check_architecture,
    check_kind,
    check_names,
    check_shapes,
    without_copy,
)
from training.checkpoints.errors import CheckpointDamaged, CheckpointError, CheckpointNotFinite, CheckpointNotSaved
from training.checkpoints.paths import FILES, backup_of
from training.checkpoints.reader import LoadedCheckpoint, read_checkpoint
from training.checkpoints.versions import Version

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckpointInfo:
    """A file that was loaded: its name, the step it was saved at (None if unknown), and notes for the visitor."""

    file: str
    step: int | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ValidatedCheckpoint:
    """A file that has passed every check against a network of `architecture`. The state of its optimizer is not
    checked."""

    path: Path
    digest: str
    architecture: Architecture
    weights: dict[str, Tensor]
    info: CheckpointInfo
    optimizer: dict[str, object] | None


def load_checkpoint(path: str | Path, model: NetworkModule) -> CheckpointInfo:
    """Load a file's weights into a network, in place; raises a CheckpointError, and then nothing has changed.

    The file is a dict with `model_state_dict`, or a bare state dict, read with torch's restricted loader.
    """
    checkpoint = _validated(read_checkpoint(Path(path)), Path(path), model)
    model.load_state_dict(checkpoint.weights, strict=True)
    return checkpoint.info


def put_in_place(checkpoint: ValidatedCheckpoint, model: AdaptiveWorldModel) -> None:
    """Use a file's weights in a world model whose network it was validated against."""
    architecture = checkpoint.architecture
    if architecture != Architecture.of(model.network(architecture.kind)):
        model.replace_predictor(architecture.config)  # the only network that adopts anything
    model.network(architecture.kind).load_state_dict(checkpoint.weights, strict=True)


def validate_checkpoint(path: str | Path, model: NetworkModule) -> ValidatedCheckpoint:
    """A file's contents, its weights checked against a network by key, shape and value; raises a CheckpointError.

    If the file has a config, it must be that of the network, except for the fields that a network in use adopts.
    """
    contents = read_checkpoint(Path(path))
    tensors, _ = without_copy(contents, model.kind)
    check_kind(contents, tensors, model.kind)
    return _validated(contents, Path(path), adopted(contents, model))


def _validated(contents: LoadedCheckpoint, path: Path, model: NetworkModule) -> ValidatedCheckpoint:
    expected, architecture = model.state_dict(), Architecture.of(model)
    tensors, notes = without_copy(contents, model.kind)
    check_kind(contents, tensors, model.kind)
    check_architecture(contents, architecture)
    check_names(contents.file, tensors, expected)
    check_shapes(contents.file, tensors, expected)
    weights = {key: as_numbers(contents.file, key, tensors[key], expected[key].dtype) for key in expected}
    trial = copy.deepcopy(model).to("cpu").eval()
    trial.load_state_dict(weights, strict=True)
    smoke_test(contents.file, trial)
    info = CheckpointInfo(contents.file, contents.step, notes)
    return ValidatedCheckpoint(path, contents.digest, architecture, weights, info, contents.optimizer)


def validate_checkpoint_or_backup(path: Path, model: NetworkModule) -> ValidatedCheckpoint:
    """`validate_checkpoint` of a file or, if it is damaged or not finite, of its backup, with a note that says so.

    Raises the CheckpointError of the file itself if the backup cannot be used either.
    """
    try:
        return validate_checkpoint(path, model)
    except (CheckpointDamaged, CheckpointNotFinite) as problem:
        backup = backup_of(path)
        # No backup of ours is a link; another's could lead out of the folder.
        if os.path.islink(backup):
            raise
        try:
            checkpoint = validate_checkpoint(backup, model)
        except CheckpointError:
            raise problem from None
        reason = problem.reason()
    at_step = "" if checkpoint.info.step is None else f" of step {checkpoint.info.step:,}"
    note = f"{reason}; its backup{at_step} was loaded instead."
    logger.warning(note)
    return replace(checkpoint, info=replace(checkpoint.info, notes=(note, *checkpoint.info.notes)))


def validate_version(version: Version, directory: Path, model: NetworkModule) -> ValidatedCheckpoint:
    """The file of a version of the history of `directory`, as the robot's own checkpoint that it will be; raises a
    CheckpointError."""
    checkpoint = validate_checkpoint(version.path(directory, model.kind), model)
    if version.digests[model.kind] not in ("", checkpoint.digest):
        raise CheckpointDamaged(
            f"The {model.kind} of this version is not the file that was kept; choose another version."
        )
    return replace(checkpoint, path=directory / FILES[model.kind])


def smoke_test(file: str, network: NetworkModule) -> None:
    """Run a network on plain input; raises CheckpointNotFinite if finite weights give an output that is not."""
    with torch.inference_mode():
        output = network.example_output()
    if not torch.isfinite(output).all():
        raise CheckpointNotFinite(f"{file} gives numbers that are not finite when it is tried; choose another file.")


def require_finite_outputs(shared: SharedWorldModel, networks: Iterable[Network]) -> None:
    """Run the smoke test of loading on the named networks; raises CheckpointNotSaved.

    The caller holds the model's lock.
    """
    for network in networks:
        module = shared.network(network)
        on_cpu = module if shared.device.type == "cpu" else copy.deepcopy(module).to("cpu")
        try:
            smoke_test(network, on_cpu)
        except CheckpointNotFinite as problem:
            raise CheckpointNotSaved(
                f"The weights of the {network} give numbers that are not finite and were not saved; the checkpoint "
                "saved before is still there. Load a checkpoint."
            ) from problem
