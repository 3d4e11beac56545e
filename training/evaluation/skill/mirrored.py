"""Whether the recorded action predicts better than its mirror image: the same one, with a channel's sign changed.

The mirror image is as far from the middle as what was recorded, so that a network gains nothing by foreseeing that
strong actions move the picture: it has to know the direction.

Shapes: C mirror images, A action channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from models import SharedWorldModel, run_prediction
from session import RecordedSession
from session.batch import Batch

STRONG = 0.3  # of a channel's range to one side
MAX_CHANNELS = 2
LEAST_SHARE = 0.02  # of the recorded actions, strong to each side


@dataclass(frozen=True)
class MirrorScore:
    """One frame after a strong value of a channel: 1 if the recorded action has a lower error than its mirror image, 0
    if a higher one, 0.5 if it is the same."""

    channel: str
    right: float


def mirrored_channels(recording: RecordedSession) -> list[int]:
    """The channels, at most two, whose values go to both sides of 0: of a continuous robot those with the same range to
    both sides and strong values on each, the one first that varies most."""
    channels = recording.profile.channels
    scaled = recording.profile.scale(recording.actions)
    return [
        number
        for number in recording.varying_channels
        if channels[number].low == -channels[number].high
        and min((scaled[:, number] > STRONG).mean(), (scaled[:, number] < -STRONG).mean()) >= LEAST_SHARE
    ][:MAX_CHANNELS]


def compare_with_mirror(
    shared: SharedWorldModel, batch: Batch, names: Sequence[str], channels: Sequence[int]
) -> tuple[MirrorScore, ...]:
    """The scores of the channels, by number, whose last value in a batch of one is strong; `names`: of all channels."""
    action = batch.actions[0, -1]
    strong = [number for number in channels if abs(float(action[number])) > STRONG]
    if not strong:
        return ()
    images = action.repeat(len(strong), 1)  # (C, A)
    places = torch.arange(len(strong)), torch.tensor(strong)
    images[places] = -images[places]
    result = run_prediction(shared, batch.frames, batch.actions, batch.target, images, None)
    return tuple(
        MirrorScore(names[number], 0.5 + 0.5 * ((result.mse < one.mse) - (result.mse > one.mse)))
        for number, one in zip(strong, result.candidates, strict=True)
    )
