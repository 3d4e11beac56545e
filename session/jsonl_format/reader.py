"""Reading a recording in the JSON-lines format: all valid parts, and a log of the others."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from session.files import open_folder
from session.formats.place import Place
from session.formats.rows import frozen
from session.frames import check_frames
from session.history import ACTION, OBSERVATION, link_events
from session.jsonl_format.events import EventColumns, read_events
from session.jsonl_format.local_time import infer_utc_offset, time_in_name
from session.jsonl_format.lock import is_being_recorded
from session.jsonl_format.metadata import META_FILE, Metadata, read_metadata
from session.jsonl_format.shards import find_shards
from session.jsonl_format.source import FrameFiles
from session.jsonl_format.times import clock_settings, in_seconds
from session.recording import RecordedSession
from session.robots.actions import MAX_CANDIDATES
from session.robots.continuous import Candidates, recorded_candidates
from session.robots.detection import detect_robot
from session.robots.profiles import RobotProfile
from session.robots.registry import simulated_profile, standard_actions
from session.robots.simulator import SimulatorEntry
from session.skipped import SkippedLog
from session.summary import SessionSummary

MAX_NAMED = 3
EARLIEST = datetime(2000, 1, 1)  # machines without a clock begin before, most at 1970


def load(place: Place) -> RecordedSession:
    """Read the session in an absolute path; raises OSError if it cannot be opened."""
    with open_folder(place.folder) as opened:
        return _read(place.folder, opened)


def summarize(folder: Path, session_id: str) -> tuple[SessionSummary]:
    """The summary of the session in ``folder`` by its metadata alone; raises OSError if it cannot be opened."""
    with open_folder(folder) as opened:
        metadata = read_metadata(opened, SkippedLog())
    robot = _robot(metadata, (), np.zeros((0, 0)), folder.parent.name)
    summary = SessionSummary(
        session_id=session_id,
        name=folder.name,
        robot=robot.name,
        robot_title=robot.title,
        start_time=metadata.start_time or time_in_name(folder.name),
        total_events=metadata.total_steps if metadata.is_finished else None,
        duration_s=_duration(metadata),
        is_finished=metadata.is_finished,
        is_being_recorded=is_being_recorded(folder),
    )
    return (summary,)


def _robot(metadata: Metadata, channels: Sequence[str], values: np.ndarray, folder_name: str) -> RobotProfile:
    """The profile of the robot; if the recording states its channels, they do not follow from recorded actions."""
    actions = metadata.action_space
    if metadata.channels:
        actions, channels, values = metadata.channel_ends, (), np.zeros((0, 0))
    return detect_robot(metadata.robot_type, actions, channels, values, folder_name, metadata.ranges)


def _duration(metadata: Metadata) -> float | None:
    """Seconds, or None if they are not known, also because the clock was set from the past meanwhile, or back."""
    length = _length(metadata)
    if length is None or length < timedelta(0) or metadata.start_time < EARLIEST <= metadata.end_time:
        return None
    return length.total_seconds()


def _read(path: Path, folder: int) -> RecordedSession:
    log = SkippedLog()
    metadata = read_metadata(folder, log)
    events = read_events(folder, find_shards(folder, metadata.total_shards, log), log)
    _log_lost_end(metadata, events, log)
    usual_channels, usual_values = events.actions.usual_channels()
    profile = _robot(metadata, usual_channels, usual_values, path.parent.name)
    constants = _missing_constants(profile, events.actions.channels)
    actions, bad_actions = events.actions.select(profile.channel_names, constants)
    frame_check = check_frames(folder, events.frame_paths)
    rows, has_picture = _usable_rows(events, bad_actions, frame_check.problems, log)
    start_time = metadata.start_time or time_in_name(path.name)
    kinds, refs, steps, times = (
        frozen(np.array(column)[rows]) for column in (events.kinds, events.refs, events.steps, events.times)
    )
    times, time_unit = in_seconds(times, _length(metadata))
    settings = tuple(steps[clock_settings(times)].tolist())
    is_frame, is_action = (kinds == OBSERVATION) & has_picture, kinds == ACTION
    actions = frozen(actions[refs[is_action]])
    listed = _completed(metadata.action_space, constants)
    candidates = _candidates(profile, listed, actions, bool(metadata.channels), log)
    return RecordedSession(
        folder=path,
        profile=profile,
        robot_type=metadata.robot_type or "",
        start_time=start_time,
        end_time=metadata.end_time,
        is_finished=metadata.is_finished,
        utc_offset_s=infer_utc_offset(start_time, next(iter(times[np.isfinite(times)].tolist()), None)),
        steps=frozen(steps[is_frame]),
        times=frozen(times[is_frame]),
        frames=FrameFiles(path, tuple(events.frame_paths[ref] for ref in refs[is_frame].tolist())),
        actions=actions,
        action_steps=frozen(steps[is_action]),
        action_times=frozen(times[is_action]),
        candidate_actions=frozen(candidates.actions),
        is_continuous=candidates.is_continuous,
        links=link_events(kinds, steps, has_picture),
        skipped_log=log,
        reset_steps=frozen(np.unique(np.array(events.reset_steps, dtype=np.int64))),
        simulator=_simulator(metadata, profile, log),
        pictures_digest=frame_check.digest,
        clock_settings=settings,
        details=_episodes(events),
        notes=(*_constants_note(constants), *_time_notes(times, time_unit, settings)),
    )


def _missing_constants(profile: RobotProfile, recorded_channels: set[str]) -> dict[str, float]:
    """Channels that all actions of a recording leave out, if each of them has only one possible value."""
    missing = set(profile.channel_names) - recorded_channels
    if len(missing) == len(profile.channels) or not missing <= profile.constants.keys():
        return {}
    return {name: profile.constants[name] for name in missing}


def _episodes(events: EventColumns) -> tuple[tuple[str, str], ...]:
    return (("Episodes", f"{len(events.reset_steps) + 1:,}"),) if events.reset_steps else ()


def _length(metadata: Metadata) -> timedelta | None:
    is_known = metadata.start_time is not None and metadata.end_time is not None
    return metadata.end_time - metadata.start_time if is_known else None


def _time_notes(times: np.ndarray, unit: str, set_at: Sequence[int]) -> Iterator[str]:
    """Sentences on how the times were understood; ``set_at``: steps at which the clock was set."""
    if unit != "seconds":
        yield f"Times are recorded in {unit}."
    unknown = int(np.isnan(times).sum())
    if unknown:
        yield f"Times of {unknown:,} of {len(times):,} events are not known: none was recorded, or one that is no date."
    if set_at:
        places = ", ".join(map(str, set_at[:MAX_NAMED])) + (" …" if len(set_at) > MAX_NAMED else "")
        yield f"The clock was set while recording (before step {places}); lengths leave that jump out."


def _constants_note(constants: dict[str, float]) -> Iterator[str]:
    if constants:
        values = " and ".join(f"{name} {value:g}" for name, value in constants.items())
        yield f"The recorded actions leave out {values}, the only value that this robot has."


def _completed(action_space: Sequence[dict[str, float]], constants: dict[str, float]) -> list[dict[str, float]]:
    return [constants | action for action in action_space]


def _simulator(metadata: Metadata, profile: RobotProfile, log: SkippedLog) -> SimulatorEntry | None:
    entry = metadata.simulator
    if entry is not None and simulated_profile(entry) != profile:
        log.add(META_FILE, None, f"simulator is not used: {entry.name} is another robot than this recording's")
        return None
    return entry


def _log_lost_end(metadata: Metadata, events: EventColumns, log: SkippedLog) -> None:
    # Some recorders count the events, others give the last step; both are at most the last step + 1.
    end = max((*events.steps, *events.reset_steps), default=-1) + 1
    if metadata.total_steps is not None and metadata.total_steps > end:
        log.add(META_FILE, None, f"counts {metadata.total_steps} events, but the steps that were found end at {end}")


def _usable_rows(
    events: EventColumns, bad_actions: dict[int, str], bad_frames: dict[str, str], log: SkippedLog
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the usable events, ordered by step, and for each False if it is an observation whose picture is lost;
    logs the skipped ones."""
    steps, kinds = np.array(events.steps), np.array(events.kinds)
    order = np.argsort(steps, kind="stable")
    is_repeated = np.concatenate(([False], np.diff(steps[order]) == 0))[: len(order)]
    problems = dict.fromkeys(order[is_repeated].tolist(), "its step was recorded before; the first one is kept")
    # An action's ref counts the actions in the order of their rows.
    action_rows = np.flatnonzero(kinds == ACTION)
    for index, reason in bad_actions.items():
        problems.setdefault(int(action_rows[index]), reason)
    lost = _lost_pictures(events, kinds, bad_frames) if bad_frames else {}
    for row, reason in {**lost, **problems}.items():
        log.add(events.shard_names[events.shards[row]], events.lines[row], reason)
    rows = order[~np.isin(order, list(problems))] if problems else order
    return rows, ~np.isin(rows, list(lost)) if lost else np.ones(len(rows), dtype=bool)


