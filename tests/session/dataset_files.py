"""Small LeRobotDatasets for tests: every picture tells its episode and frame, every action as well."""

import io
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

FPS = 30
SIZE = (64, 48)  # width, height
JOINTS = ["shoulder.pos", "elbow.pos", "gripper.pos"]
TASK = "Put the cube into the box"


def shade(episode: int, frame: int) -> tuple[int, int]:
    """Grey levels of the left and the right half of a picture; 8 levels apart, so that every codec keeps them."""
    return 16 + 8 * (frame % 27), 24 + 40 * (episode % 6)


def picture(episode: int, frame: int, camera: int = 0) -> Image.Image:
    """The picture of a frame; that of another camera is upside down, with a white line on top."""
    pixels = np.zeros((SIZE[1], SIZE[0], 3), dtype=np.uint8)
    left, right = shade(episode, frame)
    pixels[:, : SIZE[0] // 2], pixels[:, SIZE[0] // 2 :] = left, right
    if camera:
        pixels[:16] = 255
    return Image.fromarray(pixels)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def frame_shown(image: Image.Image) -> tuple[int, int]:
    """Episode and frame that a picture tells, up to 6 episodes and 27 frames."""
    pixels = np.asarray(image.convert("L")).astype(float)
    left, right = pixels[20:-4, 4:28].mean(), pixels[20:-4, 36:60].mean()
    return round((right - 24) / 40), round((left - 16) / 8)


def write_video(
    path: Path, frames: Sequence[Image.Image], codec: str = "mpeg4", gop: int = 12, fps: int = FPS, **options: str
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=fps, options=options or None)
        stream.width, stream.height, stream.pix_fmt = *frames[0].size, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.bit_rate = gop, 4_000_000
        stream.codec_context.time_base = Fraction(1, fps)
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode(None))


def decoded(path: Path) -> list[Image.Image]:
    """All pictures of a video, decoded from its beginning to its end."""
    with av.open(str(path)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def actions_of(episode: int, length: int) -> np.ndarray:
    frames = np.arange(length, dtype=np.float32)
    return np.stack((frames, frames + 100 * episode, -frames), axis=1)


def states_of(episode: int, length: int) -> np.ndarray:
    """Each state is two less than the action."""
    return actions_of(episode, length) - 2


def columns_of(episode: int, length: int, first: int) -> dict[str, pa.Array]:
    def vectors(values: np.ndarray) -> pa.Array:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.astype(np.float32).ravel()), values.shape[1])

    return {
        "action": vectors(actions_of(episode, length)),
        "observation.state": vectors(states_of(episode, length)),
        "timestamp": pa.array(np.arange(length, dtype=np.float32) / FPS),
        "frame_index": pa.array(np.arange(length)),
        "episode_index": pa.array(np.full(length, episode)),
        "index": pa.array(np.arange(first, first + length)),
        "task_index": pa.array(np.zeros(length, dtype=np.int64)),
    }


def info_of(version: str, cameras: dict[str, str], lengths: Sequence[int], **changes: object) -> dict[str, object]:
    vector = {"dtype": "float32", "shape": [3], "names": JOINTS}
    pictures = {
        f"observation.images.{name}": {"dtype": kind, "shape": [SIZE[1], SIZE[0], 3], "names": ["height", "width", "c"]}
        for name, kind in cameras.items()
    }
    content = {
        "codebase_version": version,
        "robot_type": "so101_follower",
        "fps": FPS,
        "total_episodes": len(lengths),
        "total_frames": sum(lengths),
        "chunks_size": 1000,
        "features": {"action": vector, "observation.state": vector, **pictures},
    }
    return content | changes


