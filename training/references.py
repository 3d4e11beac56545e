"""The skill of a network during training: its error on frames that it does not learn from, beside two trivial guesses.

Repeating the last context frame, and the mean of the pictures that are learned from. Shapes: B batch, T history.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from session.batch import Batch

REPEATING, MEAN = "repeating the last frame", "the mean image"
FORMER_NAMES = {"the mean picture": MEAN}  # in logs of earlier runs


@dataclass(frozen=True)
class References:
    """MSE of the trivial guesses for the same frames; `repeating` is None for targets without context."""

    repeating: float | None
    mean: float

    @property
    def name(self) -> str:
        """The guess that skill 0 stands for."""
        return MEAN if self.repeating is None else REPEATING

    def skill(self, mse: float) -> float | None:
        """1 − `mse` ÷ the MSE of that guess; None if the guess is exact, as on a still picture."""
        least = self.mean if self.repeating is None else self.repeating
        return 1 - mse / least if least > 0 else None

    def named(self) -> dict[str, float]:
        """The MSE of each guess by its name."""
        return ({} if self.repeating is None else {REPEATING: self.repeating}) | {MEAN: self.mean}


def repeating_mse(batches: Sequence[Batch]) -> float | None:
    """MSE of repeating the last context frame, over batches of one; None for targets without context."""
    has_context = all(batch.frames.shape[1] for batch in batches)
    return _mean([_mse(batch.frames[0, -1], batch.target[0]) for batch in batches]) if has_context else None


def references_of(batches: Sequence[Batch], learned: Sequence[Batch]) -> References:
    """The trivial guesses for the targets of batches of one; the mean picture is that of the targets in `learned`."""
    mean = torch.stack([batch.target[0] for batch in learned]).mean(dim=0)
    return References(repeating_mse(batches), _mean([_mse(mean, batch.target[0]) for batch in batches]))


def _mse(guess: torch.Tensor, target: torch.Tensor) -> float:
    return (guess - target).square().mean().item()


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
