"""The tabs Inside the model and Errors: their fields and buttons. What they do is decided by those who connect them."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import gradio as gr

from models import WeightsSource
from page import messages
from page.backend import PageBackend
from page.clip import animated_clip, check_speed
from page.components import NARROW, OpenDropdown, OpenNumber, OpenRadio
from page.figures import data_address, picture_link
from page.selection import recording_of
from page.tabs.errors_view import (
    errors_data,
    errors_label,
    errors_view,
    progress_view,
)
from page.tabs.networks import weights_text
from page.text import bytes_text, count_text, loss_text
from page.visitor import Visitor
from session import RecordedSession
from training import EvaluationResult, EvaluationSnapshot, InvalidValue, PredictedFrame, is_number

IN_USE, CHOSEN = "Weights in use", "Files chosen under Models"
CLIP_KINDS = ("WebP", "GIF")
NOTHING = ("Nothing", "")


def build_errors_tab() -> dict[str, Any]:
    """The error track of a whole recording, and clips."""
    with gr.Tab("Errors", id="errors") as tab:
        which = OpenRadio([IN_USE, CHOSEN], value=IN_USE, label="Evaluate with", elem_id="evaluated-weights")
        with gr.Row():
            run = gr.Button("Evaluate recording", variant="primary", elem_id="evaluate", min_width=160, scale=3)
            cancel = gr.Button("Cancel", variant="stop", elem_id="cancel-evaluation", min_width=80, scale=1)
        shown = OpenDropdown([], label="Shown", elem_id="shown-errors")
        compared = OpenDropdown([], label="Compared with", elem_id="compared-errors")
        notice = gr.HTML(elem_id="errors-notice")
        view = gr.HTML(messages.EMPTY_ERRORS, elem_id="errors-view")
        parts = build_clip_panel()
    names = dict(errors_tab=tab, errors_notice=notice, evaluated_weights=which, evaluate=run, cancel_evaluation=cancel)
    return dict(parts, **names, shown_errors=shown, compared_errors=compared, errors_view=view)


def build_clip_panel() -> dict[str, Any]:
    with gr.Accordion("Clip: actual and predicted side by side", open=True, elem_id="clip"):
        with gr.Row():
            first = OpenNumber(0, label="From frame", elem_id="clip-first", **NARROW)
            last = OpenNumber(29, label="To frame", elem_id="clip-last", **NARROW)
            speed = OpenNumber(5, label="Frames a second", elem_id="clip-speed", **NARROW)
            kind = OpenRadio(CLIP_KINDS, value=CLIP_KINDS[0], label="File", elem_id="clip-kind", **NARROW)
        run = gr.Button("Make clip", elem_id="make-clip")
        result = gr.HTML(elem_id="clip-result")
    return dict(clip_first=first, clip_last=last, clip_speed=speed, clip_kind=kind, make_clip=run, clip_result=result)


def evaluation_status(
    explorer: PageBackend, visitor: Visitor, shown: str | None = None, compared: str | None = None
) -> tuple:
    """The errors of the recording: `shown` and `compared` name kept results, or else the newest and none."""
    return errors_of(explorer, visitor, (shown, compared), is_drawn=True)


def errors_of(explorer: PageBackend, visitor: Visitor, picked: tuple, is_drawn: bool) -> tuple:
    """`errors_answer` for the visitor's recording; raises PageError."""
    recording, now = recording_of(explorer, visitor), explorer.evaluator.snapshot()
    kept = explorer.evaluator.kept(visitor.session_id, recording.version)
    return errors_answer(recording, visitor.session_id, kept, now, picked, is_drawn)


def tick_evaluation(explorer: PageBackend, visitor: Visitor, shown: str | None, compared: str | None) -> Any:
    """The same for a page that is watching, once a second: nothing is sent unless its recording is being evaluated."""
    now = explorer.evaluator.snapshot()
    if not visitor.has_news_of(now):
        return gr.skip()
    is_here = now.errors is not None and now.session_id == visitor.session_id
    return evaluation_status(explorer, visitor, now.errors.key if is_here else shown, compared)


def tick_errors_notice(explorer: PageBackend, visitor: Visitor, shown: str | None, history_length: int | None) -> Any:
    """Whether the errors shown are of the weights and the history in use; nothing is sent while neither changes."""
    if visitor.session_id is None:
        return gr.skip()
    manager, job = explorer.manager_for(visitor), explorer.manager_for(visitor).snapshot()
    is_training = job is not None and job.is_active  # other weights at every step
    seen = (visitor.visit, shown, history_length, is_training or manager.shared.version)
    if seen == visitor.seen_weights:
        return gr.skip()
    visitor.seen_weights = seen
    kept = explorer.evaluator.kept(visitor.session_id, recording_of(explorer, visitor).version)
    return errors_notice(kept, shown, None if is_training else manager.shared.digests(), history_length)


