"""Folders that belong to another user: listed as unreadable, and no reason for a demo."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

import session_explorer_gradio as script
from page.facts import session_labels
from page.opening import open_newest, refresh_sessions
from page.server.serving import prepare
from page.server.settings import Settings
from session import SessionUnreadable, find_session, list_sessions, load_session, record_demo
from tests.app.conftest import new_explorer, write_checkpoints
from tests.cases import every_case
from training import InvalidValue, learn
from training.distributed import Group

OTHER_USER = 65534


@pytest.fixture
def shared() -> Iterator[Path]:
    """A data folder that other users reach, with a recording of each robot and a checkpoint."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    for robot in ("jetbot_sim", "toroidal_dot"):
        record_demo(folder / "sessions", robot, 3, seed=1)
    write_checkpoints(folder / "checkpoints" / "toroidal_dot", action_channels=1)
    script.load_session(explorer_of(folder), script.Visitor(), ids_of(folder)[0])  # imports what another user may not
    yield folder
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o755)
    shutil.rmtree(folder)


def ids_of(folder: Path) -> list[str]:
    """Ids of the recordings, that of the dot first."""
    return sorted((summary.session_id for summary in list_sessions(folder / "sessions")), reverse=True)


@contextmanager
def forbidden(folder: Path, rights: int = 0o000) -> Iterator[None]:
    """Take rights from a folder; within the block not even the system's user passes."""
    before, is_root = folder.stat().st_mode, os.geteuid() == 0
    folder.chmod(rights)
    if is_root:
        os.seteuid(OTHER_USER)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(before)


def explorer_of(folder: Path) -> script.Explorer:
    return new_explorer(Settings(data=folder))


@every_case("rights", [0o000, 0o400, 0o100])  # nothing; names alone; what is known by name
def test_an_unreadable_recording_is_listed_and_told(shared, rights):
    dot, jetbot = ids_of(shared)
    with forbidden(shared / "sessions" / dot, rights):
        readable, unreadable = list_sessions(shared / "sessions")
        assert (readable.session_id, readable.is_readable) == (jetbot, True)
        assert (unreadable.session_id, unreadable.is_readable) == (dot, False)
        assert session_labels([unreadable]) == [f"{dot} · cannot be read"]
        folder = shared / "sessions"
        for opened in (partial(find_session, folder, dot), partial(load_session, folder / dot)):
            with pytest.raises(SessionUnreadable, match=r"cannot be read \(Permission denied\); have its owner"):
                opened()
        assert script.load_session(explorer_of(shared), script.Visitor(), jetbot)["sessions.facts"]


@every_case("rights", [0o000, 0o400, 0o100])
@pytest.mark.parametrize("level", ["sessions/toroidal_dot", "sessions", "."])
def test_folders_of_folders_are_listed_as_unreadable_and_get_no_demo(shared, level, rights, caplog):
    if (level, rights) == (".", 0o100):
        return  # all names are known: nothing is hidden
    caplog.set_level("INFO", "page.server.serving")
    before = sorted(shared.rglob("*"))
    with forbidden(shared / level, rights):
        explorer = explorer_of(shared)
        unreadable = [summary for summary in list_sessions(explorer.sessions_folder) if not summary.is_readable]
        names = "toroidal_dot" if level.endswith("dot") else "sessions"
        assert all(summary.session_id.startswith(names) for summary in unreadable) and unreadable
        caplog.clear()
        prepare(explorer)
        assert f"Serving {shared}: {2 - 1 if level.endswith('dot') else 0} recording" in caplog.text
        assert f"Folders that cannot be read: {names}" in caplog.text
        assert not refresh_sessions(explorer, script.Visitor())["sessions.offer"].visible
        content = open_newest(explorer, script.Visitor())["sessions.facts"]
        assert ("cannot be read" in content) == (not level.endswith("dot"))
    assert sorted(shared.rglob("*")) == before


def test_an_unreadable_folder_of_checkpoints_is_told_on_a_page_that_opens(shared):
    dot = ids_of(shared)[0]
    for rights in (0o000, 0o400):
        with forbidden(shared / "checkpoints" / "toroidal_dot", rights):
            answer = script.load_session(explorer_of(shared), script.Visitor(), dot)
            assert "recording.player" in answer
            if rights == 0o000:
                assert "checkpoints/toroidal_dot</code> cannot be read (Permission denied)" in answer["models.message"]


def test_a_command_that_trains_on_all_recordings_names_those_it_cannot_read(shared):
    dot = ids_of(shared)[0]
    options = learn._parser().parse_args(["--data", str(shared)])
    with (
        forbidden(shared / "sessions" / dot),
        pytest.raises(InvalidValue, match=f"cannot be read: {dot}; get the right"),
    ):
        learn._begin(options, Group())


def test_the_lost_and_found_folder_of_a_disk_is_no_recording(shared):
    (shared / "sessions" / "lost+found").mkdir()
    with forbidden(shared / "sessions" / "lost+found"):
        assert [summary.is_readable for summary in list_sessions(shared / "sessions")] == [True, True]
