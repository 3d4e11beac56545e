"""Pictures as arrays for the models, 224×224 RGB in [0, 1], and the frame files that they come from.

Legend: H height, W width.
"""

import io
import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from session.errors import FrameUnreadable
from session.files import FILE_FLAGS, describe, open_folder, open_regular, open_subfolder, read_at_most

IMAGE_SIZE = 224
MAX_FRAME_BYTES = 32 << 20
MAX_FRAME_PIXELS = 32_000_000
# Scans of a progressive JPEG, usually about ten: each decodes all pixels again, so a file of 1 MB could take minutes.
MAX_SCANS, SCAN = 100, b"\xff\xda"
MAGIC_BYTES, TAIL_BYTES = 8, 64
JPEG, PNG = "image/jpeg", "image/png"
STARTS = ((b"\xff\xd8\xff", JPEG), (b"\x89PNG\r\n\x1a\n", PNG))
ENDS = {JPEG: b"\xff\xd9", PNG: b"IEND\xaeB`\x82"}
# Errors that Pillow raises for damaged pictures.
DECODING_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError, MemoryError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip


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


def media_type_of(content: bytes) -> str | None:
    """The media type by the first bytes, or None for anything but JPEG and PNG."""
    return next((media_type for start, media_type in STARTS if content.startswith(start)), None)


def find_bad_frames(folder: int, paths: Iterable[str]) -> dict[str, str]:
    """The unusable ones of the frame paths below the folder descriptor, each with its problem."""
    by_parent: dict[str, list[str]] = {}
    for path in dict.fromkeys(paths):
        by_parent.setdefault(path.rpartition("/")[0], []).append(path)
    bad: dict[str, str] = {}
    for parent, children in by_parent.items():
        try:
            with open_subfolder(folder, parent) as opened:
                bad.update(_find_bad_in(opened, children))
        except FileNotFoundError:
            bad.update((path, f"frame {path} is missing") for path in children)
        except OSError as error:
            bad.update((path, f"frame {path} cannot be read ({describe(error)})") for path in children)
    return bad


def _find_bad_in(folder: int, paths: list[str]) -> dict[str, str]:
    # One listing instead of a call for each name: it distinguishes links and folders from files as well.
    with os.scandir(folder) as entries:
        is_file = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
    bad = {}
    for path in paths:
        name = path.rpartition("/")[2]
        problem = _file_problem(folder, name) if is_file.get(name) else _absence(name, is_file)
        if problem:
            bad[path] = f"frame {path} {problem}"
    return bad


def _absence(name: str, listed: dict[str, bool]) -> str:
    return "is not a regular file" if name in listed else "is missing"


def _file_problem(folder: int, name: str) -> str | None:
    try:
        file = os.open(name, FILE_FLAGS, dir_fd=folder)
        try:
            size = os.lseek(file, 0, os.SEEK_END)
            head = os.pread(file, MAGIC_BYTES, 0)
            tail = os.pread(file, TAIL_BYTES, max(0, size - TAIL_BYTES))
        finally:
            os.close(file)
    except OSError as error:
        return f"cannot be read ({describe(error)})"
    return _content_problem(head, tail, size)


def _content_problem(head: bytes, tail: bytes, size: int) -> str | None:
    if not size:
        return "is empty"
    if size > MAX_FRAME_BYTES:
        return f"is larger than {MAX_FRAME_BYTES >> 20} MB"
    media_type = media_type_of(head)
    if media_type is None:
        return "is not a JPEG or PNG picture"
    return None if ENDS[media_type] in tail else "is cut short"


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
        raise FrameUnreadable("it is not a JPEG or PNG picture")
    return content, media_type


def decode_picture(content: bytes) -> Image.Image:
    """Decode a JPEG or PNG to a fully loaded RGB picture; raises FrameUnreadable, without naming the frame."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > MAX_FRAME_PIXELS:
                raise FrameUnreadable(f"it has more than {MAX_FRAME_PIXELS // 1_000_000} million pixels")
            if media_type_of(content) == JPEG and content.count(SCAN) > MAX_SCANS:
                raise FrameUnreadable(f"it has more than {MAX_SCANS} scans")
            return picture.convert("RGB")
    except DECODING_ERRORS as error:
        raise FrameUnreadable("its picture is damaged or cut short") from error
