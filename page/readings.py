"""The other ways to read a recording, as links: its cameras, its strides and the kinds of its actions."""

from collections.abc import Mapping
from html import escape
from urllib.parse import quote

from session import Choices, RecordedSession

ACTION_TEXTS = {"target": "target", "change": "target − state"}


def readings(recording: RecordedSession, session_id: str) -> str:
    """HTML: a line for each choice that a recording offers, the current one marked; empty if it offers none."""
    choices = recording.choices
    if choices is None:
        return ""
    rates = {stride: f"{choices.rate / stride:.2g}" for stride in choices.strides}
    actions = {name: ACTION_TEXTS.get(name, name) for name in choices.actions}
    parts = [
        _choice("Camera", choices, session_id, "camera", {name: name for name in choices.cameras}),
        _choice("Frames a second", choices, session_id, "stride", rates),
        _choice("Action", choices, session_id, "action", actions),
    ]
    shown = "".join(part for part in parts if part)
    return f'<div class="readings" id="readings">{shown}</div>' if shown else ""


def label(label_text: str, session_id: str, chosen: str) -> str:
    """The line of the list for the session `chosen`, which is `session_id` in another reading."""
    return f"{label_text} · {chosen[len(session_id) + 1 :].replace(',', ', ')}"


def _choice(title: str, choices: Choices, session_id: str, name: str, texts: Mapping[str | int, str]) -> str:
    """A line of links: ``texts`` by value."""
    if len(texts) < 2:
        return ""
    current = choices.current.given().get(name)
    links = " ".join(
        f'<b aria-current="true">{escape(text)}</b>' if one == current else _link(choices, session_id, name, one, text)
        for one, text in texts.items()
    )
    return f'<span role="group" aria-label="{title}"><span class="title">{title}</span> {links}</span>'


def _link(choices: Choices, session_id: str, name: str, value: str | int, text: str) -> str:
    other = choices.session_id(session_id, {name: value})
    # The same moment has another number where another number of rows makes a frame.
    scale = choices.current.stride / value if isinstance(value, int) else 1
    address = f"?session={quote(other)}"
    return f'<a href="{escape(address)}" data-go-session="{escape(other)}" data-scale="{scale:g}">{escape(text)}</a>'
