"""The live loss curve, as SVG of our own: drawn in about a millisecond, where matplotlib takes a hundred."""

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 36
# Okabe and Ito's colours: told apart with any colour vision, on white and on black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
SMALLEST = 1e-9
Points = Sequence[tuple[float, float]]


def loss_chart(curves: Mapping[str, Points], threshold: float | None, is_log: bool) -> str:
    """SVG of losses over steps: `curves` by name, each points (step, loss); `threshold` as a dashed line."""
    drawn = {name: [point for point in points if math.isfinite(point[1])] for name, points in curves.items()}
    drawn = {name: points for name, points in drawn.items() if points}
    if not drawn:
        return ""
    values = [value for points in drawn.values() for _, value in points] + ([threshold] if threshold else [])
    last = max(step for points in drawn.values() for step, _ in points) or 1.0
    low, high = _range(values, is_log)

    def place(step: float, value: float) -> tuple[float, float]:
        share = (_scaled(value, is_log) - low) / (high - low)
        x = LEFT + (WIDTH - LEFT - RIGHT) * step / last
        return x, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    parts = [_grid(value, place(0, value)[1]) for value in _ticks(low, high, is_log)]
    parts += [_step_mark(step, place(step, values[0])[0]) for step in (0, last / 2, last)]
    if threshold:
        parts.append(_target(place(0, threshold)[1]))
    parts += [
        _line([place(*point) for point in points], COLOURS[i % len(COLOURS)], name.startswith("training"))
        for i, (name, points) in enumerate(drawn.items())
    ]
    latest = ", ".join(f"{name} {points[-1][1]:.4g}" for name, points in drawn.items())
    return (
        f'<svg class="loss-chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Losses over steps; latest: {escape(latest)}">{"".join(parts)}'
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">step</text></svg>'
        f"{_legend(list(drawn), threshold)}"
    )


def _scaled(value: float, is_log: bool) -> float:
    return math.log10(max(value, SMALLEST)) if is_log else value


def _range(values: Sequence[float], is_log: bool) -> tuple[float, float]:
    scaled = [_scaled(value, is_log) for value in values]
    low, high = (min(scaled), max(scaled)) if is_log else (0.0, max(scaled))
    margin = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
    return (low - margin, high + margin) if is_log else (0.0, high + margin)


def _ticks(low: float, high: float, is_log: bool) -> list[float]:
    """Values for lines across: decades, or where they are few, 2 and 5 in between; else four even ones."""
    if not is_log:
        return [low + (high - low) * place / 4 for place in range(5)]
    for steps in ((1,), (1, 2, 5), range(1, 10)):
        powers = range(math.floor(low) - 1, math.ceil(high) + 1)
        found = [step * 10.0**power for power in powers for step in steps]
        inside = [value for value in found if low <= math.log10(value) <= high]
        if len(inside) >= 3:
            return inside[:: max(1, len(inside) // 6)]
    return inside if len(inside) > 1 else [10 ** (low + (high - low) * place / 4) for place in range(5)]


def _grid(value: float, y: float) -> str:
    return (
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>'
    )


def _step_mark(step: float, x: float) -> str:
    return f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{step:,.0f}</text>'


def _target(y: float) -> str:
    return f'<line class="target" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _line(places: Sequence[tuple[float, float]], colour: str, is_thin: bool) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    width = 1.2 if is_thin else 2.4
    end = f'<circle cx="{places[-1][0]:.1f}" cy="{places[-1][1]:.1f}" r="3" fill="{colour}"/>'
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>{end}'


def _legend(names: list[str], threshold: float | None) -> str:
    items = [
        f'<span><i style="background:{COLOURS[place % len(COLOURS)]}"></i>{escape(name)}</span>'
        for place, name in enumerate(names)
    ]
    items += [f'<span><i class="target"></i>threshold {threshold:g}</span>'] if threshold else []
    return f'<div class="legend">{"".join(items)}</div>'
