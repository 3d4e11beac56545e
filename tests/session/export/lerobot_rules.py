"""The rules of a LeRobotDataset 3.0, checked with libraries alone: what LeRobot's loader reads, and where it raises.

None of it uses the writer or the reader of this project.
"""

import json
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

TOLERANCE_S = 1e-4
STATS = {"min", "max", "mean", "std", "count", "q01", "q10", "q50", "q90", "q99"}
DEFAULT_FEATURES = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}


def check_dataset(folder: Path) -> dict:
    """Assert that a dataset keeps all rules; returns its info.json."""
    info = json.loads((folder / "meta" / "info.json").read_text())
    check_info(info)
    episodes = pd.concat(pd.read_parquet(path) for path in sorted((folder / "meta" / "episodes").glob("*/*.parquet")))
    tasks = pd.read_parquet(folder / "meta" / "tasks.parquet")
    assert list(tasks.columns) == ["task_index"] and tasks.index.tolist() and len(tasks) == info["total_tasks"]
    assert episodes.episode_index.tolist() == list(range(info["total_episodes"]))
    bounds = np.concatenate(([0], np.cumsum(episodes.length))).tolist()
    assert episodes.dataset_from_index.tolist() == bounds[:-1] and episodes.dataset_to_index.tolist() == bounds[1:]
    assert bounds[-1] == info["total_frames"]
    check_data(folder, info, episodes, tasks)
    check_stats(folder, info, episodes)
    for key, feature in info["features"].items():
        if feature["dtype"] == "video":
            check_videos(folder, info, episodes, key)
    return info


def check_info(info: dict) -> None:
    assert info["codebase_version"] == "v3.0" and type(info["fps"]) is int and info["fps"] > 0
    assert info["splits"] == {"train": f"0:{info['total_episodes']}"}
    assert info["data_path"] == "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    assert info["video_path"] == "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    for name, dtype in DEFAULT_FEATURES.items():
        assert info["features"][name] == {"dtype": dtype, "shape": [1], "names": None}
    for name, feature in info["features"].items():
        assert "/" not in name and set(feature) >= {"dtype", "shape", "names"}
        if feature["names"] and feature["dtype"] != "video":
            assert len(feature["names"]) == feature["shape"][0]


def check_data(folder: Path, info: dict, episodes: pd.DataFrame, tasks: pd.DataFrame) -> None:
    paths = sorted((folder / "data").glob("*/*.parquet"))
    kinds = {"float32": pa.float32(), "int64": pa.int64()}
    columns = {name: one for name, one in info["features"].items() if one["dtype"] != "video"}
    for path in paths:
        schema = pq.ParquetFile(path).schema_arrow
        assert set(schema.names) == set(columns)
        for name, feature in columns.items():
            kind, width = kinds[feature["dtype"]], feature["shape"][0]
            assert schema.field(name).type == (kind if width == 1 else pa.list_(kind, width))
    rows = pd.concat(pd.read_parquet(path).assign(path=path) for path in paths)
    assert rows["index"].tolist() == list(range(info["total_frames"]))
    assert (rows.timestamp == (rows.frame_index / info["fps"]).astype(np.float32)).all()
    steps = np.diff(rows.timestamp)[np.diff(rows.episode_index) == 0]
    assert (np.abs(steps - 1 / info["fps"]) < TOLERANCE_S).all()
    for episode in episodes.to_dict("records"):
        own = rows[rows.episode_index == episode["episode_index"]]
        assert own.frame_index.tolist() == list(range(episode["length"]))
        name = {"chunk_index": episode["data/chunk_index"], "file_index": episode["data/file_index"]}
        assert set(own.path) == {folder / info["data_path"].format(**name)}
        assert own["index"].iloc[0] == episode["dataset_from_index"]
        assert {tasks.index[tasks.task_index == one][0] for one in own.task_index} == set(episode["tasks"])


def check_stats(folder: Path, info: dict, episodes: pd.DataFrame) -> None:
    stats = json.loads((folder / "meta" / "stats.json").read_text())
    assert set(stats) == set(info["features"])
    for name, feature in info["features"].items():
        shape = (3, 1, 1) if feature["dtype"] == "video" else tuple(feature["shape"])
        assert set(stats[name]) == STATS
        for kind in STATS:
            expected = (1,) if kind == "count" else shape
            every = [stats[name][kind], *(nested(one) for one in episodes[f"stats/{name}/{kind}"])]
            assert {np.shape(one) for one in every} == {expected}, (name, kind)
            assert all(np.isfinite(one).all() for one in every)
    assert stats["action"]["count"] == [info["total_frames"]]


def nested(value: object) -> object:
    """Nested arrays, as pandas reads lists of lists, as lists."""
    return [nested(one) for one in value] if isinstance(value, np.ndarray) else value


def check_videos(folder: Path, info: dict, episodes: pd.DataFrame, key: str) -> None:
    fps, ends = info["fps"], {}
    for episode in episodes.to_dict("records"):
        name = {part: episode[f"videos/{key}/{part}"] for part in ("chunk_index", "file_index")}
        path = folder / info["video_path"].format(video_key=key, **name)
        begin, end = (episode[f"videos/{key}/{part}_timestamp"] for part in ("from", "to"))
        assert begin == ends.get(path, 0.0) and abs(end - begin - episode["length"] / fps) < TOLERANCE_S
        ends[path] = end
        times, keys = times_of(path, info["features"][key], fps)
        wanted = begin + (np.arange(episode["length"]) / fps).astype(np.float32)
        gaps = np.abs(times[None] - wanted[:, None])
        assert (gaps.min(axis=1) < TOLERANCE_S).all()
        # By number, as torchcodec finds them, whose rate is that of the file.
        assert (gaps.argmin(axis=1) == np.round(wanted * fps)).all()
        first = round(begin * fps)
        assert keys[first] and all(keys[at] or keys[at + 1] for at in range(len(keys) - 1))
    for path, end in ends.items():
        assert len(times_of(path, info["features"][key], fps)[0]) == round(end * fps)


def times_of(path: Path, feature: dict, fps: int) -> tuple[np.ndarray, list[bool]]:
    """Seconds of all frames of a video, and which of them are keyframes."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        described = {
            "video.height": stream.height,
            "video.width": stream.width,
            "video.codec": stream.codec.canonical_name,
            "video.pix_fmt": stream.pix_fmt,
            "video.fps": int(stream.average_rate),
        }
        assert feature["shape"] == [stream.height, stream.width, 3] and stream.average_rate == fps
        assert {name: feature["info"][name] for name in described} == described
        frames = [(float(frame.pts * frame.time_base), frame.key_frame) for frame in container.decode(stream)]
    return np.array([time for time, _ in frames]), [is_key for _, is_key in frames]
