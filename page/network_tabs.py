"""The panel that loads checkpoints and the tabs that run the networks on a frame: their fields and buttons."""

from typing import Any

import gradio as gr

from page import messages
from page.components import OpenSlider


def build_models_panel() -> dict[str, Any]:
    """Which checkpoints to load."""
    with gr.Accordion("Models", open=True):
        options = dict(allow_custom_value=True, info="pick one, or type its path")
        autoencoder = gr.Dropdown([], label="Autoencoder checkpoint", elem_id="autoencoder-path", **options)
        predictor = gr.Dropdown([], label="Predictor checkpoint", elem_id="predictor-path", **options)
        load = gr.Button("Load Models", elem_id="load-models", size="sm")
        message = gr.HTML(elem_id="models-message")
    return dict(autoencoder_path=autoencoder, predictor_path=predictor, load_models=load, models_message=message)


def build_autoencoder_tab() -> dict[str, Any]:
    with gr.Tab("Autoencoder", id="autoencoder"):
        run = gr.Button("Run Autoencoder", variant="primary", elem_id="run-autoencoder")
        result = gr.HTML(messages.EMPTY_AUTOENCODER, elem_id="autoencoder-result")
    return dict(run_autoencoder=run, autoencoder_result=result)


def build_predictor_tab() -> dict[str, Any]:
    with gr.Tab("Predictor", id="predictor"):
        length = OpenSlider(2, 8, value=3, step=1, label="History length (context frames)", elem_id="history-length")
        run = gr.Button("Run Predictor", variant="primary", elem_id="run-predictor")
        result = gr.HTML(messages.EMPTY_PREDICTOR, elem_id="predictor-result")
    return dict(history_length=length, run_predictor=run, predictor_result=result)
