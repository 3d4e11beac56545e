"""The view of the errors of a whole recording (progress, numbers, worst frames, figures), and the data of the player's
error track."""

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from page.facts import clipped_notice, clock_text
from page.figures import drawable_labels, figure_card, render_figure, table_link
from page.tabs.networks import action_group_labels
from page.text import count_text, duration_text, loss_text, rate_text
from page.verdicts import evaluation_lines
from session import RecordedSession
from training import EvaluationResult, EvaluationSnapshot, FrameErrors, RecordingBaselines, frame_errors
from training.evaluation import figures as error_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORST = 8
TRACK_COLUMNS = 1200  # more than a track has pixels on nearly every screen
DIGITS = 4
DRAWN = 12  # pairs of results whose figures are kept, a few hundred kB each
MEASURES = {"prediction": "Prediction MSE", "reconstruction": "Reconstruction MSE"}


def errors_label(errors: EvaluationResult) -> str:
    """One line of the lists of results: weights, history length and time."""
    weights = " + ".join(errors.weights[network] for network in ("autoencoder", "predictor"))
    part = "" if errors.track.is_complete else f" · {errors.track.evaluated:,} of {len(errors.track.context):,} frames"
    when = errors.made_at.replace("T", " ")[:16]
    return f"{weights} · history {errors.history_length} · {when}{part}"


def progress_view(evaluation: EvaluationSnapshot, is_here: bool) -> str:
    """HTML of an evaluation in progress; `is_here`: of the visitor's recording."""
    percent = 100 * evaluation.done / max(1, evaluation.total)
    where = "this recording" if is_here else escape(evaluation.session_id)
    left = f", {duration_text(evaluation.seconds_left)} left" if evaluation.seconds_left else ""
    by = f", started by {escape(evaluation.started_by)}" if evaluation.started_by else ""
    return (
        f'<p id="evaluation-status"><b>Evaluating</b> {where}: frame {evaluation.done:,} of {evaluation.total:,}, '
        f"{rate_text(evaluation.frames_per_s)} frames/s{left}{by}.</p>"
        f'<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="{evaluation.total}" '
        f'aria-valuenow="{evaluation.done}" aria-label="Evaluated frames"><i style="width:{percent:.1f}%"></i></div>'
    )


def errors_view(
    recording: RecordedSession,
    session_id: str,
    errors: EvaluationResult,
    other: EvaluationResult | None,
    baselines: RecordingBaselines | None = None,
) -> str:
    """HTML of the errors of a recording, compared with an `other` result of the same recording if there is one, and
    with its `baselines`."""
    sections = "".join(_measure(recording, session_id, errors, measure) for measure in MEASURES)
    compared = _comparison(errors, other) if other else ""
    judged = evaluation_lines(errors, baselines) if baselines else ""
    return (
        f"{clipped_notice(recording)}"
        f"<p>{escape(recording.profile.title)} {escape(recording.name)}: {escape(errors_label(errors))}."
        f"{_note(errors.track)}</p>{_summary_table(errors, other)}{judged}{compared}{sections}"
        f"{_figures(recording, errors, other, baselines)}"
        f'<p class="links">{_frames_link(recording, errors, other)}</p>'
    )


def errors_data(
    session_id: str,
    frame_count: int,
    errors: EvaluationResult | None,
    other: EvaluationResult | None,
) -> dict[str, Any]:
    """The data of the player's error track, as JSON: at most 1,200 columns with the mean and the highest error."""
    data: dict[str, Any] = {"session": session_id, "frames": frame_count, "columns": 0, "rows": [], "label": ""}
    if errors:
        data["label"] = errors_label(errors) + (f", compared with {errors_label(other)}" if other else "")
    for measure, name in MEASURES.items() if errors else ():
        columns = frame_errors.columns(errors.track.of(measure), TRACK_COLUMNS)
        compared = frame_errors.columns(other.track.of(measure), TRACK_COLUMNS) if other else None
        highest = [*columns.highest, *(compared.highest if compared else ())]
        if not np.isnan(highest).all():
            # A click goes to the worst frame of a column, or to its first if none has an error.
            at = np.where(columns.worst >= 0, columns.worst, columns.starts[:-1]).tolist()
            row = {"name": name, "top": float(np.nanmax(highest)), "at": at, "other": compared and _levels(compared)}
            data["rows"].append(row | _levels(columns))
        data["columns"] = len(columns.worst)
    return data


