"""The episodes of a dataset, from its metadata: read once for each state of these files."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from session.files import describe
from session.formats.fingerprint import folder_fingerprint
from session.formats.json_values import NotJson, parse_json
from session.formats.lines import read_lines
from session.lerobot_format.dataset_files import DatasetFiles
from session.lerobot_format.info import VIDEO, Info, read_info
from session.lerobot_format.tables import BadTable, episode_runs, open_table, read_columns
from session.lerobot_format.templates import DATA_V2, VIDEO_V2, fill, names_files

EPISODES_V2, EPISODES_V3 = "meta/episodes.jsonl", "meta/episodes"
TASKS_V2, TASKS_V3 = "meta/tasks.jsonl", "meta/tasks.parquet"
EPISODE_NAME = re.compile(r"episode_(\d{6,9})")
EPISODE_FILE = re.compile(r"episode_(\d{1,9})\.parquet$")
MAX_EPISODES = 1_000_000
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class VideoPart:
    """The part of a video that an episode takes, in seconds of that file; ``end`` is None if it is not known."""

    path: str
    begin: float
    end: float | None


@dataclass(frozen=True, slots=True)
class Episode:
    """What the metadata says of an episode: a hint, which its own rows overrule. ``row`` holds further values."""

    index: int
    length: int | None
    tasks: tuple[str, ...]
    data_path: str
    row: Mapping[str, object]

    @property
    def name(self) -> str:
        return f"episode_{self.index:06d}"


@dataclass(frozen=True, eq=False)
class Catalogue:
    """A dataset: ``episodes`` and ``tasks`` by their indices; ``problems``: unusable files, each with the reason.
    ``state`` changes with any file of the metadata."""

    files: DatasetFiles
    info: Info
    episodes: Mapping[int, Episode]
    tasks: Mapping[int, str] = field(default_factory=dict)
    problems: tuple[tuple[str, str], ...] = ()
    state: object = None

    def video_part(self, episode: Episode, key: str) -> VideoPart | None:
        """The part of a camera's video, or None if the metadata does not tell it."""
        values: dict[str, int | str] = {"video_key": key, **_numbers_of(self.info, episode.index)}
        if not names_files(self.info.video_path):
            return VideoPart(fill(self.info.video_path, values), 0.0, None)
        chunk, file = (episode.row.get(f"videos/{key}/{name}") for name in ("chunk_index", "file_index"))
        if not (isinstance(chunk, int) and isinstance(file, int)):
            path = fill(VIDEO_V2, values)
            return VideoPart(path, 0.0, None) if self.files.state(path) else None
        begin, end = (episode.row.get(f"videos/{key}/{name}_timestamp") for name in ("from", "to"))
        path = fill(self.info.video_path, values | {"chunk_index": chunk, "file_index": file})
        return VideoPart(path, _seconds(begin) or 0.0, _seconds(end))

    def following(self, episode: Episode, key: str) -> float | None:
        """Where the next episode in the same video begins, in seconds; None if none does."""
        part = self.video_part(episode, key)
        names = [f"videos/{key}/{name}" for name in ("chunk_index", "file_index", "from_timestamp")]
        own = [episode.row.get(name) for name in names]
        if part is None or own[0] is None or not names_files(self.info.video_path):
            return None
        others = ([one.row.get(name) for name in names] for one in self.episodes.values())
        begins = (_seconds(one[2]) for one in others if one[:2] == own[:2])
        return min((begin for begin in begins if begin is not None and begin > part.begin), default=None)


def episode_number(name: str) -> int | None:
    """The index of the episode with a name such as "episode_000005", or None for any other text."""
    found = EPISODE_NAME.fullmatch(name)
    return int(found[1]) if found and name == f"episode_{int(found[1]):06d}" else None


def read_catalogue(files: DatasetFiles) -> Catalogue:
    """The dataset's episodes; raises DatasetUnreadable, NotInstalled and OSError."""
    return _read_catalogue(files.folder, files.root, folder_fingerprint(files.root / "meta"))


def episodes_here(catalogue: Catalogue) -> list[Episode]:
    """The episodes whose data file is there, in order: parts of a dataset may have been fetched."""
    files = set(catalogue.files.walk("data", ".parquet"))
    present = [one for one in catalogue.episodes.values() if _is_here(catalogue, one, files)]
    if len(present) < len(catalogue.episodes) and names_files(catalogue.info.data_path):
        found = _episodes_in(catalogue.files, files)
        present = [one for one in catalogue.episodes.values() if _is_here(catalogue, one, files) or one.index in found]
    return present


def _is_here(catalogue: Catalogue, episode: Episode, files: set[str]) -> bool:
    return episode.data_path in files or single_file(catalogue.info, episode.index) in files


def single_file(info: Info, index: int) -> str:
    """Where version 2 puts the data of an episode."""
    return fill(DATA_V2, _numbers_of(info, index))


def _episodes_in(files: DatasetFiles, paths: Iterable[str]) -> set[int]:
    found: set[int] = set()
    for path in paths:
        try:
            found.update(episode_runs(files, path).episodes.tolist())
        except BadTable:
            continue
    return found


