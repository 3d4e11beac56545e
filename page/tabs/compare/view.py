"""HTML of a comparison: which of two pairs of checkpoints is better here, with the errors of trivial answers beside."""

from collections.abc import Sequence
from html import escape

import numpy as np

from models import draw_differences
from models.figures import error_heat_map
from page.facts import clipped_notice
from page.figures import table_link
from page.pictures import Picture, colour_bar, picture_row
from page.reports.link import report_link, setup
from page.tabs.compare.comparison import Comparison, Side
from page.tabs.compare.dream import dream_view, error_rows
from page.tabs.imagine import MODE_LABELS
from page.tabs.networks import DIFFERENCE_UNIT, ERROR_UNIT, frames_text, untrained_notice
from page.text import count_text, loss_text, percent_text
from training import Evidence, better_of, share_below, verdict

SAME = "A and B are the same weights."
EQUAL = "A and B are equally good {where}: errors differ by less than 1 %, or pictures by less than half a grey level."
EVALUATE = (
    "For all frames, evaluate the recording with each under Errors; the backups in the lists under Models are what the "
    "last run has replaced."
)
REPEATING, MEAN_IMAGE = "Repeating a frame", "Mean image"

Cells = Sequence[float | None]


def comparison_view(comparison: Comparison) -> str:
    """HTML of a comparison: sentences, a table of errors, verdicts, and the pictures of the frame and of the dream."""
    return (
        f'<div class="result" data-frame="{comparison.index}">{_notices(comparison)}{_sentences(comparison)}'
        f"{_table(comparison)}{_verdicts(comparison)}{_frame(comparison)}{_dream(comparison)}{_setup(comparison)}</div>"
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
    if means := comparison.dream_means:
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
    hint = "" if comparison.evaluated else f'<p class="fine page-only">{EVALUATE}</p>'
    return (
        f'<p class="fine">MSE, and how far below that of repeating the last frame, in a dream the start frame:</p>'
        f'<table class="measures" id="comparison-errors"><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody>'
        f"</table>{hint}{_links(comparison)}"
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
    if means := comparison.dream_means:
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
    """The frames of the dream, and the errors by step."""
    if not comparison.dream:
        return ""
    names = [side.name for side in comparison.sides]
    how = f"fed back as {escape(MODE_LABELS[comparison.mode])}, history {comparison.history_length}; MSE below each"
    return (
        f"<h3>Dream from frame {comparison.dreamed.start}</h3>"
        f'<p class="fine">{count_text(len(comparison.dream), "step")}, {how}.</p>'
        f"{dream_view(comparison.recording, comparison.dream, names, comparison.mean_mses)}"
    )


def _links(comparison: Comparison) -> str:
    """A report, and a table of all errors: the frame's, then each step's."""
    rows = []
    if comparison.predictions:
        errors = [one.mse for one in comparison.predictions]
        repeat = comparison.baselines.repeat if comparison.baselines else None
        rows.append(("frame", comparison.index, "", *errors, float("nan") if repeat is None else repeat))
    rows += [("dream step", *row) for row in error_rows(comparison.recording, comparison.dream)]
    header = ("what", "number", "action", "mse A", "mse B", "mse repeating")
    name = f"comparison_{comparison.recording.name}_{comparison.index}"
    title = f"{comparison.recording.profile.title}: two pairs of checkpoints at frame {comparison.index}"
    return f'<p class="links">{report_link(name, title)} {table_link(header, rows, name)}</p>'


def _setup(comparison: Comparison) -> str:
    """What a reader of the report must know: recording, weights by their digests, and where these come from."""
    rows = [("Recording", f"{comparison.session_id}, version {comparison.recording.version}")]
    for side, digests in zip(comparison.sides, comparison.digests, strict=True):
        rows.append((side.name, side.label))
        for network, digest in digests.items():
            parts = (digest[:16], side.origins.get(network, ""))
            rows.append((f"{side.name}, {network}", " · ".join(part for part in parts if part)))
    return setup(rows)
