"""The actions of a continuous robot that a visitor chooses: an own one, by a slider for each channel, and the channels
whose values the sweep compares. HTML, CSS and JavaScript are files in page/assets."""

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr
import numpy as np

from page.components import asset_options
from session import SWEPT_CHANNELS, ActionSweep, RecordedSession
from training import InvalidValue

SCRIPTS = ("sliders.js", "own_action.js")
MAX_SWEPT = 4
MAX_LISTED = 6


@dataclass(frozen=True)
class ActionChoice:
    """What a browser or a program sends, unchecked: values of an own action, by channel or in their order, and names of
    the channels to sweep; None for no own action, and for the channels that vary most."""

    own: object = None
    swept: object = None


class ActionForm(gr.HTML):
    """Sliders for the channels of an action. The event `changed` sends an ActionChoice. It has no constructor: Gradio
    makes an update of a component by calling the class with the changed arguments."""

    def preprocess(self, payload: object) -> ActionChoice:
        if isinstance(payload, dict):
            return ActionChoice(payload.get("own"), payload.get("swept"))
        return ActionChoice()

    def api_info(self) -> dict[str, str]:
        return {"type": "object", "description": '{"own": values by channel, "swept": [names of channels]}, or null'}

    def example_payload(self) -> None:
        return None


def build(elem_id: str) -> ActionForm:
    """The form without channels, which hides itself."""
    return ActionForm(**asset_options("own_action.html", ["own_action.css"], SCRIPTS), elem_id=elem_id)


def form_of(recording: RecordedSession) -> ActionForm:
    """The form for the channels of a recording; without any for a robot that chooses from a few actions."""
    swept = [recording.profile.channel_names[channel] for channel in recording.varying_channels[:SWEPT_CHANNELS]]
    return ActionForm(value={"channels": channels_of(recording), "standard": swept, "most": MAX_SWEPT})


def channels_of(recording: RecordedSession) -> list[dict[str, object]]:
    """Each channel of a continuous robot: name, range, usual value, the lowest and highest one `recorded`, and its
    `rank` from the one that varies most, None if it does not vary. Empty for another robot."""
    if not recording.is_continuous:
        return []
    ranks = {channel: rank for rank, channel in enumerate(recording.varying_channels)}
    usual, recorded = recording.candidate_actions[0].tolist(), recording.actions
    spans = np.stack((recorded.min(axis=0), recorded.max(axis=0)), axis=1).tolist()
    return [
        dict(name=one.name, low=one.low, high=one.high, usual=usual[i], recorded=spans[i], rank=ranks.get(i))
        for i, one in enumerate(recording.profile.channels)
    ]


def cleared() -> ActionForm:
    """The form without a recording."""
    return ActionForm(value={"channels": []})


def sweep_of(recording: RecordedSession, action: int, choice: ActionChoice | None) -> ActionSweep:
    """The actions to compare with the recorded action of this index; raises InvalidValue."""
    choice = choice or ActionChoice()
    return recording.sweep(action, parse_swept(recording, choice.swept), parse_own(recording, choice.own))


def parse_own(recording: RecordedSession, own: object) -> np.ndarray | None:
    """The values of an own action, float32 (A,) in the order of the channels, or None if there is none; raises
    InvalidValue."""
    if own is None:
        return None
    names = recording.profile.channel_names
    if isinstance(own, Mapping):
        own = [own.get(name) for name in names] if set(own) == set(names) else ()
    if not isinstance(own, list | tuple) or len(own) != len(names) or not all(map(_is_number, own)):
        raise InvalidValue(f"An action needs a number for each channel: {_listed(names)}.")
    return np.array(own, dtype=np.float32)


def parse_swept(recording: RecordedSession, swept: object) -> list[int] | None:
    """The indices of the channels to sweep, or None for the standard ones; raises InvalidValue."""
    if swept is None or not recording.is_continuous:
        return None
    names = recording.profile.channel_names
    if not isinstance(swept, list) or len(swept) > MAX_SWEPT or not all(name in names for name in swept):
        raise InvalidValue(f"Sweep at most {MAX_SWEPT} channels, of: {_listed(names)}.")
    return [names.index(name) for name in dict.fromkeys(swept)]


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) <= float(np.finfo(np.float32).max)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:MAX_LISTED]) + (", …" if len(names) > MAX_LISTED else "")
