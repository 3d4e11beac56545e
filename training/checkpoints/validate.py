"""Checkpoints and the networks they belong to: whether a file's weights fit, and putting them in place.

Owns the checks between `reader.py` (a file's tensors) and a network. All of them pass before anything
in the network changes, so the weights in use survive every bad file.
"""

import copy
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from models import MaskedAutoencoderViT, Network, SharedWorldModel, TransformerActionConditionedPredictor
from training.checkpoints.errors import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointKeysDiffer,
    CheckpointNotFinite,
    CheckpointShapesDiffer,
    WrongNetwork,
)
from training.checkpoints.paths import SUFFIX
from training.checkpoints.reader import LoadedCheckpoint, read_checkpoint
from training.checkpoints.writer import CheckpointNotSaved
from training.values import printable

logger = logging.getLogger(__name__)

COPY_PREFIX = "autoencoder."  # the notebook's predictor files carry a whole copy of the autoencoder under it
ACTION_INPUT = "action_embed.net.0.weight"  # (hidden, A): the one shape that depends on the robot
PARALLEL_PREFIX = "module."  # DataParallel puts it before every name
TELLTALES = {"patch_embed.proj.weight": "autoencoder", ACTION_INPUT: "predictor"}
NAMED_AT_MOST = 3
TRIAL_TOKENS = 8


@dataclass(frozen=True)
class CheckpointInfo:
    """What was loaded: the file's name, the step it was saved at where it tells, and what was left aside."""

    file: str
    step: int | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ValidatedCheckpoint:
    """A file that has passed every check against a network: where it lies, its digest, its weights, what is known of
    it, and the state of its optimizer as found."""

    path: Path
    digest: str
    weights: dict[str, Tensor]
    info: CheckpointInfo
    optimizer: dict[str, object] | None


def load_checkpoint(
    path: str | Path, model: MaskedAutoencoderViT | TransformerActionConditionedPredictor
) -> CheckpointInfo:
    """Load a file's weights into either network, in place; raises a CheckpointError and changes nothing otherwise.

    The file is a dict with `model_state_dict`, or a bare state dict, read with torch's restricted loader.
    """
    checkpoint = validate_checkpoint(path, model)
    model.load_state_dict(checkpoint.weights, strict=True)
    return checkpoint.info


def validate_checkpoint(
    path: str | Path, model: MaskedAutoencoderViT | TransformerActionConditionedPredictor
) -> ValidatedCheckpoint:
    """A file's contents, its weights checked against a network by key, shape and value; raises a CheckpointError."""
    contents = read_checkpoint(Path(path))
    network: Network = "autoencoder" if isinstance(model, MaskedAutoencoderViT) else "predictor"
    expected = model.state_dict()
    tensors, notes = _without_copy(contents, network)
    _check_network(contents.file, tensors, network)
    _check_keys(contents.file, tensors, expected)
    _check_shapes(contents.file, tensors, expected)
    weights = {key: _as_numbers(contents.file, key, tensors[key], expected[key].dtype) for key in expected}
    trial = copy.deepcopy(model).to("cpu").eval()
    trial.load_state_dict(weights, strict=True)
    smoke_test(contents.file, trial)
    info = CheckpointInfo(contents.file, contents.step, notes)
    return ValidatedCheckpoint(Path(path), contents.digest, weights, info, contents.optimizer)


def validate_checkpoint_or_backup(
    path: Path, model: MaskedAutoencoderViT | TransformerActionConditionedPredictor
) -> ValidatedCheckpoint:
    """The same; where the file is damaged or its numbers are not finite, its backup with a note that says so. Raises
    the CheckpointError of the file itself where the backup is of no use either."""
    try:
        return validate_checkpoint(path, model)
    except (CheckpointDamaged, CheckpointNotFinite) as problem:
        backup = path.with_name(f"{path.stem}_backup{SUFFIX}")
        # No backup of ours is a link; another's could lead out of the folder.
        if backup.is_symlink():
            raise
        try:
            found = validate_checkpoint(backup, model)
        except CheckpointError:
            raise problem from None
        reason = problem.reason()
    at_step = "" if found.info.step is None else f" of step {found.info.step:,}"
    note = f"{reason}; its backup{at_step} was loaded instead."
    logger.warning(note)
    return replace(found, info=replace(found.info, notes=(note, *found.info.notes)))


