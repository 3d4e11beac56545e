"""The live curves of a job as SVG, drawn in about a millisecond; matplotlib takes a hundred."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

from training.jobs.snapshot import UNCERTAINTY, JobSnapshot

WIDTH, HEIGHT, SHARE_HEIGHT = 640, 280, 170
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 36
# Okabe and Ito's colours: distinct with any colour vision, on white and on black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
SMALLEST = 1e-9
LOWEST_SKILL = -100.0  # percent: a network that has just begun may be any number of times worse than a guess
LATE = 0.1  # of the last step
LEAST_PERCENT = 0.1  # shares are mostly a few percent: on a linear axis up to 100 % all would be at its bottom
Points = Sequence[tuple[float, float]]
# The losses of a job as they are drawn; others are drawn under their own names.
DRAWN = {
    "evaluated": "eval loss",
    "held out": "validation loss",
    "reconstruction": "reconstruction loss",
    "prediction": "prediction loss",
}


@dataclass(frozen=True)
class JobCharts:
    """SVG of a job's losses, skill, gradient share on action parameters, and uncertainty; empty if there is nothing to
    draw."""

    losses: str
    action_share: str
    skill: str = ""
    uncertainty: str = ""


@dataclass(frozen=True)
class _Axes:
    """Steps from `first` to `last`, and values whose scaled range is `low` to `high`, on a drawing `height` high."""

    first: float
    last: float
    low: float
    high: float
    is_log: bool
    height: int = HEIGHT
    unit: str = ""

    def place(self, step: float, value: float) -> tuple[float, float]:
        """Position (x, y) of a value; one below the range is at its lower end."""
        share = max(0.0, (_scaled(value, self.is_log) - self.low) / (self.high - self.low))
        x = LEFT + (WIDTH - LEFT - RIGHT) * (step - self.first) / (self.last - self.first)
        return x, self.height - BOTTOM - (self.height - TOP - BOTTOM) * share


def draw_charts(
    job: JobSnapshot, is_log: bool, smoothing: float = 0.0, earlier: Mapping[str, Points] = MappingProxyType({})
) -> JobCharts:
    """The curves of a job; `is_log` is about its losses, to which those of `earlier` runs are added, by name.

    `smoothing`, from 0 to below 1: of training losses the mean is drawn in which each older step counts less by it.
    """
    own = {DRAWN.get(name, name): points for name, points in job.curves.items() if name != UNCERTAINTY}
    curves = {f"earlier: {name}": points for name, points in earlier.items()}
    if smoothing:
        curves |= {f"raw {name}": points for name, points in own.items() if name.startswith("training")}
    for name, points in own.items():
        curves[name] = smoothed(points, smoothing) if name.startswith("training") else points
    targets = {f"{name} gate": gate for name, gate in job.gates.items()}
    if job.threshold:
        targets["threshold"] = job.threshold
    shares = share_chart(job.action_shares, job.action_parameter_share)
    return JobCharts(
        draw_losses(curves, targets, is_log, job.title.name),
        shares,
        skill_chart(job.measures, job.references),
        loss_chart({UNCERTAINTY: job.curves.get(UNCERTAINTY, ())}, None, is_log, "Uncertainty"),
    )


def smoothed(points: Points, smoothing: float) -> Points:
    """Exponential moving mean of the values, corrected for its beginning at 0."""
    mean, weight, means = 0.0, 0.0, []
    for step, value in points:
        mean, weight = smoothing * mean + (1 - smoothing) * value, smoothing * weight + 1 - smoothing
        means.append((step, mean / weight))
    return means


def skill_chart(measures: Mapping[str, Points], references: Mapping[str, float]) -> str:
    """SVG of measures by name, shares of at most 1 over steps, in percent; trivial guesses are dashed lines.

    `references`: their MSE by name; the first one is what skill 0 stands for.
    """
    drawn = _finite({name: [(step, 100 * value) for step, value in points] for name, points in measures.items()})
    if not drawn or not references:
        return ""
    least = next(iter(references.values()))
    lines_at = {name: 100 * (1 - mse / least) if least else 0.0 for name, mse in references.items()}
    lowest = min(value for points in drawn.values() for _, value in points)
    low = max(LOWEST_SKILL, min(0.0, lowest, *lines_at.values()))
    axes = _Axes(*_span(drawn), low, 100.0, False, SHARE_HEIGHT, " %")
    places = [(name, axes.place(axes.first, at)[1]) for name, at in lines_at.items() if at >= low]
    lines = _grid(axes) + "".join(
        f'{_target(y)}<text x="{WIDTH - RIGHT}" y="{y - 4:.1f}" text-anchor="end">{escape(name)}</text>'
        for name, y in places
    )
    latest = ", ".join(f"{name} {points[-1][1]:.3g} %" for name, points in drawn.items())
    names = [name.replace("_", " ") for name in drawn]
    return _svg(axes, lines + _lines(axes, drawn), f"Skill over steps; latest: {latest}") + _legend(names, {})


def loss_chart(
    curves: Mapping[str, Points], threshold: float | None, is_log: bool, what: str = "Losses", unit: str = ""
) -> str:
    """SVG of losses, or `what` else, over steps: `curves` by name, each points (step, value); `threshold` as a dashed
    line."""
    return draw_losses(curves, {"threshold": threshold} if threshold else {}, is_log, "", what, unit)


def draw_losses(
    curves: Mapping[str, Points],
    targets: Mapping[str, float],
    is_log: bool,
    title: str = "",
    what: str = "Losses",
    unit: str = "",
) -> str:
    """The same with any number of `targets` by name as dashed lines, and with the run's `title` in the legend."""
    drawn = _finite(curves)
    if not drawn:
        return ""
    values = [value for points in drawn.values() for _, value in points] + list(targets.values())
    axes = _Axes(*_span(drawn), *_range(values, is_log), is_log, unit=unit)
    latest = ", ".join(f"{name} {points[-1][1]:.4g}" for name, points in drawn.items())
    dashed = "".join(_target(axes.place(axes.first, target)[1]) for target in targets.values())
    lines = _grid(axes) + dashed + _lines(axes, drawn)
    return _svg(axes, lines, f"{what} over steps; latest: {latest}") + _legend(list(drawn), targets, title)


