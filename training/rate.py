"""The rate of some work: an average over its last steps."""

from collections import deque


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
