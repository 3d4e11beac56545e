"""Selectors of the next action while a session is recorded.

A selector may use a world model's predictions for all actions if there are any: `training/online.py` passes them, a
plain recording does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from session.errors import InvalidAction, ReplayEnded
from session.recording import RecordedSession
from session.robots.actions import named_values
from session.robots.profiles import RobotProfile


@dataclass(frozen=True, eq=False)
class ActionPrediction:
    """The predicted picture after an action, uint8 (H, W, 3), and the world model's uncertainty of it, a variance of
    colours from 0 to 1, or None if it was not computed."""

    action: Mapping[str, float]
    picture: np.ndarray
    uncertainty: float | None = None


class ActionSelector(Protocol):
    """A source of actions."""

    def next_action(self, predictions: Sequence[ActionPrediction] = ()) -> dict[str, float]:
        """The action to take now, channel → number; `predictions` of all actions of the robot, if there are any."""


class ConstantSelector:
    """Always the same action."""

    def __init__(self, action: Mapping[str, float]) -> None:
        self._action = dict(action)

    def next_action(self, predictions: Sequence[ActionPrediction] = ()) -> dict[str, float]:
        return dict(self._action)


class SequenceSelector:
    """A sequence of actions, repeated endlessly; raises InvalidAction if it is empty."""

    def __init__(self, actions: Sequence[Mapping[str, float]]) -> None:
        if not actions:
            raise InvalidAction("A sequence needs at least one action; give one.")
        self._actions = [dict(action) for action in actions]
        self._next = 0

    def next_action(self, predictions: Sequence[ActionPrediction] = ()) -> dict[str, float]:
        action = self._actions[self._next]
        self._next = (self._next + 1) % len(self._actions)
        return dict(action)


class RandomSelector:
    """Random actions of the action space, with equal probability; the same ``seed`` gives the same actions."""

    def __init__(self, action_space: Sequence[Mapping[str, float]], seed: int) -> None:
        if not action_space:
            raise InvalidAction("Choosing at random needs at least one action; give one.")
        self._actions = [dict(action) for action in action_space]
        self._random = np.random.default_rng(seed)

    def next_action(self, predictions: Sequence[ActionPrediction] = ()) -> dict[str, float]:
        return dict(self._actions[int(self._random.integers(len(self._actions)))])


class UniformSelector:
    """Random actions of a continuous robot: each channel anywhere in its range, with equal probability, at whole
    numbers only if ``is_whole``; the same ``seed`` gives the same actions."""

    def __init__(self, profile: RobotProfile, seed: int, is_whole: bool = False) -> None:
        self._names, self._is_whole = profile.channel_names, is_whole
        self._low, self._high = np.array([(one.low, one.high) for one in profile.channels]).T
        self._random = np.random.default_rng(seed)

    def next_action(self, predictions: Sequence[ActionPrediction] = ()) -> dict[str, float]:
        if self._is_whole:
            values = self._random.integers(self._low.astype(np.int64), self._high.astype(np.int64), endpoint=True)
        else:
            values = self._random.uniform(self._low, self._high)
        return named_values(self._names, values.astype(np.float32))


class RecordedSelector:
    """The recorded actions of a session, once; raises ReplayEnded after the last one."""

    def __init__(self, session: RecordedSession) -> None:
        self._session = session
        self._next = 0

    def __len__(self) -> int:
        return self._session.action_count - self._next

    def next_action(self, predictions: Sequence[ActionPrediction] = ()) -> dict[str, float]:
        if not len(self):
            raise ReplayEnded("The recording holds no further action to replay; ask for fewer steps.")
        values = self._session.actions[self._next]
        self._next += 1
        return named_values(self._session.profile.channel_names, values)


class UncertaintySelector:
    """The action with the highest uncertainty; of equal ones any with equal probability, the same with the same
    ``seed``. Raises InvalidAction if there are no predictions or one has no uncertainty."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def next_action(self, predictions: Sequence[ActionPrediction] = ()) -> dict[str, float]:
        uncertainties = [one.uncertainty for one in predictions]
        if not uncertainties or None in uncertainties:
            raise InvalidAction("Choosing by uncertainty needs a world model that tells it; choose another selector.")
        most = max(uncertainties)
        best = [one.action for one in predictions if one.uncertainty == most]
        return dict(best[int(self._random.integers(len(best)))])
