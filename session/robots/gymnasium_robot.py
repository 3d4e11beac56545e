"""Environments of Gymnasium as robots: drawn by ``render()``, actions as named channels, one episode after the other.

Gymnasium is imported when the first environment is made; the rest works without it. A channel per number of an action,
A channels: ``action`` of Discrete, ``action_0``, ``action_1``, … of flattened MultiDiscrete, MultiBinary and Box.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np

from session.errors import BadRobot
from session.robots.actions import MAX_CANDIDATES, MAX_CHANNELS, MAX_VALUE, named_values
from session.robots.continuous import candidates_of_ranges
from session.robots.detection import profile_of

ENTRY_VERSION = 1
# Three a second show more of an action, but a CartPole falls and a MiniGrid agent turns around within one.
ACTIONS_A_SECOND = 10
UNKNOWN_FPS = 10.0
MAX_REPEAT = 1000
REQUIREMENTS = "requirements-gym.txt"


@dataclass(frozen=True)
class EnvironmentEntry:
    """How an environment was made: its id for `gymnasium.make`, the seed of its first episode, and how many of its
    steps an action takes."""

    id: str
    seed: int
    repeat: int

    def as_json(self) -> dict[str, object]:
        """The value of ``gymnasium`` in a recording's metadata."""
        return {"version": ENTRY_VERSION, **asdict(self)}


@dataclass(frozen=True, eq=False)
class ActionChannels:
    """Names and ranges, float64 (A,), of the channels of a space of actions.

    ``is_whole``: all values are whole numbers. ``is_continuous``: too many actions to list them. ``convert`` makes the
    space's own action of raw values, float64 (A,).
    """

    names: tuple[str, ...]
    low: np.ndarray
    high: np.ndarray
    is_whole: bool
    is_continuous: bool
    convert: Callable[[np.ndarray], object]

    def candidates(self) -> list[dict[str, float]]:
        """All actions, or a few of a continuous robot that reach the ends of each range."""
        if self.is_continuous:
            rows = candidates_of_ranges(self.low, self.high)
        else:
            rows = np.arange(self.low[0], self.high[0] + 1, dtype=np.float32)[:, None]
        return [named_values(self.names, row) for row in rows]


class GymnasiumRobot:
    """An environment, at the start of an episode; raises BadRobot if there is none of that id, or none that can be a
    robot, and whatever the environment raises.

    ``environment_id``: as `gymnasium.make` takes it, with ``module:`` in front if that module registers it. An action
    takes ``repeat`` steps of the environment, by default so many that about ten actions fit into a second.
    """

    def __init__(self, environment_id: str, seed: int, repeat: int | None = None) -> None:
        if repeat is not None and not 1 <= repeat <= MAX_REPEAT:
            raise BadRobot(f"--repeat is a whole number from 1 to {MAX_REPEAT}; choose such a one.")
        self._environment = _make(environment_id)
        fps = _frames_a_second(self._environment.metadata)
        full_id = self._environment.spec.id  # with the version, also if that was left out
        module = environment_id.rpartition(":")[0]
        remade_by = f"{module}:{full_id}" if module else full_id
        self.entry = EnvironmentEntry(remade_by, seed, repeat or max(1, round(fps / ACTIONS_A_SECOND)))
        self.name = full_id.replace("/", " ")
        self.channels = channels_of(self._environment.action_space, full_id)
        self.action_space = self.channels.candidates()
        self.profile = profile_of(self.name, self.action_space)
        self._step_s = 1 / fps
        self._episode_seed = seed
        self._is_over = False
        self._environment.reset(seed=seed)

    def observe(self) -> np.ndarray:
        """The picture now, uint8 (H, W, 3); after the end of an episode its last one, until `restart`."""
        return self._environment.render()

    def act(self, action: Mapping[str, float]) -> float:
        """Repeat an action until its steps are taken or the episode is over; returns the seconds of these steps."""
        assert not self._is_over, "restart() comes before the next action"
        values = np.array([action[name] for name in self.channels.names], dtype=np.float64)
        converted = self.channels.convert(np.clip(values, self.channels.low, self.channels.high))
        steps = 0
        while steps < self.entry.repeat and not self._is_over:
            _, _, is_terminated, is_truncated, _ = self._environment.step(converted)
            self._is_over = bool(is_terminated or is_truncated)
            steps += 1
        return steps * self._step_s

    def restart(self) -> bool:
        """If the episode is over, begin the next one, with the next seed; returns True then."""
        if not self._is_over:
            return False
        self._episode_seed += 1
        self._environment.reset(seed=self._episode_seed)
        self._is_over = False
        return True


