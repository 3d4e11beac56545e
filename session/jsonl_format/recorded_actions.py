"""The actions of a recording as compact columns, before and after its robot is known.

Actions are objects of channel → number, and nearly all of one recording have the same channels. Each such layout is
stored once, the numbers in one flat array; a value that is no number is NaN.
"""

from array import array
from collections.abc import Mapping, Sequence

import numpy as np

from session.robots.actions import MAX_CHANNELS, MAX_VALUE, is_channel_name

# Exact types: to Python, True is an int as well.
NUMBER_TYPES = frozenset((int, float))
NO_CONSTANTS: Mapping[str, float] = {}


class RecordedActions:
    """Actions added one by one while a session is read."""

    def __init__(self) -> None:
        self._layouts: dict[tuple[str, ...], int] = {}
        self._layout_of = array("q")
        self._starts = array("q")
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._layout_of)

    def append(self, action: dict[str, object]) -> int:
        """Add an action of any channels and return its index; select() reports the unusable ones."""
        names = tuple(action) if len(action) <= MAX_CHANNELS else ()
        self._layout_of.append(self._layouts.setdefault(names, len(self._layouts)))
        self._starts.append(len(self._values))
        values = action.values() if names else ()
        if not NUMBER_TYPES.issuperset(map(type, values)):
            values = [value if type(value) in NUMBER_TYPES else np.nan for value in values]
        self._values.extend(values)
        return len(self._layout_of) - 1

    @property
    def channels(self) -> set[str]:
        """Every channel that any action names."""
        return {name for names in self._layouts for name in names}

    def usual_channels(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The channels (A) of most actions that hold numbers, and their values (M, A), NaN for no number."""
        if not len(self):
            return (), np.zeros((0, 0))
        names, rows = max(self._rows_by_layout(), key=lambda group: len(group[1]))
        values = _usable(self._values_of(rows, range(len(names))))
        is_used = np.isfinite(values).any(axis=0) & np.array([is_channel_name(name) for name in names], dtype=bool)
        return tuple(name for name, used in zip(names, is_used, strict=True) if used), values[:, is_used]

    def select(
        self, channels: Sequence[str], constants: Mapping[str, float] = NO_CONSTANTS
    ) -> tuple[np.ndarray, dict[int, str]]:
        """All actions as float32 (M, A) in the order of ``channels``, and the reasons for unusable ones by index.

        Further channels are ignored. ``constants`` are values of channels that no action of the recording names.
        """
        matrix = np.full((len(self), len(channels)), np.nan, dtype=np.float64)
        reasons: dict[int, str] = {}
        for names, rows in self._rows_by_layout():
            missing = [channel for channel in channels if channel not in names and channel not in constants]
            if missing or not names or not channels:
                reasons.update(dict.fromkeys(rows.tolist(), _describe_missing(names, missing)))
            else:
                recorded = [index for index, channel in enumerate(channels) if channel not in constants]
                matrix[rows] = [constants.get(channel, np.nan) for channel in channels]
                columns = [names.index(channels[index]) for index in recorded]
                matrix[np.ix_(rows, recorded)] = self._values_of(rows, columns)
        matrix = _usable(matrix)
        for row, column in np.argwhere(np.isnan(matrix)).tolist():
            reasons.setdefault(row, f"action channel {channels[column]} is not a usable number")
        return matrix.astype(np.float32), reasons

    def _rows_by_layout(self) -> list[tuple[tuple[str, ...], np.ndarray]]:
        layout_of = np.array(self._layout_of)
        # One sort for all: a damaged recording may have as many layouts as actions.
        order = np.argsort(layout_of, kind="stable")
        ends = np.cumsum(np.bincount(layout_of, minlength=len(self._layouts)))
        return list(zip(self._layouts, np.split(order, ends[:-1]), strict=False))

    def _values_of(self, rows: np.ndarray, columns: Sequence[int]) -> np.ndarray:
        starts = np.frombuffer(self._starts, dtype=np.int64)[rows]
        indices = starts[:, None] + np.array(columns, dtype=np.int64)[None, :]
        return np.frombuffer(self._values, dtype=np.float64)[indices] if indices.size else np.zeros(indices.shape)


def _usable(values: np.ndarray) -> np.ndarray:
    # float32 is what the models take; a number beyond it would become infinite there.
    return np.where(np.abs(values) <= MAX_VALUE, values, np.nan)


def _describe_missing(names: tuple[str, ...], missing: list[str]) -> str:
    if not names:
        return f"action has no channels, or more than {MAX_CHANNELS}"
    return f'action lacks channel "{missing[0]}"' if missing else "action has no channel with a number"