def _lost_pictures(events: EventColumns, kinds: np.ndarray, bad_frames: dict[str, str]) -> dict[int, str]:
    rows = np.flatnonzero(kinds == OBSERVATION).tolist()
    reasons = {row: bad_frames.get(events.frame_paths[events.refs[row]]) for row in rows}
    return {row: reason for row, reason in reasons.items() if reason}


def _candidates(
    profile: RobotProfile,
    action_space: Sequence[dict[str, float]],
    actions: np.ndarray,
    is_continuous: bool,
    log: SkippedLog,
) -> Candidates:
    """The actions that the robot could have chosen, each once."""
    names = profile.channel_names
    for index, action in enumerate(action_space):
        missing = [name for name in names if name not in action]
        if missing:
            log.add(META_FILE, None, f'action {index} of action_space lacks channel "{missing[0]}"')
    complete = [action for action in action_space if names and all(name in action for name in names)]
    choices = {tuple(action[name] for name in names): None for action in complete or standard_actions(profile)}
    if len(choices) > MAX_CANDIDATES:
        log.add(META_FILE, None, f"action_space holds {len(choices)} actions; only the first {MAX_CANDIDATES} are used")
    if choices:
        return Candidates(np.array(list(choices)[:MAX_CANDIDATES], dtype=np.float32))
    return recorded_candidates(profile, actions, is_continuous)
