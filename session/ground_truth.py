"""What really follows a frame under a sequence of actions, as far as that is known.

Of the Toroidal Dot it is known for any actions: the simulator is set to where the frame shows the dot, and acts. Of any
other robot it is known as long as the actions are those that were recorded from the frame on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from session.frames import resize_picture
from session.recording import RecordedSession
from session.robots.profiles import TOROIDAL_DOT
from session.robots.toroidal_dot import IMAGE_SIZE, DotPosition, ToroidalDotRobot, locate_dot


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """A picture, uint8 (224, 224, 3), that really follows. `frame`: its index where it was recorded, None where it was
    simulated. `dot`: where the dot is, None of robots that are no dot."""

    picture: np.ndarray
    frame: int | None
    dot: DotPosition | None


@dataclass(frozen=True)
class RecordedStep:
    """A frame that one recorded action led to; both are indices."""

    action: int
    frame: int


def recorded_steps(recording: RecordedSession, start: int, most: int) -> list[RecordedStep]:
    """What was recorded from frame ``start`` on, up to ``most`` steps; it ends where an action or a picture is lost."""
    steps: list[RecordedStep] = []
    at = _moment_end(recording, start)
    while len(steps) < most:
        following = np.flatnonzero(recording.previous == at)
        if not len(following):
            break
        at = int(following[-1])  # the last frame of the next moment stands for it
        steps.append(RecordedStep(int(recording.action_into[at]), at))
    return steps


def _moment_end(recording: RecordedSession, frame: int) -> int:
    """The last frame of the moment that a frame belongs to."""
    action = recording.action_into[frame]
    if action >= 0:
        return int(np.flatnonzero(recording.action_into == action)[-1])
    steps = recording.steps  # of all events: nothing lies between two that follow each other
    while frame + 1 < recording.frame_count and steps[frame + 1] == steps[frame] + 1:
        frame += 1
    return frame


class GroundTruth:
    """What follows frame ``start`` of a recording; raises FrameOutOfRange and FrameUnreadable."""

    def __init__(self, recording: RecordedSession, start: int) -> None:
        self._recording, self._start = recording, start
        is_dot = recording.profile == TOROIDAL_DOT and np.isin(recording.candidate_actions, (0.0, 1.0)).all()
        self._origin = locate_dot(pixels(recording, start)) if is_dot else None

    @property
    def is_simulated(self) -> bool:
        """Whether it is known for any actions."""
        return self._origin is not None

    def after(self, actions: Sequence[int]) -> TrueFrame | None:
        """What follows after ``actions``, at least one, each a place in the recording's candidate actions; None where
        that is not known. Raises FrameUnreadable."""
        if self._origin is not None:
            return self._simulated(self._origin, actions)
        steps = recorded_steps(self._recording, self._start, len(actions))
        recorded = [self._recording.candidate_index(step.action) for step in steps]
        if recorded != list(actions):
            return None
        return TrueFrame(pixels(self._recording, steps[-1].frame), steps[-1].frame, None)

    def _simulated(self, origin: DotPosition, actions: Sequence[int]) -> TrueFrame:
        robot = ToroidalDotRobot()
        robot.x, robot.y = (round(value) % IMAGE_SIZE for value in origin)
        names = self._recording.profile.channel_names
        for action in actions:
            values = self._recording.candidate_actions[action]
            robot.act({name: float(value) for name, value in zip(names, values, strict=True)})
        return TrueFrame(robot.observe(), None, DotPosition(float(robot.x), float(robot.y)))


def pixels(recording: RecordedSession, frame: int) -> np.ndarray:
    """A frame as the networks see it, uint8 (224, 224, 3); raises FrameOutOfRange and FrameUnreadable."""
    return np.asarray(resize_picture(recording.picture(frame)))
