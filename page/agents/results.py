"""The answer of a tool: numbers and texts by name, and pictures."""

from dataclasses import dataclass, field

import numpy as np

Value = str | int | float | bool | None | list | dict


@dataclass(frozen=True, eq=False)
class ToolResult:
    """``values`` fit JSON; ``pictures`` are uint8 (H, W, 3) by title."""

    values: dict[str, Value]
    pictures: dict[str, np.ndarray] = field(default_factory=dict)


def number(value: float | None) -> float | None:
    """A number with six digits, None for none and for NaN."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.6g}")


def named(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    """An action, raw values (A,), by the names of its channels."""
    return {name: float(f"{value:.6g}") for name, value in zip(names, values.tolist(), strict=True)}
