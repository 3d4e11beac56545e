"""The sessions that a command names: by the ids of the page, or all of a folder, a dataset or a robot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from session.errors import FrameUnreadable, SessionNotFound
from session.export.runs import Run, find_runs
from session.export.states import States, states_of
from session.formats.reading import MARK, split_reading
from session.lerobot_format.pictures import GreyPictures, RowFrames
from session.listing import find_session, list_sessions
from session.loading import load_session
from session.recording import RecordedSession

CAMERA = "camera"  # of a recording whose only camera has no name


@dataclass(frozen=True, eq=False)
class Source:
    """A recording to write: its runs of rows, and its states by frame."""

    session_id: str
    session: RecordedSession
    runs: list[Run]
    states: States

    @property
    def row_count(self) -> int:
        return sum(map(len, self.runs))

    @property
    def has_pictures(self) -> bool:
        """False if grey pictures stand for those of a camera."""
        frames = self.session.frames
        return not (isinstance(frames, RowFrames) and isinstance(frames.pictures, GreyPictures))

    @cached_property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the first picture of its rows that can be decoded, or None."""
        for frame in (frame for run in self.runs for frame in run.frames.tolist()):
            try:
                return self.session.picture(frame).size
            except FrameUnreadable:
                continue
        return None

    @property
    def camera(self) -> str:
        """The name of its camera."""
        choices = self.session.choices
        return (choices.current.camera if choices else "") or CAMERA


def find_sources(sessions_folder: Path, ids: Sequence[str], state: str) -> list[Source]:
    """The recordings of these ids, each once, in this order; raises SessionError and OSError."""
    every = dict.fromkeys(one for session_id in ids for one in _expanded(sessions_folder, session_id))
    return [_source(sessions_folder, session_id, state) for session_id in every]


def _expanded(sessions_folder: Path, session_id: str) -> Iterator[str]:
    """The id itself, or those of all sessions in a folder or of a robot of that name, by name."""
    try:
        find_session(sessions_folder, session_id)
    except SessionNotFound as problem:
        members = _members(sessions_folder, session_id)
        if not members:
            raise SessionNotFound(f"{session_id}: {problem}") from problem
        yield from members
    else:
        yield session_id


def _members(sessions_folder: Path, name: str) -> list[str]:
    folder, reading = split_reading(name)
    end = f"{MARK}{reading}" if reading else ""
    listed = [one for one in list_sessions(sessions_folder) if one.is_readable]
    inside = [one.session_id for one in listed if one.session_id.startswith(f"{folder}/")]
    of_robot = [one.session_id for one in listed if one.robot == folder]
    return [f"{one}{end}" for one in sorted(inside or of_robot)]


def _source(sessions_folder: Path, session_id: str, state: str) -> Source:
    session_id, session = _open(sessions_folder, session_id)
    states = states_of(session, state)
    return Source(session_id, session, find_runs(session, states.is_known), states)


def _open(sessions_folder: Path, session_id: str) -> tuple[str, RecordedSession]:
    """A session and its id: with every row, if the id does not choose which."""
    session = load_session(find_session(sessions_folder, session_id))
    reading = split_reading(session_id)[1]
    if session.choices is None or "stride=" in reading or "offset=" in reading:
        return session_id, session
    every_row = session.choices.session_id(session_id, {"stride": 1})
    if every_row == session_id:
        return session_id, session
    return every_row, load_session(find_session(sessions_folder, every_row))
