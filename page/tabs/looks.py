"""The pictures of a run: what the networks made of a few fixed frames while they learned, with a slider over the run.

HTML, CSS and JavaScript are files in page/assets; scripts there also show values of charts under the pointer and
the progress of a run in the title of the browser's tab, and notify the visitor when it ends.
"""

from urllib.parse import quote

import gradio as gr

from page.backend import PageBackend
from page.components import asset_options
from page.visitor import Visitor

SCRIPTS = ("looks.js", "charts.js", "notify.js")


class LookSlider(gr.HTML):
    """The pictures of one run. It has no constructor: Gradio makes an update of a component by calling the class with
    the changed arguments."""


def build_looks() -> LookSlider:
    return LookSlider(**asset_options("looks.html", ["looks.css"], SCRIPTS), elem_id="training-looks")


def run_looks(backend: PageBackend, visitor: Visitor) -> dict[str, object] | None:
    """The newest run with pictures of the visitor's robot: their address, and step, phase and file of each."""
    looks = backend.manager_for(visitor).looks() if visitor.profile else None
    if looks is None:
        return None
    newest = backend.manager_for(visitor).last_run()
    return {
        "of": "" if newest is not None and newest.log.startswith(looks.run) else looks.run,
        "address": f"runs/{quote(visitor.profile.name)}/{looks.run}/",
        "looks": [{"step": look.step, "phase": look.phase, "file": look.file} for look in looks.looks],
    }
