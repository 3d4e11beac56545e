"""Pictures as arrays for the models, 224×224 RGB in [0, 1], and the frame files that they come from.

Legend: H height, W width.
"""

import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from session.errors import FrameUnreadable
from session.files import (
    FILE_FLAGS,
    HEAD_BYTES,
    describe,
    foreign_content,
    open_folder,
    open_regular,
    open_subfolder,
    read_at_most,
)
from session.pictures import ENDS, is_whole, media_type_of

IMAGE_SIZE = 224
MAX_FRAME_BYTES = 32 << 20
TAIL_BYTES = 64
NO_PICTURE = "is not a JPEG or PNG picture"


def resize_picture(picture: Image.Image, size: int = IMAGE_SIZE) -> Image.Image:
    """Resize an RGB picture to ``size`` × ``size`` with Pillow's bilinear filter; one of that size is returned."""
    if picture.size == (size, size):
        return picture
    return picture.resize((size, size), Image.Resampling.BILINEAR)


def to_pixels(picture: Image.Image, size: int = IMAGE_SIZE) -> np.ndarray:
    """An RGB picture as float32 (H, W, 3) in [0, 1], H = W = ``size``."""
    return np.asarray(resize_picture(picture, size), dtype=np.float32) / np.float32(255.0)


def to_channels_first(picture: Image.Image, size: int = IMAGE_SIZE) -> np.ndarray:
    """An RGB picture as contiguous float32 (3, H, W) in [0, 1], H = W = ``size``."""
    return np.ascontiguousarray(to_pixels(picture, size).transpose(2, 0, 1))


@dataclass(frozen=True)
class FrameCheck:
    """The unusable ones of some frame files, each with its problem, and a number for the state of all files.

    ``digest`` changes when a file is replaced or corrected: it covers names, sizes and times of modification.
    """

    problems: dict[str, str]
    digest: int


def check_frames(folder: int, paths: Iterable[str]) -> FrameCheck:
    """Check the frame files at these paths below the folder descriptor, by their first and last bytes."""
    by_parent: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        by_parent.setdefault(path.rpartition("/")[0], []).append(path)
    problems: dict[str, str] = {}
    digest = 0
    for parent, children in by_parent.items():
        try:
            with open_subfolder(folder, parent) as opened:
                check = _check_in(opened, children)
        except FileNotFoundError:
            problems.update((path, f"frame {path} is missing") for path in children)
        except OSError as error:
            problems.update((path, f"frame {path} cannot be read ({describe(error)})") for path in children)
        else:
            problems.update(check.problems)
            digest = zlib.crc32(f"{parent} {check.digest}".encode(), digest)
    return FrameCheck(problems, digest)


def _check_in(folder: int, paths: list[str]) -> FrameCheck:
    # One listing instead of a call for each name: it distinguishes links and folders from files as well.
    with os.scandir(folder) as entries:
        is_file = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
    problems, digest = {}, 0
    for path in paths:
        name = path.rpartition("/")[2]
        state, problem = _check_file(folder, name) if is_file.get(name) else ("", _absence(name, is_file))
        digest = zlib.crc32(f"{name} {state}".encode(), digest)
        if problem:
            problems[path] = f"frame {path} {problem}"
    return FrameCheck(problems, digest)


def _absence(name: str, listed: dict[str, bool]) -> str:
    return "is not a regular file" if name in listed else "is missing"


def _check_file(folder: int, name: str) -> tuple[str, str | None]:
    """The file's size and time as text, and its problem or None."""
    try:
        file = os.open(name, FILE_FLAGS, dir_fd=folder)
        try:
            info = os.fstat(file)
            return f"{info.st_size} {info.st_mtime_ns}", _content_problem(file, info.st_size)
        finally:
            os.close(file)
    except OSError as error:
        return "", f"cannot be read ({describe(error)})"


def _content_problem(file: int, size: int) -> str | None:
    if not size:
        return "is empty"
    if size > MAX_FRAME_BYTES:
        return f"is larger than {MAX_FRAME_BYTES >> 20} MB"
    head = os.pread(file, HEAD_BYTES, 0)
    media_type = media_type_of(head)
    if media_type is None:
        return foreign_content(head) or NO_PICTURE
    # Nearly all files end with their mark; only of others the whole content is read.
    is_ended = ENDS[media_type] in os.pread(file, TAIL_BYTES, max(0, size - TAIL_BYTES))
    return None if is_ended or is_whole(os.pread(file, size, 0)) else "is cut short"


def read_frame(session_folder: Path, path: str) -> tuple[bytes, str]:
    """Read a whole frame file and return it with its media type; raises OSError if it cannot be read.

    Raises FrameUnreadable, without naming the frame, for anything but a JPEG or PNG.
    """
    parent, _, name = path.rpartition("/")
    with (
        open_folder(session_folder) as folder,
        open_subfolder(folder, parent) as below,
        open_regular(below, name) as file,
    ):
        content = read_at_most(file, MAX_FRAME_BYTES)
    media_type = media_type_of(content)
    if media_type is None:
        raise FrameUnreadable(f"it {foreign_content(content[:HEAD_BYTES]) or NO_PICTURE}")
    return content, media_type
