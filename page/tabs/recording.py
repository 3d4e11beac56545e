"""The recording column: the list of sessions, the frame player, and facts of the session and the frame."""

from dataclasses import dataclass

import gradio as gr

from page import messages
from page.components import FramePlayer, OpenDropdown, build_error_data, build_frame_player
from page.facts import ALL_ROBOTS
from page.handlers import Answer


@dataclass(frozen=True)
class RecordingColumn:
    """The left column. `offer` is visible if there is no recording; `errors_data` passes errors to the player."""

    picker: OpenDropdown
    robot: OpenDropdown
    refresh: gr.Button
    load: gr.Button
    offer: gr.Column
    demo: gr.Button
    facts: gr.HTML
    player: FramePlayer
    about_frame: gr.HTML
    statistics: gr.Accordion
    statistics_result: gr.HTML
    errors_data: gr.HTML


def build() -> RecordingColumn:
    picker = OpenDropdown([], label="Session", elem_id="session-picker")
    with gr.Row(elem_id="session-row"):
        robot = OpenDropdown([ALL_ROBOTS], value=ALL_ROBOTS, label="Robot", elem_id="robot-filter", min_width=130)
        refresh = gr.Button("🔄 Refresh", elem_id="refresh", size="sm", min_width=110)
        load = gr.Button("Load Session", variant="primary", elem_id="load-session", size="sm", min_width=110)
    with gr.Column(visible=False, elem_id="demo-offer") as offer:
        gr.Markdown(messages.NO_RECORDINGS)
        demo = gr.Button("Record a demo", variant="primary", elem_id="record-demo")
    facts = gr.HTML(elem_id="session-facts")
    player = build_frame_player(elem_id="player")
    with gr.Accordion("About this frame", open=False):
        about_frame = gr.HTML(elem_id="frame-facts")
    with gr.Accordion("Session statistics", open=False, elem_id="session-statistics") as statistics:
        statistics_result = gr.HTML(elem_id="statistics-result")
    errors_data = build_error_data(elem_id="errors-data")
    return RecordingColumn(
        picker,
        robot,
        refresh,
        load,
        offer,
        demo,
        facts,
        player,
        about_frame,
        statistics,
        statistics_result,
        errors_data,
    )


def cleared() -> Answer:
    """The column without a recording."""
    return {
        "recording.facts": messages.NO_SESSION,
        "recording.about_frame": messages.NO_SESSION,
        "recording.statistics": gr.Accordion(open=False),
        "recording.statistics_result": "",
    }
