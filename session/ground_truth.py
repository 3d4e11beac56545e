"""Ground truth: the frame that follows a frame under a sequence of actions, as far as it is known.

If a simulator can be brought to the state of the frame, it is known for any actions: by replay of the recorded actions
if the recording names its simulator, by the picture alone for the Toroidal Dot. Of any other recording it is known if
the actions are those that were recorded from the frame on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from session.errors import InvalidAction, StateUnknown
from session.frames import resize_picture
from session.recording import RecordedSession
from session.robots.actions import SAME_WITHIN, named_values
from session.robots.registry import located_part, shown_in, simulator_names
from session.robots.simulator import Simulator, State

NEAR_PX = 2.0  # a state this close to the true one counts as right
# Between a recorded frame and the simulator's picture, of 255, over means of blocks of 4 × 4 pixels: JPEG at quality 95
# makes 1.3 at most and at 75 makes 2.1, a JetBot's heading that is 1 pixel off 3.5 or more, a dot 2 pixels off 4.2.
BLOCK, MAX_DIFFERENCE = 4, 3.0


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
    """The frames that follow frame ``start`` of a recording; raises FrameOutOfRange and FrameUnreadable.

    ``problem``: the reason why no simulator can go on from that frame; empty if one can.
    """

    def __init__(self, recording: RecordedSession, start: int) -> None:
        self._recording, self._start = recording, start
        self._origin: Simulator | None = None
        self.problem = ""
        try:
            origin = simulator_at(recording, start)
            for action in recording.candidate_actions:
                _drive(recording, origin, [action])  # the candidates may be other actions than those of the simulator
            self._origin = origin
        except StateUnknown as problem:
            self.problem = str(problem)

    @property
    def is_simulated(self) -> bool:
        """True if it is known for any actions."""
        return self._origin is not None

    def after(self, actions: Sequence[int]) -> TrueFrame | None:
        """The frame that follows after ``actions``, at least one, each an index of the recording's candidate actions,
        or None if it is not known. Raises FrameUnreadable."""
        return self.after_values(self._recording.candidate_actions[list(actions)])

    def after_values(self, actions: Sequence[np.ndarray]) -> TrueFrame | None:
        """The same after actions of any raw values (A,)."""
        if self._origin is not None:
            return self._simulated(actions)
        steps = recorded_steps(self._recording, self._start, len(actions))
        recorded = self._recording.actions[[step.action for step in steps]]
        if recorded.shape != np.shape(actions) or not np.isclose(recorded, actions, atol=SAME_WITHIN).all():
            return None
        return TrueFrame(pixels(self._recording, steps[-1].frame), steps[-1].frame, None)

    def _simulated(self, actions: Sequence[np.ndarray]) -> TrueFrame | None:
        try:
            robot = _drive(self._recording, self._origin, actions)
        except StateUnknown:
            return None
        return TrueFrame(robot.observe(), None, robot.state)

    def error_px(self, picture: np.ndarray, truth: TrueFrame) -> float | None:
        """Pixels from the state in a predicted picture, uint8 (224, 224, 3), to the true one; None if either is not
        known. What is measured is a matter of the simulator: see its ``error_px``."""
        if self._origin is None or truth.state is None:
            return None
        return self._origin.at(truth.state).error_px(picture)


def may_be_simulated(recording: RecordedSession) -> bool:
    """True if a simulator may go on from frames of a recording, by what it says of itself; reads no frame."""
    return recording.simulator is not None or shown_in(recording.profile) is not None


def simulator_at(recording: RecordedSession, frame: int) -> Simulator:
    """A simulator in the state of a frame: by replay of the recorded actions if the recording names its simulator, else
    by the picture. Raises StateUnknown with the reason, FrameOutOfRange and FrameUnreadable."""
    picture = pixels(recording, frame)
    if recording.replay is None:
        return _simulator_shown(recording, frame, picture)
    robot = recording.replay.robot(int(recording.steps[frame]))
    if robot is None:
        raise StateUnknown(f"An action before frame {frame} is lost, so the simulator cannot follow there.")
    if _difference(picture, robot.observe()) > MAX_DIFFERENCE:
        raise StateUnknown(
            f"The simulator that this recording names shows another picture than frame {frame}: it was changed."
        )
    return robot


def held_out_state(recording: RecordedSession, frame: int) -> bool:
    """True if training that holds out a share of the states holds out this frame: of the dot every fifth column, of a
    replayed JetBot a tenth of the headings. A frame whose state is not known is not held out. Raises FrameOutOfRange
    and FrameUnreadable."""
    simulator = find_simulator(recording, frame)
    return simulator is not None and simulator.is_held_out


def find_simulator(recording: RecordedSession, frame: int) -> Simulator | None:
    """A simulator in the state of a frame, or None if that is not known; raises FrameOutOfRange and FrameUnreadable."""
    try:
        return simulator_at(recording, frame)
    except StateUnknown:
        return None


def _simulator_shown(recording: RecordedSession, frame: int, picture: np.ndarray) -> Simulator:
    find = shown_in(recording.profile)
    if find is None:
        raise StateUnknown(
            f"This recording names no simulator, so what other actions would have led to is not known. Choose one of a "
            f"simulated robot: {', '.join(simulator_names())}."
        )
    robot = find(picture)
    if robot is None:
        raise StateUnknown(f"Frame {frame} shows no {located_part(recording.profile)} to go on from.")
    return robot


def _drive(recording: RecordedSession, origin: Simulator, actions: Sequence[np.ndarray]) -> Simulator:
    """The simulator after actions of raw values (A,); raises StateUnknown if it refuses one of them."""
    robot, names = origin.at(origin.state), recording.profile.channel_names
    try:
        for action in actions:
            robot.act(named_values(names, action))
    except InvalidAction as refused:
        raise StateUnknown("The simulator does not know all actions of this recording.") from refused
    return robot


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    """The distance of two pictures (224, 224, 3): root mean square over means of blocks, which JPEG hardly changes."""
    return float(np.sqrt(np.square(_blocks(a) - _blocks(b)).mean()))


def _blocks(picture: np.ndarray) -> np.ndarray:
    h, w, colours = picture.shape
    blocks = picture.reshape(h // BLOCK, BLOCK, w // BLOCK, BLOCK, colours)
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def pixels(recording: RecordedSession, frame: int) -> np.ndarray:
    """A frame at the size of the networks' input, uint8 (224, 224, 3); raises FrameOutOfRange and FrameUnreadable."""
    return np.asarray(resize_picture(recording.picture(frame)))
