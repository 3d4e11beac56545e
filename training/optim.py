"""The optimizer and learning-rate schedule of one network, and their state by the names of the parameters.

Built from the network they train. A state is restored only if name and shape of every parameter match.
"""

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.network import Predictor
from training.config import TrainingConfig

MOMENTS = ("exp_avg", "exp_avg_sq")
FIRST_STEP = "first_step"  # not of torch: the network's step at which the optimizer was fresh
LEAST_LR = 1e-6


def schedule_factor(step: int, lr: float, config: TrainingConfig) -> float:
    """Learning rate of the step with index `step` (from 0) of a schedule, as a share of `lr`.

    Linear warm-up, then a cosine down to max(`least_lr_share` of the rate, 1e-6).
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    least = min(1.0, max(config.least_lr_share, LEAST_LR / lr))
    progress = min(1.0, (step - config.warmup_steps) / config.cosine_steps)
    return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * progress))


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Two groups of named parameters: decayed ones, and biases and norms, which are not."""
    norms = {f"{name}." for name, part in network.named_modules() if isinstance(part, nn.LayerNorm)}
    decayed, plain = [], []
    for name, parameter in network.named_parameters():
        is_plain = name.endswith("bias") or any(name.startswith(norm) for norm in norms)
        (plain if is_plain else decayed).append((name, parameter))
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


@dataclass(frozen=True, eq=False)
class OptimizerState:
    """The state of an optimizer as a checkpoint holds it: both state dicts of torch, and the network's step."""

    optimizer: dict[str, object]
    schedule: dict[str, object]
    step: int


class EagerAdamW(torch.optim.AdamW):
    """AdamW without the parts for torch's compiler, whose import would take every program two seconds at its start."""

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    state_dict = inspect.unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.AdamW.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


class NetworkOptimizer:
    """AdamW with decay and schedule of a `TrainingConfig`, for all parameters of `network`.

    Steps are those of the network's whole life. The schedule starts at `first_step`, with a fresh optimizer.
    """

    def __init__(self, network: nn.Module, lr: float, config: TrainingConfig, first_step: int = 0) -> None:
        self.lr, self.first_step = lr, first_step
        groups = parameter_groups(network, config.weight_decay)
        self._optimizer = EagerAdamW(groups, lr=lr, fused=True)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: schedule_factor(max(0, step - self.first_step), lr, config)
        )
        if first_step:
            self._go_to(first_step)

    @property
    def steps(self) -> int:
        """Steps that the network has taken so far."""
        return self._schedule.last_epoch

    @property
    def current_lr(self) -> float:
        """The learning rate of the next step."""
        return self._optimizer.param_groups[0]["lr"]

    def prepare(self) -> None:
        """Create the moments that torch would create in a parameter's first step, so that `step` takes no memory."""
        parameters = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        state = self._optimizer.state
        new = {one: _zero_moments(one) for one in parameters if one.grad is not None and one not in state}
        state.update(new)

    def step(self) -> None:
        """Apply the gradients, and advance the schedule."""
        self._optimizer.step()
        self._schedule.step()

    def state(self) -> OptimizerState:
        """Both state dicts, sharing memory with the optimizer."""
        optimizer = self._optimizer.state_dict() | {FIRST_STEP: self.first_step}
        return OptimizerState(optimizer, self._schedule.state_dict(), self.steps)

    def restore(self, saved: dict[str, object], step: int) -> bool:
        """Restore a saved optimizer's moments at `step`, the network's step.

        Returns False, and changes nothing, if names or shapes differ. Learning rates and decay stay those of this
        optimizer's own configuration.
        """
        own = self._optimizer.state_dict()
        moments = moments_by_name(saved)
        if moments is None:
            return False
        state: dict[int, dict[str, Tensor]] = {}
        for group, live in zip(own["param_groups"], self._optimizer.param_groups, strict=True):
            for index, name, parameter in zip(group["params"], group["param_names"], live["params"], strict=True):
                if name in moments and not _fits(moments[name], parameter):
                    return False
                if name in moments:
                    state[index] = moments[name]
        if not state or moments.keys() - {name for group in own["param_groups"] for name in group["param_names"]}:
            return False
        self._optimizer.load_state_dict({"state": state, "param_groups": own["param_groups"]})
        self.first_step = _first_step(saved, step)
        self._go_to(step)
        return True

    def _go_to(self, step: int) -> None:
        own = self._schedule.state_dict()
        self._schedule.load_state_dict({**own, "last_epoch": step, "_step_count": step + 1})
        for group, base, factor in zip(
            self._optimizer.param_groups, self._schedule.base_lrs, self._schedule.lr_lambdas, strict=True
        ):
            group["lr"] = base * factor(step)


def _zero_moments(parameter: Tensor) -> dict[str, Tensor]:
    moments = {name: torch.zeros_like(parameter, memory_format=torch.preserve_format) for name in MOMENTS}
    return {"step": torch.zeros((), dtype=torch.float32, device=parameter.device), **moments}


def moments_by_name(saved: dict[str, object]) -> dict[str, dict[str, Tensor]] | None:
    """State of each parameter by its name, or None if a state dict of AdamW has no names."""
    groups, state = saved.get("param_groups"), saved.get("state")
    if not isinstance(groups, list) or not isinstance(state, dict):
        return None
    by_name: dict[str, dict[str, Tensor]] = {}
    for group in groups:
        names, indices = (group.get(key) if isinstance(group, dict) else None for key in ("param_names", "params"))
        if not _are(names, str) or not _are(indices, int) or len(names) != len(indices):
            return None
        by_name |= {name: state[index] for name, index in zip(names, indices, strict=True) if index in state}
    return by_name


def _first_step(saved: dict[str, object], step: int) -> int:
    first = saved.get(FIRST_STEP)
    return first if type(first) is int and 0 <= first <= step else 0


def _are(values: object, kind: type) -> bool:
    return isinstance(values, list) and all(type(value) is kind for value in values)


def _fits(moments: object, parameter: Tensor) -> bool:
    """True if a parameter's state is one that AdamW could have left; others could turn weights into NaN."""
    if not isinstance(moments, dict) or moments.keys() != {"step", *MOMENTS}:
        return False
    if not all(isinstance(value, Tensor) and value.is_floating_point() for value in moments.values()):
        return False
    if moments["step"].numel() != 1 or any(moments[name].shape != parameter.shape for name in MOMENTS):
        return False
    values = {name: value.to(parameter.dtype) for name, value in moments.items()}
    is_finite = all(bool(torch.isfinite(value).all()) for value in values.values())
    return is_finite and values["step"].item() >= 0 and bool((values["exp_avg_sq"] >= 0).all())


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
