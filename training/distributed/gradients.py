"""The sum of the gradients of all processes: one vector, one sum.

It has a place for every parameter, also for those that a process has no gradient of, so all are equally long.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from training.distributed.group import Group


def add_gradients(group: Group, parameters: Sequence[nn.Parameter], numbers: Mapping[str, float]) -> dict[str, float]:
    """Replace the gradients of parameters, one dtype and device, by their sums over all processes; returns the sums of
    the numbers, by the same names in all of them.

    A parameter without a gradient in any process keeps none. Raises OtherProcessFailed and ProcessLost.
    """
    if group.size == 1:
        return dict(numbers)
    sizes = [parameter.numel() for parameter in parameters]
    vector = parameters[0].new_zeros(sum(sizes) + len(sizes) + len(numbers))
    *places, has_gradient, summed = vector.split([*sizes, len(sizes), len(numbers)])
    for place, parameter, flag in zip(places, parameters, has_gradient, strict=True):
        if parameter.grad is not None:
            place.copy_(parameter.grad.flatten())
            flag.fill_(1)
    summed.copy_(torch.tensor(list(numbers.values())))
    group.add(vector)
    _set_gradients(parameters, places, has_gradient)
    return dict(zip(numbers, summed.tolist(), strict=True))


def _set_gradients(parameters: Sequence[nn.Parameter], places: Sequence[Tensor], has_gradient: Tensor) -> None:
    for place, parameter, flag in zip(places, parameters, has_gradient.tolist(), strict=True):
        # Views of the vector: it lives as long as the gradients of this step.
        parameter.grad = place.view_as(parameter) if flag else None
