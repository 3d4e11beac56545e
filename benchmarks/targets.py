"""What is to be reached on 2 CPU cores, beside what has been reached: the table at the end of `make bench`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NETWORKS = ("predictor step, 3 frames", "predictor step, 8 frames", "autoencoder step", "sweep of 9 actions")
TRAINING_8 = "memory of the server while it trains on 8 frames"


@dataclass(frozen=True)
class Goal:
    """A figure of a benchmark's JSON: at most or at least `bound`, which may be the name of a figure beside it."""

    what: str
    benchmark: str
    row: str
    key: str
    bound: float | str
    is_least: bool = False
    unit: str = ""

    def line(self, results: Mapping[str, Any]) -> str:
        """A line of the table: the goal, the figure, their ratio, and whether it is reached."""
        row = results.get(self.benchmark, {}).get(self.row)
        if row is None:
            return f"{self.what:62}{'not measured':>14}"
        figure, bound = row[self.key], row[self.bound] if isinstance(self.bound, str) else self.bound
        is_reached = figure >= bound if self.is_least else figure <= bound
        sign = "≥" if self.is_least else "≤"
        ratio = f"{figure / bound:.2f}" if bound else ""
        goal = f"{sign} {bound:.4g} {self.unit}"
        return f"{self.what:62}{goal:>14}{f'{figure:.4g} {self.unit}':>14}{ratio:>8}  {'' if is_reached else 'MISSED'}"


GOALS = (
    *(Goal(f"{row}, share of the machine's rate", "networks", row, "share", "share_goal", True) for row in NETWORKS),
    *(Goal(f"{row}, times the plain way", "networks", row, "faster", "faster_goal", True) for row in NETWORKS),
    Goal(
        "Run Autoencoder, whole click",
        "page_speed",
        "Run Autoencoder, 2 actions, whole click",
        "median_ms",
        "goal_ms",
        unit="ms",
    ),
    Goal(
        "Run Predictor, whole click",
        "page_speed",
        "Run Predictor, 2 actions, whole click",
        "median_ms",
        "goal_ms",
        unit="ms",
    ),
    Goal(
        "sweep of 9 actions, whole click",
        "page_speed",
        "Run Predictor, 9 actions, whole click",
        "median_ms",
        500,
        unit="ms",
    ),
    Goal(
        "slider move to painted frame, median", "page_speed", "slider move to painted frame", "median_ms", 25, unit="ms"
    ),
    Goal("slider move to painted frame, p95", "page_speed", "slider move to painted frame", "p95_ms", 40, unit="ms"),
    Goal("frames missed at 30 a second", "page_speed", "play at 30/s", "skipped", 0),
    *(
        Goal(
            f"imagined frames, history 3, {way}", "imagining", f"imagining at history 3, {way}", "press_per_s", 5, True
        )
        for way in ("latents", "pictures")
    ),
    Goal("imagined frames through the page", "imagining", "imagining through the page", "frames_per_s", 5, True),
    Goal("open 100,000 events", "listing_and_opening", "opening", "first_seconds", 0.5, unit="s"),
    Goal("open them again", "listing_and_opening", "opening_again", "seconds", 0.1, unit="s"),
    Goal("process start to page served", "page_speed", "process start to page served", "s", 4, unit="s"),
    Goal("memory when idle", "page_speed", "process start to page served", "mb", 400, unit="MB"),
    Goal(TRAINING_8, "page_while_training", TRAINING_8, "peak_mb", 1500, unit="MB"),
    Goal(
        "page tick while training, p95", "page_while_training", "training tick, while training", "p95_ms", 10, unit="ms"
    ),
    Goal(
        "training speed with ten visitors watching",
        "page_while_training",
        "training, ten visitors watching",
        "ratio",
        0.97,
        True,
    ),
)


def table(results: Mapping[str, Any]) -> str:
    """All goals, a line each; `results`: what each benchmark wrote, by its name."""
    head = f"{'what':62}{'goal':>14}{'figure':>14}{'ratio':>8}"
    return "\n".join([head, *(goal.line(results) for goal in GOALS)])
