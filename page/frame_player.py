"""The frame player as a Gradio component: its HTML, CSS and JavaScript are the files in page/assets."""

from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("frame_store.js", "timeline.js", "action_track.js", "filmstrip.js", "player.js")
APP_CSS = ASSETS / "app.css"


class FramePlayer(gr.HTML):
    """Shows the frames of one recording. Its value is the index of the selected frame.

    Properties: `recording`, the session's id, "" for none; `version`, which changes when the recording on disk does.
    The event `moved` fires when the visitor has settled on a frame; moving itself stays in the browser. No constructor
    of its own: Gradio makes an update of a component by calling it with whatever arguments changed.
    """

    def api_info(self) -> dict[str, str]:
        return {"type": "integer", "description": "index of a frame, from 0"}

    def example_payload(self) -> int:
        return 0


def build_frame_player(elem_id: str) -> FramePlayer:
    """The player as it stands on the page, with no recording yet."""
    return FramePlayer(
        html_template=(ASSETS / "player.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "player.css").read_text(encoding="utf-8"),
        js_on_load="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS),
        apply_default_css=False,
        elem_id=elem_id,
        recording="",
        version="",
    )


class SessionPicker(gr.Dropdown):
    """A dropdown whose choices change while the server runs: what arrives is checked against the disk by the handler,
    not against the choices that were known when the page was built."""

    def preprocess(self, payload: str | None) -> str | None:
        return payload

    def get_block_name(self) -> str:
        return "dropdown"
