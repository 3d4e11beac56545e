"""Skill: errors of the networks beside those of trivial answers, a part of Use of actions."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import gradio as gr

from models import Network
from page import messages
from page.backend import PageBackend
from page.components import NARROW, OpenNumber
from page.figures import measure_row, table_link
from page.handlers import Answer
from page.selection import length_of, selected
from page.tabs.networks import untrained_notice, weights_text
from page.text import count_text
from page.verdicts import judge_skill, verdict_line
from page.visitor import Visitor
from session import RecordedSession
from training import Skill, Verdict, skill_rows, whole
from training import measure_skill as skill_of


@dataclass(frozen=True)
class SkillPanel:
    frames: OpenNumber
    run: gr.Button
    result: gr.HTML


def build() -> SkillPanel:
    with gr.Accordion("Skill relative to trivial baselines", open=True, elem_id="skill"):
        with gr.Row(elem_id="skill-row"):
            frames = OpenNumber(16, label="Frames to measure", elem_id="skill-frames", **NARROW)
            run = gr.Button("Measure", elem_id="measure-skill", size="sm", **NARROW)
        return SkillPanel(frames, run, gr.HTML(messages.EMPTY_SKILL, elem_id="skill-result"))


def cleared() -> Answer:
    """The panel without a recording."""
    return {"actions.skill.result": messages.EMPTY_SKILL}


def measure_skill(
    backend: PageBackend,
    visitor: Visitor,
    history_length: int | None = None,
    frames: int | None = 16,
    progress: gr.Progress = gr.Progress(),
) -> str:
    """Errors on some frames beside those of repeating the last frame and of the mean picture; use of the actions."""
    recording, _ = selected(backend, visitor, None)
    shared, length = backend.manager_for(visitor).served, length_of(history_length)
    version, baselines = shared.version, backend.baselines.of(recording)
    skill = skill_of(
        *(shared, recording, visitor.session_id, length, whole(frames), None, baselines),
        watched=functools.partial(progress.tqdm, desc="Measuring frames"),
    )
    return skill_view(recording, skill, judge_skill(backend, shared, recording, skill, version))


def skill_view(recording: RecordedSession, skill: Skill, verdicts: Mapping[Network, Verdict]) -> str:
    """HTML: the verdicts, a warning if the recording teaches little, a row for each measure, and the errors as CSV."""
    notes = "".join(f'<div class="notice">{escape(note)}</div>' for note in _notes(skill))
    rows = "".join(
        measure_row(
            row.title, f'<td class="number">{escape(row.value)}</td><td>{escape(row.beside)}</td>', row.sentence, 3
        )
        for row in skill_rows(skill)
    )
    return (
        f'<div class="result">{untrained_notice(skill.weights)}{notes}'
        f"{''.join(verdict_line(network, one) for network, one in verdicts.items())}"
        f"<p>{count_text(len(skill.targets), 'frame')} of {escape(recording.profile.title)} {escape(recording.name)}, "
        f"evenly spread, history {skill.history_length}, {weights_text(skill.weights)}.</p>"
        '<table class="measures" id="skill-table"><thead><tr><th scope="col">Measure</th>'
        '<th scope="col" class="number">Value</th><th scope="col">Beside</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        f"<p class='links'>{_link(recording, skill)}</p></div>"
    )


def _notes(skill: Skill) -> list[str]:
    mixed = "The weights changed meanwhile: measure again for numbers that belong together."
    return [note for note in (skill.foretold.warning, mixed if skill.is_mixed else "") if note]


def _link(recording: RecordedSession, skill: Skill) -> str:
    header = (
        "frame",
        "prediction mse",
        "repeating",
        "mean image",
        "reconstruction",
        "other actions",
        "best",
    )
    rows = [
        (
            *(one.frame, one.score.mse, _number(one.score.repeat), one.score.mean, one.reconstruction),
            *(_number(one.score.other), _number(one.best)),
        )
        for one in skill.targets
    ]
    return table_link(header, rows, f"skill_{recording.name}")


def _number(value: float | None) -> float | str:
    return "" if value is None else float(value)