def write_table(path: Path, columns: dict[str, pa.Array] | list[dict[str, pa.Array]], by_episode: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [pa.table(one) for one in (columns if isinstance(columns, list) else [columns])]
    with pq.ParquetWriter(path, parts[0].schema) as writer:
        for part in parts if by_episode else [pa.concat_tables(parts)]:
            writer.write_table(part)


def picture_column(episode: int, length: int, camera: int) -> pa.Array:
    entries = [{"bytes": png(picture(episode, frame, camera)), "path": f"{frame}.png"} for frame in range(length)]
    return pa.array(entries, type=pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def write_v3(
    folder: Path,
    lengths: Sequence[int] = (7, 5, 9),
    cameras: dict[str, str] | None = None,
    by_episode: bool = True,
    codec: str = "mpeg4",
    gop: int = 12,
    **changes: object,
) -> Path:
    """A dataset of version 3.0: all episodes in one table, and in one video a camera."""
    cameras = {"front": "video"} if cameras is None else cameras
    write_json(folder / "meta" / "info.json", info_of("v3.0", cameras, lengths, **changes))
    starts = np.concatenate(([0], np.cumsum(lengths))).tolist()
    tables, rows = [], {"episode_index": [], "length": [], "tasks": [], "data/chunk_index": [], "data/file_index": []}
    for episode, length in enumerate(lengths):
        table = columns_of(episode, length, starts[episode])
        row = {"episode_index": episode, "length": length, "tasks": [TASK], "data/chunk_index": 0, "data/file_index": 0}
        for number, (name, kind) in enumerate(cameras.items()):
            key = f"observation.images.{name}"
            if kind == "image":
                table[key] = picture_column(episode, length, number)
            else:
                row |= {f"videos/{key}/chunk_index": 0, f"videos/{key}/file_index": number + 1}
                row[f"videos/{key}/from_timestamp"] = starts[episode] / FPS
                row[f"videos/{key}/to_timestamp"] = starts[episode + 1] / FPS
        tables.append(table)
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    write_table(folder / "data" / "chunk-000" / "file-000.parquet", tables, by_episode)
    write_table(
        folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet", {k: pa.array(v) for k, v in rows.items()}
    )
    tasks = {"task_index": pa.array([0]), "__index_level_0__": pa.array([TASK])}
    write_table(folder / "meta" / "tasks.parquet", tasks)
    for number, (name, kind) in enumerate(cameras.items()):
        if kind == "video":
            frames = [picture(e, f, number) for e, length in enumerate(lengths) for f in range(length)]
            path = folder / "videos" / f"observation.images.{name}" / "chunk-000" / f"file-{number + 1:03d}.mp4"
            write_video(path, frames, codec, gop)
    return folder


def write_v2(
    folder: Path,
    lengths: Sequence[int] = (7, 5, 9),
    cameras: dict[str, str] | None = None,
    version: str = "v2.1",
    **changes: object,
) -> Path:
    """A dataset of version 2: a table for each episode, and a video for each of its cameras."""
    cameras = {"front": "video"} if cameras is None else cameras
    write_json(folder / "meta" / "info.json", info_of(version, cameras, lengths, **changes))
    starts = np.concatenate(([0], np.cumsum(lengths))).tolist()
    lines = []
    for episode, length in enumerate(lengths):
        table = columns_of(episode, length, starts[episode])
        for number, (name, kind) in enumerate(cameras.items()):
            key = f"observation.images.{name}"
            if kind == "image":
                table[key] = picture_column(episode, length, number)
            else:
                path = folder / "videos" / "chunk-000" / key / f"episode_{episode:06d}.mp4"
                write_video(path, [picture(episode, frame, number) for frame in range(length)])
        write_table(folder / "data" / "chunk-000" / f"episode_{episode:06d}.parquet", table)
        lines.append({"episode_index": episode, "tasks": [TASK], "length": length})
    write_lines(folder / "meta" / "episodes.jsonl", lines)
    write_lines(folder / "meta" / "tasks.jsonl", [{"task_index": 0, "task": TASK}])
    return folder


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_lines(path: Path, lines: list[object]) -> None:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def change_info(folder: Path, **changes: object) -> None:
    path = folder / "meta" / "info.json"
    write_json(path, json.loads(path.read_text()) | changes)


def change_episodes(folder: Path, episode: int, **changes: object) -> None:
    """Change values of an episode in the metadata of version 3, by the ends of their names."""
    path = folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    rows = pq.ParquetFile(path).read().to_pylist()
    for end, value in changes.items():
        rows[episode] |= {name: value for name in rows[episode] if name.endswith(end)}
    pq.write_table(pa.Table.from_pylist(rows), path)
