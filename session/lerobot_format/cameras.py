"""The cameras of a dataset, and the pictures of one for the rows of an episode."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from session.lerobot_format.catalogue import Catalogue, Episode, VideoPart
from session.lerobot_format.info import IMAGE, VIDEO, Feature
from session.lerobot_format.pictures import FilePictures, GreyPictures, RowPictures, TablePictures, VideoPictures
from session.lerobot_format.rows import EpisodeRows
from session.lerobot_format.templates import IMAGE_V2, IMAGE_V3, fill
from session.lerobot_format.video import BadVideo, Video, VideoIndex, find_video
from session.skipped import SkippedLog

PREFERRED = ("front", "top", "base", "main", "high", "head")
BEGINNINGS = ("observation.images.", "observation.image.", "observation.")
UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
MAX_NAME = 60
ROUNDING = 1e-6  # seconds: of two equally near frames the earlier one
HALF = 0.5  # of the time between two frames: no picture further away belongs to a row


@dataclass(frozen=True)
class Camera:
    """A camera: ``name`` as it is chosen, ``key`` of its feature."""

    name: str
    key: str
    feature: Feature


@dataclass(frozen=True, eq=False)
class RowsSeen:
    """Pictures of R rows; ``has_picture`` bool (R,); ``notes`` on how they were found; ``state`` of their file.

    ``is_absent``: there are none at all, and ``pictures`` are grey.
    """

    pictures: RowPictures
    has_picture: np.ndarray
    state: object = None
    notes: tuple[str, ...] = ()
    is_absent: bool = False


def cameras_of(features: dict[str, Feature]) -> tuple[Camera, ...]:
    """All cameras, the usual one first: pictures of depth come last, and those in files that cannot be shown not."""
    found: dict[str, Camera] = {}
    for key, feature in features.items():
        if not feature.is_picture or (feature.is_depth and feature.dtype == IMAGE):
            continue
        short = next((key.removeprefix(one) for one in BEGINNINGS if key.startswith(one)), key)
        name = UNSAFE.sub("_", short)[:MAX_NAME].lstrip(".-") or "camera"
        name = name if name not in found else f"{name}_{len(found)}"
        found[name] = Camera(name, key, feature)
    return tuple(sorted(found.values(), key=_rank))


def _rank(camera: Camera) -> tuple[bool, int]:
    words = [place for place, word in enumerate(PREFERRED) if word in camera.name.lower()]
    return camera.feature.is_depth, min(words, default=len(PREFERRED))


def pictures_of(catalogue: Catalogue, episode: Episode, camera: Camera, rows: EpisodeRows, log: SkippedLog) -> RowsSeen:
    """The pictures that a camera took at the rows of an episode; what is lost is logged."""
    if camera.feature.dtype == VIDEO:
        seen = _from_video(catalogue, episode, camera, rows, log)
        return seen if not seen.is_absent else _from_files(catalogue, episode, camera, rows) or seen
    if camera.key in rows.columns:
        folder = fill(_image_template(catalogue), {"image_key": camera.key, "episode_index": episode.index})
        pictures = TablePictures(catalogue.files, rows.path, camera.key, rows.first, rows.order, folder)
        return RowsSeen(pictures, np.ones(len(rows), dtype=bool), catalogue.files.state(rows.path))
    found = _from_files(catalogue, episode, camera, rows)
    return found or _absent(rows, f"camera {camera.name}", "has no pictures in the data file", log)


def no_pictures(rows: EpisodeRows) -> RowsSeen:
    """Grey pictures, for a dataset without a camera."""
    note = "This dataset has no camera: grey pictures stand for its frames."
    return RowsSeen(GreyPictures(), np.ones(len(rows), dtype=bool), None, (note,), is_absent=True)


def _absent(rows: EpisodeRows, file: str, reason: str, log: SkippedLog) -> RowsSeen:
    log.add(file, None, reason)
    note = f"There are no pictures of this camera ({file} {reason}): grey ones stand for the frames."
    return RowsSeen(GreyPictures(), np.ones(len(rows), dtype=bool), None, (note,), is_absent=True)


def _image_template(catalogue: Catalogue) -> str:
    return IMAGE_V3 if catalogue.info.major == 3 else IMAGE_V2


def _from_files(catalogue: Catalogue, episode: Episode, camera: Camera, rows: EpisodeRows) -> RowsSeen | None:
    """Picture files that were not made into a video or put into the table; None if there are none."""
    folder = fill(_image_template(catalogue), {"image_key": camera.key, "episode_index": episode.index})
    files = {_number(path): path for path in catalogue.files.walk(folder, ".png")}
    if not files:
        return None
    paths = tuple(files.get(number, "") for number in rows.numbers.tolist())
    note = "The pictures are single files: they were not made into a video."
    return RowsSeen(
        FilePictures(catalogue.files, paths), np.array([bool(path) for path in paths], dtype=bool), None, (note,)
    )


def _number(path: str) -> int:
    digits = re.findall(r"\d+", path.rpartition("/")[2].rpartition(".")[0])
    return int(digits[-1][-12:]) if digits else -1


def _from_video(catalogue: Catalogue, episode: Episode, camera: Camera, rows: EpisodeRows, log: SkippedLog) -> RowsSeen:
    part = catalogue.video_part(episode, camera.key)
    if part is None:
        return _absent(rows, f"camera {camera.name}", "has no video by the metadata of this episode", log)
    notes: list[str] = []
    try:
        video = find_video(catalogue.files, part.path)
    except BadVideo as problem:
        other = _second_look(catalogue, episode, camera, part)
        if other is None:
            return _absent(rows, part.path, str(problem), log)
        video, part = other, VideoPart(other.path, part.begin, part.end)
        notes.append(f"The video was found as {video.path}, which is not where the metadata says.")
    try:
        index = video.index
    except BadVideo as problem:
        return _absent(rows, part.path, str(problem), log)
    following = catalogue.following(episode, camera.key)
    limit = part.end if part.end is not None else following
    if following is not None and limit is not None and following < limit - HALF / catalogue.info.fps:
        log.add(part.path, None, "another episode begins within this part, by the metadata: pictures may be its own")
    places, has_picture = _places(catalogue.info.fps, part, limit, rows, index, notes, log)
    return RowsSeen(VideoPictures(video, places), has_picture, video.state, tuple(notes))


def _places(
    fps: float,
    part: VideoPart,
    limit: float | None,
    rows: EpisodeRows,
    index: VideoIndex,
    notes: list[str],
    log: SkippedLog,
) -> tuple[np.ndarray, np.ndarray]:
    """The place in the video of each row's picture, int64 (R,), and where there is one, bool (R,)."""
    count, numbers = len(index.pts), rows.numbers
    places = round(part.begin * fps) + numbers
    inside = places < count
    offsets = np.abs(index.times[places[inside]] - places[inside] / fps)
    if inside.any() and offsets.max() > HALF / fps:
        wanted = part.begin + numbers / fps
        places, gap = _nearest(index, wanted)
        inside = gap <= HALF * max(1 / fps, 1 / index.rate if index.rate else 0.0) + ROUNDING
        notes.append(
            f"The video runs at {index.rate:.4g} frames a second, the rows at {fps:g}: each row shows the frame "
            "nearest to its time."
        )
    if limit is not None:
        inside &= numbers < round((limit - part.begin) * fps)
    lost = int((~inside).sum())
    if lost:
        own = count - round(part.begin * fps) if limit is None else round((limit - part.begin) * fps)
        frames = max(0, min(own, count - round(part.begin * fps)))
        log.add(part.path, None, f"holds {frames} frames for {len(rows)} rows; {lost} rows have no picture")
    elif limit is None and len(numbers) and part.begin == 0 and count > places.max() + 1:
        notes.append(f"The video holds {count} frames for {len(rows)} rows; those after the last row are not shown.")
    if index.problem:
        log.add(part.path, None, f"{index.problem} after frame {count - 1}")
    return np.minimum(places, count - 1), inside


def _nearest(index: VideoIndex, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frames nearest to these times, and how far they are in seconds."""
    times = index.times
    after = np.clip(np.searchsorted(times, wanted), 1, max(1, len(times) - 1))
    after = np.minimum(after, len(times) - 1)
    before = np.maximum(after - 1, 0)
    places = np.where(np.abs(times[before] - wanted) <= np.abs(times[after] - wanted) + ROUNDING, before, after)
    return places, np.abs(times[places] - wanted)


def _second_look(catalogue: Catalogue, episode: Episode, camera: Camera, part: VideoPart) -> Video | None:
    """A video of the same camera and the same number elsewhere below videos/, for single-episode files only: of a
    file that holds several, another one would show other episodes."""
    if part.end is not None:
        return None
    short = camera.key.rpartition(".")[2]
    for path in _named(catalogue.files.walk("videos", ".mp4"), (camera.key, short), episode.index):
        try:
            return find_video(catalogue.files, path)
        except BadVideo:
            continue
    return None


def _named(paths: Sequence[str], keys: tuple[str, ...], index: int) -> list[str]:
    return [path for path in paths if _number(path) == index and any(key in path.split("/") for key in keys)]
