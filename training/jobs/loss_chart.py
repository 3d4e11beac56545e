"""The live curves of a job as SVG, drawn in about a millisecond; matplotlib takes a hundred."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

from training.jobs.snapshot import UNCERTAINTY, JobSnapshot
from training.references import MEAN, REPEATING

WIDTH, HEIGHT, SHARE_HEIGHT = 640, 280, 170
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 30
# Okabe and Ito's colours, and a wine red: distinct with any colour vision, on white and on black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#882255")
# Each loss has one colour in all charts; the validation loss before the eval loss is what earlier runs are compared by.
SERIES = {
    "validation loss": COLOURS[1],
    "eval loss": COLOURS[0],
    "prediction loss": COLOURS[6],
    "reconstruction loss": COLOURS[5],
    "training loss": COLOURS[2],
    "training total": COLOURS[2],
    "training image": COLOURS[4],
    "training latent": COLOURS[3],
}
EARLIER, RAW = "earlier: ", "raw "
EARLIER_DASHES = ("8 4", "2 4", "8 3 2 3", "14 4")
TARGET_DASH, REFERENCE_DASHES = "6 4", {REPEATING: "2 4", MEAN: "10 3 2 3"}
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
    is_clipped: bool = False  # values below the range are drawn at its lower end

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
    curves = {f"{EARLIER}{name}": points for name, points in earlier.items()}
    if smoothing:
        curves |= {f"{RAW}{name}": points for name, points in own.items() if name.startswith("training")}
    for name, points in own.items():
        curves[name] = smoothed(points, smoothing) if name.startswith("training") else points
    # Those of a live loop are for its newest frame alone.
    references = {} if job.gates else dict(job.references)
    targets = {f"{name} gate": gate for name, gate in job.gates.items()}
    if job.threshold:
        targets["threshold"] = job.threshold
    shares = share_chart(job.action_shares, job.action_parameter_share)
    return JobCharts(
        draw_losses(curves, targets, is_log, job.title.name, references=references),
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
    axes = _Axes(*_span(drawn), low, 100.0, False, SHARE_HEIGHT, " %", is_clipped=lowest < low)
    places = {name: axes.place(axes.first, at)[1] for name, at in lines_at.items() if at >= low}
    targets = "".join(_target(y, REFERENCE_DASHES.get(name, TARGET_DASH)) for name, y in places.items())
    labels = "".join(  # after the curves, which would strike them through
        f'<text class="label" x="{WIDTH - RIGHT}" y="{y - 4:.1f}" text-anchor="end">{escape(name)}</text>'
        for name, y in places.items()
    )
    latest = ", ".join(f"{name} {points[-1][1]:.3g} %" for name, points in drawn.items())
    names = [name.replace("_", " ") for name in drawn]
    lines = _grid(axes) + targets + _lines(axes, drawn) + labels
    return _svg(axes, lines, f"Skill over steps; latest: {latest}") + _legend(names, {})


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
    references: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """The same with any number of `targets` by name as dashed lines, and with the run's `title` in the legend.

    `references`: the losses of trivial guesses by name, drawn unless a linear axis would end far above the curves.
    """
    drawn = _finite(curves)
    if not drawn:
        return ""
    values = [value for points in drawn.values() for _, value in points] + list(targets.values())
    low, high = _range(values, is_log)
    references = {name: mse for name, mse in references.items() if mse > 0 and (is_log or mse <= high)}
    if is_log and references:
        low, high = _range([*values, *references.values()], is_log)
    axes = _Axes(*_span(drawn), low, high, is_log, unit=unit)
    latest = ", ".join(f"{name} {points[-1][1]:.4g}" for name, points in drawn.items())
    dashes = {name: REFERENCE_DASHES.get(name, TARGET_DASH) for name in (*targets, *references)}
    levels = {**targets, **references}
    dashed = "".join(_target(axes.place(axes.first, value)[1], dashes[name]) for name, value in levels.items())
    lines = _grid(axes) + dashed + _lines(axes, drawn)
    return _svg(axes, lines, f"{what} over steps; latest: {latest}") + _legend(list(drawn), levels, title)


def share_chart(shares: Points, even_share: float | None) -> str:
    """SVG of points (step, share from 0 to 1) in percent, logarithmic; `even_share`, to compare, as a dashed line."""
    drawn = _finite({"share": [(step, 100 * share) for step, share in shares]})
    if not drawn:
        return ""
    axes = _Axes(*_span(drawn), math.log10(LEAST_PERCENT), 2.0, True, SHARE_HEIGHT, " %")
    lines, label = _grid(axes), ""
    if even_share:
        text = f"dashed: their share of all parameters, {100 * even_share:.2g} %"
        # Labelled near the top, far from usual shares, and not beside its line, which is close to them.
        label = f'<text class="label" x="{WIDTH - RIGHT}" y="{TOP + 20}" text-anchor="end">{text}</text>'
        lines += _target(axes.place(axes.first, 100 * even_share)[1])
    latest = f"{drawn['share'][-1][1]:.2g} %"
    return _svg(
        axes, lines + _lines(axes, drawn) + label, f"Gradient on action parameters over steps; latest: {latest}"
    )


def _finite(curves: Mapping[str, Points]) -> dict[str, Points]:
    """The curves without points that are not finite; empty ones are omitted."""
    finite = {name: [point for point in points if math.isfinite(point[1])] for name, points in curves.items()}
    return {name: points for name, points in finite.items() if points}


def _span(drawn: Mapping[str, Points]) -> tuple[float, float]:
    """The steps of the axis: from 0, but for curves of a phase that began late in its run; a lone one in the middle."""
    steps = [step for points in drawn.values() for step, _ in points]
    first, last = min(steps), max(steps)
    if first == last:
        return first - 0.5, last + 0.5
    return (first if LATE * last < first < last else 0.0), last


def _svg(axes: _Axes, lines: str, label: str) -> str:
    return (
        f'<svg class="loss-chart" viewBox="0 0 {WIDTH} {axes.height}" role="img" aria-label="{escape(label)}" '
        f'data-box="{LEFT} {WIDTH - RIGHT} {TOP} {axes.height - BOTTOM}" '
        f'data-first="{axes.first:.6g}" data-last="{axes.last:.6g}" '
        f'data-low="{axes.low:.6g}" data-high="{axes.high:.6g}" data-log="{int(axes.is_log)}" '
        f'data-unit="{escape(axes.unit)}">'
        f"{lines}{_step_marks(axes)}</svg>"
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
    below = "≤ " if axes.is_clipped else ""
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
        f"{below if value <= axes.low else ''}{_number(value)}{axes.unit}</text>"
        for value, y in places.items()
    )


def _step_marks(axes: _Axes) -> str:
    """Whole steps at the ends and in the middle of the axis, each once; the last one has its unit."""
    wanted = {round(step) for step in (axes.first, (axes.first + axes.last) / 2, axes.last)}
    steps = sorted(step for step in wanted if axes.first <= step <= axes.last)
    y, marks = axes.height - 8, ""
    for step in steps:
        x = axes.place(step, 1.0)[0]
        anchor = "end" if x > WIDTH - 2 * LEFT else "middle"
        unit = "step " if step == steps[-1] else ""
        marks += f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{unit}{step:,}</text>'
    return marks


def _target(y: float, dash: str = TARGET_DASH) -> str:
    ends = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
    return f'<line class="target" {ends} stroke-dasharray="{dash}"/>'


def _number(value: float) -> str:
    """Three digits: 0.0005, −50, 1e-5."""
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return mantissa.replace("-", "−") + (f"e{int(exponent)}" if exponent else "")


def _lines(axes: _Axes, drawn: Mapping[str, Points]) -> str:
    colours, dashes = _colours(list(drawn)), _earlier_dashes(list(drawn))
    return "".join(
        _line([axes.place(*point) for point in points], name, colours[name], dashes.get(name, ""))
        for name, points in drawn.items()
    )


def _colours(names: Sequence[str]) -> dict[str, str]:
    """A colour for each curve: its own, or one that no other has. A raw curve has that of its smoothed one, and one of
    an earlier run that of the loss that it is compared with."""
    own = [name for name in names if not name.startswith((RAW, EARLIER))]
    free = [colour for colour in COLOURS if colour not in {SERIES.get(name) for name in own}] or COLOURS
    others = [name for name in own if name not in SERIES]
    colours = {name: free[place % len(free)] for place, name in enumerate(others)}
    colours |= {name: SERIES[name] for name in own if name in SERIES}
    compared = next((SERIES[name] for name in SERIES if name in colours), COLOURS[0])
    return colours | {name: colours.get(name.removeprefix(RAW), compared) for name in names if name not in colours}


def _earlier_dashes(names: Sequence[str]) -> dict[str, str]:
    """The dashes of the curves of earlier runs."""
    earlier = [name for name in names if name.startswith(EARLIER)]
    return {name: EARLIER_DASHES[place % len(EARLIER_DASHES)] for place, name in enumerate(earlier)}


def _line(places: Sequence[tuple[float, float]], name: str, colour: str, dash: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    width = 1.2 if name.startswith(("training", RAW)) else 2.4
    style = ' opacity="0.35"' if name.startswith(RAW) else ""
    style += f' stroke-dasharray="{dash}"' if dash else ""
    end = f'<circle cx="{places[-1][0]:.1f}" cy="{places[-1][1]:.1f}" r="3" fill="{colour}"/>'
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{style} '
        f'data-name="{escape(name)}"/>{end}'
    )


def _legend(names: list[str], targets: Mapping[str, float], title: str = "") -> str:
    colours, dashes = _colours(names), _earlier_dashes(names)
    items = [f"<span><b>{escape(title)}</b></span>"] if title else []
    items += [
        f"<span>{_key(dashes.get(name, ''), colours[name])}{escape(name)}</span>"
        for name in names
        if not name.startswith(RAW)
    ]
    items += [
        f"<span>{_key(REFERENCE_DASHES.get(name, TARGET_DASH))}{escape(name)} {_number(target)}</span>"
        for name, target in targets.items()
    ]
    return f'<div class="legend">{"".join(items)}</div>'


def _key(dash: str, colour: str = "currentColor") -> str:
    """A piece of a line for the legend."""
    line = f'<line x1="0" x2="26" y1="3" y2="3" stroke="{colour}" stroke-width="2.4" stroke-dasharray="{dash}"/>'
    return f'<svg class="key" width="26" height="6" aria-hidden="true">{line}</svg>'
