"""Ground truth: the frame that follows a frame under a sequence of actions, as far as it is known.

If a simulator can go on from a frame of the robot, as for the Toroidal Dot, it is known for any actions. Of any other
robot it is known if the actions are those that were recorded from the frame on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from session.errors import InvalidAction
from session.frames import resize_picture
from session.recording import RecordedSession
from session.robots.profiles import RobotProfile
from session.robots.registry import simulated_truth
from session.robots.simulated_truth import State, StatefulRobot

NEAR_PX = 2.0  # a state this close to the true one counts as right


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """The picture, uint8 (224, 224, 3), that follows. `frame`: its index if it was recorded, None if it was simulated.
    `state`: of the simulator, None if it was recorded."""

    picture: np.ndarray
    frame: int | None
    state: State | None


@dataclass(frozen=True)
class RecordedStep:
    """A frame that one recorded action led to; both are indices."""

    action: int
    frame: int


def recorded_steps(recording: RecordedSession, start: int, most: int) -> list[RecordedStep]:
    """Up to ``most`` recorded steps from frame ``start`` on; they end where an action or a picture is lost."""
    steps: list[RecordedStep] = []
    at = _moment_end(recording, start)
    while len(steps) < most:
        following = np.flatnonzero(recording.previous == at)
        if not len(following):
            break
        at = int(following[-1])  # the last frame of the next moment represents it
        steps.append(RecordedStep(int(recording.action_into[at]), at))
    return steps


def _moment_end(recording: RecordedSession, frame: int) -> int:
    """The last frame of the moment that a frame belongs to."""
    action = recording.action_into[frame]
    if action >= 0:
        return int(np.flatnonzero(recording.action_into == action)[-1])
    steps = recording.steps  # of all events: nothing is between two that follow each other
    while frame + 1 < recording.frame_count and steps[frame + 1] == steps[frame] + 1:
        frame += 1
    return frame


class GroundTruth:
    """The frames that follow frame ``start`` of a recording; raises FrameOutOfRange and FrameUnreadable."""

    def __init__(self, recording: RecordedSession, start: int) -> None:
        self._recording, self._start = recording, start
        self._simulation = simulated_truth(recording.profile)
        self._origin = self._simulation.locate(pixels(recording, start)) if self._simulation else None
        # The candidates may be other actions than those of the simulator.
        if self._origin is not None and self._simulated(range(len(recording.candidate_actions))) is None:
            self._origin = None

    @property
    def is_simulated(self) -> bool:
        """True if it is known for any actions."""
        return self._origin is not None

    def after(self, actions: Sequence[int]) -> TrueFrame | None:
        """The frame that follows after ``actions``, at least one, each an index of the recording's candidate actions,
        or None if it is not known. Raises FrameUnreadable."""
        if self._origin is not None:
            robot = self._simulated(actions)
            return TrueFrame(robot.observe(), None, robot.state)
        steps = recorded_steps(self._recording, self._start, len(actions))
        recorded = [self._recording.candidate_index(step.action) for step in steps]
        if recorded != list(actions):
            return None
        return TrueFrame(pixels(self._recording, steps[-1].frame), steps[-1].frame, None)

    def error_px(self, picture: np.ndarray, truth: TrueFrame) -> float | None:
        """Pixels from the state in a predicted picture, uint8 (H, W, 3), to the true one; None if either is unknown."""
        if self._simulation is None or truth.state is None:
            return None
        return self._simulation.error_px(picture, truth.state)

    def _simulated(self, actions: Sequence[int]) -> StatefulRobot | None:
        """The simulator after the actions, or None if it refuses one of them."""
        robot = self._simulation.simulate(self._origin)
        names = self._recording.profile.channel_names
        for action in actions:
            values = self._recording.candidate_actions[action]
            try:
                robot.act({name: float(value) for name, value in zip(names, values, strict=True)})
            except InvalidAction:
                return None
        return robot


def distance_px(profile: RobotProfile, picture: np.ndarray, actual: np.ndarray) -> float | None:
    """Pixels between the states in two pictures of a robot, uint8 (H, W, 3); None if one shows none."""
    simulation = simulated_truth(profile)
    state = None if simulation is None else simulation.locate(actual)
    return None if simulation is None or state is None else simulation.error_px(picture, state)


def pixels(recording: RecordedSession, frame: int) -> np.ndarray:
    """A frame at the size of the networks' input, uint8 (224, 224, 3); raises FrameOutOfRange and FrameUnreadable."""
    return np.asarray(resize_picture(recording.picture(frame)))
