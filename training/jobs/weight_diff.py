"""The change of the weights by a training job: a copy from before it, and the comparison with the weights now."""

import copy
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from models import Network, SharedWorldModel, WeightChange, copy_weights, weight_changes

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class WeightComparison:
    """The change of the weights by a job that trained `network` on `subject`, from `first_step` to `last_step`.

    `is_running` while the job may still change them.
    """

    network: Network
    subject: str
    first_step: int
    last_step: int
    is_running: bool
    changes: tuple[WeightChange, ...]

    @property
    def steps(self) -> int:
        """Steps that the job has taken."""
        return self.last_step - self.first_step


class WeightDiff:
    """The weights before a job, until `end` replaces them by the comparison.

    If memory runs out, no comparison is made, and the reason is logged; the job goes on. `current_step` returns
    the network's step.
    """

    def __init__(
        self, shared: SharedWorldModel, network: Network, subject: str, current_step: Callable[[], int]
    ) -> None:
        self._shared, self._network, self._subject, self._current_step = shared, network, subject, current_step
        self._first_step = current_step()
        self._ended: WeightComparison | None = None
        with shared.lock:
            self._before = _result_or_none(lambda: copy_weights(shared.model))

    def comparison(self) -> WeightComparison | None:
        """The weights before and now, or before and at the end if the job has ended."""
        before = self._before
        return self._ended if before is None else self._compared(before, is_running=True)

    def end(self) -> None:
        """Compare for the last time, and drop the copy."""
        before = self._before
        self._ended = None if before is None else self._compared(before, is_running=False)
        self._before = None  # after `_ended`: `comparison` reads this one first

    def _compared(self, before: dict[str, Tensor], is_running: bool) -> WeightComparison | None:
        # Only the copying holds up the job and other readers; comparing takes ten times as long.
        with self._shared.lock:
            last_step, now = self._current_step(), _result_or_none(lambda: copy.deepcopy(self._shared.model))
        if now is None or _shapes(before) != _shapes(dict(now.named_parameters())):
            return None  # a phase that began with a network of another architecture
        changes = _result_or_none(lambda: weight_changes(before, now))
        if changes is None:
            return None
        return WeightComparison(self._network, self._subject, self._first_step, last_step, is_running, changes)


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: weight.shape for name, weight in weights.items()}


def _result_or_none(compute: Callable[[], Result]) -> Result | None:
    try:
        return compute()
    # Torch reports a CPU's memory as an ordinary RuntimeError; weights that are not finite are an ArithmeticError.
    except (RuntimeError, MemoryError, ArithmeticError, ValueError):
        logger.exception("the weights before and after a job were not compared")
        return None
