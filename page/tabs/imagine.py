"""The Imagine tab: its pad of actions, whose HTML, CSS and JavaScript are the files in page/assets, and the fields of a
rollout. What they do is decided by those who connect them."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from page import messages
from page.components import ASSETS, NARROW, OpenNumber, OpenRadio
from training import InvalidValue, whole_number

ROLLOUT_MODES = {"latents": "Stay in latents", "pictures": "Encode each imagined picture anew"}
USUAL_WAY = "latents"
COMMANDS = ("begin", "undo", "reset")
SCRIPTS = ("typing.js", "imagine.js")


@dataclass(frozen=True)
class Press:
    """A press as it arrives from a browser or a program, not yet checked: a command, or the number of an action.
    `number` is the browser's own count of presses, which the answer repeats."""

    what: object
    number: object = None


class ImaginePad(gr.HTML):
    """Buttons and keys for actions. The event `pressed` sends a press as the value; the answer to it comes back as the
    value (`page/tabs/imagine_view.py`). Programs may send a plain action or command. No constructor of its own, as for
    the player."""

    def preprocess(self, payload: object) -> Press:
        if isinstance(payload, dict):
            return Press(payload.get("press"), payload.get("number"))
        return Press(payload)

    def api_info(self) -> dict[str, str]:
        return {"type": "string", "description": f"number of an action, from 0, or one of: {', '.join(COMMANDS)}"}

    def example_payload(self) -> str:
        return COMMANDS[0]


def build_imagine_pad(elem_id: str) -> ImaginePad:
    return ImaginePad(
        html_template=(ASSETS / "imagine.html").read_text(encoding="utf-8"),
        css_template=(ASSETS / "imagine.css").read_text(encoding="utf-8"),
        js_on_load="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS),
        apply_default_css=False,
        elem_id=elem_id,
    )


def build_imagine_tab() -> dict[str, Any]:
    with gr.Tab("Imagine", id="imagine"):
        pad = build_imagine_pad("imagine-pad")
        choices = [(label, way) for way, label in ROLLOUT_MODES.items()]
        way = OpenRadio(choices, value=USUAL_WAY, label="Go on from an imagined frame", elem_id="imagine-way")
        with gr.Accordion("Rollout under the recorded actions", open=True, elem_id="rollout"):
            with gr.Row(elem_id="rollout-row"):
                steps = OpenNumber(30, label="Steps (1 to 50)", elem_id="rollout-steps", **NARROW)
                run = gr.Button("Roll out", variant="primary", elem_id="roll-out", size="sm", **NARROW)
            result = gr.HTML(messages.EMPTY_ROLLOUT, elem_id="rollout-result")
        parts = build_truth_panel()
    names = dict(imagine_pad=pad, imagine_way=way, rollout_steps=steps)
    return dict(parts, **names, roll_out=run, rollout_result=result)


def build_truth_panel() -> dict[str, Any]:
    with gr.Accordion("Truth: one step, beside the simulator", open=True, elem_id="truth"):
        with gr.Row(elem_id="truth-row"):
            frames = OpenNumber(20, label="Frames to look at", elem_id="truth-frames", **NARROW)
            run = gr.Button("Measure", elem_id="measure-truth", size="sm", **NARROW)
        result = gr.HTML(messages.EMPTY_TRUTH, elem_id="truth-result")
    return dict(truth_frames=frames, measure_truth=run, truth_result=result)


def pressed(press: Press | None, actions: int) -> int | str:
    """The action, or the command, of a press; "begin" where there is none. Raises InvalidValue for anything else."""
    what = "begin" if press is None or press.what in (None, "") else press.what
    if isinstance(what, str) and what in COMMANDS:
        return what
    if isinstance(what, str) and what.isascii() and what.isdecimal() and len(what) < 9:
        what = int(what)  # from a program, whose client sends this field as text
    return whole_number(what, "The action", 0, actions - 1)


def way_of(way: object) -> str:
    """The way to go on that was sent, the usual one where none was; raises InvalidValue for another."""
    way = USUAL_WAY if way is None else way
    if not isinstance(way, str) or way not in ROLLOUT_MODES:
        raise InvalidValue(f"Go on from an imagined frame by one of: {', '.join(ROLLOUT_MODES)}.")
    return way
