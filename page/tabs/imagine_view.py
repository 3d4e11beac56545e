"""The answer of the Imagine tab to the pad, drawn by page/assets/imagine.js, and the view of a rollout."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from models import WeightsSource
from page.clip import animated_clip
from page.facts import action_text, clipped_notice, clipped_text
from page.figures import data_address, picture_link, png_of, table_link
from page.reports.link import report_link, setup
from page.tabs.imagine import MODE_LABELS, PadInput
from page.tabs.networks import channel_labels, short_values, untrained_notice, weights_text
from page.tabs.own_action import channels_of
from page.text import bytes_text, count_text, loss_text
from page.verdicts import baselines_line
from session import NEAR_PX, RecordedSession, action_name, located_part, may_be_simulated
from training import Imagination, ImaginedStep, RolloutStep, loss_chart

STRIP = 8
CLIP_FRAMES_PER_S, CLIP_CAPTIONS = 5, ("actual", "imagined")
Points = Sequence[tuple[float, float]]
REPEATING, MEAN_IMAGE = "Repeating the start frame", "mean image"
CHANGED = "The weights changed during this rollout; earlier frames used the old ones."


def true_pictures(imagination: Imagination) -> list[np.ndarray]:
    """The ground truth of the current step, uint8 (H, W, 3), if there is a step and it is known."""
    return [imagination.truth.picture] if imagination.steps and imagination.truth is not None else []


def imagine_answer(
    recording: RecordedSession,
    session_id: str,
    imagination: Imagination,
    pad_input: PadInput | None,
    weights: Mapping[str, WeightsSource],
    mean_mses: Sequence[float] | None = None,
) -> dict[str, Any]:
    """The state of the pad after a use, as JSON with pictures as PNG. `mean_mses`: the errors of the mean image for
    the `true_pictures`."""
    names = action_names(recording)
    is_begun = bool(imagination.actions)
    known = imagination.truth.picture if imagination.truth is not None else None
    truth = known if is_begun else imagination.picture
    return {
        "answered": pad_input.number if pad_input is not None and isinstance(pad_input.number, int) else None,
        "session": session_id,
        "start": imagination.start,
        "steps": len(imagination.actions),
        "can_undo": bool(imagination.steps),
        "actions": names,
        "channels": channels_of(recording),
        "recorded": _recorded_action(recording, imagination.start),
        "summary": _summary(imagination),
        "notice": _notice(recording, imagination, all(source.is_trained for source in weights.values())),
        "imagined": _address(imagination.picture),
        "imagined_text": _imagined_text(recording, imagination),
        "truth": None if truth is None else _address(truth),
        "truth_text": _truth_text(recording, imagination, mean_mses),
        "strip": [_strip_step(recording, step) for step in imagination.steps[-STRIP:]],
        "problem": "",
    }


def imagine_refusal(problem: Exception) -> dict[str, Any]:
    """An error in place of an answer, so that the pad accepts the next input."""
    return {"answered": None, "problem": str(problem).encode("utf-8", "replace").decode("utf-8")}


def action_names(recording: RecordedSession) -> list[dict[str, str]]:
    """The usual name of each candidate action, empty if it has none, and its values."""
    labels, _ = channel_labels(recording)
    named = [action_name(recording.profile, values) for values in recording.candidate_actions]
    return [{"name": name, "label": label} for name, label in zip(named, labels, strict=True)]


def _address(pixels: np.ndarray) -> str:
    return data_address(png_of(pixels), "image/png")


def action_text_of(recording: RecordedSession, action: np.ndarray) -> str:
    """The name or label of an action, raw values (A,); of one of the visitor's own its values."""
    candidate = recording.find_candidate(action)
    if candidate is not None:
        return action_names(recording)[candidate]["name"] or action_names(recording)[candidate]["label"]
    return short_values(np.array(recording.profile.channel_names), action)


def _recorded_action(recording: RecordedSession, frame: int) -> list[float] | None:
    """What the robot did after a frame, or None if it is not known."""
    action = recording.action_after[frame] if recording.is_continuous else -1
    return recording.actions[action].tolist() if action >= 0 else None


def _imagined_text(recording: RecordedSession, imagination: Imagination) -> str:
    if not imagination.actions:
        return f"Start: recorded frame {imagination.start}"
    last = f", after {action_text_of(recording, imagination.steps[-1].action)}" if imagination.steps else ""
    return f"Imagined, step {len(imagination.actions)}{last}"


