"""Targets for 2 CPU cores and the figures reached: the table at the end of `make bench`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NETWORKS = ("predictor step, 3 frames", "predictor step, 8 frames", "autoencoder step", "sweep of 9 actions")
TRAINING_8 = "memory of the server while it trains on 8 frames"


@dataclass(frozen=True)
class Target:
    """Target for a figure in a benchmark's JSON: at most or at least `bound`, or the figure of that name in its row."""

    title: str
    benchmark: str
    row: str
    key: str
    bound: float | str
    is_least: bool = False
    unit: str = ""

    def line(self, results: Mapping[str, Any]) -> str:
        """A line of the table: the target, the figure, their ratio, and a mark if the target is missed."""
        row = results.get(self.benchmark, {}).get(self.row)
        if row is None:
            return f"{self.title:62}{'not measured':>14}"
        figure, bound = row[self.key], row[self.bound] if isinstance(self.bound, str) else self.bound
        is_reached = figure >= bound if self.is_least else figure <= bound
        sign = "≥" if self.is_least else "≤"
        ratio = f"{figure / bound:.2f}" if bound else ""
        target = f"{sign} {bound:.4g} {self.unit}"
        return (
            f"{self.title:62}{target:>14}{f'{figure:.4g} {self.unit}':>14}{ratio:>8}  {'' if is_reached else 'MISSED'}"
        )


TARGETS = (
    *(
        Target(f"{row}, share of the machine's rate", "networks", row, "share", "share_target", True)
        for row in NETWORKS
    ),
    *(Target(f"{row}, times the reference", "networks", row, "faster", "faster_target", True) for row in NETWORKS),
    Target(
        "Run Autoencoder, whole click",
        "page_speed",
        "Run Autoencoder, 2 actions, whole click",
        "median_ms",
        "target_ms",
        unit="ms",
    ),
    Target(
        "Run Predictor, whole click",
        "page_speed",
        "Run Predictor, 2 actions, whole click",
        "median_ms",
        "target_ms",
        unit="ms",
    ),
    Target(
        "sweep of 9 actions, whole click",
        "page_speed",
        "Run Predictor, 9 actions, whole click",
        "median_ms",
        500,
        unit="ms",
    ),
    Target(
        "slider move to painted frame, median", "page_speed", "slider move to painted frame", "median_ms", 25, unit="ms"
    ),
    Target("slider move to painted frame, p95", "page_speed", "slider move to painted frame", "p95_ms", 40, unit="ms"),
    Target("frames missed at 30 a second", "page_speed", "play at 30/s", "skipped", 0),
    *(
        Target(
            f"imagined frames, history 3, {way}", "imagining", f"imagining at history 3, {way}", "press_per_s", 5, True
        )
        for way in ("latents", "pictures")
    ),
    Target("imagined frames through the page", "imagining", "imagining through the page", "frames_per_s", 5, True),
    Target("open 100,000 events", "listing_and_opening", "opening", "first_seconds", 0.5, unit="s"),
    Target("open them again", "listing_and_opening", "opening_again", "seconds", 0.1, unit="s"),
    Target("process start to page served", "page_speed", "process start to page served", "s", 4, unit="s"),
    Target("memory when idle", "page_speed", "process start to page served", "mb", 400, unit="MB"),
    Target(TRAINING_8, "page_while_training", TRAINING_8, "peak_mb", 1500, unit="MB"),
    Target(
        "page tick while training, p95", "page_while_training", "training tick, while training", "p95_ms", 10, unit="ms"
    ),
    Target(
        "training speed with ten visitors watching",
        "page_while_training",
        "training, ten visitors watching",
        "ratio",
        0.97,
        True,
    ),
)


def table(results: Mapping[str, Any]) -> str:
    """The table of all targets; `results`: each benchmark's JSON, by its name."""
    head = f"{'figure':62}{'target':>14}{'measured':>14}{'ratio':>8}"
    return "\n".join([head, *(target.line(results) for target in TARGETS)])
