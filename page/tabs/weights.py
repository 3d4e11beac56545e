"""Weights, a panel of Inside the model: filters, position embeddings, distributions by layer, changes by training."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr

from models import TensorStatistics, WeightChange, WeightReport
from models.introspection import weight_figures
from page import messages
from page.figures import figure_card, picture_card, render_figure, table_link
from page.handlers import Answer
from page.tabs.networks import untrained_notice, weights_text
from page.text import count_text, loss_text
from training import WeightComparison


def weights_view(report: WeightReport, comparison: WeightComparison | None) -> str:
    """HTML of the weights in use; `comparison`: with those before the last training job."""
    total = sum(group.count for group in report.groups)
    return (
        f'<div class="result">{untrained_notice(report.weights_in_use)}<p>{count_text(total, "parameter")} in '
        f"both networks: {weights_text(report.weights_in_use)}.</p>{_change(report, comparison)}"
        f"{_distributions(report, comparison)}{_first_layer(report)}{_positions(report)}</div>"
    )


def _is_of_these(report: WeightReport, comparison: WeightComparison | None) -> bool:
    """True if the weights in use are those of the job, and not others that were loaded since."""
    if comparison is None or comparison.is_running:
        return comparison is not None
    after = [change.after.norm for change in comparison.changes]
    return after == [group.norm for group in report.groups]


def _change(report: WeightReport, comparison: WeightComparison | None) -> str:
    if comparison is None:
        return '<p class="fine">After training, this shows how much each layer changed.</p>'
    so_far = " so far" if comparison.is_running else ""
    trained = f"{comparison.network} training on {comparison.subject}, {count_text(comparison.steps, 'step')}{so_far}"
    figure = render_figure(lambda figure: weight_figures.draw_changes(figure, comparison.changes), 4.6)
    change = f"Change by the last run ({trained}): norm of the difference ÷ norm before. "
    others = "" if _is_of_these(report, comparison) else " Other weights were loaded since; the rest shows those."
    sentence = f"{change}Layers near 0 % did not change.{others}"
    return figure_card(figure, "Change by training", sentence, "weights_change") + _change_table(comparison.changes)


def _change_table(changes: Sequence[WeightChange]) -> str:
    header = (
        "network",
        "layer",
        "weights",
        "norm before",
        "norm after",
        "std before",
        "std after",
        "change",
        "relative",
    )
    rows = [
        (
            *(one.after.network, one.after.name, one.after.count, one.before.norm, one.after.norm),
            *(one.before.std, one.after.std, one.change, one.relative),
        )
        for one in changes
    ]
    return f'<p class="links">{table_link(header, rows, "weights_change")}</p>'


def _distributions(report: WeightReport, comparison: WeightComparison | None) -> str:
    has_before = _is_of_these(report, comparison)
    groups = comparison.changes if has_before else report.groups
    norms = render_figure(lambda figure: weight_figures.draw_norms(figure, groups), 5.5)
    before = ", filled: after the last run, outlined: before" if has_before else ""
    spread = render_figure(lambda figure: weight_figures.draw_distributions(figure, groups), 9.0)
    size = "Root mean square of the weights of each layer. A layer far from its neighbours is suspicious."
    distribution = f"Histogram of the weights of each layer{before}."
    return (
        figure_card(norms, "Size of the weights", size, "weights_size")
        + figure_card(spread, "Distribution of the weights", distribution, "weights_distribution")
        + _tensor_table(report.tensors)
    )


def _tensor_table(tensors: Sequence[TensorStatistics]) -> str:
    header = ("tensor", "shape", "weights", "mean", "std", "norm", "lowest", "highest")
    rows = [(one.key, _shape(one), one.count, one.mean, one.std, one.norm, one.low, one.high) for one in tensors]
    body = "".join(
        f"<tr><th scope='row'>{escape(one.key)}<small>{_shape(one)}</small></th>"
        f'<td class="number">{loss_text(one.mean)}</td><td class="number">{loss_text(one.std)}</td>'
        f'<td class="number">{one.norm:.4g}</td></tr>'
        for one in tensors
    )
    head = "".join(f'<th scope="col" class="number">{name}</th>' for name in ("Mean", "Std", "Norm"))
    return (
        f'<p class="links">{table_link(header, rows, "weights")}</p><details class="facts"><summary>All '
        f'{count_text(len(tensors), "tensor")}</summary><table class="measures"><thead><tr><th scope="col">Tensor</th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></details>"
    )


def _shape(one: TensorStatistics) -> str:
    return " × ".join(map(str, one.shape))


def _first_layer(report: WeightReport) -> str:
    sentence = (
        "16 × 16 filters of the autoencoder's first layer, strongest first, each scaled to its own maximum; grey is 0. "
        "Filters that look like noise can work well: judge the networks by their errors."
    )
    return picture_card(report.filters, "Patch-embedding filters", sentence, "weights_filters")


def _positions(report: WeightReport) -> str:
    similar = render_figure(lambda figure: weight_figures.draw_position_similarity(figure, report.positions), 7.0)
    norms = render_figure(lambda figure: weight_figures.draw_position_norms(figure, report.positions), 2.8)
    alike = (
        "Cosine similarity of position embeddings. Above: some places of the autoencoder's fixed grid against all "
        "others. Below: the predictor's embeddings. Blocks or stripes of the length of a frame (198 tokens) tell the "
        "frames apart. Networks of Train a world model begin with them; others have to learn them."
    )
    length = (
        "Norm of the predictor's embedding of each position. Positions beyond the history used in training stay as "
        "initialized."
    )
    return figure_card(similar, "Position embeddings", alike, "positions_similarity", is_map=True) + figure_card(
        norms, "Norm of the position embeddings", length, "positions_length"
    )


@dataclass(frozen=True)
class WeightsPanel:
    tab: gr.Tab
    run: gr.Button
    result: gr.HTML


def build() -> WeightsPanel:
    with gr.Tab("Weights", id="weights") as tab:
        run = gr.Button("Recompute", elem_id="look-at-weights", size="sm")
        return WeightsPanel(tab, run, gr.HTML(messages.EMPTY_WEIGHTS, elem_id="weights-result"))


def cleared() -> Answer:
    """The panel without a recording."""
    return {"weights.result": messages.EMPTY_WEIGHTS}
