"""Reading of parquet files, by named columns and within bounds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from session.files import HEAD_BYTES, describe, foreign_content
from session.lerobot_format.dataset_files import DatasetFiles, State
from session.lerobot_format.libraries import table_errors, tables

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

EPISODE, FRAME = "episode_index", "frame_index"
MAX_ROWS = 20_000_000
MAX_COLUMNS = 20_000
MAX_GROUP_BYTES = 1 << 30  # of a row group, which is read at once


class BadTable(Exception):
    """A file that cannot be read as a table; the text is the reason, without its name."""


@dataclass(frozen=True, eq=False)
class Runs:
    """The rows of each episode in a file: run i holds rows ``starts[i]`` up to ``ends[i]`` of ``episodes[i]``."""

    episodes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def rows_of(self, episode: int) -> list[tuple[int, int]]:
        """The runs of an episode, usually one."""
        places = np.flatnonzero(self.episodes == episode).tolist()
        return [(int(self.starts[place]), int(self.ends[place])) for place in places]


@contextmanager
def open_table(files: DatasetFiles, path: str) -> Iterator["ParquetFile"]:
    """Yield the opened file; raises BadTable for whatever is wrong with it, also while it is read."""
    try:
        with files.open(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
            problem = foreign_content(file.read(HEAD_BYTES))
            if problem:
                raise BadTable(problem)
            table = tables().ParquetFile(file)
            if table.metadata.num_rows > MAX_ROWS or table.metadata.num_columns > MAX_COLUMNS:
                raise BadTable("holds more rows or columns than any recording")
            yield table
    except (FileNotFoundError, NotADirectoryError):
        raise BadTable("is not here") from None
    except table_errors() as error:
        raise BadTable(_reason(error)) from error


def read_columns(
    table: "ParquetFile", names: Sequence[str], groups: Sequence[int] | None = None
) -> dict[str, "pa.ChunkedArray"]:
    """The columns with these names that a file has, of all or some of its row groups; raises BadTable."""
    present = [name for name in names if name in table.schema_arrow.names]
    groups = range(table.num_row_groups) if groups is None else groups
    _require_fitting(table, groups)
    columns = table.read_row_groups(list(groups), columns=present, use_threads=False)
    return {name: columns.column(name) for name in present}


def _require_fitting(table: "ParquetFile", groups: Sequence[int]) -> None:
    # Not by the metadata of single columns: where that is damaged, looking at it ends the process.
    if any(table.metadata.row_group(group).total_byte_size > MAX_GROUP_BYTES for group in groups):
        raise BadTable(f"has row groups larger than {MAX_GROUP_BYTES >> 30} GB")


def read_value(files: DatasetFiles, path: str, column: str, row: int) -> object:
    """One value of a column whose row groups are large, such as pictures; raises BadTable."""
    state = _state(files, path)
    begins = _group_begins(files.folder, path, state)
    group = int(np.searchsorted(begins, row, side="right")) - 1
    if not 0 <= group < len(begins) - 1:
        raise BadTable("holds fewer rows than it says")
    values = _group_column(files.folder, path, state, column, group)
    if row - begins[group] >= len(values):
        raise BadTable("holds fewer rows than it says")
    return values[row - int(begins[group])].as_py()


@lru_cache(maxsize=256)
def _group_begins(folder: Path, path: str, state: State) -> np.ndarray:
    """The first row of each row group, and the number of rows."""
    with open_table(DatasetFiles(folder), path) as table:
        return np.cumsum([0, *(table.metadata.row_group(index).num_rows for index in range(table.num_row_groups))])


# Few, as each may be of a hundred megabytes: shared by all recordings.
@lru_cache(maxsize=3)
def _group_column(folder: Path, path: str, state: State, column: str, group: int) -> "pa.ChunkedArray":
    with open_table(DatasetFiles(folder), path) as table:
        columns = read_columns(table, [column], [group])
    if column not in columns:
        raise BadTable(f"has no column {column}")
    return columns[column]


def _state(files: DatasetFiles, path: str) -> State:
    state = files.state(path)
    if state is None:
        raise BadTable(files.problem(path) or "is not here")
    return state


def episode_runs(files: DatasetFiles, path: str) -> Runs:
    """Where the episodes of a data file are; raises BadTable."""
    return _episode_runs(files.folder, path, _state(files, path))


@lru_cache(maxsize=512)
def _episode_runs(folder: Path, path: str, state: State) -> Runs:
    with open_table(DatasetFiles(folder), path) as table:
        columns = read_columns(table, [EPISODE])
        if EPISODE not in columns:
            raise BadTable(f"has no column {EPISODE}")
        episodes = whole_numbers(columns[EPISODE])
    starts = np.flatnonzero(np.concatenate(([True], np.diff(episodes) != 0))[: len(episodes)])
    return Runs(episodes[starts], starts, np.append(starts[1:], len(episodes))[: len(starts)])


def row_groups_of(table: "ParquetFile", start: int, end: int) -> tuple[list[int], int]:
    """The row groups that hold rows ``start`` up to ``end``, and the first row of the first of them."""
    sizes = [table.metadata.row_group(index).num_rows for index in range(table.num_row_groups)]
    begins = np.concatenate(([0], np.cumsum(sizes)))[:-1]
    groups = [index for index, begin in enumerate(begins.tolist()) if begin < end and begin + sizes[index] > start]
    return groups, int(begins[groups[0]]) if groups else 0


def whole_numbers(column: "pa.ChunkedArray") -> np.ndarray:
    """A column of whole numbers as int64 (R,), -1 for those that are none."""
    values = numbers(column)
    values = values[:, 0] if values.shape[1] else np.full(len(column), np.nan)
    return np.where(np.isfinite(values) & (np.abs(values) < 1 << 53), values, -1).astype(np.int64)


def numbers(column: "pa.ChunkedArray") -> np.ndarray:
    """A column of numbers, or of lists of them, as float64 (R, width), NaN for what is missing."""
    rows = len(column)
    if not rows:
        return np.zeros((0, 0))
    array = column.combine_chunks()
    array = array.chunk(0) if array.__class__.__name__ == "ChunkedArray" else array
    if array.null_count == 0 and _is_list(array) and not _is_nested(array):
        flat = array.flatten()
        lengths = _lengths(array)
        if len(flat) == rows * lengths[0] and (lengths == lengths[0]).all():
            return _plain(flat).reshape(rows, -1)
    if not _is_list(array) and not _is_extension(array):
        return _plain(array).reshape(rows, 1)
    return _ragged(array.to_pylist())


def _plain(array: "pa.Array") -> np.ndarray:
    values = array.to_numpy(zero_copy_only=False)
    if values.dtype == object:  # nulls among truth values, or texts
        values = np.array([one if isinstance(one, int | float) else np.nan for one in values.tolist()])
    return values.astype(np.float64)


def _is_list(array: "pa.Array") -> bool:
    return "list" in str(array.type) and not _is_extension(array)


def _is_nested(array: "pa.Array") -> bool:
    return "list" in str(array.type.value_type) or "extension" in str(array.type.value_type)


def _is_extension(array: "pa.Array") -> bool:
    return "extension" in str(array.type)


def _lengths(array: "pa.Array") -> np.ndarray:
    if "fixed_size_list" in str(array.type):
        return np.full(len(array), array.type.list_size)
    return np.diff(array.offsets.to_numpy())


def _ragged(rows: list[Any]) -> np.ndarray:
    """Rows of any lists as a matrix: rows of another length than most are missing."""
    flat = [np.array(list(_leaves(row)), dtype=np.float64) for row in rows]
    lengths = [len(row) for row in flat]
    width = max(set(lengths), key=lengths.count)
    return np.array([row if len(row) == width else np.full(width, np.nan) for row in flat]).reshape(len(rows), width)


def _leaves(value: object) -> Iterator[float]:
    if isinstance(value, list | tuple | np.ndarray):
        for one in value:
            yield from _leaves(one)
    else:
        yield float(value) if isinstance(value, int | float) else np.nan


def _reason(error: Exception) -> str:
    text = str(error)
    if "footer" in text or "magic bytes" in text:
        return "has no end: its recording or download was cut off"
    return describe(error) if type(error) is OSError and error.strerror else "is damaged"
