"""HTML of a comparison: which of two pairs of checkpoints is better here, with the errors of trivial answers beside."""

from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from models import draw_differences
from models.figures import error_heat_map
from page.facts import clipped_notice
from page.figures import data_address, png_of, table_link
from page.pictures import PNG, Picture, colour_bar, picture_row
from page.tabs.compare.comparison import Comparison, Side, dream_means
from page.tabs.imagine import MODE_LABELS
from page.tabs.imagine_view import action_text_of
from page.tabs.networks import DIFFERENCE_UNIT, ERROR_UNIT, frames_text, untrained_notice
from page.text import count_text, loss_text, percent_text
from session import RecordedSession
from training import DreamStep, Evidence, better_of, loss_chart, share_below, verdict

THUMB = 112  # pixels
SAME = "A and B are the same weights."
EQUAL = "A and B are equally good {where}: errors differ by less than 1 %, or pictures by less than half a grey level."
NO_TRUTH = "There is no ground truth for this dream: the robot did something else here."
EVALUATE = "For all frames, evaluate the recording with each under Errors; their means then stand here."
REPEATING, MEAN_IMAGE = "Repeating a frame", "Mean image"

Cells = Sequence[float | None]


def comparison_view(comparison: Comparison) -> str:
    """HTML of a comparison: sentences, a table of errors, verdicts, and the pictures of the frame and of the dream."""
    return (
        f'<div class="result" data-frame="{comparison.index}">{_notices(comparison)}{_sentences(comparison)}'
        f"{_table(comparison)}{_verdicts(comparison)}{_frame(comparison)}{_dream(comparison)}</div>"
    )


def _notices(comparison: Comparison) -> str:
    untrained = "".join(
        f'<div class="side"><b>{side.name}</b>{untrained_notice(side.shared.weights)}</div>'
        for side in comparison.sides
        if not side.is_trained
    )
    texts = [SAME] if comparison.is_same else []
    texts += [comparison.frame_problem] if comparison.frame_problem else []
    texts += [comparison.history.note] if comparison.history and comparison.history.note else []
    texts += [text for text in (comparison.dreamed.problem, comparison.dreamed.note) if text]
    notices = "".join(f'<div class="notice">{escape(text)}</div>' for text in texts)
    return f"{untrained}{notices}{clipped_notice(comparison.recording)}"


def _sentences(comparison: Comparison) -> str:
    """Which side is better on the frame, in the dream, and over the recording."""
    if comparison.is_same:
        return ""
    lines, names = [], [side.name for side in comparison.sides]
    if comparison.predictions:
        errors = [one.mse for one in comparison.predictions]
        best = better_of(errors, [one.predicted for one in comparison.predictions])
        repeat = comparison.baselines.repeat if comparison.baselines else None
        lines.append(_sentence(names, errors, best, f"on frame {comparison.index}", ("last", repeat)))
    if means := dream_means(comparison):
        best = better_of(means[:2], comparison.dream[-1].imagined)
        lines.append(_sentence(names, means, best, "in this dream", ("start", means[2])))
    if comparison.evaluated:
        errors, some = [one.mse for one in comparison.evaluated], comparison.evaluated[0]
        where = f"over {count_text(some.frames, 'frame')} of the recording"
        lines.append(_sentence(names, errors, better_of(errors), where, ("last", some.repeat)))
    return "".join(f'<p class="verdict">{line}</p>' for line in lines)


def _sentence(
    names: Sequence[str], errors: Sequence[float], best: int | None, where: str, repeated: tuple[str, float | None]
) -> str:
    """The better one of two and by how much; `repeated`: the frame that a trivial answer repeats, and its error."""
    if best is None:
        text = EQUAL.format(where=where)
    else:
        below = share_below(errors[best], errors[1 - best])
        text = (
            f"<b>{names[best]} is better</b> {where}: its error is {percent_text(below or 0)} below that of "
            f"{names[1 - best]}."
        )
    frame, repeat = repeated
    is_beaten = repeat is not None and min(errors[:2]) >= repeat
    return f"{text} Neither beats repeating the {frame} frame." if is_beaten else text


def _table(comparison: Comparison) -> str:
    """Errors of both sides and of trivial answers, one column for each of frame, dream and recording."""
    columns = _columns(comparison)
    head = "".join(f'<th scope="col" class="number">{escape(title)}</th>' for title, _ in columns)
    rows = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(_cell(cells, row) for _, cells in columns)}</tr>'
        for row, name in enumerate((*map(_side_name, comparison.sides), REPEATING, MEAN_IMAGE))
    )
    hint = "" if comparison.evaluated else f'<p class="fine">{EVALUATE}</p>'
    return (
        f'<p class="fine">MSE, and how far below that of repeating the last frame, in a dream the start frame:</p>'
        f'<table class="measures" id="comparison-errors"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody>'
        f'</table>{hint}<p class="links">{_link(comparison)}</p>'
    )


def _side_name(side: Side) -> str:
    return f"<b>{side.name}</b> <small>{escape(side.label)}</small>"


def _columns(comparison: Comparison) -> list[tuple[str, Cells]]:
    """A title, and the errors of A, B, repeating and the mean image, None where not known."""
    columns: list[tuple[str, Cells]] = []
    if comparison.predictions:
        base = comparison.baselines
        trivial = (base.repeat, base.mean) if base else (None, None)
        columns.append((f"Frame {comparison.index}", [*(one.mse for one in comparison.predictions), *trivial]))
    if means := dream_means(comparison):
        known = sum(step.actual is not None for step in comparison.dream)
        columns.append((f"Dream, {count_text(known, 'step')}", [*means, *[None] * (4 - len(means))]))
    if comparison.evaluated:
        some = comparison.evaluated[0]
        errors = [one.mse for one in comparison.evaluated]
        columns.append((count_text(some.frames, "frame"), [*errors, some.repeat, some.mean]))
    return columns


