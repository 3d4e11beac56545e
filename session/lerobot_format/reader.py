"""Listing and opening the episodes of a dataset."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from session.errors import DatasetUnreadable, SessionError, SessionNotFound
from session.formats.place import Place
from session.formats.reading import CHANGE, TARGET, Choices, Reading, choose
from session.formats.rows import Strides, frozen, link_rows, stride_rows
from session.lerobot_format.actions import ActionColumns, action_columns, channels_of, step_actions, wanted_columns
from session.lerobot_format.cameras import Camera, RowsSeen, cameras_of, no_pictures, pictures_of
from session.lerobot_format.catalogue import (
    Catalogue,
    Episode,
    episode_number,
    episodes_here,
    read_catalogue,
    single_file,
)
from session.lerobot_format.dataset_files import DatasetFiles
from session.lerobot_format.info import VIDEO
from session.lerobot_format.libraries import require_installed
from session.lerobot_format.pictures import RowFrames
from session.lerobot_format.rows import TASK, EpisodeRows, read_rows
from session.recording import RecordedSession
from session.robots.actions import MAX_CHANNELS
from session.robots.continuous import recorded_candidates
from session.robots.detection import unregistered_name
from session.robots.profiles import ActionChannel, RobotProfile
from session.skipped import SkippedLog
from session.summary import SessionSummary

NO_EPISODES = "None of its episodes is here: put their files into data/, or fetch them."
MAX_TASKS = 5
ACTION_TEXTS = {
    TARGET: "the last target before the next frame",
    CHANGE: "the last target before the next frame, minus the state at the frame",
}


def is_recording(folder: Path) -> bool:
    """True if ``folder`` is a dataset, as it was recorded or as the Hugging Face cache keeps it."""
    return "\0" not in str(folder) and DatasetFiles(folder).is_dataset


def has_member(folder: Path, name: str) -> bool:
    """True for the name of an episode; raises SessionError if none of them can be opened."""
    require_installed()
    catalogue = read_catalogue(DatasetFiles(folder))
    index = episode_number(name)
    return index is not None and index in catalogue.episodes


def summarize(folder: Path, session_id: str) -> Sequence[SessionSummary]:
    """A line for each episode that is here, or one line with the reason why there are none; raises OSError."""
    try:
        require_installed()
        catalogue = read_catalogue(DatasetFiles(folder))
        episodes = episodes_here(catalogue)
        if not episodes:
            raise DatasetUnreadable(NO_EPISODES)
    except SessionError as problem:
        return (SessionSummary.of_unreadable(session_id, str(problem)),)
    name, title = unregistered_name(catalogue.info.robot_type)
    fps, dataset = catalogue.info.fps, folder.name
    readings = ((_changes_of(name), str(Reading(action=CHANGE))),) if all(wanted_columns(catalogue)) else ()
    return [
        SessionSummary(
            session_id=f"{session_id}/{one.name}",
            name=f"{dataset}/{one.name}",
            robot=name,
            robot_title=title,
            start_time=None,
            total_events=None,
            duration_s=None if one.length is None else one.length / fps,
            is_finished=True,
            is_being_recorded=False,
            readings=readings,
            task=" · ".join(one.tasks),
        )
        for one in episodes
    ]


def _changes_of(robot: str) -> str:
    """The name of a robot whose actions are changes."""
    return f"{robot}_change"


def fingerprint(place: Place) -> object:
    """A value for the state of the metadata, of the episode's data file and of its videos; raises SessionError."""
    catalogue, episode = find_episode(place)
    files = catalogue.files
    paths = [episode.data_path, single_file(catalogue.info, episode.index)]
    for name, feature in catalogue.info.features.items():
        part = catalogue.video_part(episode, name) if feature.dtype == VIDEO else None
        paths += [part.path] if part else []
    return catalogue.state, tuple(files.state(path) for path in paths)


def load(place: Place) -> RecordedSession:
    """Read an episode in an absolute path; raises SessionError for another reading, and OSError."""
    catalogue, episode = find_episode(place)
    log = SkippedLog()
    for path, reason in catalogue.problems:
        log.add(path, None, reason)
    actions, states = wanted_columns(catalogue)
    rows = read_rows(catalogue, episode, [*actions, *states], log)
    columns = action_columns(catalogue, rows)
    cameras = cameras_of(catalogue.info.features)
    choices = _choices(place.reading, catalogue, cameras, columns.kinds)
    seen, choices = _pictures(catalogue, episode, cameras, choices, place.reading, rows, log)
    return _session(place, catalogue, episode, rows, columns, seen, choices, log)


def find_episode(place: Place) -> tuple[Catalogue, Episode]:
    """The episode at a place, and its dataset; raises SessionError."""
    catalogue = read_catalogue(DatasetFiles(place.folder))
    index = episode_number(place.member)
    if index is None or index not in catalogue.episodes:
        raise SessionNotFound
    return catalogue, catalogue.episodes[index]


def _choices(asked: Reading, catalogue: Catalogue, cameras: tuple[Camera, ...], kinds: tuple[str, ...]) -> Choices:
    return choose(asked, catalogue.info.fps, tuple(camera.name for camera in cameras), kinds)


def _pictures(
    catalogue: Catalogue,
    episode: Episode,
    cameras: tuple[Camera, ...],
    choices: Choices,
    asked: Reading,
    rows: EpisodeRows,
    log: SkippedLog,
) -> tuple[RowsSeen, Choices]:
    """The pictures of the chosen camera; if none was chosen, of the first one that has any."""
    by_name = {camera.name: camera for camera in cameras}
    wanted = [choices.current.camera] if asked.camera or not cameras else list(by_name)
    first: RowsSeen | None = None
    for name in wanted if cameras else ():
        seen = pictures_of(catalogue, episode, by_name[name], rows, log)
        if not seen.is_absent:
            usual, current = (replace(one, camera=name) for one in (choices.usual, choices.current))
            return seen, choices if asked.camera else replace(choices, usual=usual, current=current)
        first = first or seen
    return first or no_pictures(rows), choices


