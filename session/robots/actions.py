"""Checks of actions: objects of channel names and numbers that the models can take."""

from collections.abc import Mapping, Sequence

import numpy as np

from session.errors import InvalidAction
from session.files import is_plain

MAX_CHANNELS = 64
MAX_NAME_LENGTH = 100
MAX_VALUE = float(np.finfo(np.float32).max)
MAX_CANDIDATES = 64
SAME_WITHIN = 1e-6  # a value that went through float32 is still the same one


def is_action(value: object) -> bool:
    """True if a parsed value is an object of channel names and numbers (bool is no number) that fit float32."""
    return (
        isinstance(value, dict)
        and 0 < len(value) <= MAX_CHANNELS
        and all(map(is_channel_name, value))
        and all(type(number) in (int, float) and abs(number) <= MAX_VALUE for number in value.values())
    )


def is_channel_name(name: object) -> bool:
    """True if a parsed key is printable and short enough as the name of a channel."""
    return isinstance(name, str) and len(name) <= MAX_NAME_LENGTH and is_plain(name)


def named_values(names: Sequence[str], values: np.ndarray) -> dict[str, float]:
    """An action from its float32 values (A,): of each the shortest number that reads back as the same float32, 0.12
    instead of 0.11999999731779099, which is what the robot was given."""
    return {name: float(str(value)) for name, value in zip(names, values, strict=True)}


def checked_action(action: object) -> dict[str, float]:
    """The action with plain numbers; raises InvalidAction if it is not an object of names and finite numbers."""
    if not isinstance(action, Mapping):
        raise InvalidAction('An action is an object of channel names and numbers, such as {"action": 1}.')
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in action.items()}
    if not is_action(plain):
        raise InvalidAction('An action needs channel names with finite numbers, such as {"action": 1}.')
    return plain
