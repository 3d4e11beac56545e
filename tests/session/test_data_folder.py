import argparse
from errno import EACCES
from pathlib import Path

import pytest

from session import find_session, list_sessions
from session.data_folder import data_option
from tests.cases import every_case
from tests.session.dataset_files import write_v2
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


@every_case("given", ["hub", "users"])
def test_datasets_stay_where_they_are(place, given):
    dataset = {"hub": "datasets--ann--arm/snapshots/0123456789abcdef", "users": "ann/arm"}[given]
    write_v2(place / "cache" / given / dataset, lengths=(3,))
    folder = place / "cache" / given
    if given == "users":
        with pytest.raises(argparse.ArgumentTypeError, match=rf"is a dataset; .*, {folder}/ann$"):
            data_option(str(folder / dataset))
    for _ in range(2):
        data = data_option(str(folder))
        assert data == folder / "session_explorer" and data_option(str(data)) == data
        names = [one.session_id for one in list_sessions(data / "sessions")]
        assert names == [f"{dataset.split('/snapshots')[0]}/episode_000000"]
        find_session(data / "sessions", names[0])


def test_datasets_in_a_folder_that_cannot_be_written_are_told(place, monkeypatch):
    write_v2(place / "locked" / "ann" / "arm", lengths=(3,))
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError(EACCES, "denied")))
    with pytest.raises(argparse.ArgumentTypeError, match=r"could not be made in it .*; make a data folder elsewhere"):
        data_option(str(place / "locked"))
