"""What the Imagine tab shows: the answer to a press, which the pad in page/assets/imagine.js draws, and a rollout.
Knows only the shapes of such results."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from models import WeightsSource
from page.clip import animated_clip
from page.facts import action_text
from page.figures import data_address, picture_link, png_of, table_link
from page.tabs.imagine import ROLLOUT_MODES, Press
from page.tabs.networks import candidate_labels, untrained_notice, weights_text
from page.text import bytes_text, count_text, loss_text
from session import RecordedSession, action_name
from training import Imagination, ImaginedStep, RolloutStep, loss_chart

STRIP = 8
NEAR_PX = 2
CLIP_FRAMES_PER_S = 5
Points = Sequence[tuple[float, float]]
NO_DOT = "no dot seen"
CHANGED = "The weights changed on the way (training or loading): earlier frames were imagined by other weights."


def imagine_answer(
    recording: RecordedSession, session_id: str, dream: Imagination, press: Press | None, is_trained: bool
) -> dict[str, Any]:
    """What the pad needs to know after a press, as JSON; pictures travel in it as PNG."""
    names = action_names(recording)
    truth = dream.truth.picture if dream.truth is not None else None if dream.actions else dream.picture
    return {
        "answered": press.number if press is not None and isinstance(press.number, int) else None,
        "session": session_id,
        "start": dream.start,
        "steps": len(dream.actions),
        "can_undo": bool(dream.steps),
        "actions": names,
        "summary": _summary(dream),
        "notice": _notice(dream, is_trained),
        "imagined": _address(dream.picture),
        "imagined_text": _imagined_text(dream, names),
        "truth": None if truth is None else _address(truth),
        "truth_text": _truth_text(dream) if dream.actions else f"Truth: frame {dream.start}, as recorded",
        "strip": [_strip_step(step, names) for step in dream.steps[-STRIP:]],
        "problem": "",
    }


def imagine_refusal(problem: Exception) -> dict[str, Any]:
    """A refusal in the place of an answer, so that the pad knows that nothing is under way any more."""
    return {"answered": None, "problem": str(problem).encode("utf-8", "replace").decode("utf-8")}


def action_names(recording: RecordedSession) -> list[dict[str, str]]:
    """For each candidate action what people call it, empty where it has no name, and its values."""
    labels, _ = candidate_labels(recording)
    named = [action_name(recording.profile, values) for values in recording.candidate_actions]
    return [{"name": name, "label": label} for name, label in zip(named, labels, strict=True)]


def _address(pixels: np.ndarray) -> str:
    return data_address(png_of(pixels), "image/png")


def _called(action: Mapping[str, str]) -> str:
    return action["name"] or action["label"]


def _imagined_text(dream: Imagination, names: Sequence[Mapping[str, str]]) -> str:
    if not dream.actions:
        return f"Frame {dream.start}, as recorded: the dream starts here"
    last = f", after {_called(names[dream.steps[-1].action])}" if dream.steps else ""
    return f"Imagined, step {len(dream.actions)}{last}"


def _truth_text(dream: Imagination) -> str:
    if dream.truth is None:
        return "Another action was recorded here, or none: what would have followed is not known"
    where = "simulated" if dream.truth.frame is None else f"recorded, frame {dream.truth.frame}"
    error = f" · {_error_text(dream.steps[-1])}" if dream.steps else ""
    return f"Truth, {where}{error}"


def _error_text(step: ImaginedStep) -> str:
    if step.distance_px is not None:
        return f"{step.distance_px:.1f} px apart"
    if step.is_dot_lost:
        return NO_DOT
    return "not known" if step.mse is None else f"MSE {loss_text(step.mse)}"


def _summary(dream: Imagination) -> str:
    if not dream.steps:
        return f"Starts at frame {dream.start}. Press an action to imagine the next frame."
    last = dream.steps[-1]
    told = f"{count_text(len(dream.actions), 'step')} imagined from frame {dream.start}; "
    if dream.is_simulated:
        return f"{told}{last.near} of {last.known} within {NEAR_PX} px of the truth."
    if not last.known:
        return f"{told}the truth is not known: other actions were recorded."
    return f"{told}truth known for {last.known}, mean MSE {loss_text(last.mse_sum / last.known)}."


def _notice(dream: Imagination, is_trained: bool) -> str:
    told = [] if is_trained else ["Untrained: this is what random weights imagine. Load a checkpoint, or train."]
    if len({step.version for step in dream.steps}) > 1:
        told.append(CHANGED)
    return " ".join(told)


def _strip_step(step: ImaginedStep, names: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    truth = None if step.true_thumb is None else _address(step.true_thumb)
    error = f"{step.distance_px:.1f} px" if step.distance_px is not None else _error_text(step)
    name = _called(names[step.action])
    return dict(number=step.number, action=name, imagined=_address(step.thumb), truth=truth, error=error)


def rollout_view(
    recording: RecordedSession,
    start: int,
    steps: Sequence[RolloutStep],
    asked: int,
    history_length: int,
    way: str,
    weights: Mapping[str, WeightsSource],
) -> str:
    """HTML of a rollout: errors by step of both ways and of repeating the start frame, a table to keep, and a clip of
    the chosen `way`."""
    note = ""
    if len(steps) < asked:
        words = f"Only {count_text(len(steps), 'step')} of {asked} recorded after frame {start} in a row; using those."
        note = f'<div class="notice">{words}</div>'
    if len({step.version for step in steps}) > 1:
        note += f'<div class="notice">{CHANGED}</div>'
    charts = f"<h3>MSE by step</h3>{loss_chart(_curves(steps, _mse, 'repeating the start frame'), None, True, 'MSE')}"
    if any(step.repeat_px is not None for step in steps):
        distances = loss_chart(_curves(steps, _distance, "repeating the start frame"), None, False, "Distance", " px")
        charts += f"<h3>Distance of the dot by step</h3>{distances}"
    return (
        f'<div class="result" data-frame="{start}">{untrained_notice(weights)}{note}'
        f'<p id="rollout-summary">{_rollout_summary(start, steps, history_length)}{weights_text(weights)}.</p>'
        f'{charts}<p class="links">{_rollout_link(recording, start, steps)}</p>'
        f"{_rollout_clip(recording, start, steps, way)}</div>"
    )


def _mse(step: RolloutStep, way: str | None) -> float | None:
    return step.repeat_mse if way is None else step.mse[way]


def _distance(step: RolloutStep, way: str | None) -> float | None:
    return step.repeat_px if way is None else step.distance_px[way]


def _curves(
    steps: Sequence[RolloutStep], measure: Callable[[RolloutStep, str | None], float | None], repeating: str
) -> dict[str, Points]:
    curves = {}
    for way, name in [*((way, label.lower()) for way, label in ROLLOUT_MODES.items()), (None, repeating)]:
        values = [(step.number, measure(step, way)) for step in steps]
        curves[name] = [(number, value) for number, value in values if value is not None]
    return curves


def _rollout_summary(start: int, steps: Sequence[RolloutStep], history_length: int) -> str:
    told = []
    for way, label in ROLLOUT_MODES.items():
        mean = sum(step.mse[way] for step in steps) / len(steps)
        near = [step.distance_px[way] is not None and step.distance_px[way] <= NEAR_PX for step in steps]
        is_dot = any(step.repeat_px is not None for step in steps)
        told.append(f"{label.lower()}, mean MSE <b>{loss_text(mean)}</b>")
        told[-1] += f", {sum(near)} of {len(near)} within {NEAR_PX} px" if is_dot else ""
    repeat = loss_text(sum(step.repeat_mse for step in steps) / len(steps))
    return (
        f"{count_text(len(steps), 'step')} from frame {start}, history {history_length}: {'; '.join(told)}; "
        f"repeating the start frame, {repeat}. Weights: "
    )


def _rollout_link(recording: RecordedSession, start: int, steps: Sequence[RolloutStep]) -> str:
    header = ["step", "frame", "action"]
    header += [f"{measure} {name}" for name in (*ROLLOUT_MODES, "repeat") for measure in ("mse", "distance px")]
    rows = []
    for step in steps:
        found = [value for way in (*ROLLOUT_MODES, None) for value in (_mse(step, way), _distance(step, way))]
        numbers = [float("nan") if value is None else float(value) for value in found]
        rows.append((step.number, step.frame, action_text(recording, step.action), *numbers))
    return table_link(header, rows, f"rollout_{recording.name}_{start}")


def _rollout_clip(recording: RecordedSession, start: int, steps: Sequence[RolloutStep], way: str) -> str:
    titles = [f"step {step.number} · frame {step.frame} · MSE {loss_text(step.mse[way])}" for step in steps]
    content = animated_clip([(step.actual, step.imagined[way]) for step in steps], titles, CLIP_FRAMES_PER_S, "webp")
    link = picture_link(f"rollout_{recording.name}_{start}_{way}.webp", "Download WebP")
    return (
        f'<figure class="chart"><h3>Actual beside imagined: {escape(ROLLOUT_MODES[way].lower())}</h3>'
        f'<img id="rollout-clip" src="{data_address(content, "image/webp")}" alt="Actual and imagined frames">'
        f"<figcaption>{link}<span>{bytes_text(len(content))}</span></figcaption></figure>"
    )
