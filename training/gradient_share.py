"""The share of the predictor's gradient on the parameters that process the actions.

Owns two shares of these parameters: of the squared gradient, and of all parameters for comparison. Takes norms that a
step has computed anyway.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from models.network import Predictor

PREDICTOR = "predictor."  # prefix of its parameters' names within the world model


def action_gradient_share(names: Sequence[str], norms: Tensor, action_parts: tuple[str, ...]) -> float | None:
    """Share of the predictor's squared gradient norm that falls on its action parameters, from 0 to 1.

    Takes the names of a world model's parameters, the norms of their gradients, (G,) each, and the predictor's
    `action_parts`. Returns None if no gradient reaches the predictor.
    """
    # float64: the square of a large float32 is infinite.
    squares = dict(zip(names, norms.to(torch.float64).square().tolist(), strict=True))
    own = {name.removeprefix(PREDICTOR): square for name, square in squares.items() if name.startswith(PREDICTOR)}
    whole = sum(own.values())
    action = sum(square for name, square in own.items() if name.startswith(action_parts))
    return action / whole if whole > 0 else None


def action_parameter_share(predictor: Predictor) -> float:
    """Share of the predictor's parameters that are action parameters: the result for an even gradient."""
    sizes = {name: parameter.numel() for name, parameter in predictor.named_parameters()}
    return sum(size for name, size in sizes.items() if name.startswith(predictor.action_parts)) / sum(sizes.values())
