"""TODO."""

from collections.abc import Callable

from session.errors import RecordingError
from session.robots.robot import Robot
from session.robots.simulated_jetbot import SimulatedJetBot
from session.robots.toroidal_dot import ToroidalDotRobot


def make_robot(robot: str, seed: int) -> Robot:
    """The simulated robot of that name; raises RecordingError."""
    robots: dict[str, Callable[[int], Robot]] = {
        "toroidal_dot": ToroidalDotRobot,
        "jetbot_sim": SimulatedJetBot,
    }
    if robot not in robots:
        raise RecordingError(f"There is no simulated robot of that name; choose {' or '.join(robots)}.")
    if type(seed) is not int or seed < 0:
        raise RecordingError("A seed is a whole number from 0 on; choose such a one.")
    return robots[robot](seed)
