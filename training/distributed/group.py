"""The processes of a run as one of them sees them, and the rules by which they stay together.

Every decision is everybody's: a command to end and a failure reach all processes at the same point, by `agree`, which
precedes whatever else is sent. A process that fails anywhere calls `announce` once, in place of the agreement that the
others come to next; so none of them waits for it in vain. This module sends nothing: a `Group` is one process alone.
"""

from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

import torch
from torch import Tensor

from training.values import InvalidValue

Result = TypeVar("Result")


class OtherProcessFailed(RuntimeError):
    """Another process of the run has failed; `kind` is the name of its exception."""

    def __init__(self, rank: int, kind: str, message: str) -> None:
        super().__init__(f"Process {rank}: {message or kind}")
        self.rank, self.kind = rank, kind


class ProcessLost(RuntimeError):
    """Another process of the run has ended without a word, or cannot be reached."""

    def __init__(self) -> None:
        super().__init__(
            "Another process of this run has ended or cannot be reached: the run ends with the last complete step. "
            "See its own messages, then run the command again."
        )


class Group:
    """One process without others: what it decides is agreed on, and nothing is sent.

    `rank` counts the `size` processes from 0. A group of several is a `ProcessGroup`.
    """

    rank, size = 0, 1

    @property
    def is_first(self) -> bool:
        """True for the one process that writes files and talks to the user."""
        return self.rank == 0

    def describe(self) -> str:
        """Text after the name of who started a run: ", 2 processes", empty for one."""
        return f", {self.size} processes" if self.size > 1 else ""

    def device(self, device: torch.device) -> torch.device:
        """This process' own device of a kind."""
        return device

    def wish(self, command: str | None) -> None:
        """Ask for an end of the run by all processes, from the next agreement on; None: no longer."""

    def agreed(self, own: str | None) -> str | None:
        """The command that all processes have agreed on at the last agreement; `own` is that of this one."""
        return own

    def agree(self) -> None:
        """Wait for the others at a point that all of them come to; raises OtherProcessFailed and ProcessLost."""

    def announce(self, problem: BaseException) -> None:
        """Tell the others of a failure, unless they know of it, in place of the next agreement."""

    def add(self, tensor: Tensor) -> None:
        """Agree, then replace a tensor, equally large in all processes, by its sum over them.

        Raises OtherProcessFailed and ProcessLost.
        """

    def from_first(self, content: bytes) -> bytes:
        """Agree, then return the content of the first process; raises OtherProcessFailed and ProcessLost."""
        return content

    def require_same(self, text: str, message: str) -> None:
        """Raise InvalidValue with a message in a process whose text is not that of the first one, and
        OtherProcessFailed in the others."""
        first = self.from_first(text.encode())
        with self.together():
            if first != text.encode():
                raise InvalidValue(message)

    def together(self) -> "Together":
        """A block that fails in all processes if it fails in one; nothing else of the group is used in it."""
        return Together(self)

    def first_then_others(self, compute: Callable[[], Result]) -> Result:
        """Compute something in the first process, then in all others, such as what the first one writes into a file.

        Raises what `compute` raises, OtherProcessFailed and ProcessLost.
        """
        result: list[Result] = []
        for is_turn in (self.is_first, not self.is_first):
            with self.together():
                if is_turn:
                    result.append(compute())
        return result[0]


class Together:
    """A block of which a group agrees at its end that it has failed nowhere."""

    def __init__(self, group: Group) -> None:
        self._group = group

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if problem is None:
            self._group.agree()
        else:
            self._group.announce(problem)