def _session(
    place: Place,
    catalogue: Catalogue,
    episode: Episode,
    rows: EpisodeRows,
    columns: ActionColumns,
    seen: RowsSeen,
    choices: Choices,
    log: SkippedLog,
) -> RecordedSession:
    current, fps = choices.current, catalogue.info.fps
    strides = stride_rows(rows.numbers, current.stride, current.offset)
    actions = step_actions(columns, rows, strides, current.action)
    profile = _profile(catalogue, columns, choices, actions)
    is_usable = _log_bad_actions(columns, rows, strides, actions, log)
    has_picture = seen.has_picture[strides.rows]
    events = link_rows(strides, has_picture, is_usable)
    shown = strides.rows[has_picture]
    kept = frozen(actions[is_usable].astype(np.float32)) if columns.names else np.zeros((0, 0), np.float32)
    candidates = recorded_candidates(profile, kept)
    return RecordedSession(
        folder=place.path,
        profile=profile,
        robot_type=catalogue.info.robot_type,
        start_time=None,
        end_time=None,
        is_finished=True,
        utc_offset_s=0.0,
        steps=events.steps,
        times=frozen(rows.numbers[shown] / fps),
        frames=RowFrames(seen.pictures, tuple(shown.tolist()), tuple(map(seen.pictures.name, shown.tolist()))),
        actions=kept,
        action_steps=events.action_steps,
        action_times=frozen(rows.numbers[strides.begins[is_usable]] / fps),
        candidate_actions=frozen(candidates.actions),
        is_continuous=candidates.is_continuous,
        links=events.links,
        skipped_log=log,
        pictures_digest=zlib.crc32(repr((seen.state, current)).encode()),
        notes=tuple(_notes(catalogue, rows, columns, seen, choices)),
        choices=choices,
        task=" · ".join(_tasks(catalogue, episode, rows)),
        details=tuple(_details(catalogue, columns, choices)),
        rows=frozen(rows.numbers[shown]),
    )


def _profile(catalogue: Catalogue, columns: ActionColumns, choices: Choices, actions: np.ndarray) -> RobotProfile:
    """The robot, with a name of its own where its actions are of another kind than usual."""
    kind = choices.current.action
    name, title = unregistered_name(catalogue.info.robot_type)
    if kind == CHANGE:
        name, title = _changes_of(name), f"{title}, changes"
    channels: tuple[ActionChannel, ...] = ()
    if columns.names:
        channels = channels_of(catalogue, columns, kind, choices.current.stride, actions)
    return RobotProfile(name, title, channels)


def _log_bad_actions(
    columns: ActionColumns, rows: EpisodeRows, strides: Strides, actions: np.ndarray, log: SkippedLog
) -> np.ndarray:
    """Log the actions that hold something else than numbers; returns the usable ones, bool (M,)."""
    if not columns.names:
        return np.zeros(len(strides.before), dtype=bool)
    is_number = np.isfinite(actions)
    for step in np.flatnonzero(~is_number.all(axis=1)).tolist():
        channel = columns.names[int(np.argmin(is_number[step]))]
        number = rows.numbers[strides.begins[step]]
        log.add(rows.path, None, f"the action after frame_index {number}: {channel} is not a usable number")
    return is_number.all(axis=1)


def _notes(
    catalogue: Catalogue, rows: EpisodeRows, columns: ActionColumns, seen: RowsSeen, choices: Choices
) -> Iterator[str]:
    """Sentences on what was read in another way than usual."""
    yield from catalogue.info.notes
    yield from seen.notes
    if choices.cameras and choices.usual.camera != choices.cameras[0]:
        yield f"The camera is {choices.current.camera}: {choices.cameras[0]} has no pictures here."
    width = sum(values.shape[1] for name, values in rows.values.items() if name in columns.actions)
    if width > MAX_CHANNELS:
        yield f"Of {width} action channels the first {MAX_CHANNELS} are used."


def _details(catalogue: Catalogue, columns: ActionColumns, choices: Choices) -> Iterator[tuple[str, str]]:
    """Facts on the dataset, and on how it is read."""
    count, missing = len(catalogue.episodes), len(catalogue.episodes) - len(episodes_here(catalogue))
    yield "Dataset", f"{count:,} episodes" + (f", {missing:,} of them not downloaded" if missing else "")
    stride, fps = choices.current.stride, catalogue.info.fps
    if stride == 1:
        yield "Frames", f"every row, {fps:g} a second"
    else:
        yield "Frames", f"one of {stride} rows, {fps / stride:.3g} of {fps:g} a second"
    if columns.names:
        yield "Actions", ACTION_TEXTS[choices.current.action]


def _tasks(catalogue: Catalogue, episode: Episode, rows: EpisodeRows) -> list[str]:
    """The tasks of an episode: those that its rows name, or else those of the metadata."""
    indices = rows.values[TASK][:, 0].tolist() if TASK in rows.values else []
    named = [catalogue.tasks[index] for index in dict.fromkeys(map(int, indices)) if index in catalogue.tasks]
    tasks = list(dict.fromkeys(named)) or list(episode.tasks)
    return tasks if len(tasks) <= MAX_TASKS else [*tasks[:MAX_TASKS], f"and {len(tasks) - MAX_TASKS} more"]
