"""Checks of a file's contents against a network: its kind, its architecture, names, shapes and values of its weights.

Owns the sentences on what does not fit. Nothing is changed here; `validate.py` puts weights in place.
"""

import dataclasses

import torch
from torch import Tensor

from models import (
    NETWORKS,
    Architecture,
    MaskedAutoencoderViT,
    Network,
    NetworkModule,
    TransformerActionConditionedPredictor,
    UnknownArchitecture,
)
from training.checkpoints.errors import (
    CheckpointConfigDiffers,
    CheckpointDamaged,
    CheckpointKeysDiffer,
    CheckpointNotFinite,
    CheckpointShapesDiffer,
    WrongNetwork,
)
from training.checkpoints.reader import MAX_FILE_BYTES, LoadedCheckpoint
from training.values import printable

COPY_PREFIX = "autoencoder."  # the notebook's predictor files carry a whole copy of the autoencoder under it
ACTION_INPUT = TransformerActionConditionedPredictor.action_input
# A file without a config holds one of these two networks; each has a parameter that the other one lacks.
OLD_NETWORKS: dict[str, Network] = {MaskedAutoencoderViT.picture_input: "autoencoder", ACTION_INPUT: "predictor"}
NAMED_AT_MOST = 3


def without_copy(contents: LoadedCheckpoint, kind: Network) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """A file's tensors without the copy of an autoencoder that predictors of the notebook carry, and notes on it."""
    notes = () if not contents.prefixes else (f"Prefixes of its names were left aside: {', '.join(contents.prefixes)}",)
    tensors = {key: value for key, value in contents.tensors.items() if not key.startswith(COPY_PREFIX)}
    if kind == "autoencoder" or len(tensors) == len(contents.tensors):
        return contents.tensors, notes
    return tensors, (*notes, "The copy of an autoencoder in this file was left aside.")


def kinds_of(contents: LoadedCheckpoint, tensors: dict[str, Tensor]) -> set[Network]:
    """The networks that a file's tensors may be of, by its config or by parameters that only one of them has."""
    if contents.config is None:
        return {kind for key, kind in OLD_NETWORKS.items() if key in tensors}
    return {kind for kind in NETWORKS if kind == contents.config.get("kind")}


def check_kind(contents: LoadedCheckpoint, tensors: dict[str, Tensor], required: Network) -> None:
    """Raises WrongNetwork if the file is one of the other network."""
    kinds = kinds_of(contents, tensors)
    if kinds and required not in kinds:
        raise WrongNetwork(f"{contents.file} contains {kinds.pop()} weights; choose {_article(required)} checkpoint.")


def _article(kind: Network) -> str:
    return "an autoencoder" if kind == "autoencoder" else "a predictor"


def check_architecture(contents: LoadedCheckpoint, required: Architecture) -> None:
    """Raises CheckpointConfigDiffers or CheckpointShapesDiffer if the file's config states another architecture."""
    saved = saved_architecture(contents)
    differences = {} if saved is None else saved.differences(required)
    if differences.keys() == {"action_channels"}:
        raise CheckpointShapesDiffer(_other_channels(contents.file, *differences["action_channels"]))
    if differences:
        listed = ", ".join(
            f"{name} is {printable(str(own))}, not {other}" for name, (own, other) in differences.items()
        )
        raise CheckpointConfigDiffers(
            f"{contents.file} holds another {required.kind} than the one in use: its {listed}; choose a checkpoint of "
            "the same design."
        )


def saved_architecture(contents: LoadedCheckpoint) -> Architecture | None:
    """The architecture that a file's config states, or None if it has no config; raises CheckpointConfigDiffers."""
    try:
        return None if contents.config is None else Architecture.from_dict(contents.config)
    except UnknownArchitecture as problem:
        raise CheckpointConfigDiffers(
            f"{contents.file} is of a design that this program does not have ({printable(str(problem))}); "
            "choose another file."
        ) from problem


def adopted(contents: LoadedCheckpoint, model: NetworkModule) -> NetworkModule:
    """The network that the file's weights are for: `model`, or a fresh one if they differ in what is adopted alone.

    Raises CheckpointConfigDiffers if the file states an unknown architecture.
    """
    current, saved = Architecture.of(model), saved_architecture(contents)
    config = type(current.config)() if saved is None else saved.config
    names = current.config.adopted & {field.name for field in dataclasses.fields(config)}
    wanted = dataclasses.replace(
        current, config=dataclasses.replace(current.config, **{name: getattr(config, name) for name in names})
    )
    if wanted == current:
        return model
    check_size(contents)
    return wanted.build()


def check_names(file: str, tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Raises CheckpointKeysDiffer if names of weights are missing or unexpected."""
    missing = [key for key in expected if key not in tensors]
    unexpected = [key for key in tensors if key not in expected]
    problems = [_listed("missing", missing)] if missing else []
    problems += [_listed("not known", unexpected)] if unexpected else []
    if problems:
        raise CheckpointKeysDiffer(
            f"{file} does not fit this network: {' and '.join(problems)}; choose a checkpoint of the same design."
        )


def _listed(problem: str, keys: list[str]) -> str:
    """The number of names, and the first few of them."""
    first = ", ".join(printable(key) for key in keys[:NAMED_AT_MOST])
    rest = ", …" if len(keys) > NAMED_AT_MOST else ""
    return f"{len(keys)} {'name' if len(keys) == 1 else 'names'} {problem} ({first}{rest})"


def check_shapes(file: str, tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Raises CheckpointShapesDiffer if weights, all of whose names are expected, have other shapes."""
    differing = [key for key in expected if tensors[key].shape != expected[key].shape]
    if not differing:
        return
    key = differing[0]
    shape, required = tuple(tensors[key].shape), tuple(expected[key].shape)
    if differing == [ACTION_INPUT] and len(shape) == 2 and shape[0] == required[0]:
        raise CheckpointShapesDiffer(_other_channels(file, shape[1], required[1]))
    raise CheckpointShapesDiffer(
        f"{file} holds weights of other sizes: {len(differing)} differ, {key} is {shape} where {required} is "
        "needed; choose a checkpoint of the same design."
    )


def _other_channels(file: str, count: int, required: int) -> str:
    channels = f"{count} action channel{'' if count == 1 else 's'}"
    return f"{file} holds a predictor for {channels}, this robot has {required}; choose a checkpoint of this robot."


def check_size(contents: LoadedCheckpoint) -> None:
    """Raises CheckpointDamaged if the tensors claim more numbers than a file can hold, by repeating some of them."""
    if sum(tensor.numel() * tensor.element_size() for tensor in contents.tensors.values()) > MAX_FILE_BYTES:
        raise CheckpointDamaged(
            f"{contents.file} holds tensors larger than any of these networks; choose another file."
        )


def as_numbers(file: str, key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The weights `key` as a plain tensor of the network's own type; raises CheckpointNotFinite.

    Real numbers of any precision, but for remembered pictures, which are bytes.
    """
    is_plain = tensor.layout is torch.strided and tensor.device.type == "cpu"
    if not (is_plain and (tensor.dtype is dtype if dtype is torch.uint8 else tensor.is_floating_point())):
        raise CheckpointNotFinite(f"{file} holds {key} as something other than real numbers; choose another file.")
    # Converted first: a value too large for the network's type would become infinite when it is loaded.
    converted = tensor.detach().to(dtype)
    if not torch.isfinite(converted).all():
        raise CheckpointNotFinite(f"{file} holds numbers in {key} that are not finite; choose another file.")
    return converted
