"""Check of a data folder that a command is given: one level too deep, too shallow or mistyped, it would get demos."""

import argparse
import difflib
import os
from collections.abc import Iterator
from pathlib import Path

from session import lerobot_format
from session.command_line import SESSIONS, path_option
from session.files import describe
from session.loading import format_of

BESIDE = "session_explorer"
INSIDE = (SESSIONS, "checkpoints", "evaluations")  # folders of a data folder
LEVELS = 4  # of data/sessions/robot/session/frames below the data folder


def data_option(text: str) -> Path:
    """The path of a data folder, existing or new; raises ArgumentTypeError if another one was probably meant.

    Of a folder of LeRobotDatasets, such as a cache of Hugging Face, it is a folder in it, made now: see `_beside`.
    """
    data = path_option(text)
    whole = Path(os.path.abspath(data))
    if os.path.lexists(data) and not os.path.isdir(data):
        raise argparse.ArgumentTypeError(f"{text} is no folder; {_meant(_around(whole))}")
    if not os.path.isdir(whole / SESSIONS):
        if _around(whole) is None and _holds_datasets(whole):
            return _beside(data)
        problem = _problem_of(whole)
        if problem:
            raise argparse.ArgumentTypeError(f"{text} {problem}")
    return data


def _beside(datasets: Path) -> Path:
    """The data folder for datasets that stay where they are: in their folder, with a link to that as its sessions."""
    data = datasets / BESIDE
    try:
        data.mkdir(exist_ok=True)
        if not os.path.lexists(data / SESSIONS):
            (data / SESSIONS).symlink_to("..")
    except OSError as problem:
        raise argparse.ArgumentTypeError(
            f"{datasets} holds datasets, but {BESIDE}/ for checkpoints and evaluations could not be made in it "
            f"({describe(problem)}); make a data folder elsewhere whose sessions is a link to it"
        ) from problem
    return data


def _problem_of(folder: Path) -> str:
    """The problem of a folder without sessions/ in it, or "" for a new or an empty one."""
    around = _around(folder)
    if around is not None:
        return f"lies inside a data folder; {_meant(around)}"
    if not os.path.isdir(folder):
        return _problem_of_absent(folder)
    if _is_dataset(folder):
        return f"is a dataset; give the folder that it is in, {folder.parent}"
    if _holds_recordings(folder):
        return "holds recordings without a folder sessions/ around them; move them into sessions/ROBOT/ of a folder"
    within = _data_folders(folder)
    return f"holds no folder sessions/; {_meant(within[0])}" if within else ""


def _problem_of_absent(folder: Path) -> str:
    if not os.path.isdir(folder.parent):
        nearest = _closest(folder.parent)
        return f"cannot be made: there is no folder {folder.parent}; {_meant(nearest and nearest / folder.name)}"
    similar = _closest(folder)
    if similar is None or not os.path.isdir(similar / SESSIONS):
        return ""
    return f"does not exist; did you mean {similar}? For a new data folder, make the folder first"


def _meant(folder: Path | None) -> str:
    if folder is None:
        return "give the folder that holds sessions/ and checkpoints/"
    return f"did you mean {folder}? It must be the folder that holds sessions/ and checkpoints/"


def _around(folder: Path) -> Path | None:
    """The data folder that a folder lies in, or None."""
    inner = [one for one in (folder, *folder.parents)[:LEVELS] if one.name in INSIDE]
    return next((one.parent for one in inner if os.path.isdir(one.parent / SESSIONS)), None)


def _closest(folder: Path) -> Path | None:
    """The folder beside a missing one whose name is most like its name."""
    names = [path.name for path in _subfolders(folder.parent)]
    similar = difflib.get_close_matches(folder.name, names, n=1, cutoff=0.75)
    return folder.parent / similar[0] if similar else None


def _data_folders(folder: Path) -> list[Path]:
    return [below for below in _subfolders(folder) if os.path.isdir(below / SESSIONS)]


def _holds_datasets(folder: Path) -> bool:
    """True for a folder of LeRobotDatasets, or of folders of these: of users, or of the cache."""
    return any(map(_is_dataset, _within(folder)))


def _is_dataset(folder: Path) -> bool:
    try:
        return lerobot_format.is_recording(folder)
    except OSError:
        return False


def _within(folder: Path) -> Iterator[Path]:
    """The folders in a folder, and those in them."""
    below = _subfolders(folder)
    yield from below
    for one in below:
        yield from _subfolders(one)


def _holds_recordings(folder: Path) -> bool:
    """True for a recording, a robot's folder, and a folder of robots."""
    folders = [folder, *(below for below in _subfolders(folder))]
    return any(map(_is_recording, [*folders, *(deeper for one in folders[1:] for deeper in _subfolders(one)[:1])]))


def _is_recording(folder: Path) -> bool:
    try:
        return format_of(folder) is not None
    except OSError:
        return False


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]