def _cell(cells: Cells, row: int) -> str:
    error, repeat = cells[row], cells[2]
    share = share_below(error, repeat) if row < 2 and error is not None and repeat is not None else None
    below = "" if share is None else f"<small>{percent_text(abs(share))} {'below' if share >= 0 else 'above'}</small>"
    return f'<td class="number">{"" if error is None else loss_text(error)}{below}</td>'


def _verdicts(comparison: Comparison) -> str:
    """The verdict on each predictor, of this frame alone."""
    base = comparison.baselines
    if base is None:
        return ""
    lines = ""
    for side, prediction in zip(comparison.sides, comparison.predictions, strict=True):
        judged = verdict("predictor", side.is_trained, Evidence(prediction.mse, base.mean, base.repeat))
        level = judged.level.replace(" ", "-")
        text = f"{side.name}: <b>{judged.level}</b>. {escape(judged.reason)}"
        lines += f'<p class="verdict" data-level="{level}">{text}</p>'
    return f'<div id="comparison-verdicts"><p class="fine">Of this frame alone:</p>{lines}</div>'


def _frame(comparison: Comparison) -> str:
    """The actual frame and both predictions, each over the actual one; below them their difference and their errors."""
    if not comparison.predictions:
        return ""
    actual, names = comparison.predictions[0].actual, [side.name for side in comparison.sides]
    predicted = [
        Picture(one.predicted, f"Predicted by {name}", f"MSE {loss_text(one.mse)}", beneath=(actual, "Actual"))
        for name, one in zip(names, comparison.predictions, strict=True)
    ]
    top = max(float(one.error.max()) for one in comparison.predictions)
    errors = [
        Picture(error_heat_map(one.error, top), f"Squared error of {name}")
        for name, one in zip(names, comparison.predictions, strict=True)
    ]
    first, second = (one.predicted.astype(np.float32).mean(axis=2) / 255 for one in comparison.predictions)
    difference = second - first
    maps = draw_differences(difference[None], float(np.abs(difference).max()))
    strip = error_heat_map(np.linspace(0, 1, maps.strip.shape[1], dtype=np.float32)[None], 1.0)
    pictures = [
        Picture(actual, f"Actual, frame {comparison.index}"),
        *predicted,
        Picture(maps.pixels[0], "B − A"),
        *errors,
    ]
    return (
        f"<h3>Frame {comparison.index} from {frames_text(comparison.history.frames)}</h3>"
        f"{picture_row(pictures, 'compared-frame')}{colour_bar(strip, '0', loss_text(top), ERROR_UNIT)}"
        f"{colour_bar(maps.strip, f'−{loss_text(maps.top)}', f'+{loss_text(maps.top)}', DIFFERENCE_UNIT)}"
    )


def _dream(comparison: Comparison) -> str:
    """The frames of the dream in columns, the actual ones above those of each side, and the errors by step."""
    if not comparison.dream:
        return ""
    dreamed, names = comparison.dreamed, [side.name for side in comparison.sides]
    heads = "".join(_step_head(comparison.recording, step) for step in comparison.dream)
    rows = [_row("Actual", [(step.actual, "") for step in comparison.dream])]
    for place, name in enumerate(names):
        cells = [(step.imagined[place], _error_text(step.mses[place])) for step in comparison.dream]
        rows.append(_row(name, cells))
    note = "" if dream_means(comparison) else f'<div class="notice">{NO_TRUTH}</div>'
    how = f"fed back as {escape(MODE_LABELS[comparison.mode])}, history {comparison.history_length}; MSE below each"
    return (
        f"<h3>Dream from frame {dreamed.start}</h3>"
        f'<p class="fine">{count_text(len(comparison.dream), "step")}, {how}.</p>{note}'
        '<div class="dreams" tabindex="0" role="region" aria-label="Frames of the dream"><table><thead><tr><td></td>'
        f"{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{_chart(comparison)}"
    )


def _step_head(recording: RecordedSession, step: DreamStep) -> str:
    return f'<th scope="col">{step.number} · {escape(action_text_of(recording, step.action))}</th>'


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


def _chart(comparison: Comparison) -> str:
    known = [step for step in comparison.dream if step.actual is not None]
    if len(known) < 2:
        return ""
    curves = {
        side.name: [(step.number, step.mses[place]) for step in known] for place, side in enumerate(comparison.sides)
    }
    curves["repeating the start frame"] = [(step.number, step.repeat_mse) for step in known]
    if comparison.mean_mses:
        numbers = [step.number for step in known]
        curves["mean image"] = list(zip(numbers, comparison.mean_mses, strict=True))
    positive = {name: [point for point in points if point[1] > 0] for name, points in curves.items()}
    return f"<h3>MSE by step</h3>{loss_chart(positive, None, True, 'MSE')}"  # a logarithm needs values above 0


def _link(comparison: Comparison) -> str:
    """A table of all errors: the frame's, then each step's."""
    rows = []
    if comparison.predictions:
        errors = [one.mse for one in comparison.predictions]
        rows.append(
            ("frame", comparison.index, "", *errors, _number(comparison.baselines and comparison.baselines.repeat))
        )
    for step in comparison.dream:
        action = action_text_of(comparison.recording, step.action)
        rows.append(("dream step", step.number, action, *map(_number, step.mses), _number(step.repeat_mse)))
    header = ("what", "number", "action", "mse A", "mse B", "mse repeating")
    return table_link(header, rows, f"comparison_{comparison.recording.name}_{comparison.index}")


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
