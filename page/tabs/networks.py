"""Models, Autoencoder and Predictor: the checkpoints, and the views of a reconstruction and of a prediction."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import gradio as gr
import numpy as np

from models import HeatMap, Prediction, Reconstruction, WeightsSource
from page import messages
from page.components import OpenSlider
from page.facts import action_text, clipped_notice, values_text
from page.figures import table_link
from page.handlers import Answer
from page.pictures import Picture, colour_bar, picture_grid, picture_row
from page.selection import STANDARD_HISTORY
from page.text import count_text, loss_text
from session import MAX_LENGTH, MIN_LENGTH, History, RecordedSession
from training import lowest_errors

ERROR_UNIT = "squared error per pixel, averaged over the colours (each 0 to 1)"
DIFFERENCE_UNIT = "brighter or darker, averaged over the colours (each 0 to 1)"
PIXEL_LEVEL = 1 / 255
TOO_FAINT = " All differences are less than one of a picture's 256 levels: too small to see in the pictures above."
NO_LOWEST = (
    " The errors differ by less than 1 %, or the pictures by less than half a grey level: no action predicts better "
    "than another here."
)
MAX_CHANNELS = 4  # in the label of a picture


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
        f"<p>{_frame_text(recording, index)}: reconstruction MSE <b>{loss_text(result.mse)}</b>, "
        f"autoencoder {escape(result.weights.describe())}.</p>{judgement}"
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
        f"<p>{_frame_text(recording, history.target)}, predicted from {frames_text(history.frames)}: "
        f"prediction MSE <b>{loss_text(result.mse)}</b>, {weights_text(result.weights)}.</p>{judgement}"
        f"{picture_row(pictures, 'prediction-pictures')}{_legend(heat)}{_sweep(recording, history, result)}"
        f"{_difference_maps(recording, result, differences)}</div>"
    )


def _legend(heat: HeatMap) -> str:
    return colour_bar(heat.strip, "0", loss_text(heat.top), ERROR_UNIT)


def _frame_text(recording: RecordedSession, index: int) -> str:
    return f"Frame {index} of {escape(recording.profile.title)} {escape(recording.name)}"


def weights_text(weights: Mapping[str, WeightsSource]) -> str:
    return ", ".join(f"{escape(network)} {escape(source.describe())}" for network, source in weights.items())


def frames_text(frames: tuple[int, ...]) -> str:
    names = ", ".join(str(frame) for frame in frames)
    return f"frame {names}" if len(frames) == 1 else f"frames {names}"


def _sweep(recording: RecordedSession, history: History, result: Prediction) -> str:
    labels, common = candidate_labels(recording)
    lowest = lowest_errors([candidate.mse for candidate in result.candidates], result.difference_top)
    best = "lowest error" if len(lowest) == 1 else "tied for lowest error"
    pictures = []
    for number, candidate in enumerate(result.candidates):
        marks = ("recorded",) * (number == result.recorded) + (best,) * (number in lowest)
        pictures.append(Picture(candidate.picture, labels[number], f"MSE {loss_text(candidate.mse)}", marks))
    outside = ""
    if result.recorded is None:
        label = escape(action_text(recording, history.actions[-1]))
        outside = f'<div class="notice">The recorded action ({label}) is not in this robot\'s action space.</div>'
    return (
        "<h3>Action sweep: what each action would have led to</h3><p class='fine'>Each of the "
        f"{count_text(len(labels), 'action')} to choose from in place of the last one{escape(common)}; MSE to the "
        f"frame that really followed.{'' if lowest or len(labels) < 2 else NO_LOWEST}</p>{outside}"
        f"{picture_grid(pictures, 'sweep-pictures')}<p class='links'>{_sweep_link(labels, history, result)}</p>"
    )


def _sweep_link(labels: list[str], history: History, result: Prediction) -> str:
    rows = [
        (labels[number], float(candidate.mse), _largest(result, number), "yes" if number == result.recorded else "")
        for number, candidate in enumerate(result.candidates)
    ]
    header = ("action", "mse", "largest difference to the recorded action", "recorded")
    return table_link(header, rows, f"action_sweep_frame_{history.target}")


def _largest(result: Prediction, number: int) -> float:
    return float(np.abs(result.differences[number]).max())


def _difference_maps(recording: RecordedSession, result: Prediction, maps: HeatMap) -> str:
    """HTML of the difference of each prediction of the sweep to that for the recorded action; empty if that is the only
    one."""
    others = [number for number in range(len(result.candidates)) if number != result.recorded]
    if not others:
        return ""
    heading = "<h3>What each action changes in the prediction</h3>"
    if maps.top == 0:
        return f'{heading}<p id="difference-maps">All predictions are the same: the predictor ignores the action.</p>'
    labels, _ = candidate_labels(recording)
    largest = [_largest(result, number) for number in range(len(result.candidates))]
    pictures = [
        Picture(maps.pixels[number], labels[number], f"Largest difference {loss_text(largest[number])}")
        for number in others
    ]
    faint = TOO_FAINT if max(largest[number] for number in others) < PIXEL_LEVEL else ""
    return (
        f'{heading}<p class="fine">Brighter (orange) or darker (purple) than the prediction for the recorded action, '
        f"of a full brightness of 1. The fainter the maps, the less the predictor heeds the action.{faint}</p>"
        f"{picture_grid(pictures, 'difference-maps')}"
        f"{colour_bar(maps.strip, f'−{loss_text(maps.top)}', f'+{loss_text(maps.top)}', DIFFERENCE_UNIT)}"
    )


def candidate_labels(recording: RecordedSession) -> tuple[list[str], str]:
    """A label for every candidate action with the channels that differ, and the values that all share, as text."""
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
        f'<div class="notice"><b>Untrained:</b> the {" and the ".join(untrained)} of this robot never learned '
        "anything, so this is what random weights give. Load a checkpoint under Models, or train, to see what a "
        "trained network makes of it.</div>"
    )


@dataclass(frozen=True)
class ModelsPanel:
    autoencoder_path: gr.Dropdown
    predictor_path: gr.Dropdown
    load: gr.Button
    message: gr.HTML


@dataclass(frozen=True)
class AutoencoderTab:
    run: gr.Button
    result: gr.HTML


@dataclass(frozen=True)
class PredictorTab:
    history_length: OpenSlider
    run: gr.Button
    result: gr.HTML


def build_models() -> ModelsPanel:
    """The checkpoints to load."""
    with gr.Accordion("Models", open=True):
        options = dict(allow_custom_value=True, info="pick one, or type its path")
        autoencoder = gr.Dropdown([], label="Autoencoder checkpoint", elem_id="autoencoder-path", **options)
        predictor = gr.Dropdown([], label="Predictor checkpoint", elem_id="predictor-path", **options)
        load = gr.Button("Load Models", elem_id="load-models", size="sm")
        message = gr.HTML(elem_id="models-message")
    return ModelsPanel(autoencoder, predictor, load, message)


def build_autoencoder() -> AutoencoderTab:
    with gr.Tab("Autoencoder", id="autoencoder"):
        run = gr.Button("Run Autoencoder", variant="primary", elem_id="run-autoencoder")
        return AutoencoderTab(run, gr.HTML(messages.EMPTY_AUTOENCODER, elem_id="autoencoder-result"))


def build_predictor() -> PredictorTab:
    with gr.Tab("Predictor", id="predictor"):
        label, ends = "History length (context frames)", (MIN_LENGTH, MAX_LENGTH)
        length = OpenSlider(*ends, value=STANDARD_HISTORY, step=1, label=label, elem_id="history-length")
        run = gr.Button("Run Predictor", variant="primary", elem_id="run-predictor")
        return PredictorTab(length, run, gr.HTML(messages.EMPTY_PREDICTOR, elem_id="predictor-result"))


def cleared() -> Answer:
    """Models, Autoencoder and Predictor without a recording."""
    no_path = gr.Dropdown(choices=[], value="")
    return {
        "models.autoencoder_path": no_path,
        "models.predictor_path": no_path,
        "models.message": "",
        "autoencoder.result": messages.EMPTY_AUTOENCODER,
        "predictor.result": messages.EMPTY_PREDICTOR,
    }
