"""The table of all sessions, a dialog above the page. HTML, CSS and JavaScript are files in page/assets; the rows come
from routes of their own (page/server/table_routes.py), and a session is opened by its address."""

import gradio as gr

from page.components import asset_options


class SessionTable(gr.HTML):
    """The button *All sessions*, and its dialog. Programs use the routes and `load_session`."""


def build(elem_id: str) -> SessionTable:
    options = asset_options("session_table.html", ["session_table.css"], ["session_table.js"])
    return SessionTable(**options, elem_id=elem_id, min_width=120)
