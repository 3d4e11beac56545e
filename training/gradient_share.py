"""How much of the predictor's gradient falls on the parameters that take in the actions.

Owns which parameters those are and two shares of them: of the squared gradient, and of all parameters for comparison.
Takes norms that a step has computed anyway; when to ask is the trainer's business.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PREDICTOR = "predictor."  # how names of the predictor's parameters begin within the world model
ACTION_PARTS = ("action_embed.", "action_token_proj.", "film_layers.")


def action_gradient_share(names: Sequence[str], norms: Tensor) -> float | None:
    """The share of the predictor's squared gradient norm that its action parameters have, from 0 to 1.

    Takes the names of a world model's parameters and the norms of their gradients, (G,) each. None where no gradient
    reaches the predictor.
    """
    # float64: the square of a large float32 is infinite.
    squares = dict(zip(names, norms.to(torch.float64).square().tolist(), strict=True))
    whole = sum(square for name, square in squares.items() if name.startswith(PREDICTOR))
    action = sum(square for name, square in squares.items() if _is_action(name.removeprefix(PREDICTOR)))
    return action / whole if whole > 0 else None


def action_parameter_share(predictor: nn.Module) -> float:
    """The share of the predictor's parameters that are action parameters: what an even gradient would give."""
    sizes = {name: parameter.numel() for name, parameter in predictor.named_parameters()}
    return sum(size for name, size in sizes.items() if _is_action(name)) / sum(sizes.values())


def _is_action(name: str) -> bool:
    return name.startswith(ACTION_PARTS)
