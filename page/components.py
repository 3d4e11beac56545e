"""Gradio components of this page: the frame player, whose HTML, CSS and JavaScript are files in page/assets, and fields
whose values are checked by the handlers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = (
    "storage.js",
    "connections.js",
    "frame_store.js",
    "timeline.js",
    "track.js",
    "action_track.js",
    "error_track.js",
    "filmstrip.js",
    "marks.js",
    "range.js",
    "typing.js",
    "tabs.js",
    "follow.js",
    "form.js",
    "palette.js",
    "player.js",
    "links.js",
    "wipe.js",
    "reports.js",
    "dropdowns.js",
    "toasts.js",
)
APP_CSS = ASSETS / "app.css"
NARROW = dict(min_width=120)


@dataclass(frozen=True)
class FramePosition:
    """A frame as a browser or a program sends it, unchecked; `session` is None for the visitor's own."""

    session: str | None
    frame: object


class FramePlayer(gr.HTML):
    """The frames of one recording. Its value is a position: session, version of its files, frame, count of visits.

    The event `moved` fires when the selected frame has stopped changing; the browser handles each move alone. Programs
    may send a plain index. It has no constructor: Gradio makes an update of a component by calling the class with the
    changed arguments.
    """

    def preprocess(self, payload: object) -> FramePosition:
        if isinstance(payload, dict):
            return FramePosition(payload.get("session"), payload.get("frame"))
        return FramePosition(None, payload)

    def api_info(self) -> dict[str, str]:
        return {"type": "integer", "description": "index of a frame, from 0"}

    def example_payload(self) -> int:
        return 0


def asset_options(html: str, styles: Sequence[str], scripts: Sequence[str]) -> dict[str, object]:
    """Arguments of a component whose HTML, CSS and JavaScript are these files in page/assets; several are joined."""

    def joined(names: Sequence[str]) -> str:
        return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)

    texts = dict(html_template=joined([html]), css_template=joined(styles), js_on_load=joined(scripts))
    return texts | dict(apply_default_css=False)


def build_frame_player(elem_id: str) -> FramePlayer:
    """The player without a recording."""
    return FramePlayer(**asset_options("player.html", ["player.css"], SCRIPTS), elem_id=elem_id)


def build_error_data(elem_id: str) -> gr.HTML:
    """An invisible component that passes the errors of a recording to the player, whose own value is the position."""
    return gr.HTML(
        html_template="<i></i>",
        js_on_load=(ASSETS / "error_data.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id=elem_id,
    )


def go_to(session_id: str, version: str, frame: int, visit: int) -> FramePlayer:
    """The update that opens a session in the player, "" for none; `visit` makes it differ from the previous update."""
    return FramePlayer(value={"session": session_id, "version": version, "frame": frame, "visit": visit})


class OpenDropdown(gr.Dropdown):
    """A dropdown whose choices change while the server runs: the handler checks the value against the disk, not against
    the choices at the time when the page was built."""

    def preprocess(self, payload: object) -> object:
        return payload

    def get_block_name(self) -> str:
        return "dropdown"


class OpenSlider(gr.Slider):
    """A slider whose number is checked by the handler, which also words the error."""

    def preprocess(self, payload: object) -> object:
        return payload

    def get_block_name(self) -> str:
        return "slider"


class OpenNumber(gr.Number):
    """A number field whose value is checked by the handler, which also words the error: nothing is rounded before."""

    def preprocess(self, payload: object) -> object:
        return payload

    def get_block_name(self) -> str:
        return "number"


class OpenRadio(gr.Radio):
    """A choice that is checked by the handler, which also words the error."""

    def preprocess(self, payload: object) -> object:
        return payload

    def get_block_name(self) -> str:
        return "radio"
