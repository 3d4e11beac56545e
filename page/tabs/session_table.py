"""The table of all sessions, a dialog above the page. HTML, CSS and JavaScript are files in page/assets; the rows come
from routes of their own (page/server/table_routes.py), and a session is opened by its address."""

import gradio as gr

from page.components import ASSETS


class SessionTable(gr.HTML):
    """The button *All sessions*, and its dialog. Programs use the routes and `load_session`."""


def build(elem_id: str) -> SessionTable:
    return SessionTable(
        html_template=(ASSETS / "session_table.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "session_table.css").read_text(encoding="utf-8"),
        js_on_load=(ASSETS / "session_table.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
        min_width=120,
    )
