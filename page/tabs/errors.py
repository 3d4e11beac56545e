"""The Errors tab: evaluations of a whole recording, the choice of results to show, and clips."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from models import WeightsSource
from page import messages
from page.backend import PageBackend
from page.clip import animated_clip, check_speed
from page.components import NARROW, OpenDropdown, OpenNumber, OpenRadio
from page.facts import clipped_notice
from page.figures import data_address, picture_link
from page.handlers import Answer
from page.selection import recording_of
from page.tabs.errors_view import (
    errors_data,
    errors_label,
    errors_view,
    progress_view,
)
from page.tabs.networks import weights_text
from page.text import bytes_text, count_text, loss_text
from page.verdicts import add_evaluations
from page.visitor import Visitor
from session import MAX_LENGTH, MIN_LENGTH, RecordedSession
from training import EvaluationResult, EvaluationSnapshot, InvalidValue, PredictedFrame, RecordingBaselines, is_number

IN_USE, CHOSEN = "Loaded weights", "Selected checkpoints"
CLIP_KINDS = ("WebP", "GIF")
EVALUATED = ("errors.view", "recording.errors_data", "errors.shown", "errors.compared", "errors.cancel")
NOTHING = ("Nothing", "")


@dataclass(frozen=True)
class ClipPanel:
    first: OpenNumber
    last: OpenNumber
    speed: OpenNumber
    kind: OpenRadio
    run: gr.Button
    result: gr.HTML


@dataclass(frozen=True)
class ErrorsTab:
    """The Errors tab. `weights`: the weights to evaluate; `shown` and `compared`: lists of stored results."""

    tab: gr.Tab
    weights: OpenRadio
    run: gr.Button
    cancel: gr.Button
    shown: OpenDropdown
    compared: OpenDropdown
    notice: gr.HTML
    view: gr.HTML
    clip: ClipPanel


def build() -> ErrorsTab:
    with gr.Tab("Errors", id="errors") as tab:
        weights = OpenRadio([IN_USE, CHOSEN], value=IN_USE, label="Evaluate with", elem_id="evaluated-weights")
        with gr.Row(elem_classes="run-row"):
            options = dict(variant="primary", elem_id="evaluate", size="sm", min_width=170, scale=0)
            run = gr.Button("Evaluate recording", **options)
            options = dict(interactive=False, elem_id="cancel-evaluation", size="sm", min_width=90, scale=0)
            cancel = gr.Button("Cancel", **options)
        with gr.Row():
            shown = OpenDropdown([], label="Evaluation", elem_id="shown-errors", min_width=240)
            compared = OpenDropdown([], label="Compare with", elem_id="compared-errors", min_width=240)
        notice = gr.HTML(elem_id="errors-notice")
        view = gr.HTML(messages.EMPTY_ERRORS, elem_id="errors-view")
        return ErrorsTab(tab, weights, run, cancel, shown, compared, notice, view, build_clip())


def build_clip() -> ClipPanel:
    with gr.Accordion("Clip: actual beside predicted", open=True, elem_id="clip"):
        with gr.Row():
            first = OpenNumber(0, label="First frame", elem_id="clip-first", **NARROW)
            last = OpenNumber(29, label="Last frame", elem_id="clip-last", **NARROW)
            speed = OpenNumber(5, label="Frames/s", elem_id="clip-speed", **NARROW)
            kind = OpenRadio(CLIP_KINDS, value=CLIP_KINDS[0], label="Format", elem_id="clip-kind", **NARROW)
        run = gr.Button("Make clip", elem_id="make-clip")
        return ClipPanel(first, last, speed, kind, run, gr.HTML(elem_id="clip-result"))


def cleared() -> Answer:
    """The tab, and the player's error track, without a recording."""
    return {
        "errors.view": messages.EMPTY_ERRORS,
        "recording.errors_data": gr.HTML(value=None),
        "errors.shown": OpenDropdown(choices=[], value=None),
        "errors.compared": OpenDropdown(choices=[], value=None),
        "errors.cancel": gr.Button(interactive=False, variant="secondary"),
        "errors.clip.result": "",
    }


