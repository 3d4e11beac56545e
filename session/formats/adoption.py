"""Adoption: recordings that count as another robot's, by a file of the data folder. No recording is changed.

`adopted.json` names the robot for a recording, or for a folder of recordings, by its id: {"lab/old_arm": "Arm"}.
"""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import orjson

from session.errors import NotAdopted
from session.files import describe, locked_by, open_folder, open_regular, read_at_most, replace_file
from session.formats.json_values import parse_json
from session.formats.reading import plain_id
from session.robots.detection import MAX_TITLE_LENGTH, NAMELESS, named_profile, plain_text
from session.robots.profiles import RobotProfile

FILE, LOCK_FILE = "adopted.json", ".adopted.lock"
MAX_BYTES = 1 << 24
UNUSABLE = f"{FILE} in the data folder cannot be used; put it right, or remove it, then adopt again."
WRITING = threading.Lock()


class Adoptions:
    """The adoptions of a data folder, read again if the file has changed."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE
        self._known: tuple[object, Mapping[str, str]] = (None, {})

    def robot_of(self, session_id: str) -> str:
        """The title of the robot that adopted a recording, or a folder that it is in; "" if none has."""
        titles = self._titles()
        names = _names(session_id) if titles else []
        return next((titles[one] for one in names if one in titles), "")

    def adopt(self, name: str, title: str) -> None:
        """Let a recording, or a folder of recordings, count as a robot's; raises NotAdopted."""
        title = plain_text(title)
        if not 0 < len(title) <= MAX_TITLE_LENGTH or title.lower() in NAMELESS:
            raise NotAdopted(f"The name of a robot has 1 to {MAX_TITLE_LENGTH} characters; type such a one.")
        self._change(lambda titles: titles | {name: title})

    def release(self, session_id: str) -> None:
        """Let a recording count as the robot that it names, with all those that the same entry adopted; raises
        NotAdopted."""
        names = _names(session_id)
        self._change(lambda titles: {name: title for name, title in titles.items() if name not in names})

    def _change(self, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        try:
            with WRITING, locked_by(self._path.with_name(LOCK_FILE)):
                titles = _read(self._path)
                replace_file(self._path, orjson.dumps(change(titles), option=orjson.OPT_INDENT_2))
        except ValueError as problem:
            raise NotAdopted(UNUSABLE) from problem
        except OSError as problem:
            raise NotAdopted(f"{FILE} could not be written ({describe(problem)}).") from problem

    def _titles(self) -> Mapping[str, str]:
        try:
            now = os.stat(self._path)
        except OSError:
            return {}
        state = (now.st_ino, now.st_size, now.st_mtime_ns)
        if state != self._known[0]:
            try:
                self._known = (state, _read(self._path))
            except (OSError, ValueError):
                self._known = (state, {})
        return self._known[1]


def adopted_profile(profile: RobotProfile, title: str) -> RobotProfile:
    """The profile of a recording that a robot adopted: the registered robot's, or one of that name with the
    recording's channels."""
    robot = named_profile(title)
    return robot if robot.channels else replace(robot, channels=profile.channels)


def _names(session_id: str) -> list[str]:
    """The id of a recording without its reading, and those of the folders that it is in, the nearest first."""
    parts = plain_id(session_id).split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _read(path: Path) -> dict[str, str]:
    """The titles by names of recordings; raises OSError and ValueError."""
    try:
        with open_folder(path.parent) as folder, open_regular(folder, path.name) as file:
            content = parse_json(read_at_most(file, MAX_BYTES), is_thorough=False)
    except FileNotFoundError:
        return {}
    is_valid = isinstance(content, dict) and all(isinstance(title, str) and title for title in content.values())
    if not is_valid:
        raise ValueError("no object of texts")
    return content
