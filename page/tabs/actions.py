"""Use of actions, a panel of Inside the model: the predictor's errors with true, shuffled and zeroed actions."""

from dataclasses import dataclass
from html import escape

import gradio as gr

from page import messages
from page.components import NARROW, OpenNumber
from page.facts import clipped_notice
from page.figures import figure_card, measure_row, render_figure, table_link
from page.handlers import Answer
from page.tabs import skill
from page.tabs.networks import source_text, untrained_notice, weights_text
from page.tabs.skill import SkillPanel
from page.text import count_text, loss_text, percent_text
from session import RecordedSession
from training import IGNORES, ActionDiagnostics
from training.evaluation import diagnostics_figures

MOSTLY = 0.5


def diagnostics_view(recording: RecordedSession, result: ActionDiagnostics, judgement: str = "") -> str:
    """HTML: each measure with its value and one sentence, and the losses of each frame. `judgement`: the lines beside
    the error."""
    rows = "".join(_row(*row) for row in _measures(result))
    figure = render_figure(lambda figure: diagnostics_figures.draw_losses(figure, result), 3.4)
    sentence = "Error of each frame when predicted with the true, the shuffled and the zeroed actions."
    return (
        f'<div class="result">{untrained_notice(result.weights_in_use)}{_notices(result)}'
        f"{clipped_notice(recording)}"
        f'<p title="{source_text(recording)}, {weights_text(result.weights_in_use)}">'
        f"{count_text(len(result.targets), 'frame')}, evenly spread, history {result.history_length}.</p>"
        f'{judgement}<table class="measures" id="action-measures"><thead><tr><th scope="col">Measure</th>'
        f'<th scope="col" class="number">Value</th></tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="links">{_link(result)}</p>'
        f"{figure_card(figure, 'Losses frame by frame', sentence, 'use_of_actions')}"
        '<p class="fine">While a predictor trains, the Training tab shows the share of the gradient that reaches the '
        "action inputs.</p></div>"
    )


def _measures(result: ActionDiagnostics) -> list[tuple[str, str, str]]:
    rows = [
        ("Loss with the true actions", loss_text(result.true_loss), "Prediction MSE, as Run Predictor shows it."),
        (
            "ASG: loss increase with shuffled actions",
            _growth(result.asg, result.relative_asg),
            f"Loss with the actions of another frame ({loss_text(result.shuffled_loss)}) minus loss with the true "
            "actions. Near 0: the model ignores the actions.",
        ),
        (
            "AZG: loss increase with zeroed actions",
            _growth(result.azg, result.relative_azg),
            f"Loss with every channel in the middle of its range ({loss_text(result.zeroed_loss)}) minus loss with the "
            "true actions. Near 0: the model does not need the actions.",
        ),
        (
            "Action sensitivity",
            _sensitivity(result),
            "Variance of the predicted image over the action space, and its share of the variance of the frames. "
            "0: every action gives the same image.",
        ),
    ]
    return [*rows, _best(result)]


def _growth(gap: float, relative: float | None) -> str:
    sign = "+" if gap >= 0 else "−"
    share = f" ({sign}{_percent(abs(relative))})" if relative is not None else ""
    return f"{sign}{loss_text(abs(gap))}{share}"


def _sensitivity(result: ActionDiagnostics) -> str:
    if result.sensitivity_share is None:
        return loss_text(result.sensitivity)
    return f"{loss_text(result.sensitivity)} ({_percent(result.sensitivity_share)} of the frames' variance)"


def _percent(share: float) -> str:
    """Two digits of a small share, a whole number from 10 % on; it may be far more than 100 %."""
    return f"{100 * share:,.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _best(result: ActionDiagnostics) -> tuple[str, str, str]:
    lost = len(result.targets) - result.told_apart
    not_counted = (
        f" Not counted: {count_text(lost, 'frame')} on which the actions differ by too little." if lost else ""
    )
    best = result.best_is_recorded
    share = IGNORES if best is None else f"{percent_text(best)} of {result.told_apart}"
    return (
        "Recorded action predicts best",
        share,
        "Share of frames for which the recorded action had the lowest error. By chance: "
        f"{percent_text(result.chance)}.{not_counted}",
    )


def _notices(result: ActionDiagnostics) -> str:
    notices = []
    if result.same_share >= MOSTLY:
        share = percent_text(result.same_share)
        notices.append(
            f"For {share} of these frames the shuffled actions equal the true ones, because the "
            "robot repeats its actions: ASG says little about this recording."
        )
    if result.is_mixed:
        notices.append("The weights changed during the computation. Run again.")
    return "".join(f'<div class="notice">{one}</div>' for one in notices)


def _row(title: str, value: str, sentence: str) -> str:
    return measure_row(title, f'<td class="number">{escape(value)}</td>', sentence, 2)


def _link(result: ActionDiagnostics) -> str:
    columns = (result.targets, result.true_losses, result.shuffled_losses, result.zeroed_losses)
    rows = [(int(frame), *map(float, losses)) for frame, *losses in zip(*columns, strict=True)]
    return table_link(("frame", "true actions", "shuffled", "zeroed"), rows, "use_of_actions")


@dataclass(frozen=True)
class ActionsPanel:
    tab: gr.Tab
    frames: OpenNumber
    run: gr.Button
    result: gr.HTML
    skill: SkillPanel


def build() -> ActionsPanel:
    with gr.Tab("Use of actions", id="actions") as tab:
        panel = skill.build()
        with gr.Row(elem_id="actions-row"):
            frames = OpenNumber(8, label="Number of frames", elem_id="diagnosed-frames", **NARROW)
            run = gr.Button("Run", elem_id="diagnose-actions", size="sm", **NARROW)
        return ActionsPanel(tab, frames, run, gr.HTML(messages.EMPTY_ACTIONS, elem_id="actions-result"), panel)


def cleared() -> Answer:
    """The panel without a recording."""
    return {"actions.result": messages.EMPTY_ACTIONS} | skill.cleared()
