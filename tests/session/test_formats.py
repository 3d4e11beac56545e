"""Another format of recordings is one module with five functions and one row of FORMATS."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from session import (
    TOROIDAL_DOT,
    FrameUnreadable,
    RecordedSession,
    SessionCache,
    SessionSummary,
    find_session,
    list_sessions,
    load_session,
    loading,
    session_statistics,
)
from session.formats.place import Place
from session.history import ACTION, OBSERVATION, link_events
from session.skipped import SkippedLog
from tests.session.session_files import events_of, write_session

FILM = "film.npz"


@dataclass(frozen=True)
class FilmFrames:
    """Frames of one array file, decoded on demand; frames 7 and later are missing."""

    file: Path
    names: tuple[str, ...]
    is_being_recorded = False
    may_be_recording = False

    def read(self, index: int) -> tuple[bytes, str]:
        if index >= 7:
            raise FrameUnreadable("the film ends before it")
        buffer = io.BytesIO()
        with np.load(self.file) as film:
            Image.fromarray(film["pictures"][index]).save(buffer, "PNG")
        return buffer.getvalue(), "image/png"


class FilmFormat:
    """One file with pictures, uint8 (N, H, W, 3), and the actions between them, float32 (N - 1, 1)."""

    READING_KEYS = ()

    def is_recording(self, folder: Path) -> bool:
        return (folder / FILM).is_file()

    def has_member(self, folder: Path, name: str) -> bool:
        return not name

    def summarize(self, folder: Path, session_id: str) -> list[SessionSummary]:
        profile = TOROIDAL_DOT
        return [SessionSummary(session_id, folder.name, profile.name, profile.title, None, None, None, True, False)]

    def fingerprint(self, place: Place) -> tuple[int, int]:
        info = (place.folder / FILM).stat()
        return info.st_ino, info.st_mtime_ns

    def load(self, place: Place) -> RecordedSession:
        folder = place.folder
        with np.load(folder / FILM) as film:
            actions, count = film["actions"], len(film["pictures"])
        steps = np.arange(2 * count - 1)
        kinds = np.where(steps % 2 == 0, OBSERVATION, ACTION)
        return RecordedSession(
            folder=folder,
            profile=TOROIDAL_DOT,
            robot_type="film",
            start_time=None,
            end_time=None,
            is_finished=True,
            utc_offset_s=0.0,
            steps=steps[::2],
            times=steps[::2] / 10.0,
            frames=FilmFrames(folder / FILM, tuple(f"frame {number}" for number in range(count))),
            actions=actions,
            action_steps=steps[1::2],
            action_times=steps[1::2] / 10.0,
            candidate_actions=np.array([[0.0], [1.0]], np.float32),
            links=link_events(kinds, steps, np.ones(len(steps), dtype=bool)),
            skipped_log=SkippedLog(),
        )


@pytest.fixture(autouse=True)
def with_the_format(monkeypatch):
    monkeypatch.setattr(loading, "FORMATS", (*loading.FORMATS, FilmFormat()))


def write_film(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    pictures = np.stack([np.full((24, 32, 3), 20 * number, np.uint8) for number in range(count)])
    np.savez(folder / FILM, pictures=pictures, actions=np.arange(count - 1, dtype=np.float32)[:, None] % 2)
    return folder


def test_it_is_listed_found_and_opened_beside_the_others(tmp_path):
    write_film(tmp_path / "films" / "one", 4)
    write_session(tmp_path / "jetbot" / "session_1", events_of("oao"))
    assert {one.session_id for one in list_sessions(tmp_path)} == {"films/one", "jetbot/session_1"}
    recording = load_session(find_session(tmp_path, "films/one"))
    assert (recording.frame_count, recording.action_count, recording.profile) == (4, 3, TOROIDAL_DOT)
    assert recording.frame_names[3] == "frame 3" and not recording.may_be_recording


def test_its_frames_come_from_its_own_source(tmp_path):
    recording = load_session(write_film(tmp_path / "film", 9))
    assert recording.picture(3).size == (32, 24) and recording.picture(3).getpixel((5, 5)) == (60, 60, 60)
    assert recording.frame_bytes(6)[1] == "image/png"
    assert recording.history(3, 2).frames == (1, 2)
    with pytest.raises(FrameUnreadable, match="Frame 7 cannot be read: the film ends before it; choose another"):
        recording.picture(7)
    files = session_statistics(recording).files
    assert (files.sample_size, files.unreadable, dict(files.sizes)) == (9, 2, {(32, 24): 7})


def test_it_is_opened_again_only_if_it_changed(tmp_path):
    folder = write_film(tmp_path / "films" / "one", 4)
    cache = SessionCache(tmp_path)
    recording = cache.get("films/one")
    assert cache.get("films/one") is recording
    (folder / FILM).unlink()
    write_film(folder, 6)
    assert cache.get("films/one").frame_count == 6
