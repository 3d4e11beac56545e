"""A loss curve of bounded size: however long the run, a few hundred points that still show its shape."""

MAX_POINTS = 400


class Curve:
    """Points (step, value) in the order of their steps. When there are too many, neighbours become their mean."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float]] = []
        self._open: list[tuple[float, float]] = []
        self._per_point = 1

    def add(self, step: int, value: float) -> None:
        """Append a value; steps must not go back."""
        self._open.append((step, value))
        if len(self._open) == self._per_point:
            self._points.append(_mean(self._open))
            self._open = []
        if len(self._points) >= 2 * MAX_POINTS:
            self._points = [_mean(self._points[i : i + 2]) for i in range(0, len(self._points), 2)]
            self._per_point *= 2

    def points(self) -> tuple[tuple[float, float], ...]:
        """An immutable copy, the newest values included."""
        return (*self._points, _mean(self._open)) if self._open else tuple(self._points)


def _mean(points: list[tuple[float, float]]) -> tuple[float, float]:
    return sum(step for step, _ in points) / len(points), sum(value for _, value in points) / len(points)
