"""The rate of some work, an average over its last steps, and the time that the phases of a run take by their rates."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

MEASURED_AFTER = 3  # steps; the first ones take longer than the others


class Rate:
    """Work done a second over the last `steps` steps; pauses do not count."""

    def __init__(self, steps: int) -> None:
        self._ends: deque[tuple[float, int]] = deque(maxlen=steps + 1)

    def add(self, at: float, done: int) -> None:
        """Count a step that ended `at` this time in seconds, and the amount `done` by then in all."""
        self._ends.append((at, done))

    def skip(self, seconds: float) -> None:
        """Leave out a pause of this length that has just ended."""
        ends = [(at + seconds, done) for at, done in self._ends]
        self._ends.clear()
        self._ends.extend(ends)

    @property
    def per_second(self) -> float:
        """The rate now; 0 before two ends are known."""
        if len(self._ends) < 2:
            return 0.0
        (first, before), (last, done) = self._ends[0], self._ends[-1]
        return (done - before) / (last - first) if last > first else 0.0


@dataclass(frozen=True)
class PhasePace:
    """A phase of `steps` steps, `taken` of them, and the seconds of one: estimated, and measured; None if unknown."""

    name: str
    steps: int
    taken: int = 0
    estimated_s: float | None = None
    measured_s: float | None = None

    @property
    def seconds(self) -> float | None:
        """Estimated seconds of all steps, or None."""
        return None if self.estimated_s is None else self.steps * self.estimated_s


def seconds_left(phases: Sequence[PhasePace]) -> float | None:
    """Seconds until the last step of all phases, or None if the pace of one that has steps left is unknown.

    A phase that has not been measured takes as much longer than its estimate as the last measured one did: other work
    on the machine slows down all of them.
    """
    factor, total = 1.0, 0.0
    for phase in phases:
        if phase.measured_s is not None and phase.estimated_s:
            factor = phase.measured_s / phase.estimated_s
        estimated = None if phase.estimated_s is None else factor * phase.estimated_s
        pace = estimated if phase.measured_s is None else phase.measured_s
        rest = phase.steps - phase.taken
        if rest and pace is None:
            return None
        total += rest * (pace or 0.0)
    return total


def total_seconds(phases: Sequence[PhasePace]) -> float | None:
    """Estimated seconds of all phases from their beginning, or None if one has no estimate."""
    seconds = [phase.seconds for phase in phases]
    return None if None in seconds else sum(seconds)