def _levels(columns: frame_errors.Columns) -> dict[str, list[float | None]]:
    return {"mean": _numbers(columns.mean), "high": _numbers(columns.highest)}


def _numbers(values: np.ndarray) -> list[float | None]:
    return [None if value != value else float(f"{value:.{DIGITS}g}") for value in values.tolist()]


def _note(track: FrameErrors) -> str:
    note = "" if track.is_complete else f" Not finished: {track.evaluated:,} of {len(track.context):,} frames."
    return note + (f" {count_text(track.unreadable, 'frame')} could not be read." if track.unreadable else "")


def _summary_table(errors: EvaluationResult, other: EvaluationResult | None) -> str:
    rows = []
    for measure, name in MEASURES.items():
        rows.append(_summary_row(name, frame_errors.summary(errors.track.of(measure))))
        if other:
            rows.append(_summary_row(f"{name}, compared", frame_errors.summary(other.track.of(measure))))
    head = "".join(f'<th scope="col" class="number">{name}</th>' for name in ("Mean", "Median", "95th pct.", "Max"))
    table = (
        f'<table class="measures" id="errors-summary"><thead><tr><th scope="col">Error</th>{head}</tr></thead><tbody>'
        f"{''.join(rows)}</tbody></table>"
    )
    return (
        f"<div class='paper'>{table}</div><p class='fine'>MSE per frame, as Run Autoencoder and Run Predictor show "
        "it. A mean far above the median: a few frames are much harder.</p>"
    )


def _summary_row(name: str, result: frame_errors.Summary | None) -> str:
    values = (result.mean, result.median, result.p95, result.highest) if result else ()
    cells = "".join(f'<td class="number">{loss_text(value)}</td>' for value in values) or '<td colspan="4">none</td>'
    frames = f"<small>{count_text(result.count, 'frame')}</small>" if result else ""
    return f'<tr><th scope="row">{name}{frames}</th>{cells}</tr>'


def _comparison(errors: EvaluationResult, other: EvaluationResult) -> str:
    lines = []
    for measure, name in MEASURES.items():
        result = frame_errors.difference(other.track.of(measure), errors.track.of(measure))
        if result:
            change = f"{loss_text(abs(result.mean))} {'lower' if result.mean < 0 else 'higher'}"
            lines.append(
                f"<li>{name}: {change if result.mean else 'the same'} on average, lower in {result.better:,} of "
                f"{count_text(result.count, 'frame')}</li>"
            )
    return (
        f'<div class="notice" id="errors-comparison">Compared with '
        f"{escape(errors_label(other))}:<ul>{''.join(lines) or '<li>no frame has both errors</li>'}</ul></div>"
    )


def _measure(recording: RecordedSession, session_id: str, errors: EvaluationResult, measure: str) -> str:
    worst = frame_errors.worst_frames(errors.track.of(measure), WORST)
    if not worst:
        return ""
    items = "".join(_worst_item(recording, session_id, frame, value) for frame, value in worst)
    title = MEASURES[measure].replace(" MSE", "").lower()
    return f'<h3>Worst {title}s</h3><ol class="worst" id="worst-{measure}">{items}</ol>'


def _worst_item(recording: RecordedSession, session_id: str, frame: int, value: float) -> str:
    address = f"recorded/frame/{frame}/{quote(session_id)}?version={quote(recording.version)}"
    title = f"Go to frame {frame}, {clock_text(recording, frame)}"
    return (
        f'<li><button type="button" data-go-frame="{frame}" title="{title}">'
        f'<img src="{escape(address)}" alt="" loading="lazy">Frame {frame}<br>{loss_text(value)}</button></li>'
    )


@lru_cache(maxsize=DRAWN)
def _figures(
    recording: RecordedSession,
    errors: EvaluationResult,
    other: EvaluationResult | None,
    baselines: RecordingBaselines | None,
) -> str:
    """HTML of the figures, and of the table of one of them; the latest are kept, as drawing them takes a second."""
    guesses = _guesses(baselines)
    track = render_figure(lambda figure: error_figures.draw_track(figure, errors, other, guesses), 4.0)
    spread = render_figure(lambda figure: error_figures.draw_histogram(figure, errors, other), 3.2)
    over = "Error of every frame, on a logarithmic scale. Peaks are frames the model gets wrong."
    how_many = "Frames by error, on a logarithmic scale. Two humps suggest two kinds of frames."
    return (
        figure_card(track, "Errors over the recording", over, f"errors_over_frames_{recording.name}")
        + figure_card(spread, "Distribution of the errors", how_many, f"errors_distribution_{recording.name}")
        + _by_action(recording, errors, other, baselines)
    )