def share_chart(shares: Points, even_share: float | None) -> str:
    """SVG of points (step, share from 0 to 1) in percent, logarithmic; `even_share`, to compare, as a dashed line."""
    drawn = _finite({"share": [(step, 100 * share) for step, share in shares]})
    if not drawn:
        return ""
    axes = _Axes(*_span(drawn), math.log10(LEAST_PERCENT), 2.0, True, SHARE_HEIGHT, " %")
    lines = _grid(axes)
    if even_share:
        text = f"dashed: their share of all parameters, {100 * even_share:.2g} %"
        # Labelled near the top, far from usual shares, and not beside its line, which is close to them.
        label = f'<text x="{WIDTH - RIGHT}" y="{TOP + 20}" text-anchor="end">{text}</text>'
        lines += _target(axes.place(axes.first, 100 * even_share)[1]) + label
    latest = f"{drawn['share'][-1][1]:.2g} %"
    return _svg(axes, lines + _lines(axes, drawn), f"Gradient on action parameters over steps; latest: {latest}")


def _finite(curves: Mapping[str, Points]) -> dict[str, Points]:
    """The curves without points that are not finite; empty ones are omitted."""
    finite = {name: [point for point in points if math.isfinite(point[1])] for name, points in curves.items()}
    return {name: points for name, points in finite.items() if points}


def _span(drawn: Mapping[str, Points]) -> tuple[float, float]:
    """The steps of the axis: from 0, but for curves of a phase that began late in its run."""
    steps = [step for points in drawn.values() for step, _ in points]
    first, last = min(steps), max(steps) or 1.0
    return (first if LATE * last < first < last else 0.0), last


