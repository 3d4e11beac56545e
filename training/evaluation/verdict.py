"""Verdicts on networks in words, and the thresholds that they follow from.

Pure functions of mean squared errors. Every error is judged beside two answers that need no network: the mean picture
of the recording, and repeating the last frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from models import Network

Level = Literal["not judged yet", "untrained", "learns the mean", "sees", "predicts", "uses the actions"]

# An error this many times that of the mean picture shows nothing of what was learned.
WORSE_THAN_MEAN = 1.5
# From this share explained on, pictures show the scene. One grey gradient for all frames of a room explains 0.26 of it,
# a mosaic in which shelf and wall can be told apart 0.62.
SEES_FROM = 0.4
# From this share below the error of repeating the last frame on, the network foresees what changes.
PREDICTS_FROM = 0.1
# The error grows at least this much under other actions than the recorded ones, and by two standard errors.
USES_FROM, STANDARD_ERRORS = 0.02, 2.0
# Errors of candidate actions differ if the highest is this much above the lowest, and if one picture is brighter
# somewhere than that for the recorded action by more than half of a picture's 255 levels.
DIFFERS_FROM, HALF_LEVEL = 0.01, 0.5 / 255
NOTHING = 1e-9  # an MSE this small is that of equal pictures


@dataclass(frozen=True)
class Evidence:
    """Mean squared errors over the same `frames`: `mse` of the network, `mean` of the recording's mean picture,
    `repeat` of repeating the last frame (None for an autoencoder).

    `gain`: growth of the error under other actions than the recorded ones, relative to `mse`; `gain_error`: its
    standard error. Both are None if that was not measured.
    """

    mse: float
    mean: float
    repeat: float | None = None
    gain: float | None = None
    gain_error: float | None = None
    frames: int = 1

    @property
    def explained(self) -> float | None:
        """1 − error ÷ error of the mean picture; None if all frames look the same."""
        return share_below(self.mse, self.mean)

    @property
    def skill(self) -> float | None:
        """1 − error ÷ error of repeating the last frame; None if nothing moves or it was not measured."""
        return None if self.repeat is None else share_below(self.mse, self.repeat)

    @property
    def uses_actions(self) -> bool:
        """True if other actions raise the error by what the thresholds ask for."""
        if self.gain is None or self.gain_error is None:
            return False
        return self.gain >= USES_FROM and self.gain >= STANDARD_ERRORS * self.gain_error


@dataclass(frozen=True)
class Verdict:
    """A level in words, and a sentence with the numbers that it follows from, those of so many `frames`."""

    level: Level
    reason: str
    frames: int = 0


NOT_JUDGED = Verdict("not judged yet", "Nothing was computed with these weights on this recording yet.")


def level_conditions() -> dict[Level, str]:
    """The condition for each level, which includes those of the levels before from "sees" on."""
    return {
        "untrained": f"random weights, or an error over {WORSE_THAN_MEAN} × that of the mean image",
        "learns the mean": f"explains less than {percent(SEES_FROM)} of the variance between frames",
        "sees": f"explains at least {percent(SEES_FROM)}; of an autoencoder, no more is asked",
        "predicts": f"also beats repeating the last frame by at least {percent(PREDICTS_FROM)}",
        "uses the actions": f"also has an error that other actions raise by at least {percent(USES_FROM)}",
    }


def share_below(error: float, baseline: float) -> float | None:
    """The share by which an error is below that of a baseline; negative if it is above, None for a baseline of 0."""
    return None if baseline <= NOTHING else 1 - error / baseline


def verdict(network: Network, is_trained: bool, evidence: Evidence | None) -> Verdict:
    """The verdict on a network from mean errors over some frames; pure, and the same for the same numbers.

    untrained: random weights, or an error over 1.5 times that of the mean picture. learns the mean: less than 40 %
    explained. sees: at least that, which is all that is asked of an autoencoder. predicts: also 10 % below the error of
    repeating the last frame. uses the actions: also 2 % and two standard errors better than under other actions.
    `is_trained` of a predictor is True only if its autoencoder is trained as well.
    """
    if not is_trained:
        return Verdict("untrained", "Random weights: nothing was learned yet.")
    if evidence is None:
        return NOT_JUDGED
    return replace(_of_evidence(network, evidence), frames=evidence.frames)


def _of_evidence(network: Network, evidence: Evidence) -> Verdict:
    if evidence.explained is None:
        return Verdict("not judged yet", "All frames look the same: there is nothing to explain.")
    if evidence.mse > WORSE_THAN_MEAN * evidence.mean:
        return Verdict("untrained", "Worse than always showing the mean image.")
    explained = f"It explains {percent(max(0.0, evidence.explained))} of the variance between frames"
    if evidence.explained < SEES_FROM:
        return Verdict(
            "learns the mean", f"{explained}. Below {percent(SEES_FROM)} the output is close to the mean image."
        )
    if network == "autoencoder":
        return Verdict("sees", f"{explained}.")
    return _of_prediction(evidence, explained)


def _of_prediction(evidence: Evidence, explained: str) -> Verdict:
    """The verdict on a predictor that sees."""
    if evidence.skill is None:
        return Verdict("sees", f"{explained}; nothing moves in these frames, so repeating the last one is right.")
    if evidence.skill < PREDICTS_FROM:
        amount = f"{percent(abs(evidence.skill))} {'better' if evidence.skill >= 0 else 'worse'} than"
        return Verdict(
            "sees", f"{explained}, but is {amount} repeating the last frame; {percent(PREDICTS_FROM)} is needed."
        )
    better = f"Its error is {percent(evidence.skill)} below that of repeating the last frame"
    if evidence.gain is None:
        return Verdict("predicts", f"{better}; open Use of actions to see if it uses them.")
    if not evidence.uses_actions:
        change = f"other actions change it by {100 * evidence.gain:+.1f} %"
        return Verdict("predicts", f"{better}; {change}, too little or too uncertain to say that it uses them.")
    return Verdict("uses the actions", f"{better}, and other actions {_raised(evidence.gain)}.")


def _raised(gain: float) -> str:
    """The growth of an error in words: by a share, or from twice on as a factor."""
    return f"raise it by {percent(gain)}" if gain < 1 else f"make it {1 + gain:,.0f} times as large"


def percent(share: float) -> str:
    """62 %, from 0.62."""
    return f"{100 * share:,.0f} %"


def lowest_errors(errors: Sequence[float], difference: float) -> tuple[int, ...]:
    """Indices of the lowest errors, within 1 % of the lowest one; empty if the differences mean nothing.

    They mean something if the highest error is at least 1 % above the lowest and the pictures differ by `difference`
    of a full brightness of 1, more than half a grey level.
    """
    if len(errors) < 2 or difference <= HALF_LEVEL:
        return ()
    limit = min(errors) * (1 + DIFFERS_FROM)
    if max(errors) < limit or max(errors) <= min(errors):
        return ()
    return tuple(index for index, error in enumerate(errors) if error < limit or error == min(errors))
