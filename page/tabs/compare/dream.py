"""The frames of a dream in one table, the actual ones above those that networks have imagined, and their errors."""

from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from page.figures import data_address, png_of
from page.pictures import PNG
from page.tabs.imagine_view import action_text_of
from page.text import loss_text
from session import RecordedSession
from training import DreamStep, loss_chart

THUMB = 112  # pixels
NO_TRUTH = "There is no ground truth for this dream: the robot did something else here."


def dream_view(
    recording: RecordedSession, steps: Sequence[DreamStep], names: Sequence[str], mean_mses: Sequence[float]
) -> str:
    """HTML: a column for each step and a row for each of `names`, which imagined it, with their errors; and the errors
    by step. `mean_mses`: those of the mean image for the steps with a known truth, or empty."""
    heads = "".join(
        f'<th scope="col">{step.number} · {escape(action_text_of(recording, step.action))}</th>' for step in steps
    )
    rows = _row("Actual", [(step.actual, "") for step in steps])
    for place, name in enumerate(names):
        rows += _row(name, [(step.imagined[place], _error_text(step.mses[place])) for step in steps])
    is_known = any(step.actual is not None for step in steps)
    note = "" if is_known else f'<div class="notice">{NO_TRUTH}</div>'
    return (
        f'{note}<div class="dreams" tabindex="0" role="region" aria-label="Frames of the dream"><table><thead><tr>'
        f"<td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{_chart(steps, names, mean_mses)}"
    )


def dream_means(steps: Sequence[DreamStep], mean_mses: Sequence[float]) -> list[float]:
    """Mean errors over the steps with a known truth: of each that imagined it, of repeating the start frame, and, if it
    is known, of the mean image; empty without any."""
    rows = [(*step.mses, step.repeat_mse) for step in steps if step.actual is not None]
    if not rows:
        return []
    means = [float(np.mean(column)) for column in zip(*rows, strict=True)]
    return means + ([float(np.mean(mean_mses))] if mean_mses else [])


def error_rows(recording: RecordedSession, steps: Sequence[DreamStep]) -> list[tuple[object, ...]]:
    """Number, action, and errors of each step for a table, that of repeating the start frame last; NaN if unknown."""
    return [
        (
            step.number,
            action_text_of(recording, step.action),
            *(float("nan") if mse is None else float(mse) for mse in (*step.mses, step.repeat_mse)),
        )
        for step in steps
    ]


def _row(name: str, cells: Sequence[tuple[np.ndarray | None, str]]) -> str:
    body = "".join(f"<td>{_thumb(pixels, name)}{text}</td>" for pixels, text in cells)
    return f'<tr><th scope="row">{name}</th>{body}</tr>'


def _thumb(pixels: np.ndarray | None, name: str) -> str:
    if pixels is None:
        return "not known"
    small = np.asarray(Image.fromarray(pixels).resize((THUMB, THUMB), Image.Resampling.BOX))
    return f'<img src="{data_address(png_of(small), PNG)}" alt="{name}">'


def _error_text(mse: float | None) -> str:
    return "" if mse is None else f"<small>{loss_text(mse)}</small>"


def _chart(steps: Sequence[DreamStep], names: Sequence[str], mean_mses: Sequence[float]) -> str:
    known = [step for step in steps if step.actual is not None]
    if len(known) < 2:
        return ""
    curves = {name: [(step.number, step.mses[place]) for step in known] for place, name in enumerate(names)}
    curves["repeating the start frame"] = [(step.number, step.repeat_mse) for step in known]
    if mean_mses:
        curves["mean image"] = list(zip([step.number for step in known], mean_mses, strict=True))
    positive = {name: [point for point in points if point[1] > 0] for name, points in curves.items()}
    return f"<h3>MSE by step</h3>{loss_chart(positive, None, True, 'MSE')}"  # a logarithm needs values above 0