def _truth_text(recording: RecordedSession, imagination: Imagination, mean_mses: Sequence[float] | None) -> str:
    if not imagination.actions:
        return f"Recorded frame {imagination.start}"
    if imagination.truth is None:
        return "No ground truth: the robot did something else here"
    where = "Simulated" if imagination.truth.frame is None else f"Recorded frame {imagination.truth.frame}"
    if not imagination.steps:
        return where
    step = imagination.steps[-1]
    part = located_part(recording.profile)
    own = _measures(part, step.distance_px, step.mse, _nothing_seen(recording) if step.is_lost else "")
    repeated = _measures(part, step.repeat_px, step.repeat_mse)
    mean = f"; mean image: MSE {loss_text(mean_mses[-1])}" if mean_mses else ""
    return f"{where} · {own}; repeating the start frame: {repeated}{mean}"


def _measures(part: str, distance_px: float | None, mse: float | None, nothing_seen: str = "") -> str:
    distance = nothing_seen if distance_px is None else f"{part} error {distance_px:.1f} px"
    return ", ".join([*([distance] if distance else []), *([] if mse is None else [f"MSE {loss_text(mse)}"])])


def _nothing_seen(recording: RecordedSession) -> str:
    return f"{located_part(recording.profile)} not recognisable"


def _summary(imagination: Imagination) -> str:
    if not imagination.steps:
        return f"Starts at frame {imagination.start}. Press an action: the model imagines the next frame."
    last = imagination.steps[-1]
    summary = f"{count_text(len(imagination.actions), 'step')} from frame {imagination.start}: "
    if imagination.is_simulated:
        return f"{summary}{last.near} of {last.known} within {NEAR_PX:g} px of the simulator."
    if not last.known:
        return f"{summary}no ground truth, the robot did something else here."
    known = count_text(last.known, "step")
    return f"{summary}mean MSE {loss_text(last.mse_sum / last.known)} over {known} with ground truth."


def _notice(recording: RecordedSession, imagination: Imagination, is_trained: bool) -> str:
    notices = [] if is_trained else ["Untrained: this output comes from random weights. Load a checkpoint or train."]
    if len({step.version for step in imagination.steps}) > 1:
        notices.append(CHANGED)
    if imagination.problem and may_be_simulated(recording):
        notices.append(f"What other actions lead to is not known. {imagination.problem}")
    if recording.outside_ranges:
        notices.append(clipped_text(recording.outside_ranges))
    return " ".join(notices)


def _strip_step(recording: RecordedSession, step: ImaginedStep) -> dict[str, Any]:
    truth = None if step.true_thumb is None else _address(step.true_thumb)
    name = action_text_of(recording, step.action)
    error = _short_error(recording, step)
    return dict(number=step.number, action=name, imagined=_address(step.thumb), truth=truth, error=error)


def _short_error(recording: RecordedSession, step: ImaginedStep) -> str:
    if step.distance_px is not None:
        return f"{step.distance_px:.1f} px"
    if step.is_lost:
        return _nothing_seen(recording)
    return "unknown" if step.mse is None else f"MSE {loss_text(step.mse)}"


def rollout_view(
    recording: RecordedSession,
    start: int,
    steps: Sequence[RolloutStep],
    requested: int,
    history_length: int,
    mode: str,
    weights: Mapping[str, WeightsSource],
    mean_mses: Sequence[float] | None = None,
) -> str:
    """HTML of a rollout: errors by step of both modes and of repeating the start frame, a table, and a clip of the
    chosen mode. `mean_mses`: those of the recording's mean image for the same frames."""
    note = ""
    if len(steps) < requested:
        count = f"Only {count_text(len(steps), 'step')} of {requested}"
        note = f'<div class="notice">{count}: the recording ends or has a gap there.</div>'
    if len({step.version for step in steps}) > 1:
        note += f'<div class="notice">{CHANGED}</div>'
    mean_curve = [(step.number, mse) for step, mse in zip(steps, mean_mses, strict=True)] if mean_mses else []
    errors = _curves(steps, _mse) | {MEAN_IMAGE: mean_curve}
    curves = {name: [point for point in points if point[1] > 0] for name, points in errors.items()}
    charts = f"<h3>MSE by step</h3>{loss_chart(curves, None, True, 'MSE')}"  # a logarithm needs values above 0
    if any(step.repeat_px is not None for step in steps):
        distances = loss_chart(_curves(steps, _distance), None, False, "Distance", " px")
        located = located_part(recording.profile)
        charts += f"<h3>{located.capitalize()} error by step</h3>{distances}{_lost(steps, located)}"
    return (
        f'<div class="result" data-frame="{start}">{untrained_notice(weights)}{note}'
        f"{clipped_notice(recording)}"
        f'<div title="{weights_text(weights)}">{_rollout_summary(start, steps, history_length, mean_mses)}</div>'
        f"{_rollout_judgement(steps, mode, mean_mses)}{charts}"
        f'<p class="links">{_rollout_report(recording, start, steps)} {_rollout_link(recording, start, steps)}</p>'
        f"{_rollout_clip(recording, start, steps, mode)}{_rollout_setup(recording, weights)}</div>"
    )