@lru_cache(maxsize=32)
def _read_catalogue(folder: Path, root: Path, state: tuple[int, int]) -> Catalogue:
    files = DatasetFiles(folder)
    info, problems = read_info(files), []
    rows = list(_rows_v3(files, info, problems)) or list(_rows_v2(files, problems))
    episodes: dict[int, Episode] = {}
    for row in rows[:MAX_EPISODES]:
        index = row.get("episode_index")
        if type(index) is int and 0 <= index < 10**9 and index not in episodes:
            episodes[index] = _episode(info, index, row)
    if not episodes or problems:
        for index in _indices_in_data(files) - episodes.keys():
            episodes[index] = _episode(info, index, {})
    ordered = {index: episodes[index] for index in sorted(episodes)}
    return Catalogue(files, info, ordered, _tasks(files, problems), tuple(problems), state)


def _episode(info: Info, index: int, row: Mapping[str, object]) -> Episode:
    length, tasks = row.get("length"), row.get("tasks")
    texts = tuple(one[:MAX_TEXT] for one in tasks if isinstance(one, str)) if isinstance(tasks, list) else ()
    return Episode(
        index, length if type(length) is int and length >= 0 else None, texts, _data_path(info, index, row), row
    )


def _data_path(info: Info, index: int, row: Mapping[str, object]) -> str:
    values = _numbers_of(info, index)
    if not names_files(info.data_path):
        return fill(info.data_path, values)
    chunk, file = row.get("data/chunk_index"), row.get("data/file_index")
    if isinstance(chunk, int) and isinstance(file, int):
        return fill(info.data_path, values | {"chunk_index": chunk, "file_index": file})
    return single_file(info, index)


def _numbers_of(info: Info, index: int) -> dict[str, int]:
    return {"episode_index": index, "episode_chunk": index // info.chunks_size}


def _rows_v3(files: DatasetFiles, info: Info, problems: list[tuple[str, str]]) -> Iterable[dict[str, object]]:
    cameras = [name for name, feature in info.features.items() if feature.dtype == VIDEO]
    places = ("chunk_index", "file_index", "from_timestamp", "to_timestamp")
    names = ["episode_index", "length", "tasks", "data/chunk_index", "data/file_index"]
    names += [f"videos/{camera}/{place}" for camera in cameras for place in places]
    for path in files.walk(EPISODES_V3, ".parquet"):
        try:
            with open_table(files, path) as table:
                columns = read_columns(table, names)
                values = [column.to_pylist() for column in columns.values()]
        except BadTable as problem:
            problems.append((path, str(problem)))
            continue
        yield from (dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True))


def _rows_v2(files: DatasetFiles, problems: list[tuple[str, str]]) -> Iterable[dict[str, object]]:
    yield from _json_lines(files, EPISODES_V2, problems)


def _json_lines(files: DatasetFiles, path: str, problems: list[tuple[str, str]]) -> Iterable[dict[str, object]]:
    try:
        with files.open(path) as file:
            for number, line, _ in read_lines(file):
                try:
                    value = parse_json(line) if line and line.strip() else None
                except NotJson:
                    problems.append((path, f"line {number} is not JSON"))
                    continue
                if isinstance(value, dict):
                    yield value
    except FileNotFoundError:
        problems.append((path, "is not here"))
    except OSError as error:
        problems.append((path, f"cannot be read ({describe(error)})"))


def _indices_in_data(files: DatasetFiles) -> set[int]:
    """The episodes that the data files hold, by their names or else by their rows."""
    paths = files.walk("data", ".parquet")
    named = {int(found[1]) for path in paths if (found := EPISODE_FILE.search(path))}
    return named | _episodes_in(files, [path for path in paths if not EPISODE_FILE.search(path)])


def _tasks(files: DatasetFiles, problems: list[tuple[str, str]]) -> dict[int, str]:
    if files.state(TASKS_V3) is None:
        quiet: list[tuple[str, str]] = []
        rows = list(_json_lines(files, TASKS_V2, quiet))
    else:
        rows = _task_table(files, problems)
    texts = ((row.get("task_index"), _text_of(row)) for row in rows)
    return {index: text[:MAX_TEXT] for index, text in texts if type(index) is int and text}


def _task_table(files: DatasetFiles, problems: list[tuple[str, str]]) -> list[dict[str, object]]:
    try:
        with open_table(files, TASKS_V3) as table:
            columns = read_columns(table, table.schema_arrow.names)
            values = [column.to_pylist() for column in columns.values()]
    except BadTable as problem:
        problems.append((TASKS_V3, str(problem)))
        return []
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _text_of(row: Mapping[str, object]) -> str:
    """The task in a row: in the column "task", or in the one that pandas made of an index without a name."""
    task = row.get("task")
    return task if isinstance(task, str) else next((one for one in row.values() if isinstance(one, str)), "")


def _seconds(value: object) -> float | None:
    return float(value) if type(value) in (int, float) and 0 <= value < 1e9 else None
