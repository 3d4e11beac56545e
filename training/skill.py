"""Skill of a robot's networks on a recording of any robot: `python -m training.skill --session …`.

Prints errors beside those of trivial answers, the use of actions, the accuracy where a simulator knows the truth, and a
verdict on each network. Exit codes: 0 done, 1 a checkpoint cannot be used, 2 wrong usage.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from models import NETWORKS, DeviceUnavailable, SharedWorldModel
from session import RecordedSession, SessionError
from session.command_line import run_command, terminal_words
from training.checkpoints.errors import CheckpointError
from training.checkpoints.robots import RobotSessions
from training.cli import DONE, NOT_DONE, WRONG_USAGE
from training.dataset import FrameDataset, FrameSelection
from training.evaluation.evidence import EvidenceLog
from training.evaluation.skill.measure import STANDARD_FRAMES, Skill, measure_skill
from training.evaluation.skill.rows import skill_rows
from training.evaluation.verdict import Verdict
from training.truth import POSITIONS, measuring_parser, shared_model
from training.values import InvalidValue


def main(arguments: list[str]) -> int:
    """Measure by the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        recording = RobotSessions(options.data / "sessions", options.data / "checkpoints").get(options.session)
        targets = chosen_targets(recording, options)
        shared = shared_model(options, recording)
        length, frames = options.history_length, options.frames
        skill = measure_skill(shared, recording, options.session, length, frames, targets)
    except (InvalidValue, SessionError, DeviceUnavailable) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return WRONG_USAGE
    except (CheckpointError, ArithmeticError) as problem:
        sys.stderr.write(f"{terminal_words(problem)}\n")
        return NOT_DONE
    sys.stdout.write(skill_table(skill, _verdicts(shared, recording, skill)))
    return DONE


def skill_table(skill: Skill, verdicts: Sequence[tuple[str, Verdict]]) -> str:
    """The measures for a terminal, each with a sentence on what it is, and the verdicts."""
    lines = [f"{len(skill.targets)} frames of {skill.session_id}, history {skill.history_length}"]
    lines += [f"Warning: {skill.foretold.warning}"] if skill.foretold.warning else []
    for row in skill_rows(skill):
        lines += ["", f"{row.title}: {row.value} ({row.beside})", f"    {row.sentence}"]
    lines += ["", *(f"{network}: {one.level}. {one.reason}" for network, one in verdicts)]
    return "\n".join(lines) + "\n"


def chosen_targets(recording: RecordedSession, options: argparse.Namespace) -> Sequence[int] | None:
    """The frames to measure by the options, None for all; raises InvalidValue for none."""
    targets: Sequence[int] = range(recording.frame_count)
    if options.held_out:
        selection = FrameSelection(0, recording.frame_count - 1, 1, options.history_length, options.held_out)
        targets = FrameDataset(recording, selection, needs_history=True).held_out
    condition = POSITIONS[options.positions]
    if condition is None:
        return targets if options.held_out else None
    return [frame for frame in targets if condition(recording, frame)]


def _verdicts(shared: SharedWorldModel, recording: RecordedSession, skill: Skill) -> list[tuple[str, Verdict]]:
    log = EvidenceLog()
    for network, scores in skill.scores().items():
        log.add(shared, shared.version, recording, network, scores)
    verdicts = log.verdicts(shared, recording.folder)
    return [(network, verdicts[network]) for network in NETWORKS]


def _parser() -> argparse.ArgumentParser:
    parser = measuring_parser("skill", "Measure the skill of a robot's networks on a recording.", STANDARD_FRAMES)
    parser.add_argument(
        "--held-out",
        type=float,
        default=0.0,
        help="measure only this share of the frames, the last ones: those that training with it does not use",
    )
    return parser


if __name__ == "__main__":
    run_command(main)
