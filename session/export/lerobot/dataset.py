"""Writing a dataset, episode by episode: rows into tables, pictures into videos, and what both are into meta/.

meta/info.json is written last: a folder without it is no dataset.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from session.export.lerobot.files import MEGABYTE, Limits
from session.export.lerobot.statistics import PictureStatistics, column_stats, samples_of
from session.export.lerobot.tables import DataFiles, write_episodes, write_tasks
from session.export.lerobot.videos import CODECS, VideoFiles
from session.export.plan import Plan
from session.files import write_file
from session.lerobot_format.dataset_files import INFO_FILE
from session.lerobot_format.templates import DATA_V3, VIDEO_V3

VERSION = "v3.0"
ACTION, STATE = "action", "observation.state"
COUNTERS = ("frame_index", "episode_index", "index", "task_index")
STATS_FILE = "meta/stats.json"


class Row(NamedTuple):
    """A picture, the action that was decided after it, float32 (A,), and the state at it, float32 (S,)."""

    picture: Image.Image
    action: np.ndarray
    state: np.ndarray


class DatasetWriter:
    """Writes a dataset into a folder: `begin_episode`, `add` for each row, `end_episode`, and at last `finish`.

    All raise OSError; after an error, `abandon` closes what is open.
    """

    def __init__(self, folder: Path, plan: Plan, codec: str, limits: Limits) -> None:
        self._folder, self._plan, self._limits = folder, plan, limits
        self._key = f"observation.images.{plan.camera}"
        self._video = VideoFiles(folder, self._key, plan.fps, plan.size, CODECS[codec], limits)
        self._data = DataFiles(folder, limits)
        self._tasks: dict[str, int] = {}
        self._episodes: list[dict[str, object]] = []
        self._written: list[dict[str, np.ndarray]] = []
        self._pictures = PictureStatistics()
        self.row_count = 0
        self._begin_rows(0)

    @property
    def episode_count(self) -> int:
        return len(self._episodes)

    def begin_episode(self, rows: int) -> None:
        """Begin an episode of up to so many rows."""
        self._video.begin_episode(rows)
        self._begin_rows(rows)

    def _begin_rows(self, rows: int) -> None:
        self._rows: list[tuple[np.ndarray, np.ndarray]] = []
        self._sample_every = max(1, rows // max(1, samples_of(rows)))
        self._own_pictures = PictureStatistics()
        self._first_frame = self._video.count

    def add(self, row: Row) -> None:
        """Add the next row of the episode."""
        self._video.write(row.picture)
        if len(self._rows) % self._sample_every == 0:
            self._own_pictures.add(row.picture)
        self._rows.append((row.action, row.state))

    def end_episode(self, task: str) -> None:
        """End the episode; one without rows is none."""
        if not self._rows:
            return
        columns = self._columns(self._tasks.setdefault(task, len(self._tasks)))
        length, first = len(self._rows), self.row_count
        file, video, fps = self._data.append(columns), self._video, self._plan.fps
        stats = {name: column_stats(values) for name, values in columns.items()}
        stats[self._key] = self._own_pictures.stats()
        self._episodes.append(
            {
                "episode_index": len(self._episodes),
                "tasks": [task],
                "length": length,
                "dataset_from_index": first,
                "dataset_to_index": first + length,
                "data/chunk_index": file.chunk,
                "data/file_index": file.file,
                f"videos/{self._key}/chunk_index": video.number.chunk,
                f"videos/{self._key}/file_index": video.number.file,
                f"videos/{self._key}/from_timestamp": self._first_frame / fps,
                f"videos/{self._key}/to_timestamp": video.count / fps,
            }
            | {f"stats/{name}/{kind}": value for name, own in stats.items() for kind, value in own.items()}
        )
        self._written.append(columns)
        self.row_count += length
        self._pictures.join(self._own_pictures)

    def _columns(self, task: int) -> dict[str, np.ndarray]:
        count = len(self._rows)
        actions, states = (np.stack(values).astype(np.float32) for values in zip(*self._rows, strict=True))
        numbers = np.arange(count, dtype=np.int64)
        counters = (numbers, np.full(count, len(self._episodes)), numbers + self.row_count, np.full(count, task))
        return {
            ACTION: actions,
            **({STATE: states} if self._plan.state_names else {}),
            "timestamp": (numbers / self._plan.fps).astype(np.float32),
            **dict(zip(COUNTERS, counters, strict=True)),
        }

    def finish(self) -> None:
        """Write the metadata, and close all files."""
        self._video.close()
        self._data.close()
        write_episodes(self._folder, self._episodes, self._limits)
        write_tasks(self._folder, list(self._tasks))
        whole = {name: np.concatenate([one[name] for one in self._written]) for name in self._written[0]}
        stats = {name: column_stats(values) for name, values in whole.items()}
        _write_json(self._folder / STATS_FILE, stats | {self._key: self._pictures.stats()})
        _write_json(self._folder / INFO_FILE, self._info())

    def abandon(self) -> None:
        """Close the files as they are."""
        self._video.abandon()

    def _info(self) -> dict[str, object]:
        return {
            "codebase_version": VERSION,
            "robot_type": self._plan.robot_type,
            "total_episodes": self.episode_count,
            "total_frames": self.row_count,
            "total_tasks": len(self._tasks),
            "chunks_size": self._limits.files_in_chunk,
            "data_files_size_in_mb": max(1, self._limits.data_bytes // MEGABYTE),
            "video_files_size_in_mb": max(1, self._limits.video_bytes // MEGABYTE),
            "fps": self._plan.fps,
            "splits": {"train": f"0:{self.episode_count}"},
            "data_path": DATA_V3,
            "video_path": VIDEO_V3,
            "features": self._features(),
        }

    def _features(self) -> dict[str, object]:
        plan, (width, height) = self._plan, self._plan.size
        picture = {"dtype": "video", "shape": [height, width, 3], "names": ["height", "width", "channels"]}
        return {
            ACTION: _vector(plan.action_names),
            **({STATE: _vector(plan.state_names)} if plan.state_names else {}),
            self._key: picture | {"info": self._video.info()},
            "timestamp": {"dtype": "float32", "shape": [1], "names": None},
            **{name: {"dtype": "int64", "shape": [1], "names": None} for name in COUNTERS},
        }


def _vector(names: tuple[str, ...]) -> dict[str, object]:
    return {"dtype": "float32", "shape": [len(names)], "names": list(names)}


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(content, indent=4, ensure_ascii=False).encode())
