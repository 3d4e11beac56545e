"""Simulated robots: what they offer beyond any robot, and the entry in a recording's metadata that names one.

The entry is data: a name of the registry, a seed and numbers. Nothing in it is executed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np

from session.robots.robot import Robot

ENTRY_VERSION = 1
MAX_SEED = 2**63 - 1

State = tuple[float, ...]


class Simulator(Robot, Protocol):
    """A deterministic robot: its pictures, and what follows from actions, depend on nothing but how it was made and on
    its state."""

    @property
    def state(self) -> State:
        """The numbers that change when it acts."""

    def at(self, state: State) -> Self:
        """Another robot of the same world in a state; cheap, because it shares what does not change."""

    def error_px(self, picture: np.ndarray) -> float | None:
        """Pixels from what a predicted picture, uint8 (224, 224, 3), shows to this state, or None if the picture shows
        nothing that can be located."""

    @property
    def is_held_out(self) -> bool:
        """True if training that holds out a share of the states holds out this one."""


@dataclass(frozen=True)
class SimulatorEntry:
    """How a simulator was made: its name in the registry, its seed, and the options that are not standard, by name."""

    name: str
    seed: int
    options: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """The value of ``simulator`` in a recording's metadata."""
        return {"version": ENTRY_VERSION, "name": self.name, "seed": self.seed, "options": dict(self.options)}


@dataclass(frozen=True)
class SimulatorOption:
    """A number that a simulator can be made with, from ``low`` to ``high``; ``help`` is the text of the command."""

    name: str
    low: float
    high: float
    help: str
