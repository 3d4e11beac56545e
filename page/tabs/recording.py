"""The column of the recording: which session, its frames, its facts. What its buttons do is decided by those who
connect them."""

from typing import Any

import gradio as gr

from page import messages
from page.components import OpenDropdown, build_error_data, build_frame_player
from page.facts import ALL_ROBOTS


def build_recording_column() -> dict[str, Any]:
    """Left column: which session, its frames, its facts."""
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
    names = dict(robot=robot, picker=picker, refresh=refresh, load=load, offer=offer, demo=demo)
    names |= dict(statistics=statistics, statistics_result=statistics_result, errors_data=errors_data)
    return dict(names, player=player, facts=facts, about_frame=about_frame)
