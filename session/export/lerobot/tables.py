"""Tables of a dataset: rows in files up to a size, a row group for each episode; the episodes, and the tasks.

No table holds the schema that the library ``datasets`` adds to its own: names of types in it differ between versions,
and it reads the same from the columns.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from session.export.lerobot.files import FileNumber, Limits, is_full
from session.lerobot_format.libraries import arrow, tables
from session.lerobot_format.templates import DATA_V3, fill

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
TASKS = "meta/tasks.parquet"


def column(values: np.ndarray) -> "pa.Array":
    """A column of the numbers (R,), or of the vectors (R, S); a vector of one number is stored as that number."""
    pa = arrow()
    if values.ndim == 1 or values.shape[1] == 1:
        return pa.array(np.ascontiguousarray(values.reshape(-1)))
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel()), values.shape[1])


class DataFiles:
    """Writes the rows of episodes."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder, self._limits = folder, limits
        self._writer: ParquetWriter | None = None
        self._number, self._rows = FileNumber(), 0

    def append(self, columns: Mapping[str, np.ndarray]) -> FileNumber:
        """Add the rows of an episode; returns the file that holds them. Raises OSError."""
        table = arrow().table({name: column(values) for name, values in columns.items()})
        if self._writer is not None and is_full(
            self._path.stat().st_size, self._rows, len(table), self._limits.data_bytes
        ):
            self.close()
            self._number, self._rows = self._number.following(self._limits.files_in_chunk), 0
        if self._writer is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = tables().ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)
        self._rows += len(table)
        return self._number

    @property
    def _path(self) -> Path:
        return self._folder / fill(DATA_V3, self._number.fields)

    def close(self) -> None:
        """Finish the current file; raises OSError."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close()


def write_episodes(folder: Path, episodes: Sequence[Mapping[str, object]], limits: Limits) -> None:
    """Write the entries of all episodes, each with the file that it is in; raises OSError."""
    size = arrow().Table.from_pylist(list(episodes)).nbytes
    in_file = max(1, int(limits.data_bytes * len(episodes) // size))
    number = FileNumber()
    for start in range(0, len(episodes), in_file):
        own = {f"meta/episodes/{name}": value for name, value in number.fields.items()}
        part = arrow().Table.from_pylist([dict(one) | own for one in episodes[start : start + in_file]])
        path = folder / fill(EPISODES, number.fields)
        path.parent.mkdir(parents=True, exist_ok=True)
        tables().write_table(part, path)
        number = number.following(limits.files_in_chunk)


def write_tasks(folder: Path, tasks: Sequence[str]) -> None:
    """Write the tasks; their texts are the index of the table that pandas makes of it. Raises OSError."""
    pa = arrow()
    described = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [_described("task_index", "int64", "int64"), _described("task", "unicode", "object")],
        "pandas_version": "2.0.0",
    }
    columns = {"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks, pa.string())}
    table = pa.table(columns).replace_schema_metadata({"pandas": json.dumps(described)})
    tables().write_table(table, folder / TASKS)


def _described(name: str, kind: str, stored: str) -> dict[str, object]:
    return {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": stored, "metadata": None}
