"""What the page shows of the predictor's use of the actions. Knows only the shape of such a result."""

from html import escape
from typing import Any

import gradio as gr

from page import messages
from page.components import NARROW, OpenNumber
from page.figures import figure_card, measure_row, render_figure, table_link
from page.tabs.networks import untrained_notice, weights_text
from page.text import count_text, loss_text
from session import RecordedSession
from training import ActionDiagnostics
from training.evaluation import diagnostics_figures

MOSTLY = 0.5


def diagnostics_view(recording: RecordedSession, found: ActionDiagnostics) -> str:
    """HTML: each measure with its value and one sentence, the losses target by target."""
    rows = "".join(_row(*row) for row in _measures(found))
    figure = render_figure(lambda figure: diagnostics_figures.draw_losses(figure, found), 3.4)
    sentence = "Error of each looked-at frame when predicted with the true, the shuffled and the zeroed actions."
    looked = f"{count_text(len(found.targets), 'frame')} of {escape(recording.profile.title)} {escape(recording.name)}"
    return (
        f'<div class="result">{untrained_notice(found.weights_in_use)}{_notices(found)}<p>{looked}, evenly spread, '
        f"predicted from up to {found.history_length} frames before them: {weights_text(found.weights_in_use)}.</p>"
        f'<table class="measures" id="action-measures"><thead><tr><th scope="col">Measure</th>'
        f'<th scope="col" class="number">Value</th></tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="links">{_link(found)}</p>{figure_card(figure, "Losses frame by frame", sentence, "use_of_actions")}'
        '<p class="fine">While a predictor trains, the Training tab shows the share of the gradient that reaches the '
        "parameters that take in the actions.</p></div>"
    )


def _measures(found: ActionDiagnostics) -> list[tuple[str, str, str]]:
    rows = [
        ("Loss with the true actions", loss_text(found.true_loss), "The prediction MSE, as Run Predictor shows it."),
        (
            "ASG, growth when actions are shuffled",
            _growth(found.asg, found.relative_asg),
            f"The loss with the actions of another frame ({loss_text(found.shuffled_loss)}) minus the true one. "
            "Clearly above 0: it matters which actions were taken. Near 0: they are ignored.",
        ),
        (
            "AZG, growth when actions are zeroed",
            _growth(found.azg, found.relative_azg),
            f"The loss with every channel in the middle of its range ({loss_text(found.zeroed_loss)}) minus the true "
            "one. Near 0: without knowing the actions the predictor does as well.",
        ),
        (
            "Action sensitivity",
            _sensitivity(found),
            "Variance of the predicted picture over the actions to choose from, averaged over its pixels, and as "
            "a share of the variance of the frames themselves. 0: every action gives the same picture.",
        ),
    ]
    return rows + ([_best(found)] if found.best_is_recorded is not None else [])


def _growth(gap: float, relative: float | None) -> str:
    sign = "+" if gap >= 0 else "−"
    share = f" ({sign}{_percent(abs(relative))})" if relative is not None else ""
    return f"{sign}{loss_text(abs(gap))}{share}"


def _sensitivity(found: ActionDiagnostics) -> str:
    if found.sensitivity_share is None:
        return loss_text(found.sensitivity)
    return f"{loss_text(found.sensitivity)} ({_percent(found.sensitivity_share)} of the frames' own)"


def _percent(share: float) -> str:
    """Two digits of a small share; whole numbers from 10 % on, which may be far more than 100 %."""
    return f"{100 * share:,.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _best(found: ActionDiagnostics) -> tuple[str, str, str]:
    return (
        "Recorded action predicts best",
        f"{found.best_is_recorded:.0%}",
        f"Share of frames for which the recorded action had the lowest error of all. By chance: {found.chance:.0%}.",
    )


def _notices(found: ActionDiagnostics) -> str:
    told = []
    if found.same_share >= MOSTLY:
        told.append(
            f"For {found.same_share:.0%} of these frames the shuffled actions are the true ones, because the robot did "
            "the same all the time: ASG says little about this recording."
        )
    if found.is_mixed:
        told.append(
            "The weights changed meanwhile: press Look at these frames for numbers that all come from the same ones."
        )
    return "".join(f'<div class="notice">{one}</div>' for one in told)


def _row(title: str, value: str, sentence: str) -> str:
    return measure_row(title, f'<td class="number">{escape(value)}</td>', sentence, 2)


def _link(found: ActionDiagnostics) -> str:
    columns = (found.targets, found.true_losses, found.shuffled_losses, found.zeroed_losses)
    rows = [(int(frame), *map(float, losses)) for frame, *losses in zip(*columns, strict=True)]
    return table_link(("frame", "true actions", "shuffled", "zeroed"), rows, "use_of_actions")


def build_actions_panel() -> dict[str, Any]:
    with gr.Tab("Use of actions", id="actions") as tab:
        with gr.Row(elem_id="actions-row"):
            targets = OpenNumber(8, label="Frames to look at", elem_id="diagnosed-frames", **NARROW)
            run = gr.Button("Look at these frames", elem_id="diagnose-actions", size="sm", **NARROW)
        result = gr.HTML(messages.EMPTY_ACTIONS, elem_id="actions-result")
    return dict(actions_tab=tab, diagnosed_frames=targets, diagnose=run, actions_result=result)