def _guesses(baselines: RecordingBaselines | None) -> dict[str, dict[str, float]]:
    """The mean errors of trivial guesses over the frames of the baselines, for each measure."""
    if baselines is None:
        return {}
    mean, repeat = float(baselines.mean.mean()), baselines.repeat[~np.isnan(baselines.repeat)]
    repeating = {"repeating the last frame": float(repeat.mean())} if len(repeat) else {}
    return {"prediction": {**repeating, "mean image": mean}, "reconstruction": {"mean image": mean}}


def _by_action(
    recording: RecordedSession,
    errors: EvaluationResult,
    other: EvaluationResult | None,
    baselines: RecordingBaselines | None,
) -> str:
    labels, common = action_group_labels(recording)
    repeated = frame_errors.by_action(recording, _repeat_errors(recording, baselines)) if baselines else ()
    rows = [_action_row("repeating the last frame", labels, one, "prediction") for one in repeated]
    for measure in MEASURES:
        averages = frame_errors.by_action(recording, errors.track.of(measure))
        compared = frame_errors.by_action(recording, other.track.of(measure)) if other else ()
        rows += [_action_row("shown", labels, one, measure) for one in averages]
        rows += [_action_row("compared", labels, one, measure) for one in compared]
    link = table_link(("result", "error", "action", "frames", "mean mse"), rows, f"errors_by_action_{recording.name}")
    card = _action_card(recording, (labels, common), errors, other, repeated)
    return f'{card}<p class="links">{link}</p>' if rows else ""


def _repeat_errors(recording: RecordedSession, baselines: RecordingBaselines) -> np.ndarray:
    """The error of repeating the last frame for the frames of the baselines, float64 (N,), NaN for the others."""
    errors = np.full(recording.frame_count, np.nan)
    errors[baselines.frames] = baselines.repeat
    return errors


def _action_card(
    recording: RecordedSession,
    names: tuple[list[str], str],
    errors: EvaluationResult,
    other: EvaluationResult | None,
    repeated: Sequence[frame_errors.ActionAverage],
) -> str:
    """The figure of the prediction error by action; a reconstruction knows no action."""
    (labels, common), measure = names, "prediction"
    averages = frame_errors.by_action(recording, errors.track.of(measure))
    if not averages:
        return ""
    compared = frame_errors.by_action(recording, other.track.of(measure)) if other else None
    drawn = drawable_labels(labels)

    def draw(figure: "Figure") -> None:
        error_figures.draw_by_action(figure, drawn, averages, compared, repeated)

    sentence = f"Mean prediction MSE by action{common}. "
    sentence += "An action that moves more is harder: compare each bar with the mark of repeating the last frame."
    title = f"{MEASURES[measure]} by action"
    file_name = f"{title.lower().replace(' ', '_')}_{recording.name}"
    return figure_card(render_figure(draw, 1.3 + 0.35 * len(averages)), title, sentence, file_name)


def _action_row(
    result: str, labels: Sequence[str], one: frame_errors.ActionAverage, measure: str
) -> tuple[str, str, str, int, float]:
    action = "other" if one.group is None else labels[one.group]
    return result, measure, action, one.count, float(one.mean)


def _frames_link(recording: RecordedSession, errors: EvaluationResult, other: EvaluationResult | None) -> str:
    tracks = [errors.track] + ([other.track] if other else [])
    header = ["frame", "step", "context frames", "prediction mse", "reconstruction mse"]
    header += ["compared prediction mse", "compared reconstruction mse"] if other else []
    columns = [track.of(measure).tolist() for track in tracks for measure in MEASURES]
    context = errors.track.context.tolist()
    rows = zip(range(len(context)), recording.steps.tolist(), context, *columns, strict=True)
    return table_link(header, rows, f"errors_of_frames_{recording.name}", "Download all frames as CSV")
