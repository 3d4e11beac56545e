"""Ways of choosing the next action while a session is recorded."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from session.errors import InvalidAction, ReplayEnded
from session.recording import RecordedSession


class ActionSelector(Protocol):
    """Anything that gives one action after another."""

    def next_action(self) -> dict[str, float]:
        """The action to take now, channel → number."""


class ConstantSelector:
    """Always the same action."""

    def __init__(self, action: Mapping[str, float]) -> None:
        self._action = dict(action)

    def next_action(self) -> dict[str, float]:
        return dict(self._action)


class SequenceSelector:
    """The given actions in their order, again and again; raises InvalidAction when there is none."""

    def __init__(self, actions: Sequence[Mapping[str, float]]) -> None:
        if not actions:
            raise InvalidAction("A sequence needs at least one action; give one.")
        self._actions = [dict(action) for action in actions]
        self._next = 0

    def next_action(self) -> dict[str, float]:
        action = self._actions[self._next]
        self._next = (self._next + 1) % len(self._actions)
        return dict(action)


class RandomSelector:
    """Any action of the action space with equal chance; the same ``seed`` gives the same actions."""

    def __init__(self, action_space: Sequence[Mapping[str, float]], seed: int) -> None:
        if not action_space:
            raise InvalidAction("Choosing at random needs at least one action; give one.")
        self._actions = [dict(action) for action in action_space]
        self._random = np.random.default_rng(seed)

    def next_action(self) -> dict[str, float]:
        return dict(self._actions[int(self._random.integers(len(self._actions)))])


class ReplaySelector:
    """The recorded actions of a session, once; raises ReplayEnded after the last one."""

    def __init__(self, session: RecordedSession) -> None:
        self._session = session
        self._next = 0

    def __len__(self) -> int:
        return self._session.action_count - self._next

    def next_action(self) -> dict[str, float]:
        if not len(self):
            raise ReplayEnded("The recording holds no further action to replay; ask for fewer steps.")
        values = self._session.actions[self._next]
        self._next += 1
        # The shortest number that reads back as the same float32: 0.12 instead of 0.11999999731779099.
        return {
            name: float(str(value)) for name, value in zip(self._session.profile.channel_names, values, strict=True)
        }
