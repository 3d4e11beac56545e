"""Networks that are built for the names and shapes of their weights alone, without memory or numbers."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import nn
from torch.overrides import TorchFunctionMode


@contextlib.contextmanager
def shapes_alone() -> Iterator[None]:
    """Networks built within have no numbers: a config from a file could state sizes that fill the memory."""
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Draws no normal numbers: on the meta device torch would load its compiler for them, two seconds of a start."""

    def __torch_function__(
        self,
        function: Callable[..., object],
        types: tuple[type, ...],
        arguments: tuple[object, ...] = (),
        options: Mapping[str, object] | None = None,
    ) -> object:
        return None if function is nn.init.normal_ else function(*arguments, **(options or {}))
