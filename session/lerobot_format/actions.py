"""The actions of an episode: as recorded, or as the change that they ask for; and the ranges of a dataset's actions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from session.files import read_at_most
from session.formats.fingerprint import folder_fingerprint
from session.formats.json_values import NotJson, parse_json
from session.formats.lines import read_lines
from session.formats.reading import CHANGE, TARGET
from session.formats.rows import Strides, stride_rows
from session.lerobot_format.catalogue import Catalogue, episodes_here, read_catalogue
from session.lerobot_format.channels import ACTIONS, STATES, change_names, channel_names, columns_of
from session.lerobot_format.dataset_files import DatasetFiles
from session.lerobot_format.rows import EpisodeRows, read_rows
from session.robots.actions import MAX_CHANNELS, MAX_VALUE
from session.robots.profiles import ActionChannel
from session.skipped import SkippedLog
from session.spread import spread

STATS, EPISODES_STATS = "meta/stats.json", "meta/episodes_stats.jsonl"
MAX_STATS_BYTES = 64 << 20
SAMPLED = 24  # episodes, for the ranges of a dataset without statistics
MAX_RATIO = 1e6  # a range this much wider than the episode's own comes from damage


@dataclass(frozen=True, eq=False)
class ActionColumns:
    """The columns of actions and states, and their channels; ``states``: for each action channel the place of the state
    of the same name, None if not all have one."""

    actions: tuple[str, ...]
    states: tuple[str, ...]
    names: tuple[str, ...]
    state_places: tuple[int, ...] | None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of actions to choose from."""
        if not self.names:
            return ()
        return (TARGET, CHANGE) if self.state_places is not None else (TARGET,)

    def channels(self, kind: str) -> tuple[str, ...]:
        """The names of the channels of a kind of actions."""
        return change_names(self.names) if kind == CHANGE else self.names


def wanted_columns(catalogue: Catalogue) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of actions, and of states, by the dataset's own description."""
    features = catalogue.info.features
    return tuple(columns_of(features, ACTIONS)), tuple(columns_of(features, STATES))


def action_columns(catalogue: Catalogue, rows: EpisodeRows) -> ActionColumns:
    """The columns of an episode, with the widths that its rows have."""
    actions, states = ([name for name in names if name in rows.values] for names in wanted_columns(catalogue))
    features = catalogue.info.features
    names = channel_names(features, actions, [rows.values[name].shape[1] for name in actions])
    state_names = channel_names(features, states, [rows.values[name].shape[1] for name in states])
    has_all = bool(names) and set(names) <= set(state_names)
    places = tuple(state_names.index(name) for name in names) if has_all else None
    return ActionColumns(tuple(actions), tuple(states), names, places)


def step_actions(columns: ActionColumns, rows: EpisodeRows, strides: Strides, kind: str) -> np.ndarray:
    """The action of each step, float64 (M, A), NaN for what is missing: the last target before the next picture, or
    that minus the state at the first picture."""
    count = len(columns.names)
    if not count:
        return np.zeros((0, 0))
    targets = _joined(rows, columns.actions)[strides.ends - 1, :count]
    if kind == CHANGE and columns.state_places is not None:
        targets = targets - _joined(rows, columns.states)[strides.begins][:, list(columns.state_places)]
    return np.where(np.abs(targets) <= MAX_VALUE, targets, np.nan)


def _joined(rows: EpisodeRows, names: tuple[str, ...]) -> np.ndarray:
    return np.concatenate([rows.values[name] for name in names], axis=1)


def channels_of(
    catalogue: Catalogue, columns: ActionColumns, kind: str, stride: int, own: np.ndarray
) -> tuple[ActionChannel, ...]:
    """The channels with their ranges: those of the dataset, widened to the episode's own actions (M, A)."""
    names = columns.channels(kind)
    low, high = _bounds(own, len(names))
    known = _stated(catalogue, columns) if kind == TARGET else None
    if known is None or not _is_sane(*known, low, high):
        known = _sampled(catalogue, kind, stride, names)
    if known is not None:
        low, high = np.fmin(low, known[0]), np.fmax(high, known[1])
    low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
    return tuple(ActionChannel(*one) for one in zip(names, low.tolist(), high.tolist(), strict=True))