def channels_of(space: Any, environment_id: str) -> ActionChannels:
    """The channels of a space of actions; raises BadRobot if it has none, or none with two ends."""
    spaces = _gymnasium().spaces
    if isinstance(space, spaces.Discrete):
        low = np.array([space.start], dtype=np.float64)
        _require(space.n <= MAX_CANDIDATES, environment_id, f"has {space.n} actions; at most {MAX_CANDIDATES} can be")
        return ActionChannels(("action",), low, low + int(space.n) - 1, True, False, lambda values: int(values[0]))
    if isinstance(space, spaces.MultiDiscrete):
        low, high = space.start, space.start + space.nvec - 1
    elif isinstance(space, spaces.MultiBinary):
        low, high = np.zeros(space.shape), np.ones(space.shape)
    elif isinstance(space, spaces.Box):
        low, high = space.low, space.high
    else:
        raise BadRobot(
            f"The actions of {environment_id} are {type(space).__name__}; choose an environment with Discrete, "
            "MultiDiscrete, MultiBinary or Box actions."
        )
    low, high = (np.asarray(bound, dtype=np.float64).ravel() for bound in (low, high))
    _require(1 <= len(low) <= MAX_CHANNELS, environment_id, f"has {len(low)} numbers in an action; 1 to 64 can be")
    is_bounded = bool((np.abs([low, high]) <= MAX_VALUE).all())
    _require(is_bounded, environment_id, "has actions without limits; those with a lowest and a highest value can be")
    is_whole = not np.issubdtype(space.dtype, np.floating)
    names = tuple(f"action_{index}" for index in range(len(low)))
    return ActionChannels(
        names, low, high, is_whole, True, lambda values: values.reshape(space.shape).astype(space.dtype)
    )


def _require(is_possible: bool, environment_id: str, problem: str) -> None:
    if not is_possible:
        raise BadRobot(f"{environment_id} {problem} recorded. Choose another environment.")


def _gymnasium() -> ModuleType:
    """The library; raises BadRobot if it is not installed."""
    # Pictures are drawn without a window, and no environment is heard.
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    library = _imported("gymnasium", f"That needs gymnasium: run `pip install -r {REQUIREMENTS}`, then start again.")
    os.environ["SDL_AUDIODRIVER"] = "dummy"  # Gymnasium's own choice makes ALSA complain where there is no sound
    return library


def _imported(name: str, problem: str) -> ModuleType:
    """A module; raises BadRobot with this sentence if there is none."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, name.partition(".")[0]):
            raise
        raise BadRobot(problem) from error


def _make(environment_id: str) -> Any:
    """The environment of an id, drawn as arrays; raises BadRobot, and what it raises itself."""
    library = _gymnasium()
    module, _, name = environment_id.rpartition(":")
    if module and not all(part.isidentifier() for part in module.split(".")):
        raise BadRobot("An environment is named as gym:ENV_ID or gym:module:ENV_ID; give it that way.")
    if module:
        _imported(module, f"There is no module {module}; install the package that brings the environment.")
    errors = library.error
    try:
        library.envs.registration.parse_env_id(name)
        # The recorder checks what it gets; Gymnasium's checker would only warn, at each run.
        environment = library.make(name, render_mode="rgb_array", disable_env_checker=True)
    except errors.DependencyNotInstalled:
        raise
    except errors.Error as problem:
        hint = "" if module else " One of another package is named with its module: gym:minigrid:MiniGrid-Empty-8x8-v0."
        raise BadRobot(f"Gymnasium has no environment {name!r} ({str(problem).rstrip('.')}).{hint}") from problem
    if "rgb_array" not in (environment.metadata.get("render_modes") or ()):
        raise BadRobot(f"{name} does not draw pictures (rgb_array); choose another environment.")
    return environment


def _frames_a_second(metadata: Mapping[str, object]) -> float:
    """The steps a second that an environment is drawn at, or a usual number if it does not tell."""
    fps = metadata.get("render_fps")
    return float(fps) if isinstance(fps, int | float | np.number) and fps > 0 else UNKNOWN_FPS
