"""The measures of a recording as rows of a table, for a terminal and for the page: each with its value, what it stands
beside, and one sentence on what it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from session import NEAR_PX
from training.evaluation.skill.measure import ROLLOUT_STEPS, Skill, psnr
from training.evaluation.skill.mirrored import STRONG
from training.evaluation.skill.nearest_truth import TruthScore
from training.evaluation.verdict import percent
from training.values import loss_text

MINUS = "\u2212"
IGNORES = "the model ignores the action"


@dataclass(frozen=True)
class MeasureRow:
    """A measure as text: its value, and what it is to be compared with."""

    title: str
    value: str
    beside: str
    sentence: str


def skill_rows(skill: Skill) -> list[MeasureRow]:
    """The rows of all measures that there are."""
    return [_skill(skill), _explained(skill), _best(skill), *_mirrors(skill), *_rollout(skill), *_truth(skill.truths)]


def _skill(skill: Skill) -> MeasureRow:
    return MeasureRow(
        "Skill over repeating the last frame",
        "nothing moves" if skill.skill is None else _signed(skill.skill),
        f"MSE {loss_text(skill.prediction)}, repeating {loss_text(skill.repeat)}",
        "How far the error is below that of showing the last frame again; at 0 % or less nothing is foreseen.",
    )


def _explained(skill: Skill) -> MeasureRow:
    return MeasureRow(
        "Share explained",
        "all frames look the same" if skill.explained is None else _signed(skill.explained),
        f"mean image {loss_text(skill.mean)}, reconstruction {loss_text(skill.reconstruction)}",
        "How far the error is below that of the recording's mean image. The reconstruction of the true frame bounds "
        "what a prediction can reach.",
    )


def _best(skill: Skill) -> MeasureRow:
    total, told = len(skill.targets), len(skill.told_apart)
    value = IGNORES if skill.best is None else f"{percent(skill.best)} of {told}"
    return MeasureRow(
        "Recorded action predicts best",
        value,
        f"by chance {percent(skill.chance)}; no difference on {total - told} of {total} frames",
        "Share of frames on which the action that was taken has the lowest error of all; frames on which errors differ "
        "by less than 1 %, or pictures by less than half a grey level, are not counted.",
    )


def _mirrors(skill: Skill) -> list[MeasureRow]:
    return [
        MeasureRow(
            f"Recorded {channel} predicts better than its mirror image",
            f"{percent(np.mean(rights))} of {len(rights)}",
            f"by chance 50 %; frames with |{channel}| above {percent(STRONG)} of its range",
            f"Share of frames on which the {channel} that was taken has a lower error than the same to the other side; "
            "a model that ignores it, or knows its strength alone, gets 50 %.",
        )
        for channel, rights in skill.mirrors.items()
    ]


def _rollout(skill: Skill) -> list[MeasureRow]:
    if skill.gain_db is None:
        return []
    return [
        MeasureRow(
            f"Gain of the right actions after {ROLLOUT_STEPS} imagined steps",
            f"{skill.gain_db:+.1f} dB".replace("-", MINUS),
            f"0 dB if actions are ignored; {len(skill.gains)} rollouts",
            "PSNR of the picture imagined under the recorded actions, above that under the actions of another rollout.",
        )
    ]


def _truth(truths: Sequence[TruthScore]) -> list[MeasureRow]:
    if not truths:
        return []
    columns = zip(*((one.mse, one.repeat, one.reconstruction) for one in truths), strict=True)
    prediction, repeat, reconstruction = (float(np.mean(column)) for column in columns)
    rows = [
        *_nearest(truths),
        MeasureRow(
            "Prediction beside the truth, any action",
            f"{psnr(prediction):.1f} dB",
            f"repeating {psnr(repeat):.1f} dB, reconstruction {psnr(reconstruction):.1f} dB",
            f"PSNR to what the simulator shows after each action. MSE {loss_text(prediction)}, of repeating the last "
            f"frame {loss_text(repeat)}, of the reconstructed truth {loss_text(reconstruction)}.",
        ),
    ]
    distances = [one.pixels for one in truths if one.pixels is not None]
    if distances:
        near = sum(distance <= NEAR_PX for distance in distances) / len(truths)
        rows.append(
            MeasureRow(
                f"Within {NEAR_PX:g} px of the truth",
                f"{percent(near)}",
                f"median {np.median(distances):.1f} px; found in {percent(len(distances) / len(truths))}",
                "Share of predictions, over all actions, in which the robot's state is where the simulator puts it.",
            )
        )
    return rows


def _nearest(truths: Sequence[TruthScore]) -> list[MeasureRow]:
    compared = [one for one in truths if one.right is not None]
    if not compared:
        return []
    return [
        MeasureRow(
            "Nearest to the true picture of its own action",
            f"{percent(np.mean([one.right for one in compared]))} of {len(compared)}",
            f"by chance {percent(np.mean([one.chance for one in compared]))}",
            "Of the true pictures after each action, the prediction is nearest (by MSE) to that of the action it was "
            "made for; a model that ignores actions gets what chance gives.",
        )
    ]


def _signed(share: float) -> str:
    return f"{100 * share:+,.0f} %".replace("-", MINUS)
