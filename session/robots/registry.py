"""The robots that are recognized in recordings, one row each: ROBOTS. All other modules look them up here.

A robot that records needs no row: any class with the members of `Robot` will do, see docs/robots.md. A row adds a fixed
profile for its recordings, names of its actions, and simulators, which give the ground truth.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from session.errors import BadSimulator
from session.robots import simulated_jetbot, toroidal_dot
from session.robots.actions import SAME_WITHIN
from session.robots.profiles import RobotProfile
from session.robots.simulator import ENTRY_VERSION, MAX_SEED, Simulator, SimulatorEntry, SimulatorOption


@dataclass(frozen=True)
class SimulatorClass:
    """A simulator, made from a seed and from the values of ``options`` by name."""

    make: Callable[..., Simulator]
    options: tuple[SimulatorOption, ...] = ()


@dataclass(frozen=True, eq=False)
class KnownRobot:
    """A row of the registry.

    A robot_type ("ToroidalDotRobot") or a folder ("toroidal_dot") that contains one of ``keywords`` means this robot.
    ``actions``: the actions that it chooses from, by name. ``simulators``: by name. ``shown_in``: the simulator in the
    state that a picture shows, None if it shows none, for a robot whose whole state shows; for others None.
    ``located``: what the error in pixels is measured by, in one word.
    """

    profile: RobotProfile
    keywords: tuple[str, ...]
    actions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    simulators: Mapping[str, SimulatorClass] = field(default_factory=dict)
    shown_in: Callable[[np.ndarray], Simulator | None] | None = None
    located: str = ""


# The first row that fits a recording is taken.
ROBOTS: tuple[KnownRobot, ...] = (
    KnownRobot(
        profile=simulated_jetbot.JETBOT,
        keywords=("jetbot",),
        actions=simulated_jetbot.ACTIONS,
        simulators={"jetbot_sim": SimulatorClass(simulated_jetbot.SimulatedJetBot, (simulated_jetbot.UNEVEN,))},
        located="heading",
    ),
    KnownRobot(
        profile=toroidal_dot.TOROIDAL_DOT,
        keywords=("toroidal",),
        actions=toroidal_dot.ACTIONS,
        simulators={"toroidal_dot": SimulatorClass(toroidal_dot.ToroidalDotRobot)},
        shown_in=toroidal_dot.ToroidalDotRobot.shown_in,
        located="dot",
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


def shown_in(profile: RobotProfile) -> Callable[[np.ndarray], Simulator | None] | None:
    """The function that finds the simulator in the state that a picture of this robot shows, or None if there is
    none."""
    return next((one.shown_in for one in ROBOTS if one.profile == profile), None)


def located_part(profile: RobotProfile) -> str:
    """What an error in pixels of this robot is measured by, such as "dot" or "heading"; empty if nothing is."""
    return next((one.located for one in ROBOTS if one.profile == profile), "")


def simulator_names() -> tuple[str, ...]:
    """The names of all simulated robots."""
    return tuple(name for one in ROBOTS for name in one.simulators)


def simulator_options() -> tuple[SimulatorOption, ...]:
    """The options of all simulated robots."""
    return tuple(option for one in ROBOTS for kind in one.simulators.values() for option in kind.options)


def simulated_profile(entry: SimulatorEntry) -> RobotProfile:
    """The profile of the robot that an entry makes."""
    return next(one.profile for one in ROBOTS if entry.name in one.simulators)


def make_robot(entry: SimulatorEntry) -> Simulator:
    """The simulated robot that an entry names, at its start; raises BadSimulator."""
    return _checked_class(entry).make(entry.seed, **entry.options)


def parse_simulator(value: object) -> SimulatorEntry:
    """The entry of a recording's metadata, checked; raises BadSimulator. Anyone may have written it: it is compared
    with the registry, and nothing is made of it here."""
    if not isinstance(value, dict) or value.get("version") != ENTRY_VERSION:
        raise BadSimulator(f"It is not an object of version {ENTRY_VERSION}.")
    name, seed, options = value.get("name"), value.get("seed"), value.get("options", {})
    if not isinstance(name, str) or not isinstance(options, dict):
        raise BadSimulator("It needs the name of a simulated robot, and options as an object.")
    entry = SimulatorEntry(name, seed, options)
    _checked_class(entry)
    return entry


def _checked_class(entry: SimulatorEntry) -> SimulatorClass:
    """The class of an entry whose seed and options fit it; raises BadSimulator."""
    simulators = {name: simulator for one in ROBOTS for name, simulator in one.simulators.items()}
    if entry.name not in simulators:
        raise BadSimulator(f"There is no simulated robot of that name; choose {' or '.join(simulators)}.")
    if type(entry.seed) is not int or not 0 <= entry.seed <= MAX_SEED:
        raise BadSimulator("A seed is a whole number from 0 on; choose such a one.")
    _check_options(entry, simulators[entry.name].options)
    return simulators[entry.name]


def _check_options(entry: SimulatorEntry, known: Sequence[SimulatorOption]) -> None:
    ranges = {option.name: option for option in known}
    for name, value in entry.options.items():
        if name not in ranges:
            raise BadSimulator(f"{entry.name} has no option {str(name)[:40]}; leave it out.")
        option = ranges[name]
        if type(value) not in (int, float) or not option.low <= value <= option.high:
            raise BadSimulator(f"{name} is a number from {option.low:g} to {option.high:g}; choose such a one.")


def _actions(profile: RobotProfile) -> Mapping[str, Mapping[str, float]]:
    return next((one.actions for one in ROBOTS if one.profile == profile), {})