def evaluation_status(
    explorer: PageBackend, visitor: Visitor, shown: str | None = None, compared: str | None = None
) -> Answer:
    """The errors of the recording: `shown` and `compared` name stored results; the newest, and none, by default."""
    return errors_of(explorer, visitor, (shown, compared), is_drawn=True)


def errors_of(backend: PageBackend, visitor: Visitor, keys: tuple[object, object], is_drawn: bool) -> Answer:
    """`errors_answer` for the visitor's recording; raises PageError."""
    recording, evaluation = recording_of(backend, visitor), backend.evaluator.snapshot()
    kept = backend.evaluator.kept(visitor.session_id, recording.version)
    results = _in_use_first(backend, visitor, kept)
    baselines = backend.baselines.of(recording) if is_drawn and results else None
    if is_drawn:
        add_evaluations(backend, visitor, recording, results)
    return errors_answer(recording, visitor.session_id, results, evaluation, keys, is_drawn, baselines)


def _in_use_first(
    backend: PageBackend, visitor: Visitor, results: Sequence[EvaluationResult]
) -> Sequence[EvaluationResult]:
    """The results in their order, but those of the weights in use before all others."""
    manager = backend.manager_for(visitor)
    job = manager.snapshot()
    if not results or (job is not None and job.is_active):  # other weights at every step
        return results
    digests = dict(manager.served.digests())
    return sorted(results, key=lambda result: dict(result.digests) != digests)


def tick_evaluation(backend: PageBackend, visitor: Visitor, shown: str | None, compared: str | None) -> Answer:
    """The same once a second: skipped unless the evaluation of the recording has progressed."""
    evaluation = backend.evaluator.snapshot()
    if not visitor.has_news_of(evaluation):
        return gr.skip()
    is_here = evaluation.errors is not None and evaluation.session_id == visitor.session_id
    return evaluation_status(backend, visitor, evaluation.errors.key if is_here else shown, compared)


def tick_errors_notice(
    backend: PageBackend, visitor: Visitor, shown: str | None, history_length: int | None
) -> str | dict[str, Any]:
    """The difference between the errors on the page and the weights and history in use; skipped if nothing changed."""
    if visitor.session_id is None:
        return gr.skip()
    manager, job = backend.manager_for(visitor), backend.manager_for(visitor).snapshot()
    is_training = job is not None and job.is_active  # other weights at every step
    state = (visitor.visit, shown, history_length, is_training or manager.served.version)
    if state == visitor.last_errors:
        return gr.skip()
    visitor.last_errors = state
    results = backend.evaluator.kept(visitor.session_id, recording_of(backend, visitor).version)
    return errors_notice(results, shown, None if is_training else manager.served.digests(), history_length)


def errors_answer(
    recording: RecordedSession,
    session_id: str,
    results: Sequence[EvaluationResult],
    evaluation: EvaluationSnapshot | None,
    keys: tuple[object, object],
    is_drawn: bool,
    baselines: RecordingBaselines | None = None,
) -> Answer:
    """The view, the data of the player's track, and both lists. `keys`: those of the results to show and to compare
    with; the newest, and none, if they name no stored result. Unless `is_drawn`, only the track is filled. `baselines`:
    those of the recording."""
    results = [result for result in results if len(result.track.context) == recording.frame_count]
    is_active = evaluation is not None and evaluation.is_active
    is_here = is_active and evaluation.session_id == session_id
    if is_here and evaluation.errors:
        current = evaluation.errors
        results = [current, *(result for result in results if result.key != current.key)]
    first = results[0] if is_here and results else _named(results, keys[0]) or next(iter(results), None)
    other = _named(results, keys[1])
    other = None if other is first else other
    view = progress_view(evaluation, is_here) if is_active else _outcome(evaluation, session_id)
    if is_here or not is_drawn:
        view = view or (messages.EMPTY_ERRORS if first is None else messages.KEPT_ERRORS)
    else:
        view += messages.EMPTY_ERRORS if first is None else errors_view(recording, session_id, first, other, baselines)
    return {
        "errors.view": f'<div class="result">{view}</div>',
        "recording.errors_data": gr.HTML(value=errors_data(session_id, recording.frame_count, first, other)),
        **_lists(results, first, other),
        "errors.cancel": gr.Button(interactive=is_active, variant="stop" if is_active else "secondary"),
    }