def _bounds(values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of each channel, NaN for one without any."""
    if not len(values):
        return np.full(width, np.nan), np.full(width, np.nan)
    # float32, as the recorded actions are: otherwise the ends of a range lie beside them.
    exact = values.astype(np.float32).astype(np.float64)
    return np.fmin.reduce(exact, axis=0), np.fmax.reduce(exact, axis=0)


def _is_sane(stated_low: np.ndarray, stated_high: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """True if stated ranges can be those of these actions: some sets keep statistics of others after a merge."""
    if not (np.isfinite(stated_low) & np.isfinite(stated_high) & (stated_low <= stated_high)).all():
        return False
    if not np.isfinite(low).any():
        return True
    width = stated_high - stated_low
    own = np.nan_to_num(high - low)
    is_far = (np.nan_to_num(low - stated_high) > width) | (np.nan_to_num(stated_low - high) > width)
    return not is_far.any() and bool((width <= MAX_RATIO * np.maximum(own, np.abs(width).max() / MAX_RATIO)).all())


def _stated(catalogue: Catalogue, columns: ActionColumns) -> tuple[np.ndarray, np.ndarray] | None:
    """The ranges of the actions by the dataset's statistics, or None."""
    files = catalogue.files
    every = _statistics(files.folder, files.root, folder_fingerprint(files.root / "meta"))
    lows, highs = [], []
    for column in columns.actions:
        bounds = every.get(column)
        if bounds is None:
            return None
        lows += bounds[0]
        highs += bounds[1]
    low, high = np.array(lows[:MAX_CHANNELS]), np.array(highs[:MAX_CHANNELS])
    return (low, high) if len(low) == len(high) == len(columns.names) else None


@lru_cache(maxsize=32)
def _statistics(folder: Path, root: Path, state: tuple[int, int]) -> Mapping[str, tuple[list[float], list[float]]]:
    """Lowest and highest values of every column, joined over the episodes where each has its own."""
    files = DatasetFiles(folder)
    if files.state(STATS) is not None:
        entries = [_whole(files, STATS)]
    else:
        entries = [entry.get("stats") for entry in _lines(files, EPISODES_STATS) if isinstance(entry, dict)]
    joined: dict[str, tuple[list[float], list[float]]] = {}
    for entry in entries:
        for column, stats in entry.items() if isinstance(entry, dict) else ():
            low, high = (_numbers(stats.get(name)) if isinstance(stats, dict) else None for name in ("min", "max"))
            if low is None or high is None or len(low) != len(high):
                continue
            before = joined.get(column)
            if before is not None and len(before[0]) == len(low):
                low, high = list(map(min, before[0], low)), list(map(max, before[1], high))
            joined[column] = (low, high)
    return joined


def _whole(files: DatasetFiles, path: str) -> object:
    try:
        with files.open(path) as file:
            return parse_json(read_at_most(file, MAX_STATS_BYTES))
    except (OSError, NotJson):
        return None


def _lines(files: DatasetFiles, path: str) -> list[object]:
    values = []
    try:
        with files.open(path) as file:
            for _, line, _ in read_lines(file):
                if line and line.strip():
                    values.append(parse_json(line))
    except (OSError, NotJson):
        pass
    return values


def _numbers(value: object) -> list[float] | None:
    values = value if isinstance(value, list) else [value]
    is_plain = bool(values) and all(type(one) in (int, float) and math.isfinite(one) for one in values)
    return [float(one) for one in values] if is_plain else None


def _sampled(
    catalogue: Catalogue, kind: str, stride: int, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    """The ranges of the actions in some episodes, evenly spread, or None if none has these channels."""
    files = catalogue.files
    state = (folder_fingerprint(files.root / "meta"), _data_state(files))
    return _sampled_bounds(files.folder, state, kind, stride, names)


def _data_state(files: DatasetFiles) -> int:
    return hash(tuple(files.walk("data", ".parquet")))


@lru_cache(maxsize=64)
def _sampled_bounds(
    folder: Path, state: object, kind: str, stride: int, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray] | None:
    catalogue = read_catalogue(DatasetFiles(folder))
    episodes = episodes_here(catalogue)
    bounds = []
    for place in spread(len(episodes), SAMPLED) if episodes else ():
        actions, states = wanted_columns(catalogue)
        rows = read_rows(catalogue, episodes[place], [*actions, *states], SkippedLog())
        columns = action_columns(catalogue, rows)
        if columns.channels(kind) == names:
            values = step_actions(columns, rows, stride_rows(rows.numbers, stride), kind)
            bounds.append(_bounds(values, len(names)))
    if not bounds:
        return None
    return np.fmin.reduce([low for low, _ in bounds]), np.fmax.reduce([high for _, high in bounds])
