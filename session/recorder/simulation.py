"""Recording a simulated robot or an environment of Gymnasium: the loop of observing and acting, without waiting for
real time to pass."""

import os
import shutil
import time
from pathlib import Path

from session.errors import RecordingError
from session.recorder.recorder import GIGABYTE
from session.recorder.robot_adapter import CheckedRobot
from session.recorder.selectors import ActionSelector, RandomSelector
from session.robots.registry import make_robot
from session.robots.simulator import SimulatorEntry

OBSERVATION_S = 0.1
MAX_FRAMES = 100_000


class SimulatedClock:
    """A clock in Unix seconds that starts now and is advanced by hand."""

    def __init__(self) -> None:
        self._now = time.time()

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


def record_simulation(
    sessions_folder: str | os.PathLike[str],
    simulator: SimulatorEntry,
    selector: ActionSelector,
    steps: int,
    max_disk_gb: float,
) -> str:
    """The same as `record_robot`, of a new robot."""
    return record_robot(sessions_folder, CheckedRobot(make_robot(simulator), simulator), selector, steps, max_disk_gb)


def record_robot(
    sessions_folder: str | os.PathLike[str],
    robot: CheckedRobot,
    selector: ActionSelector,
    steps: int,
    max_disk_gb: float,
) -> str:
    """Record ``steps`` actions of a robot at its start, and an observation before, between and after them; returns the
    session's id. Raises RecordingError, RobotFailed, InvalidAction and ReplayEnded.
    """
    if type(steps) is not int or not 0 <= steps < MAX_FRAMES:
        raise RecordingError(f"A recording has 1 to {MAX_FRAMES} frames; choose such a number.")
    clock, observation_s = SimulatedClock(), 0.0 if robot.environment else OBSERVATION_S
    with robot.recorder(sessions_folder, max_disk_gb, clock) as recorder:
        recorder.record_observation(robot.observe())
        for _ in range(steps):
            if robot.restart():
                recorder.record_reset()
                recorder.record_observation(robot.observe())
            clock.advance(observation_s)
            action = selector.next_action()
            seconds = robot.act(action)
            recorder.record_action(action)
            clock.advance(seconds)
            recorder.record_observation(robot.observe())
    return recorder.session_id


def unlimited_budget_gb(sessions_folder: str | os.PathLike[str]) -> float:
    """A budget as large as the disk, so that a recording deletes no other one. Makes the folder."""
    folder = Path(sessions_folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(folder).total / GIGABYTE
    except OSError as error:
        raise RecordingError("The sessions folder cannot be written to; choose another with --data.") from error


def record_demo(sessions_folder: str | os.PathLike[str], robot: str, frames: int, seed: int) -> str:
    """Record ``frames`` frames of a simulated robot, by its name, with random actions; returns the session's id.

    Deletes no other session. Raises RecordingError.
    """
    simulator = SimulatorEntry(robot, seed)
    selector = RandomSelector(make_robot(simulator).action_space, seed)
    return record_simulation(sessions_folder, simulator, selector, frames - 1, unlimited_budget_gb(sessions_folder))
