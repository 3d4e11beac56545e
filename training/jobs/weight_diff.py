"""What a training job makes of the weights: a copy from before it, and the comparison with what they are now."""

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from models import Network, SharedWorldModel, WeightChange, copy_weights, weight_changes
from training.optim import NetworkOptimizer

logger = logging.getLogger(__name__)
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class WeightComparison:
    """What a job has made of the weights: `network` was trained on `subject`, and its optimizer went from `first_step`
    to `last_step`; `is_running` while the job may still change them."""

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
    """The weights before a job, until `end` puts what the job has made of them in their place.

    No comparison is worth a job: where it fails, for want of memory, there is none, and the log says why.
    """

    def __init__(self, shared: SharedWorldModel, network: Network, subject: str, optimizer: NetworkOptimizer) -> None:
        self._shared, self._network, self._subject, self._optimizer = shared, network, subject, optimizer
        self._first_step = optimizer.steps
        self._ended: WeightComparison | None = None
        with shared.lock:
            self._before = _found_or_none(lambda: copy_weights(shared.model))

    def comparison(self) -> WeightComparison | None:
        """Of the weights before with those of now, or with those at the end if the job has ended."""
        before = self._before
        return self._ended if before is None else self._compared(before, is_running=True)

    def end(self) -> None:
        """Compare for the last time, and let go of the copy."""
        before = self._before
        self._ended = None if before is None else self._compared(before, is_running=False)
        self._before = None  # after `_ended`: who sees this, sees that

    def _compared(self, before: dict[str, Tensor], is_running: bool) -> WeightComparison | None:
        # Only the copying holds up the job and others who look; comparing takes ten times as long.
        with self._shared.lock:
            last_step, now = self._optimizer.steps, _found_or_none(lambda: copy.deepcopy(self._shared.model))
        changes = None if now is None else _found_or_none(lambda: weight_changes(before, now))
        if changes is None:
            return None
        return WeightComparison(self._network, self._subject, self._first_step, last_step, is_running, changes)


def _found_or_none(look: Callable[[], Found]) -> Found | None:
    try:
        return look()
    # Torch reports a CPU's memory as an ordinary RuntimeError; weights that are no numbers are an ArithmeticError.
    except (RuntimeError, MemoryError, ArithmeticError, ValueError):
        logger.exception("the weights before and after a job were not compared")
        return None
