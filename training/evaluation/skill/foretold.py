"""Whether the actions of a recording can be foretold from its frames alone.

If they can, as of a robot that always turns at the wall, no picture shows what another action would have led to, and a
model of this recording cannot learn it. Found without a network: frames that look alike, taken at different times, are
compared by the action that followed.

Shapes: K sampled frames, C candidate actions, A action channels.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from session import FrameUnreadable, RecordedSession
from session.spread import spread
from training.evaluation.verdict import percent

MAX_FRAMES = 256
SIDE = 16  # pixels of the small grey pictures
APART = 5  # frames nearer than this in time look alike because nothing has happened yet
ALIKE = 0.5  # grey levels: pictures this much further than the nearest are as near
FORETOLD_FROM, STANDARD_ERRORS = 0.5, 3.0
MIN_FRAMES = 10


@dataclass(frozen=True)
class Foretold:
    """Share of `frames` whose action is that of the frame that looks most like it, `agreement`, and the share by
    `chance`, if the same actions were taken at random: the sum of their squared shares."""

    frames: int
    agreement: float
    chance: float

    @property
    def is_one_action(self) -> bool:
        """True if the robot did the same all the time."""
        return self.frames > 0 and self.chance == 1

    @property
    def is_foretold(self) -> bool:
        """True if the action follows from the picture: at least half of what chance leaves open, by three standard
        errors of chance."""
        if self.frames < MIN_FRAMES or self.chance == 1:
            return False
        above, error = self.agreement - self.chance, (self.chance * (1 - self.chance) / self.frames) ** 0.5
        return above >= FORETOLD_FROM * (1 - self.chance) and above >= STANDARD_ERRORS * error

    @property
    def warning(self) -> str:
        """A sentence if the recording cannot teach what other actions do, else empty."""
        if self.is_one_action:
            return "Only one action was recorded: what another one would lead to cannot be learned from this recording."
        if not self.is_foretold:
            return ""
        return (
            "The action follows from the picture: a frame that looks alike was followed by the same action in "
            f"{percent(self.agreement)} of the cases (by chance {percent(self.chance)}). What another action would "
            "have led to cannot be learned from this recording; record one with random actions."
        )


def foretold_actions(recording: RecordedSession) -> Foretold:
    """Compare up to 256 evenly spread frames that an action followed; frames that cannot be read are left out."""
    followed = np.flatnonzero(recording.action_after >= 0).tolist()
    frames, pictures = [], []
    for place in spread(len(followed), MAX_FRAMES) if followed else ():
        try:
            pictures.append(_small(recording, followed[place]))
        except FrameUnreadable:
            continue
        frames.append(followed[place])
    if not frames or not len(recording.candidate_actions):
        return Foretold(0, 0.0, 0.0)
    scaled = recording.profile.scale(recording.actions[recording.action_after[frames]])
    return compare(np.array(pictures), _kinds(scaled, recording), np.array(frames))


def compare(pictures: np.ndarray, kinds: np.ndarray, frames: np.ndarray) -> Foretold:
    """Compare pictures float32 (K, pixels) with levels from 0 to 255. `kinds` (K,): of the action that followed each;
    `frames` (K,): their numbers."""
    squares = np.square(pictures).sum(axis=1)
    # In place of differences of all pairs, which would take 64 times the memory.
    distances = np.sqrt(np.maximum(0, squares[:, None] + squares - 2 * pictures @ pictures.T) / pictures.shape[1])
    distances[np.abs(frames[:, None] - frames) < APART] = np.inf
    nearest = distances.min(axis=1)
    used = np.flatnonzero(np.isfinite(nearest))
    if not len(used):
        return Foretold(0, 0.0, 0.0)
    is_near = distances[used] <= nearest[used, None] + ALIKE
    is_same = kinds[used, None] == kinds
    agreement = ((is_near & is_same).sum(axis=1) / is_near.sum(axis=1)).mean()
    shares = np.unique(kinds[used], return_counts=True)[1] / len(used)
    return Foretold(len(used), float(agreement), float(np.square(shares).sum()))


def _small(recording: RecordedSession, frame: int) -> np.ndarray:
    picture = recording.picture(frame).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(picture, dtype=np.float32).ravel()


def _kinds(actions: np.ndarray, recording: RecordedSession) -> np.ndarray:
    """The nearest candidate of each scaled action (K, A): actions of a continuous channel are hardly ever equal."""
    candidates = recording.profile.scale(recording.candidate_actions)
    return np.square(actions[:, None] - candidates).sum(axis=2).argmin(axis=1)
