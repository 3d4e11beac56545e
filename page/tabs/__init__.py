"""The tabs of the page. Each module builds its components as a typed record (`build`), defines their content without a
recording (`cleared`), and makes the HTML of its results. `PageParts` holds the records of all tabs."""

from dataclasses import dataclass

import gradio as gr
from gradio.blocks import Block

from page.handlers import Answer
from page.tabs import (
    accuracy,
    actions,
    attention,
    errors,
    imagine,
    marks,
    networks,
    recording,
    skill,
    statistics,
    training,
    weights,
)
from page.tabs.actions import ActionsPanel
from page.tabs.attention import AttentionPanel
from page.tabs.compare import fields as compare
from page.tabs.compare.fields import CompareTab
from page.tabs.errors import ErrorsTab
from page.tabs.imagine import ImagineTab
from page.tabs.networks import AutoencoderTab, ModelsPanel, PredictorTab
from page.tabs.recording import RecordingColumn, SessionBar, SessionTab
from page.tabs.training import TrainingTab
from page.tabs.weights import WeightsPanel

__all__ = [
    "PageParts",
    "accuracy",
    "actions",
    "attention",
    "cleared",
    "compare",
    "errors",
    "imagine",
    "marks",
    "networks",
    "recording",
    "skill",
    "statistics",
    "training",
    "weights",
]


def cleared() -> Answer:
    """Everything that belongs to a session, as the page shows it without one."""
    answer: Answer = {}
    for tab in (recording, networks, imagine, training, attention, weights, actions, errors, compare):
        answer |= tab.cleared()
    return answer


@dataclass(frozen=True)
class PageParts:
    """All components of the page. The path of attributes is a component's name in answers, such as "errors.clip.last";
    `inside` is the tab around attention, weights and actions."""

    visitor: gr.State
    status: gr.HTML
    sessions: SessionBar
    recording: RecordingColumn
    session_tab: SessionTab
    models: ModelsPanel
    autoencoder: AutoencoderTab
    predictor: PredictorTab
    imagine: ImagineTab
    training: TrainingTab
    inside: gr.Tab
    attention: AttentionPanel
    weights: WeightsPanel
    actions: ActionsPanel
    errors: ErrorsTab
    compare: CompareTab

    @property
    def listing(self) -> list[Block]:
        """The list of recordings, in the order in which programs receive it."""
        return [self.sessions.robot, self.sessions.picker, self.sessions.offer]

    @property
    def evaluated(self) -> list[Block]:
        """Everything that shows errors of a recording, in the order in which programs receive it."""
        tab = self.errors
        return [tab.view, self.recording.errors_data, tab.shown, tab.compared, tab.cancel]

    @property
    def opened(self) -> list[Block]:
        """Everything that opening a session changes, in the order in which programs receive it."""
        player, tab, models, errors = self.recording.player, self.session_tab, self.models, self.errors
        return [
            *(player, self.sessions.facts, tab.about_frame, models.autoencoder_path, models.predictor_path),
            *(self.status, self.autoencoder.result, self.predictor.result, models.message, self.training.form.last),
            *(self.attention.result, self.weights.result, self.actions.result, tab.statistics_result),
            *(errors.clip.result, tab.statistics, *self.evaluated),
            *(self.imagine.rollout.result, self.imagine.accuracy.result, self.actions.skill.result),
            *(self.imagine.accuracy.panel, models.panel, models.origins, models.versions, self.predictor.own),
            *(self.compare.first, self.compare.second, self.compare.result, self.imagine.dream),
        ]
