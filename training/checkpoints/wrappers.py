"""Names of weights without the prefixes of wrappers: networks that were compiled, spread over several GPUs, averaged.

A wrapper holds the network under a name of its own, at any depth and inside other wrappers. None of our networks has a
part of such a name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

# torch.compile, (Distributed)DataParallel and AveragedModel, FullyShardedDataParallel, checkpoint_wrapper.
WRAPPERS = ("_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
COUNT_OF_AVERAGES = "n_averaged"  # AveragedModel's own number, beside the weights


def prefixes_in(names: Iterable[str]) -> tuple[str, ...]:
    """The prefixes that occur in names, such as "module."."""
    parts = {part for name in names for part in name.split(".")[:-1]}
    return tuple(f"{wrapper}." for wrapper in WRAPPERS if wrapper in parts)


def unwrapped(name: str) -> str:
    """A name without the prefixes: "_orig_mod.blocks.0.module.bias" is "blocks.0.bias"."""
    *parts, last = name.split(".")
    return ".".join([*(part for part in parts if part not in WRAPPERS), last])


def unwrapped_weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """Weights by names without prefixes, or None if two of them would get one name."""
    if not prefixes_in(tensors):
        return dict(tensors)
    weights = {unwrapped(name): tensor for name, tensor in tensors.items() if name != COUNT_OF_AVERAGES}
    return weights if len(weights) == len(tensors.keys() - {COUNT_OF_AVERAGES}) else None


def unwrapped_optimizer(state: dict[str, Any]) -> dict[str, Any]:
    """An optimizer's state dict whose parameters have names without prefixes, where it names them."""
    groups, moments = state.get("param_groups"), state.get("state")
    renamed = dict(state)
    if isinstance(groups, list):
        renamed["param_groups"] = [_unwrapped_group(group) for group in groups]
    if isinstance(moments, dict):
        renamed["state"] = {_unwrapped_if_text(key): value for key, value in moments.items()}
    return renamed


def _unwrapped_group(group: object) -> object:
    if not isinstance(group, dict):
        return group
    lists = {key: group[key] for key in ("param_names", "params") if isinstance(group.get(key), list)}
    return group | {key: [_unwrapped_if_text(item) for item in items] for key, items in lists.items()}


def _unwrapped_if_text(value: Any) -> Any:
    return unwrapped(value) if isinstance(value, str) else value
