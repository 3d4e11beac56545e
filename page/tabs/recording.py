"""What belongs to the recording: the bar with the list of sessions, the frame player, and the Session tab."""

from dataclasses import dataclass

import gradio as gr

from page import messages
from page.components import FramePlayer, OpenDropdown, OpenRadio, build_error_data, build_frame_player
from page.facts import ALL_ROBOTS
from page.handlers import Answer
from page.tabs import session_table
from page.tabs.session_table import SessionTable

SCOPES = ("This recording", "All recordings in its folder")


@dataclass(frozen=True)
class SessionBar:
    """The line above the columns. `offer` is visible if there is no recording."""

    picker: OpenDropdown
    robot: OpenDropdown
    refresh: gr.Button
    load: gr.Button
    table: SessionTable
    facts: gr.HTML
    offer: gr.Column
    demo: gr.Button


@dataclass(frozen=True)
class RecordingColumn:
    """The left column. `errors_data` passes errors to the player."""

    player: FramePlayer
    errors_data: gr.HTML


@dataclass(frozen=True)
class AdoptionForm:
    """Another robot that the recording, or all in its folder, is to count as."""

    panel: gr.Accordion
    robot: OpenDropdown
    scope: OpenRadio
    adopt: gr.Button
    release: gr.Button


@dataclass(frozen=True)
class SessionTab:
    about_frame: gr.HTML
    statistics: gr.Accordion
    statistics_result: gr.HTML
    adoption: AdoptionForm


def build_bar() -> SessionBar:
    with gr.Row(elem_id="session-row"):
        options = dict(container=False, min_width=150)
        picker = OpenDropdown([], label="Session", elem_id="session-picker", scale=5, **options)
        robot = OpenDropdown([ALL_ROBOTS], value=ALL_ROBOTS, label="Robot", elem_id="robot-filter", scale=2, **options)
        button = dict(size="sm", min_width=90, scale=0)
        refresh = gr.Button("Refresh", elem_id="refresh", **button)
        load = gr.Button("Load Session", elem_id="load-session", **button | dict(min_width=120))
        table = session_table.build("session-table")
        facts = gr.HTML(elem_id="session-facts", min_width=300)
    with gr.Column(visible=False, elem_id="demo-offer") as offer:
        gr.Markdown(messages.NO_RECORDINGS)
        demo = gr.Button("Record a demo", variant="primary", elem_id="record-demo")
    return SessionBar(picker, robot, refresh, load, table, facts, offer, demo)


def build_column() -> RecordingColumn:
    return RecordingColumn(build_frame_player("player"), build_error_data("errors-data"))


def build_tab() -> SessionTab:
    with gr.Tab("Session", id="session"):
        gr.HTML('<p class="section-title">Selected frame</p>')
        about_frame = gr.HTML(messages.NO_SESSION, elem_id="frame-facts")
        with gr.Accordion("Session statistics", open=False, elem_id="session-statistics") as statistics:
            statistics_result = gr.HTML(elem_id="statistics-result")
        adoption = _build_adoption()
    return SessionTab(about_frame, statistics, statistics_result, adoption)


def _build_adoption() -> AdoptionForm:
    with gr.Accordion("Adopt under another robot's name", open=False, elem_id="adoption") as panel:
        gr.HTML(messages.ADOPTION)
        with gr.Row():
            robot = OpenDropdown([], label="Robot", allow_custom_value=True, elem_id="adopting-robot", min_width=160)
            scope = OpenRadio(SCOPES, value=SCOPES[0], label="Recordings", elem_id="adoption-scope", min_width=220)
        with gr.Row():
            adopt = gr.Button("Adopt", size="sm", elem_id="adopt")
            release = gr.Button("Undo: as recorded", size="sm", elem_id="release")
    return AdoptionForm(panel, robot, scope, adopt, release)


def cleared() -> Answer:
    """The bar and the tab without a recording."""
    return {
        "sessions.facts": messages.NO_SESSION,
        "session_tab.about_frame": messages.NO_SESSION,
        "session_tab.statistics": gr.Accordion(open=False),
        "session_tab.statistics_result": "",
    }
