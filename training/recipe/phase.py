"""A phase of training: an objective, the dataset of its steps, a stop condition and a configuration.

A plain run is one phase; a recipe is a list of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from models import NETWORKS, Network
from session.batch import Batch
from training.config import LossThreshold, StopCondition, TrainingConfig
from training.distributed.division import ALONE, WHOLE, Part
from training.distributed.group import Group
from training.steps import Objective


class Dataset(Protocol):
    """Batches for the steps of an objective, and the batches that its loss is evaluated on."""

    @property
    def shown_frame(self) -> int:
        """The frame of the first evaluation batch, as the page counts frames."""

    def prepare(self, group: Group = ALONE.group) -> None:
        """Compute what all steps of the phase need, from the weights at its start; processes may share the work."""

    def draw(self, generator: torch.Generator, part: Part = WHOLE) -> object:
        """A batch for one step; all that is random comes from `generator`, for every part that of the whole batch. Only
        the rows of the part are read."""

    def evaluation_batches(self) -> Sequence[Batch]:
        """Always the same batches of one, of frames that are learned from."""

    def held_out_batches(self) -> Sequence[Batch]:
        """The same, of frames that are never learned from; empty if there are none."""

    def describe(self) -> str:
        """Text: "frame 12 of session_…"."""


@dataclass(frozen=True, eq=False)
class Phase:
    """Steps of `objective` on batches of `dataset`, until `condition` holds.

    `first_step`: the phase has optimizers of its own, which are fresh at this step of the objective's network; None: it
    goes on with the existing ones. `initialize` is called before the first step of such a phase, under the lock of
    the world model, and may change weights. `measure` gives further figures, every `measure_every` steps. `watched` is
    the objective of a network that the phase changes besides its own: its loss is evaluated as well.
    """

    objective: Objective
    dataset: Dataset
    condition: StopCondition
    config: TrainingConfig
    name: str = ""
    first_step: int | None = None
    saved_networks: tuple[Network, ...] = NETWORKS
    initialize: Callable[[], None] = lambda: None
    measure: Callable[[], Mapping[str, float]] = dict
    measure_every: int = 0
    watched: Objective | None = None

    @property
    def label(self) -> str:
        """The name of the phase, or the network of one without a name."""
        return self.name or self.objective.network

    @property
    def threshold(self) -> float | None:
        """The loss at which the phase ends, or None if it ends after a number of steps."""
        return self.condition.threshold if isinstance(self.condition, LossThreshold) else None

    def is_reached(self, loss: float) -> bool:
        """True if an evaluated loss ends the phase."""
        return self.threshold is not None and loss <= self.threshold
