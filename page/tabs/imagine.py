"""The Imagine tab: a pad of actions, whose HTML, CSS and JavaScript are files in page/assets, and the fields of a
rollout. The answers are in `imagine_view.py`."""

from dataclasses import dataclass
from typing import get_args

import gradio as gr

from models import ROLLOUT_MODES, RolloutMode
from page import messages
from page.components import NARROW, OpenNumber, OpenRadio, asset_options
from page.handlers import Answer
from page.tabs import accuracy
from page.tabs.accuracy import AccuracyPanel
from page.tabs.own_action import parse_own
from session import RecordedSession
from training import Action, Command, InvalidValue, whole_number

MODE_LABELS: dict[RolloutMode, str] = {
    "latents": "latents",
    "pictures": "re-encoded image",
}
STANDARD_MODE: RolloutMode = "latents"
COMMANDS: tuple[Command, ...] = get_args(Command)
MAX_DIGITS = 9
STYLES = ("imagine.css", "own_action.css")
SCRIPTS = ("typing.js", "sliders.js", "imagine.js")


@dataclass(frozen=True)
class PadInput:
    """One use of the pad as a browser or a program sends it, unchecked: a command, the index of an action, or the
    values of one. `number` is the browser's own count, repeated in the answer."""

    value: object
    number: object = None


class ImaginePad(gr.HTML):
    """Buttons and keys for actions. The event `pressed` sends a PadInput; its answer becomes the value of the pad.

    Programs may send a plain action or command. It has no constructor: Gradio makes an update of a component by calling
    the class with the changed arguments.
    """

    def preprocess(self, payload: object) -> PadInput:
        if isinstance(payload, dict):
            return PadInput(payload.get("press"), payload.get("number"))
        return PadInput(payload)

    def api_info(self) -> dict[str, str]:
        what = f"number of an action, from 0, its values by channel, or one of: {', '.join(COMMANDS)}"
        return {"type": "string", "description": what}

    def example_payload(self) -> str:
        return COMMANDS[0]


@dataclass(frozen=True)
class RolloutPanel:
    steps: OpenNumber
    run: gr.Button
    result: gr.HTML


@dataclass(frozen=True)
class ImagineTab:
    pad: ImaginePad
    mode: OpenRadio
    whole: gr.Button
    dream: gr.HTML
    rollout: RolloutPanel
    accuracy: AccuracyPanel


def build() -> ImagineTab:
    with gr.Tab("Imagine", id="imagine"):
        pad = build_pad("imagine-pad")
        choices = [(label, mode) for mode, label in MODE_LABELS.items()]
        with gr.Row(elem_id="imagine-options"):
            options = dict(label="Feed back", elem_id="imagine-way", min_width=300, scale=3)
            mode = OpenRadio(choices, value=STANDARD_MODE, **options)
            whole = gr.Button("All steps and report", elem_id="show-dream", size="sm", min_width=160)
        dream = gr.HTML(elem_id="dream")
        return ImagineTab(pad, mode, whole, dream, build_rollout(), accuracy.build())


def build_pad(elem_id: str) -> ImaginePad:
    return ImaginePad(**asset_options("imagine.html", STYLES, SCRIPTS), elem_id=elem_id)


def build_rollout() -> RolloutPanel:
    with gr.Accordion("Rollout with the recorded actions", open=True, elem_id="rollout"):
        with gr.Row(elem_id="rollout-row"):
            steps = OpenNumber(30, label="Steps (1 to 50)", elem_id="rollout-steps", **NARROW)
            run = gr.Button("Roll out", variant="primary", elem_id="roll-out", size="sm", **NARROW)
        return RolloutPanel(steps, run, gr.HTML(messages.EMPTY_ROLLOUT, elem_id="rollout-result"))


def cleared() -> Answer:
    """The tab without a recording; the pad clears itself."""
    return {"imagine.dream": "", "imagine.rollout.result": messages.EMPTY_ROLLOUT, **accuracy.cleared()}


def parse_command(pad_input: PadInput | None, recording: RecordedSession) -> Action | Command:
    """The action, or the command, that was sent; "begin" if there is none. Raises InvalidValue for anything else."""
    value = "begin" if pad_input is None or pad_input.value in (None, "") else pad_input.value
    if isinstance(value, str) and value in COMMANDS:
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < MAX_DIGITS:
        value = int(value)  # programs send this field as text
    if isinstance(value, list | dict):
        return parse_own(recording, value)
    return whole_number(value, "The action", 0, len(recording.candidate_actions) - 1)


def parse_mode(mode: object) -> RolloutMode:
    """The rollout mode that was sent, the standard one if there is none; raises InvalidValue for another."""
    mode = STANDARD_MODE if mode is None else mode
    if not isinstance(mode, str) or mode not in ROLLOUT_MODES:
        raise InvalidValue(f"Feed back one of: {', '.join(ROLLOUT_MODES)}.")
    return mode