def _svg(axes: _Axes, lines: str, label: str) -> str:
    steps = "".join(_step_mark(axes, step) for step in (axes.first, (axes.first + axes.last) / 2, axes.last))
    return (
        f'<svg class="loss-chart" viewBox="0 0 {WIDTH} {axes.height}" role="img" aria-label="{escape(label)}" '
        f'data-box="{LEFT} {WIDTH - RIGHT} {TOP} {axes.height - BOTTOM}" '
        f'data-first="{axes.first:.6g}" data-last="{axes.last:.6g}" '
        f'data-low="{axes.low:.6g}" data-high="{axes.high:.6g}" data-log="{int(axes.is_log)}" '
        f'data-unit="{escape(axes.unit)}">'
        f'{lines}{steps}<text x="{WIDTH - RIGHT}" y="{axes.height - 4}" text-anchor="end">step</text></svg>'
    )


def _scaled(value: float, is_log: bool) -> float:
    return math.log10(max(value, SMALLEST)) if is_log else value


def _range(values: Sequence[float], is_log: bool) -> tuple[float, float]:
    scaled = [_scaled(value, is_log) for value in values]
    low, high = (min(scaled), max(scaled)) if is_log else (0.0, max(scaled))
    margin = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
    return (low - margin, high + margin) if is_log else (0.0, high + margin)


def _ticks(low: float, high: float, is_log: bool) -> list[float]:
    """Values of the grid. Linear: multiples of 1, 2 or 5 times a decade. Logarithmic: decades; if these are few, also 2
    and 5 times decades; else five even values."""
    if not is_log:
        return _round_values(low, high)
    for steps in ((1,), (1, 2, 5), range(1, 10)):
        powers = range(math.floor(low) - 1, math.ceil(high) + 1)
        values = [step * 10.0**power for power in powers for step in steps]
        inside = [value for value in values if low <= math.log10(value) <= high]
        if len(inside) >= 3:
            return inside[:: max(1, len(inside) // 6)]
    return inside if len(inside) > 1 else [10 ** (low + (high - low) * place / 4) for place in range(5)]


def _round_values(low: float, high: float) -> list[float]:
    decade = 10.0 ** math.floor(math.log10((high - low) / 3))
    step = next(step for step in (10 * decade, 5 * decade, 2 * decade, decade) if (high - low) / step >= 2.5)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _grid(axes: _Axes) -> str:
    places = {value: axes.place(axes.first, value)[1] for value in _ticks(axes.low, axes.high, axes.is_log)}
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}{axes.unit}</text>'
        for value, y in places.items()
    )


def _step_mark(axes: _Axes, step: float) -> str:
    x, y = axes.place(step, 1.0)[0], axes.height - BOTTOM + 16
    return f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{step:,.0f}</text>'


def _target(y: float) -> str:
    return f'<line class="target" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _lines(axes: _Axes, drawn: Mapping[str, Points]) -> str:
    colours = _colours(list(drawn))
    return "".join(
        _line([axes.place(*point) for point in points], name, colours[name]) for name, points in drawn.items()
    )


def _colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each curve; a raw one has that of its smoothed one."""
    own = [name for name in names if not name.startswith("raw ")]
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(own)}
    return colours | {name: colours[name.removeprefix("raw ")] for name in names if name not in colours}


def _line(places: Sequence[tuple[float, float]], name: str, colour: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    width = 1.2 if name.startswith(("training", "raw ")) else 2.4
    style = ' opacity="0.35"' if name.startswith("raw ") else ""
    style += ' stroke-dasharray="2 4"' if name.startswith("earlier: ") else ""
    end = f'<circle cx="{places[-1][0]:.1f}" cy="{places[-1][1]:.1f}" r="3" fill="{colour}"/>'
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{style} '
        f'data-name="{escape(name)}"/>{end}'
    )


def _legend(names: list[str], targets: Mapping[str, float], title: str = "") -> str:
    colours = _colours(names)
    items = [f"<span><b>{escape(title)}</b></span>"] if title else []
    items += [
        f'<span><i style="background:{colours[name]}"></i>{escape(name)}</span>'
        for name in names
        if not name.startswith("raw ")
    ]
    items += [f'<span><i class="target"></i>{escape(name)} {target:g}</span>' for name, target in targets.items()]
    return f'<div class="legend">{"".join(items)}</div>'
