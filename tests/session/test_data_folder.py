import argparse
from pathlib import Path

import pytest

from session.data_folder import data_option
from tests.cases import every_case
from tests.session.session_files import events_of, write_session


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the data folder robots/, a folder of recordings alone, other folders and a file."""
    place = tmp_path_factory.mktemp("place")
    write_session(place / "robots" / "sessions" / "jetbot" / "session_1", events_of("oao"))
    (place / "robots" / "checkpoints" / "jetbot").mkdir(parents=True)
    write_session(place / "loose" / "jetbot" / "session_1", events_of("oao"))
    for name in ("empty", "other/papers"):
        (place / name).mkdir(parents=True)
    (place / "file").write_text("")
    return place


@every_case("given", ["robots", "empty", "other", "other/new", "new", "sessions"])
def test_data_folders_and_new_ones_are_taken(place, given):
    assert data_option(str(place / given)) == place / given


@every_case(
    "given, meant",
    [
        *((f"robots/{below}", "robots") for below in ("sessions", "sessions/jetbot", "sessions/jetbot/session_1")),
        ("robots/sessions/jetbot/session_1/frames", "robots"),
        *((f"robots/{below}", "robots") for below in ("checkpoints", "checkpoints/jetbot", "sessions/new")),
        *((name, "robots") for name in ("robot", "Robots", "robtos", "rbots")),
        ("robts/a", "robots/a"),
        (".", "robots"),
    ],
)
def test_another_level_or_a_typing_error_is_refused_with_the_folder_that_was_meant(place, given, meant):
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        data_option(str(place / given))
    assert f"did you mean {place / meant}?" in str(refused.value)
    assert sorted(path.name for path in place.iterdir()) == ["empty", "file", "loose", "other", "robots"]


@every_case("given", ["loose", "loose/jetbot", "loose/jetbot/session_1"])
def test_recordings_without_a_data_folder_are_refused(place, given):
    with pytest.raises(argparse.ArgumentTypeError, match="move them into sessions/ROBOT/"):
        data_option(str(place / given))


def test_a_file_and_a_folder_in_no_folder_are_refused(place):
    with pytest.raises(argparse.ArgumentTypeError, match="is no folder; give the folder that holds sessions/"):
        data_option(str(place / "file"))
    with pytest.raises(argparse.ArgumentTypeError, match="there is no folder"):
        data_option(str(place / "xyz" / "deeper"))


def test_relative_paths_are_seen_from_the_working_folder(place, monkeypatch):
    monkeypatch.chdir(place / "robots" / "sessions")
    with pytest.raises(argparse.ArgumentTypeError, match="did you mean"):
        data_option(".")
    monkeypatch.chdir(place)
    assert data_option("robots") == Path("robots")
