"""The rows of an episode: found by its index in the data files, ordered by their frame index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from session.lerobot_format.catalogue import Catalogue, Episode, single_file
from session.lerobot_format.tables import (
    EPISODE,
    FRAME,
    BadTable,
    episode_runs,
    numbers,
    open_table,
    read_columns,
    row_groups_of,
    whole_numbers,
)
from session.skipped import SkippedLog

TASK = "task_index"
MAX_ROWS = 1_000_000  # of an episode: a whole run that was stored as one


@dataclass(frozen=True, eq=False)
class EpisodeRows:
    """R rows of the file at ``path``: ``numbers`` are their frame indices, int64 (R,), increasing; ``values`` float64
    (R, width) of the columns that were asked for; ``columns`` are the names of all.

    Row r is row ``first + order[r]`` of the file.
    """

    path: str
    first: int
    order: np.ndarray
    numbers: np.ndarray
    values: Mapping[str, np.ndarray]
    columns: frozenset[str]

    def __len__(self) -> int:
        return len(self.numbers)


def read_rows(catalogue: Catalogue, episode: Episode, names: Sequence[str], log: SkippedLog) -> EpisodeRows:
    """The rows of an episode with these columns; none if they cannot be read, which is logged."""
    path = _data_file(catalogue, episode, log)
    if path is not None:
        try:
            return _read(catalogue, episode, path, names, log)
        except BadTable as problem:
            log.add(path, None, str(problem))
    nothing = np.zeros(0, dtype=np.int64)
    return EpisodeRows(path or episode.data_path, 0, nothing, nothing, {}, frozenset())


def _data_file(catalogue: Catalogue, episode: Episode, log: SkippedLog) -> str | None:
    """The file that holds the episode: the one of the metadata, or else any other; None if there is none."""
    problem = _problem(catalogue, episode, episode.data_path)
    if problem is None:
        return episode.data_path
    others = catalogue.files.walk("data", ".parquet")
    own = single_file(catalogue.info, episode.index)
    for path in [own] if own in others else [one for one in others if one != episode.data_path]:
        if _problem(catalogue, episode, path) is None:
            log.add(episode.data_path, None, f"{problem}; the episode was found in {path}")
            return path
    log.add(episode.data_path, None, problem)
    return None


def _problem(catalogue: Catalogue, episode: Episode, path: str) -> str | None:
    try:
        has_rows = bool(episode_runs(catalogue.files, path).rows_of(episode.index))
    except BadTable as problem:
        return str(problem)
    return None if has_rows else f"holds no rows of {episode.name}"


def _read(catalogue: Catalogue, episode: Episode, path: str, names: Sequence[str], log: SkippedLog) -> EpisodeRows:
    runs = episode_runs(catalogue.files, path).rows_of(episode.index)
    start, end = runs[0][0], runs[-1][1]
    if end - start > MAX_ROWS:
        raise BadTable(f"holds more than {MAX_ROWS:,} rows of {episode.name}; split it into episodes")
    with open_table(catalogue.files, path) as table:
        groups, begin = row_groups_of(table, start, end)
        columns = read_columns(table, [EPISODE, FRAME, TASK, *names], groups)
        part = slice(start - begin, end - begin)
        values = {name: numbers(column)[part] for name, column in columns.items() if name in names}
        is_own = whole_numbers(columns[EPISODE])[part] == episode.index
        index = whole_numbers(columns[FRAME])[part] if FRAME in columns else np.cumsum(is_own) - 1
        tasks = whole_numbers(columns[TASK])[part] if TASK in columns else np.full(end - start, -1)
        every = frozenset(table.schema_arrow.names)
    if {len(index), len(tasks), len(is_own), *map(len, values.values())} != {end - start}:
        raise BadTable("holds fewer rows than it says")
    order = _order(index, is_own, path, start, log)
    if episode.length is not None and episode.length != len(order):
        log.add(path, None, f"holds {len(order)} rows of {episode.name}, its metadata counts {episode.length}")
    ordered = {name: column[order] for name, column in values.items()} | {TASK: tasks[order][:, None]}
    return EpisodeRows(path, start, order, index[order], ordered, every)


def _order(index: np.ndarray, is_own: np.ndarray, path: str, start: int, log: SkippedLog) -> np.ndarray:
    """The episode's own rows by their frame index; rows without one, or with one that came before, are logged."""
    order = np.argsort(index, kind="stable")
    order = order[is_own[order]]
    is_bad = index[order] < 0
    is_repeated = np.concatenate(([False], np.diff(index[order]) == 0))[: len(order)] & ~is_bad
    for row in order[is_bad].tolist():
        log.add(path, None, f"row {start + row} has no frame_index")
    for row in order[is_repeated].tolist():
        log.add(path, None, f"row {start + row} has a frame_index that came before; the first one is kept")
    return order[~is_bad & ~is_repeated]
