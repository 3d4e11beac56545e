"""Gradio components of our own: the frame player, whose HTML, CSS and JavaScript are the files in page/assets, and
fields whose content the handlers check themselves."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = (
    "frame_store.js",
    "timeline.js",
    "track.js",
    "action_track.js",
    "error_track.js",
    "filmstrip.js",
    "typing.js",
    "player.js",
    "links.js",
    "dropdowns.js",
)
APP_CSS = ASSETS / "app.css"
NARROW = dict(min_width=120)


@dataclass(frozen=True)
class FramePosition:
    """A frame as it arrives from a browser or a program, not yet checked; `session` None: that of the visitor."""

    session: str | None
    frame: object


class FramePlayer(gr.HTML):
    """Shows the frames of one recording. Its value is a place: session, version of its files, frame, count of visits.

    The event `moved` fires when the visitor has settled on a frame; moving itself stays in the browser. Programs may
    send a plain index. No constructor of its own: Gradio makes an update of a component by calling it with whatever
    arguments changed.
    """

    def preprocess(self, payload: object) -> FramePosition:
        if isinstance(payload, dict):
            return FramePosition(payload.get("session"), payload.get("frame"))
        return FramePosition(None, payload)

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
    )


def build_error_data(elem_id: str) -> gr.HTML:
    """Not seen itself: hands the errors of a recording to the player, whose own value is the visitor's place."""
    return gr.HTML(
        html_template="<i></i>",
        js_on_load=(ASSETS / "error_data.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
    )


def go_to(session_id: str, version: str, frame: int, visit: int) -> FramePlayer:
    """The update that opens a session in the player, "" for none; `visit` tells it from the update before."""
    return FramePlayer(value={"session": session_id, "version": version, "frame": frame, "visit": visit})


class OpenDropdown(gr.Dropdown):
    """A dropdown whose choices change while the server runs: what arrives is checked by the handler, against the disk,
    not against the choices that were known when the page was built."""

    def preprocess(self, payload: object) -> object:
        return payload

    def get_block_name(self) -> str:
        return "dropdown"


class OpenSlider(gr.Slider):
    """A slider whose number is checked by the handler, in our own words."""

    def preprocess(self, payload: object) -> object:
        return payload

    def get_block_name(self) -> str:
        return "slider"


class OpenNumber(gr.Number):
    """A number field whose content is checked by the handler, in our own words: nothing is rounded on the way."""

    def preprocess(self, payload: object) -> object:
        return payload

    def get_block_name(self) -> str:
        return "number"


class OpenRadio(gr.Radio):
    """A choice that is checked by the handler, in our own words."""

    def preprocess(self, payload: object) -> object:
        return payload

    def get_block_name(self) -> str:
        return "radio"