def errors_answer(
    recording: RecordedSession,
    session_id: str,
    kept: Sequence[EvaluationResult],
    now: EvaluationSnapshot | None,
    picked: tuple[object, object],
    is_drawn: bool,
) -> tuple:
    """View, data of the player's track, and both pickers. `picked`: keys of what is to be shown and compared with; the
    newest, and nothing, where they name nothing kept. Unless `is_drawn`, only the track is filled."""
    kept = [one for one in kept if len(one.track.context) == recording.frame_count]
    is_active = now is not None and now.is_active
    is_here = is_active and now.session_id == session_id
    kept = [now.errors, *(one for one in kept if one.key != now.errors.key)] if is_here and now.errors else list(kept)
    shown = kept[0] if is_here and kept else _named(kept, picked[0]) or next(iter(kept), None)
    other = _named(kept, picked[1])
    other = None if other is shown else other
    view = progress_view(now, is_here) if is_active else _outcome(now, session_id)
    if is_here or not is_drawn:
        view = view or (messages.EMPTY_ERRORS if shown is None else messages.KEPT_ERRORS)
    elif shown is None:
        view += messages.EMPTY_ERRORS
    else:
        view += errors_view(recording, session_id, shown, other)
    choices = [(errors_label(one), one.key) for one in kept]
    return (
        f'<div class="result">{view}</div>',
        gr.HTML(value=errors_data(session_id, recording.frame_count, shown, other)),
        OpenDropdown(choices=choices, value=shown.key if shown else None),
        OpenDropdown(
            choices=[NOTHING, *(choice for choice in choices if not shown or choice[1] != shown.key)],
            value=other.key if other else NOTHING[1],
        ),
    )


def no_errors() -> tuple:
    """The same where there is no recording."""
    pickers = (OpenDropdown(choices=[], value=None) for _ in range(2))
    return messages.EMPTY_ERRORS, gr.HTML(value=None), *pickers


def errors_notice(
    kept: Sequence[EvaluationResult], key: object, in_use: Mapping[str, str] | None, history_length: object
) -> str:
    """What differs between the errors shown and the weights, by their digests, and the history in use; `in_use` None:
    weights that change at this moment."""
    errors = _named(kept, key)
    if errors is None:
        return ""
    told = (
        [] if in_use is not None and dict(errors.digests) == dict(in_use) else ["other weights than those in use now"]
    )
    if is_number(history_length) and 2 <= history_length <= 8 and errors.history_length != history_length:
        told.append(f"a history of {errors.history_length}, not of {history_length:g} as chosen under Predictor")
    return f'<div class="notice">{messages.errors_of_others(" and ".join(told))}</div>' if told else ""


def _named(kept: Sequence[EvaluationResult], key: object) -> EvaluationResult | None:
    return next((one for one in kept if one.key == key), None)


def _outcome(now: EvaluationSnapshot | None, session_id: str) -> str:
    if now is None or now.session_id != session_id:
        return ""
    kind = "fine" if now.status == "finished" else "notice"
    return f'<div class="{kind}" id="evaluation-outcome">{escape(now.message)}</div>'


def evaluation_line(now: EvaluationSnapshot | None) -> str:
    """For the status line; empty where nothing is evaluated."""
    if now is None or not now.is_active:
        return ""
    return f"{now.session_id}, frame {now.done:,} of {now.total:,}"


def check_clip(speed: object, kind: object) -> None:
    """Raise InvalidValue for a speed or a kind of file that there is not: before any frame is predicted."""
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
    """HTML of a clip of actual and predicted frames, of what it is made, and a link to keep it; raises ClipEmpty and
    ClipTooLong."""
    titles = [f"frame {one.frame}" + (f" · MSE {loss_text(one.mse)}" if one.mse is not None else "") for one in frames]
    content = animated_clip([(one.actual, one.predicted) for one in frames], titles, speed, kind.lower())
    name = f"{recording.name}_{frames[0].frame}_{frames[-1].frame}.{kind.lower()}"
    address = data_address(content, f"image/{kind.lower()}")
    told = f"{count_text(len(frames), 'frame')}, {bytes_text(len(content))}, history {history_length}, "
    link = picture_link(name, f"Download {kind}")
    return (
        f'<figure class="chart"><img id="clip-picture" src="{address}" alt="Actual and predicted frames side by side">'
        f"<figcaption>{link}<span>{told}{weights_text(weights)}</span></figcaption></figure>"
    )