def smoke_test(file: str, network: MaskedAutoencoderViT | TransformerActionConditionedPredictor) -> None:
    """A trial on plain input; raises CheckpointNotFinite where finite weights give numbers that are not."""
    with torch.inference_mode():
        if isinstance(network, MaskedAutoencoderViT):
            size = network.config.image_size
            result = network.reconstruct(torch.full((1, 3, size, size), 0.5))
        else:
            latents = torch.ones(1, 1, TRIAL_TOKENS, network.config.width)
            result = network(latents, torch.zeros(1, 1, network.action_channels))
    if not torch.isfinite(result).all():
        raise CheckpointNotFinite(f"{file} gives numbers that are not finite when it is tried; choose another file.")


def _without_copy(contents: LoadedCheckpoint, network: Network) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    tensors = {key: value for key, value in contents.tensors.items() if not key.startswith(COPY_PREFIX)}
    if network == "autoencoder" or len(tensors) == len(contents.tensors):
        return contents.tensors, ()
    return tensors, ("The copy of an autoencoder in this file was left aside.",)


def _check_network(file: str, tensors: dict[str, Tensor], wanted: Network) -> None:
    found = {network for key, network in TELLTALES.items() if key in tensors}
    if found and wanted not in found:
        other = found.pop()
        raise WrongNetwork(f"{file} holds the weights of {_named(other)}; choose a file of {_named(wanted)}.")


def _named(network: str) -> str:
    return "an autoencoder" if network == "autoencoder" else "a predictor"


def _check_keys(file: str, tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    if all(key.startswith(PARALLEL_PREFIX) for key in tensors):
        raise CheckpointKeysDiffer(
            f"{file} was saved from several GPUs, all its names begin with {PARALLEL_PREFIX}; convert it with `python "
            "-m training.convert`, or choose another file."
        )
    missing = [key for key in expected if key not in tensors]
    unexpected = [key for key in tensors if key not in expected]
    told = [_listed("missing", missing)] if missing else []
    told += [_listed("not known", unexpected)] if unexpected else []
    if told:
        raise CheckpointKeysDiffer(
            f"{file} does not fit this network: {' and '.join(told)}; choose a checkpoint of the same design."
        )


def _listed(what: str, keys: list[str]) -> str:
    """How many names there are, and the first few of them."""
    first = ", ".join(printable(key) for key in keys[:NAMED_AT_MOST])
    rest = ", …" if len(keys) > NAMED_AT_MOST else ""
    return f"{len(keys)} {'name' if len(keys) == 1 else 'names'} {what} ({first}{rest})"


def _check_shapes(file: str, tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    differing = [key for key in expected if tensors[key].shape != expected[key].shape]
    if not differing:
        return
    key = differing[0]
    found, wanted = tuple(tensors[key].shape), tuple(expected[key].shape)
    if differing == [ACTION_INPUT] and len(found) == 2 and found[0] == wanted[0]:
        raise CheckpointShapesDiffer(
            f"{file} holds a predictor for {_channels(found[1])}, this robot has {wanted[1]}; "
            "choose a checkpoint of this robot."
        )
    raise CheckpointShapesDiffer(
        f"{file} holds weights of other sizes: {len(differing)} differ, {key} is {found} where {wanted} is "
        "needed; choose a checkpoint of the same design."
    )


def _channels(count: int) -> str:
    return f"{count} action channel{'' if count == 1 else 's'}"


def _as_numbers(file: str, key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A plain tensor of the network's own type with finite values."""
    is_plain = tensor.layout is torch.strided and tensor.device.type == "cpu" and tensor.is_floating_point()
    if not is_plain:
        raise CheckpointNotFinite(f"{file} holds {key} as something other than real numbers; choose another file.")
    # Converted first: a value too large for the network's type would turn infinite on its way in.
    converted = tensor.detach().to(dtype)
    if not torch.isfinite(converted).all():
        raise CheckpointNotFinite(f"{file} holds numbers in {key} that are not finite; choose another file.")
    return converted


def require_finite_outputs(shared: SharedWorldModel, networks: Iterable[Network]) -> None:
    """Try the named networks as they would be tried when loaded again; raises CheckpointNotSaved.

    To be called while holding the model's lock.
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