def _lost(steps: Sequence[RolloutStep], located: str) -> str:
    """Why a line of the distances has gaps or ends: it would look as if the predictions stayed good."""
    if all(step.distance_px[mode] is not None for step in steps for mode in MODE_LABELS):
        return ""
    return f'<p class="fine">No point: the imagined frame shows no {located} that can be found.</p>'


def _rollout_judgement(steps: Sequence[RolloutStep], mode: str, mean_mses: Sequence[float] | None) -> str:
    if not mean_mses:
        return ""
    error, repeat = (float(np.mean([_mse(step, one) for step in steps])) for one in (mode, None))
    return baselines_line(error, float(np.mean(mean_mses)), repeat, "the start frame")


def _mse(step: RolloutStep, mode: str | None) -> float | None:
    return step.repeat_mse if mode is None else step.mse[mode]


def _distance(step: RolloutStep, mode: str | None) -> float | None:
    return step.repeat_px if mode is None else step.distance_px[mode]


def _curves(
    steps: Sequence[RolloutStep], measure: Callable[[RolloutStep, str | None], float | None]
) -> dict[str, Points]:
    curves = {}
    for mode, name in [*MODE_LABELS.items(), (None, REPEATING.lower())]:
        values = [(step.number, measure(step, mode)) for step in steps]
        curves[name] = [(number, value) for number, value in values if value is not None]
    return curves


def _rollout_summary(
    start: int, steps: Sequence[RolloutStep], history_length: int, mean_mses: Sequence[float] | None
) -> str:
    is_dot = any(step.repeat_px is not None for step in steps)
    near_head = f'<th scope="col" class="number">Within {NEAR_PX:g} px</th>' if is_dot else ""
    rows = ""
    for mode, name in (*((mode, f"Feed back {label}") for mode, label in MODE_LABELS.items()), (None, REPEATING)):
        mean = sum(_mse(step, mode) for step in steps) / len(steps)
        distances = [_distance(step, mode) for step in steps]
        near = sum(distance is not None and distance <= NEAR_PX for distance in distances)
        cells = [loss_text(mean), *([f"{near} of {len(steps)}"] if is_dot else [])]
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        rows += f'<tr><th scope="row">{escape(name)}</th>{numbers}</tr>'
    if mean_mses:
        numbers = f'<td class="number">{loss_text(float(np.mean(mean_mses)))}</td>{"<td></td>" * is_dot}'
        rows += f'<tr><th scope="row">{MEAN_IMAGE.capitalize()}</th>{numbers}</tr>'
    return (
        f'<table class="measures" id="rollout-summary"><caption>{count_text(len(steps), "step")} from frame {start}, '
        f'history {history_length}</caption><thead><tr><td></td><th scope="col" class="number">Mean MSE</th>{near_head}'
        f"</tr></thead><tbody>{rows}</tbody></table>"
    )


def _rollout_link(recording: RecordedSession, start: int, steps: Sequence[RolloutStep]) -> str:
    header = ["step", "frame", "action"]
    header += [f"{measure} {name}" for name in (*MODE_LABELS, "repeat") for measure in ("mse", "distance px")]
    rows = []
    for step in steps:
        values = [value for mode in (*MODE_LABELS, None) for value in (_mse(step, mode), _distance(step, mode))]
        numbers = [float("nan") if value is None else float(value) for value in values]
        rows.append((step.number, step.frame, action_text(recording, step.action), *numbers))
    return table_link(header, rows, f"rollout_{recording.name}_{start}")


def _rollout_report(recording: RecordedSession, start: int, steps: Sequence[RolloutStep]) -> str:
    title = f"{recording.profile.title}: {count_text(len(steps), 'step')} rolled out from frame {start}"
    return report_link(f"rollout_{recording.name}_{start}", title)


def _rollout_setup(recording: RecordedSession, weights: Mapping[str, WeightsSource]) -> str:
    networks = [(network.capitalize(), source.describe()) for network, source in weights.items()]
    return setup([("Recording", f"{recording.name}, version {recording.version}"), *networks])


def _rollout_clip(recording: RecordedSession, start: int, steps: Sequence[RolloutStep], mode: str) -> str:
    titles = [f"step {step.number} · frame {step.frame} · MSE {loss_text(step.mse[mode])}" for step in steps]
    pairs = [(step.actual, step.imagined[mode]) for step in steps]
    content = animated_clip(pairs, titles, CLIP_FRAMES_PER_S, "webp", CLIP_CAPTIONS)
    link = picture_link(f"rollout_{recording.name}_{start}_{mode}.webp", "Download WebP")
    return (
        f'<figure class="chart"><h3>Actual and imagined, fed back as {escape(MODE_LABELS[mode])}</h3>'
        f'<img id="rollout-clip" src="{data_address(content, "image/webp")}" alt="Actual and imagined frames">'
        f"<figcaption>{link}<span>{bytes_text(len(content))}</span></figcaption></figure>"
    )
