"""The division of a step's batch: among processes, and in each of them into micro-batches that fit its memory.

All processes draw the random numbers of the whole batch from the same state of one generator, and take those of their
own rows. So the numbers of processes and micro-batches change the order of sums, and nothing else.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.distributed.group import Group
from training.values import InvalidValue


@dataclass(frozen=True)
class Part:
    """One of `count` parts of a batch, by its `number` from 0."""

    number: int = 0
    count: int = 1

    def rows(self, size: int) -> slice:
        """Its rows of the `size` rows of the batch; parts of a number that they do not divide differ by one row."""
        return slice(size * self.number // self.count, size * (self.number + 1) // self.count)


WHOLE = Part()


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of one batch that a process computes, one after the other, each with its rows as a batch."""

    batches: tuple[tuple[Part, object], ...]


@dataclass(frozen=True)
class Division:
    """A batch divided among the processes of a group, each of which takes `accumulate` micro-batches of it."""

    group: Group = Group()
    accumulate: int = 1

    @property
    def count(self) -> int:
        """Parts of a batch."""
        return self.group.size * self.accumulate

    @property
    def is_whole(self) -> bool:
        """True if one process takes the batch as a whole."""
        return self.count == 1

    @property
    def parts(self) -> list[Part]:
        """Those of this process."""
        first = self.group.rank * self.accumulate
        return [Part(number, self.count) for number in range(first, first + self.accumulate)]

    def check(self, batch_size: int, name: str) -> None:
        """Raise InvalidValue if a batch cannot be divided evenly."""
        if batch_size % self.count:
            processes = f"{self.group.size} process{'' if self.group.size == 1 else 'es'}"
            times = f" × {self.accumulate} micro-batches" if self.accumulate > 1 else ""
            raise InvalidValue(
                f"{name} is {batch_size}, which {processes}{times} cannot share evenly: choose a multiple of "
                f"{self.count}, or other numbers of them."
            )


ALONE = Division()


def uniform(rows: slice | Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Random numbers from 0 to 1 for some rows, by number, of a whole batch; `shape` is that of all of them."""
    return torch.rand(shape, generator=generator, device=generator.device)[rows]
