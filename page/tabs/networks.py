"""Models, Autoencoder and Predictor: the checkpoints, and the views of a reconstruction and of a prediction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr
import numpy as np

from models import HeatMap, Prediction, Reconstruction, WeightsSource, draw_differences, draw_error
from page import messages
from page.components import OpenRadio, OpenSlider
from page.facts import clipped_notice, values_text
from page.figures import table_link
from page.handlers import Answer
from page.pictures import Picture, colour_bar, picture_grid, picture_row
from page.selection import STANDARD_HISTORY
from page.tabs import own_action
from page.tabs.own_action import ActionForm
from page.text import loss_text
from session import MAX_LENGTH, MIN_LENGTH, ActionSweep, History, RecordedSession, action_name
from training import lowest_errors

ERROR_UNIT = "squared error per pixel, mean of the colours (0 to 1)"
DIFFERENCE_UNIT = "difference, mean of the colours (0 to 1)"
PIXEL_LEVEL = 1 / 255
TOO_FAINT = "All differences are below 1/256: <b>the model ignores the action here.</b>"
NO_LOWEST = (
    " The errors differ by less than 1 %, or the pictures by less than half a grey level: no action predicts better "
    "than another here."
)
SHARPER = (
    '<p class="fine">A prediction may be sharper than a reconstruction: where it can, the predictor copies pixels of '
    "the last frame, and beyond its border of frames that it remembers.</p>"
)
MAX_CHANNELS = 4  # in the label of a picture
SWEEP_COLUMNS = 5
RUN = dict(size="sm", min_width=170, scale=0)


def reconstruction_view(recording: RecordedSession, index: int, result: Reconstruction, judgement: str = "") -> str:
    """HTML of a reconstructed frame: input, reconstruction, error map and MSE. `judgement`: the lines beside it."""
    heat = draw_error(result.error)
    pictures = [
        Picture(result.input, f"Input, frame {index}"),
        Picture(
            result.reconstruction, "Reconstruction", f"MSE {loss_text(result.mse)}", beneath=(result.input, "Input")
        ),
        Picture(heat.pixels, "Squared error"),
    ]
    return (
        f'<div class="result" data-frame="{index}">{untrained_notice({"autoencoder": result.weights})}'
        f'<p title="{source_text(recording)}, autoencoder {escape(result.weights.describe())}">Frame {index}: MSE '
        f"<b>{loss_text(result.mse)}</b></p>{judgement}"
        f"{picture_row(pictures, 'autoencoder-pictures')}{_legend(heat)}</div>"
    )


def prediction_view(
    recording: RecordedSession,
    history: History,
    sweep: ActionSweep,
    result: Prediction,
    judgement: str = "",
) -> str:
    """HTML of a predicted frame: recorded and predicted, with the action sweep and the effect of each action.
    `judgement`: the lines beside the error."""
    heat = draw_error(result.error)
    pictures = [
        Picture(result.actual, f"Actual, frame {history.target}"),
        Picture(result.predicted, "Predicted", f"MSE {loss_text(result.mse)}", beneath=(result.actual, "Actual")),
        Picture(heat.pixels, "Squared error"),
    ]
    own = [] if sweep.own is None else [_own_picture(recording, sweep, result)]
    notes = f'<div class="notice">{escape(history.note)}</div>' if history.note else ""
    return (
        f'<div class="result" data-frame="{history.target}" data-action="{_as_data(sweep)}">'
        f"{untrained_notice(result.weights)}{notes}{clipped_notice(recording)}"
        f'<p title="{source_text(recording)}, {weights_text(result.weights)}">Frame {history.target} from '
        f"{frames_text(history.frames)}: MSE <b>{loss_text(result.mse)}</b></p>{judgement}"
        f"{picture_row([*pictures, *own], 'prediction-pictures', len(pictures) + len(own))}{_legend(heat)}"
        f"{_sharper(result)}{_sweep(recording, history, sweep, result)}"
        f"{_difference_maps(recording, _swept_labels(recording, sweep)[0], result)}</div>"
    )


def _sharper(result: Prediction) -> str:
    """Why a prediction may look better than a reconstruction; of untrained networks it does not."""
    return "" if untrained_notice(result.weights) else SHARPER


def _own_picture(recording: RecordedSession, sweep: ActionSweep, result: Prediction) -> Picture:
    text = short_values(np.array(recording.profile.channel_names), sweep.actions[sweep.own])
    return Picture(result.candidates[sweep.own].picture, f"Your action: {text}")


def _as_data(sweep: ActionSweep) -> str:
    """The recorded action as JSON in an attribute."""
    return escape(json.dumps(sweep.actions[sweep.recorded].tolist()))


def _legend(heat: HeatMap) -> str:
    return colour_bar(heat.strip, "0", loss_text(heat.top), ERROR_UNIT)


def source_text(recording: RecordedSession) -> str:
    return f"{escape(recording.profile.title)} {escape(recording.name)}"


def weights_text(weights: Mapping[str, WeightsSource]) -> str:
    return ", ".join(f"{escape(network)} {escape(source.describe())}" for network, source in weights.items())


def frames_text(frames: tuple[int, ...]) -> str:
    names = ", ".join(str(frame) for frame in frames)
    return f"frame {names}" if len(frames) == 1 else f"frames {names}"


def _sweep(recording: RecordedSession, history: History, sweep: ActionSweep, result: Prediction) -> str:
    labels, common = _swept_labels(recording, sweep)
    lowest = lowest_errors([candidate.mse for candidate in result.candidates], result.difference_top)
    best = "lowest error" if len(lowest) == 1 else "tied for lowest error"
    pictures = []
    for number, candidate in enumerate(result.candidates):
        marks = ("recorded",) * (number == result.recorded) + ("yours",) * (number == sweep.own)
        marks += (best,) * (number in lowest)
        pictures.append(Picture(candidate.picture, labels[number], f"MSE {loss_text(candidate.mse)}", marks))
    return (
        "<h3>Action sweep</h3><p class='fine'>Prediction for each action in place of the recorded one"
        f"{escape(common)}; MSE against the actual frame.{'' if lowest or len(labels) < 2 else NO_LOWEST}</p>"
        f"{_grids(recording, sweep, pictures)}<p class='links'>{_sweep_link(labels, history, result)}</p>"
    )


def _grids(recording: RecordedSession, sweep: ActionSweep, pictures: Sequence[Picture]) -> str:
    """The pictures of a sweep; of a continuous robot those of each channel side by side."""
    if not recording.is_continuous:
        return picture_grid(list(pictures), "sweep-pictures")
    grids, rest = [], "Recorded" if sweep.own is None else "Recorded and yours"
    for channel in dict.fromkeys(sweep.varied):
        title = rest if channel is None else recording.profile.channel_names[channel]
        group = [picture for picture, varied in zip(pictures, sweep.varied, strict=True) if varied == channel]
        grids.append(f"<h4>{escape(title)}</h4>{picture_row(group, f'sweep-{len(grids)}', SWEEP_COLUMNS)}")
    return f'<div id="sweep-pictures">{"".join(grids)}</div>'


def _swept_labels(recording: RecordedSession, sweep: ActionSweep) -> tuple[list[str], str]:
    """A label for each action of a sweep, and the values that all of them share, as text."""
    names = np.array(recording.profile.channel_names)
    if recording.is_continuous:
        rows = zip(sweep.actions, sweep.varied, strict=True)
        texts = [
            short_values(names, values) if channel is None else values_text(names[[channel]], values[[channel]])
            for values, channel in rows
        ]
        return texts, ": one channel at a time, the others as recorded"
    labels, common = candidate_labels(recording)
    return labels + [short_values(names, values) for values in sweep.actions[len(labels) :]], common


def _sweep_link(labels: list[str], history: History, result: Prediction) -> str:
    rows = [
        (labels[number], float(candidate.mse), _largest(result, number), "yes" if number == result.recorded else "")
        for number, candidate in enumerate(result.candidates)
    ]
    header = ("action", "mse", "largest difference to the recorded action", "recorded")
    return table_link(header, rows, f"action_sweep_frame_{history.target}")


def _largest(result: Prediction, number: int) -> float:
    return float(np.abs(result.differences[number]).max())


def _difference_maps(recording: RecordedSession, labels: Sequence[str], result: Prediction) -> str:
    """HTML of the difference of each prediction of the sweep to that for the recorded action; empty if that is the only
    one."""
    others = [number for number in range(len(result.candidates)) if number != result.recorded]
    if not others:
        return ""
    heading, maps = "<h3>Effect of each action</h3>", draw_differences(result.differences, result.difference_top)
    if maps.top == 0:
        return f'{heading}<p id="difference-maps">All predictions are the same: the model ignores the action here.</p>'
    largest = [_largest(result, number) for number in range(len(result.candidates))]
    pictures = [
        Picture(maps.pixels[number], labels[number], f"At most {loss_text(largest[number])}") for number in others
    ]
    is_wide, place = recording.is_continuous, "difference-maps"
    grid = picture_row(pictures, place, SWEEP_COLUMNS) if is_wide else picture_grid(pictures, place)
    grid += colour_bar(maps.strip, f"−{loss_text(maps.top)}", f"+{loss_text(maps.top)}", DIFFERENCE_UNIT)
    if max(largest[number] for number in others) < PIXEL_LEVEL:
        return f'{heading}<details class="facts"><summary>{TOO_FAINT}</summary>{grid}</details>'
    return (
        f'{heading}<p class="fine">Difference from the prediction for the recorded action (orange brighter, purple '
        f"darker). Faint maps mean that the model ignores the action.</p>{grid}"
    )


def action_group_labels(recording: RecordedSession) -> tuple[list[str], str]:
    """A label for each group of actions that statistics and mean errors distinguish: candidates, or bins of values."""
    bins = [str(one) for one in recording.action_bins]
    return (bins, ", by bins of each channel that varies most") if bins else candidate_labels(recording)


def candidate_labels(recording: RecordedSession) -> tuple[list[str], str]:
    """A label for every candidate action: its name, or the channels that differ; and the values that all share, as
    text, if actions have no names."""
    names = [action_name(recording.profile, values) for values in recording.candidate_actions]
    return (names, "") if all(names) and len(set(names)) == len(names) else channel_labels(recording)


def channel_labels(recording: RecordedSession) -> tuple[list[str], str]:
    """The channels that differ, for every candidate action, and the values that all share, as text."""
    candidates, names = recording.candidate_actions, np.array(recording.profile.channel_names)
    if recording.is_continuous:
        return [_typical_label(names, values, candidates[0]) for values in candidates], ""
    differs = (candidates != candidates[:1]).any(axis=0)
    if not differs.any():
        return [short_values(names, values) for values in candidates], ""
    common = values_text(names[~differs], candidates[0, ~differs])
    labels = [short_values(names[differs], values[differs]) for values in candidates]
    return labels, f" (all with {common})" if common else ""


def _typical_label(names: np.ndarray, values: np.ndarray, usual: np.ndarray) -> str:
    differs = values != usual
    return values_text(names[differs], values[differs]) if differs.any() else "usual action"


def short_values(names: np.ndarray, values: np.ndarray) -> str:
    """The values of the first channels as text."""
    text = values_text(names[:MAX_CHANNELS], values[:MAX_CHANNELS])
    return text if len(names) <= MAX_CHANNELS else f"{text}, … ({len(names)} channels)"


def untrained_notice(weights: Mapping[str, WeightsSource]) -> str:
    """HTML that names the untrained networks; empty if all are trained."""
    untrained = [network for network, source in weights.items() if not source.is_trained]
    if not untrained:
        return ""
    return (
        f'<div class="notice"><b>Untrained {" and ".join(untrained)}:</b> this output comes from random weights. '
        "Load a checkpoint or train.</div>"
    )


@dataclass(frozen=True)
class ModelsPanel:
    panel: gr.Accordion
    autoencoder_path: gr.Dropdown
    predictor_path: gr.Dropdown
    load: gr.Button
    message: gr.HTML
    history: gr.Accordion
    origins: gr.HTML
    versions: OpenRadio
    restore: gr.Button


@dataclass(frozen=True)
class AutoencoderTab:
    """`follow` is read by the player in the browser."""

    follow: gr.Checkbox
    run: gr.Button
    result: gr.HTML


@dataclass(frozen=True)
class PredictorTab:
    history_length: OpenSlider
    follow: gr.Checkbox
    run: gr.Button
    own: ActionForm
    result: gr.HTML


def build_models() -> ModelsPanel:
    """The checkpoints to load; folded if trained networks are in use."""
    with gr.Accordion("Models", open=False, elem_id="models") as panel:
        with gr.Row(elem_id="models-row"):
            options = dict(allow_custom_value=True, info="Choose or type a path", min_width=200, scale=4)
            autoencoder = gr.Dropdown([], label="Autoencoder checkpoint", elem_id="autoencoder-path", **options)
            predictor = gr.Dropdown([], label="Predictor checkpoint", elem_id="predictor-path", **options)
            load = gr.Button("Load Models", elem_id="load-models", size="sm", min_width=120, scale=1)
        message = gr.HTML(elem_id="models-message")
        with gr.Accordion("Checkpoint history", open=False, elem_id="history") as history:
            origins = gr.HTML(elem_id="origins")
            versions = OpenRadio([], label="Version", elem_id="versions")
            restore = gr.Button("Restore", elem_id="restore", size="sm")
    return ModelsPanel(panel, autoencoder, predictor, load, message, history, origins, versions, restore)


def build_autoencoder() -> AutoencoderTab:
    with gr.Tab("Autoencoder", id="autoencoder"):
        with gr.Row(elem_classes="run-row"):
            run = gr.Button("Run Autoencoder", variant="primary", elem_id="run-autoencoder", **RUN)
            follow = build_follow("autoencoder")
        return AutoencoderTab(follow, run, gr.HTML(messages.EMPTY_AUTOENCODER, elem_id="autoencoder-result"))


def build_predictor() -> PredictorTab:
    with gr.Tab("Predictor", id="predictor", render_children=True):  # its history length is used by other tabs
        label, ends = "History length", (MIN_LENGTH, MAX_LENGTH)
        with gr.Row(elem_classes="run-row"):
            run = gr.Button("Run Predictor", variant="primary", elem_id="run-predictor", **RUN)
            follow = build_follow("predictor")
            options = dict(min_width=260, elem_id="history-length")
            length = OpenSlider(*ends, value=STANDARD_HISTORY, step=1, label=label, **options)
        own = own_action.build("predictor-own-action")
        return PredictorTab(length, follow, run, own, gr.HTML(messages.EMPTY_PREDICTOR, elem_id="predictor-result"))


def build_follow(network: str) -> gr.Checkbox:
    """The switch that lets a network's result follow the selected frame."""
    options = dict(container=False, min_width=210, scale=0, interactive=True)  # only the browser reads it
    return gr.Checkbox(True, label="Follow the selected frame", elem_id=f"{network}-follow", **options)


def cleared() -> Answer:
    """Models, Autoencoder and Predictor without a recording."""
    no_path = gr.Dropdown(choices=[], value="", allow_custom_value=True)
    return {
        "models.autoencoder_path": no_path,
        "models.predictor_path": no_path,
        "models.message": "",
        "models.panel": gr.Accordion(open=False),
        "models.origins": "",
        "models.versions": OpenRadio(choices=[], value=None, info=""),
        "autoencoder.result": messages.EMPTY_AUTOENCODER,
        "predictor.result": messages.EMPTY_PREDICTOR,
        "predictor.own": own_action.cleared(),
    }
