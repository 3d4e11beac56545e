"""The robots that are recognized in recordings, one row each: ROBOTS. All other modules look them up here.

A robot that records needs no row: any class with the members of `Robot` will do, see docs/robots.md. A row adds a fixed
profile for its recordings, names of its actions, simulators, and ground truth.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from session.errors import RecordingError
from session.robots import simulated_jetbot, toroidal_dot
from session.robots.actions import SAME_WITHIN
from session.robots.profiles import RobotProfile
from session.robots.robot import Robot
from session.robots.simulated_truth import SimulatedTruth


@dataclass(frozen=True, eq=False)
class KnownRobot:
    """A row of the registry.

    A robot_type ("ToroidalDotRobot") or a folder ("toroidal_dot") that contains one of ``keywords`` means this robot.
    ``actions``: the actions that it chooses from, by name. ``simulators``: by name, each made from a seed.
    ``truth``: the simulation that can go on from any frame, or None.
    """

    profile: RobotProfile
    keywords: tuple[str, ...]
    actions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    simulators: Mapping[str, Callable[[int], Robot]] = field(default_factory=dict)
    truth: SimulatedTruth | None = None


# The first row that fits a recording is taken.
ROBOTS: tuple[KnownRobot, ...] = (
    KnownRobot(
        profile=simulated_jetbot.JETBOT,
        keywords=("jetbot",),
        actions=simulated_jetbot.ACTIONS,
        simulators={"jetbot_sim": simulated_jetbot.SimulatedJetBot},
    ),
    KnownRobot(
        profile=toroidal_dot.TOROIDAL_DOT,
        keywords=("toroidal",),
        actions=toroidal_dot.ACTIONS,
        simulators={"toroidal_dot": toroidal_dot.ToroidalDotRobot},
        truth=toroidal_dot.TRUTH,
    ),
)


def profile_by_keyword(text: str) -> RobotProfile | None:
    """The profile of the first robot that a text names, or None."""
    named = (one.profile for one in ROBOTS if any(keyword in text.lower() for keyword in one.keywords))
    return next(named, None)


def profile_by_channels(names: Collection[str]) -> RobotProfile | None:
    """The profile of the first robot whose actions have exactly these channels, in any order, or None."""
    return next((one.profile for one in ROBOTS if set(one.profile.channel_names) == set(names)), None)


def standard_actions(profile: RobotProfile) -> list[dict[str, float]]:
    """The actions that a known robot chooses from, empty for an unknown one."""
    return [dict(action) for action in _actions(profile).values()]


def action_name(profile: RobotProfile, values: np.ndarray) -> str:
    """The name of an action, raw values (A,) of a known robot, such as "stay" or "move"; empty if it has none."""
    for name, action in _actions(profile).items():
        if np.allclose(values, [action[channel] for channel in profile.channel_names], atol=SAME_WITHIN):
            return name
    return ""


def simulated_truth(profile: RobotProfile) -> SimulatedTruth | None:
    """The simulation that can go on from a frame of this robot, or None if there is none."""
    return next((one.truth for one in ROBOTS if one.profile == profile), None)


def simulator_names() -> tuple[str, ...]:
    """The names of all simulated robots."""
    return tuple(name for one in ROBOTS for name in one.simulators)


def make_robot(robot: str, seed: int) -> Robot:
    """The simulated robot of that name; raises RecordingError."""
    simulators = {name: simulator for one in ROBOTS for name, simulator in one.simulators.items()}
    if robot not in simulators:
        raise RecordingError(f"There is no simulated robot of that name; choose {' or '.join(simulators)}.")
    if type(seed) is not int or seed < 0:
        raise RecordingError("A seed is a whole number from 0 on; choose such a one.")
    return simulators[robot](seed)


def _actions(profile: RobotProfile) -> Mapping[str, Mapping[str, float]]:
    return next((one.actions for one in ROBOTS if one.profile == profile), {})
