"""Targets and the figures reached: the table at the end of `make bench`.

Times are compared with a reference of the same run, such as a matrix product, the networks alone, bare imports or a
plain image, so that a slow machine and a fast one give the same verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NETWORKS = ("predictor step, 3 frames", "predictor step, 8 frames", "autoencoder step", "sweep of 9 actions")
TRAINING_8 = "memory of the server while it trains on 8 frames"
MODES = ("latents", "pictures")


@dataclass(frozen=True)
class Target:
    """Target for a figure in a benchmark's JSON: at most or at least `bound`, or the figure of that name in its row.

    `per`: the row and key of the reference that the figure is divided by, of the same benchmark.
    """

    title: str
    benchmark: str
    row: str
    key: str
    bound: float | str
    is_least: bool = False
    per: tuple[str, str] | None = None
    unit: str = ""

    def line(self, results: Mapping[str, Any]) -> str:
        """A line of the table: the target, the figure, their ratio, and a mark if the target is missed."""
        rows = results.get(self.benchmark, {})
        row = rows.get(self.row)
        if row is None or (self.per is not None and self.per[0] not in rows):
            return f"{self.title:72}{'not measured':>14}"
        bound = row[self.bound] if isinstance(self.bound, str) else self.bound
        figure = row[self.key] / (rows[self.per[0]][self.per[1]] if self.per else 1)
        is_reached = figure >= bound if self.is_least else figure <= bound
        sign = "≥" if self.is_least else "≤"
        ratio = f"{figure / bound:.2f}" if bound else ""
        target = f"{sign} {bound:.4g} {self.unit}"
        return (
            f"{self.title:72}{target:>14}{f'{figure:.4g} {self.unit}':>14}{ratio:>8}  {'' if is_reached else 'MISSED'}"
        )


def _clicks(network: str, actions: int, bound: float) -> Target:
    """The time of a click besides the networks, by that of as many plain images."""
    row = f"Run {network}, {actions} actions, whole click"
    title = f"Run {network}, {actions} actions, besides the networks, by its images"
    return Target(title, "page_speed", row, "around_per_images", bound)


IMPORTED, SERVED = "reference: torch and Gradio imported", "process start to page served"
IMAGE, MOVED = ("reference: one plain image", "median_ms"), "slider move to painted frame"
READ = ("plain_reading", "first_seconds")
WATCHED, TICK = "training, ten visitors watching", "training tick"
TARGETS = (
    *(
        Target(f"{row}, share of the machine's rate", "networks", row, "share", "share_target", True)
        for row in NETWORKS
    ),
    *(Target(f"{row}, times the reference", "networks", row, "faster", "faster_target", True) for row in NETWORKS),
    _clicks("Autoencoder", 2, 4),
    _clicks("Predictor", 2, 4),
    _clicks("Predictor", 9, 4),
    Target(f"{MOVED}, by a plain image", "page_speed", MOVED, "median_ms", 1.5, per=IMAGE),
    Target("frames missed at 30 a second", "page_speed", "play at 30/s", "skipped", 0),
    *(
        Target(
            f"a press of Imagine, {mode}, by the networks alone",
            "imagining",
            f"imagining at history 3, {mode}",
            "press_per_s",
            0.9,
            True,
            (f"imagining at history 3, {mode}", "networks_per_s"),
        )
        for mode in MODES
    ),
    Target(
        "imagined frames through the page, by the networks alone",
        "imagining",
        "imagining through the page",
        "frames_per_s",
        0.8,
        True,
        ("imagining at history 3, latents", "networks_per_s"),
    ),
    Target(
        "evaluation of a recording, by a bare loop",
        "evaluating",
        "evaluating, share of the bare loop's speed",
        "ratio",
        0.9,
        True,
    ),
    Target("open 100,000 events, by json.loads", "listing_and_opening", "opening", "first_seconds", 2.2, per=READ),
    Target("open them again, by json.loads", "listing_and_opening", "opening_again", "first_seconds", 0.05, per=READ),
    Target("list 500 sessions, by json.loads", "listing_and_opening", "listing", "first_seconds", 0.3, per=READ),
    Target(f"{SERVED}, by bare imports", "page_speed", SERVED, "s", 1.15, per=(IMPORTED, "s")),
    Target("memory when idle, by bare imports", "page_speed", SERVED, "mb", 1.15, per=(IMPORTED, "mb")),
    Target(TRAINING_8, "page_while_training", TRAINING_8, "peak_mb", 1500, unit="MB"),
    Target(
        "page tick while training, p95, by that of an idle server",
        "page_while_training",
        f"{TICK}, while training",
        "p95_ms",
        2,
        per=(f"{TICK}, idle", "p95_ms"),
    ),
    Target("training speed with ten visitors watching", "page_while_training", WATCHED, "ratio", 0.97, True),
)


def table(results: Mapping[str, Any]) -> str:
    """The table of all targets; `results`: each benchmark's JSON, by its name."""
    head = f"{'figure':72}{'target':>14}{'measured':>14}{'ratio':>8}"
    return "\n".join([head, *(target.line(results) for target in TARGETS)])
