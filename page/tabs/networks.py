"""Models, Autoencoder and Predictor: the checkpoints, and the views of a reconstruction and of a prediction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr
import numpy as np

from models import HeatMap, Prediction, Reconstruction, WeightsSource
from page import messages
from page.components import OpenRadio, OpenSlider
from page.facts import action_text, clipped_notice, values_text
from page.figures import table_link
from page.handlers import Answer
from page.pictures import Picture, colour_bar, picture_grid, picture_row
from page.selection import STANDARD_HISTORY
from page.text import loss_text
from session import MAX_LENGTH, MIN_LENGTH, History, RecordedSession, action_name
from training import lowest_errors

ERROR_UNIT = "squared error per pixel, mean of the colours (0 to 1)"
DIFFERENCE_UNIT = "difference, mean of the colours (0 to 1)"
PIXEL_LEVEL = 1 / 255
TOO_FAINT = " All differences are below 1/256: <b>the model ignores the action here.</b>"
NO_LOWEST = (
    " The errors differ by less than 1 %, or the pictures by less than half a grey level: no action predicts better "
    "than another here."
)
MAX_CHANNELS = 4  # in the label of a picture
RUN = dict(size="sm", min_width=170, scale=0)


def reconstruction_view(
    recording: RecordedSession, index: int, result: Reconstruction, heat: HeatMap, judgement: str = ""
) -> str:
    """HTML of a reconstructed frame: input, reconstruction, error map and MSE. `judgement`: the lines beside it."""
    pictures = [
        Picture(result.input, f"Input, frame {index}"),
        Picture(result.reconstruction, "Reconstruction", f"MSE {loss_text(result.mse)}"),
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
    result: Prediction,
    heat: HeatMap,
    differences: HeatMap,
    judgement: str = "",
) -> str:
    """HTML of a predicted frame: recorded and predicted, with the action sweep and the effect of each action.
    `judgement`: the lines beside the error."""
    pictures = [
        Picture(result.actual, f"Actual, frame {history.target}"),
        Picture(result.predicted, "Predicted", f"MSE {loss_text(result.mse)}"),
        Picture(heat.pixels, "Squared error"),
    ]
    notes = f'<div class="notice">{escape(history.note)}</div>' if history.note else ""
    return (
        f'<div class="result" data-frame="{history.target}">{untrained_notice(result.weights)}{notes}'
        f"{clipped_notice(recording)}"
        f'<p title="{source_text(recording)}, {weights_text(result.weights)}">Frame {history.target} from '
        f"{frames_text(history.frames)}: MSE <b>{loss_text(result.mse)}</b></p>{judgement}"
        f"{picture_row(pictures, 'prediction-pictures')}{_legend(heat)}{_sweep(recording, history, result)}"
        f"{_difference_maps(_swept_labels(recording, history, result)[0], result, differences)}</div>"
    )


def _legend(heat: HeatMap) -> str:
    return colour_bar(heat.strip, "0", loss_text(heat.top), ERROR_UNIT)


def source_text(recording: RecordedSession) -> str:
    return f"{escape(recording.profile.title)} {escape(recording.name)}"


def weights_text(weights: Mapping[str, WeightsSource]) -> str:
    return ", ".join(f"{escape(network)} {escape(source.describe())}" for network, source in weights.items())


def frames_text(frames: tuple[int, ...]) -> str:
    names = ", ".join(str(frame) for frame in frames)
    return f"frame {names}" if len(frames) == 1 else f"frames {names}"


def _sweep(recording: RecordedSession, history: History, result: Prediction) -> str:
    labels, common = _swept_labels(recording, history, result)
    lowest = lowest_errors([candidate.mse for candidate in result.candidates], result.difference_top)
    best = "lowest error" if len(lowest) == 1 else "tied for lowest error"
    pictures = []
    for number, candidate in enumerate(result.candidates):
        marks = ("recorded",) * (number == result.recorded) + (best,) * (number in lowest)
        pictures.append(Picture(candidate.picture, labels[number], f"MSE {loss_text(candidate.mse)}", marks))
    return (
        "<h3>Action sweep</h3><p class='fine'>Prediction for each action in place of the recorded one"
        f"{escape(common)}; MSE against the actual frame.{'' if lowest or len(labels) < 2 else NO_LOWEST}</p>"
        f"{picture_grid(pictures, 'sweep-pictures')}<p class='links'>{_sweep_link(labels, history, result)}</p>"
    )


def _swept_labels(recording: RecordedSession, history: History, result: Prediction) -> tuple[list[str], str]:
    """`candidate_labels`, and one more if the recorded action was added to the candidates."""
    labels, common = candidate_labels(recording)
    is_added = len(result.candidates) > len(labels)
    return labels + [action_text(recording, history.actions[-1])] * is_added, common


def _sweep_link(labels: list[str], history: History, result: Prediction) -> str:
    rows = [
        (labels[number], float(candidate.mse), _largest(result, number), "yes" if number == result.recorded else "")
        for number, candidate in enumerate(result.candidates)
    ]
    header = ("action", "mse", "largest difference to the recorded action", "recorded")
    return table_link(header, rows, f"action_sweep_frame_{history.target}")


def _largest(result: Prediction, number: int) -> float:
    return float(np.abs(result.differences[number]).max())


def _difference_maps(labels: Sequence[str], result: Prediction, maps: HeatMap) -> str:
    """HTML of the difference of each prediction of the sweep to that for the recorded action; empty if that is the only
    one."""
    others = [number for number in range(len(result.candidates)) if number != result.recorded]
    if not others:
        return ""
    heading = "<h3>Effect of each action</h3>"
    if maps.top == 0:
        return f'{heading}<p id="difference-maps">All predictions are the same: the model ignores the action here.</p>'
    largest = [_largest(result, number) for number in range(len(result.candidates))]
    pictures = [
        Picture(maps.pixels[number], labels[number], f"At most {loss_text(largest[number])}") for number in others
    ]
    faint = TOO_FAINT if max(largest[number] for number in others) < PIXEL_LEVEL else ""
    return (
        f'{heading}<p class="fine">Difference from the prediction for the recorded action (orange brighter, purple '
        f"darker). Faint maps mean that the model ignores the action.{faint}</p>"
        f"{picture_grid(pictures, 'difference-maps')}"
        f"{colour_bar(maps.strip, f'−{loss_text(maps.top)}', f'+{loss_text(maps.top)}', DIFFERENCE_UNIT)}"
    )


def candidate_labels(recording: RecordedSession) -> tuple[list[str], str]:
    """A label for every candidate action: its name, or the channels that differ; and the values that all share, as
    text, if actions have no names."""
    names = [action_name(recording.profile, values) for values in recording.candidate_actions]
    return (names, "") if all(names) and len(set(names)) == len(names) else channel_labels(recording)


def channel_labels(recording: RecordedSession) -> tuple[list[str], str]:
    """The channels that differ, for every candidate action, and the values that all share, as text."""
    candidates, names = recording.candidate_actions, np.array(recording.profile.channel_names)
    differs = (candidates != candidates[:1]).any(axis=0)
    if not differs.any():
        return [_short(names, values) for values in candidates], ""
    common = values_text(names[~differs], candidates[0, ~differs])
    labels = [_short(names[differs], values[differs]) for values in candidates]
    return labels, f" (all with {common})" if common else ""


def _short(names: np.ndarray, values: np.ndarray) -> str:
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
            versions = OpenRadio([], label="Version", elem_id="versions")
            restore = gr.Button("Restore", elem_id="restore", size="sm")
    return ModelsPanel(panel, autoencoder, predictor, load, message, history, versions, restore)


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
        return PredictorTab(length, follow, run, gr.HTML(messages.EMPTY_PREDICTOR, elem_id="predictor-result"))


def build_follow(network: str) -> gr.Checkbox:
    """The switch that lets a network's result follow the selected frame."""
    options = dict(container=False, min_width=210, scale=0, interactive=True)  # only the browser reads it
    return gr.Checkbox(True, label="Follow the selected frame", elem_id=f"{network}-follow", **options)


def cleared() -> Answer:
    """Models, Autoencoder and Predictor without a recording."""
    no_path = gr.Dropdown(choices=[], value="")
    return {
        "models.autoencoder_path": no_path,
        "models.predictor_path": no_path,
        "models.message": "",
        "models.panel": gr.Accordion(open=False),
        "models.versions": OpenRadio(choices=[], value=None, info=""),
        "autoencoder.result": messages.EMPTY_AUTOENCODER,
        "predictor.result": messages.EMPTY_PREDICTOR,
    }