def _lists(
    results: Sequence[EvaluationResult], first: EvaluationResult | None, other: EvaluationResult | None
) -> Answer:
    choices = [(errors_label(result), result.key) for result in results]
    others = [choice for choice in choices if not first or choice[1] != first.key]
    return {
        "errors.shown": OpenDropdown(choices=choices, value=first.key if first else None),
        "errors.compared": OpenDropdown(choices=[NOTHING, *others], value=other.key if other else NOTHING[1]),
    }


def errors_notice(
    results: Sequence[EvaluationResult], key: object, digests: Mapping[str, str] | None, history_length: object
) -> str:
    """HTML of the difference between the errors of a result and the weights and history in use; empty if there is none.
    `digests`: of the weights in use, None while they change."""
    errors = _named(results, key)
    if errors is None:
        return ""
    differences = []
    if digests is None or dict(errors.digests) != dict(digests):
        differences.append("different weights")
    is_length = is_number(history_length) and MIN_LENGTH <= history_length <= MAX_LENGTH
    if is_length and errors.history_length != history_length:
        differences.append(f"history length {errors.history_length}, not {history_length:g}")
    return f'<div class="notice">{messages.errors_of_others(" and ".join(differences))}</div>' if differences else ""


def _named(results: Sequence[EvaluationResult], key: object) -> EvaluationResult | None:
    return next((result for result in results if result.key == key), None)


def _outcome(evaluation: EvaluationSnapshot | None, session_id: str) -> str:
    if evaluation is None or evaluation.session_id != session_id:
        return ""
    kind = "fine" if evaluation.status == "finished" else "notice"
    return f'<div class="{kind}" id="evaluation-outcome">{escape(evaluation.message)}</div>'


def evaluation_line(evaluation: EvaluationSnapshot | None) -> str:
    """The evaluation in a few words, for the status line; empty if none is active."""
    if evaluation is None or not evaluation.is_active:
        return ""
    return f"{evaluation.session_id}, frame {evaluation.done:,} of {evaluation.total:,}"


def check_clip(speed: object, kind: object) -> None:
    """Raise InvalidValue for an invalid speed or kind of file, before any frame is predicted."""
    check_speed(speed)
    if kind not in CLIP_KINDS:
        raise InvalidValue(f"The file must be one of: {', '.join(CLIP_KINDS)}.")


def clip_view(
    recording: RecordedSession,
    frames: Sequence[PredictedFrame],
    weights: Mapping[str, WeightsSource],
    history_length: int,
    speed: float,
    kind: str,
) -> str:
    """HTML of a clip of actual and predicted frames, its contents in words, and a download link; raises ClipEmpty and
    ClipTooLong."""
    titles = [
        f"frame {frame.frame}" + (f" · MSE {loss_text(frame.mse)}" if frame.mse is not None else "") for frame in frames
    ]
    content = animated_clip([(frame.actual, frame.predicted) for frame in frames], titles, speed, kind.lower())
    name = f"{recording.name}_{frames[0].frame}_{frames[-1].frame}.{kind.lower()}"
    address = data_address(content, f"image/{kind.lower()}")
    caption = f"{count_text(len(frames), 'frame')}, {bytes_text(len(content))}, history {history_length}, "
    link = picture_link(name, f"Download {kind}")
    return (
        f"{clipped_notice(recording)}"
        f'<figure class="chart"><img id="clip-picture" src="{address}" alt="Actual and predicted frames side by side">'
        f"<figcaption>{link}<span>{caption}{weights_text(weights)}</span></figcaption></figure>"
    )
