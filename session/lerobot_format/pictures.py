"""The pictures of an episode's rows: from a video, from a table, or from files; and grey ones in place of none.

Each returns encoded pictures, which are what the page and the networks see.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from PIL import Image

from session.errors import FrameUnreadable
from session.files import HEAD_BYTES, describe, foreign_content, read_at_most
from session.frames import MAX_FRAME_BYTES, NO_PICTURE
from session.lerobot_format.dataset_files import DatasetFiles
from session.lerobot_format.tables import BadTable, read_value
from session.lerobot_format.video import BadVideo, Video
from session.pictures import JPEG, PNG, media_type_of

JPEG_QUALITY = 95
GREY, GREY_SIZE = (128, 128, 128), (64, 48)


class RowPictures(Protocol):
    """The picture of each row of an episode."""

    def name(self, row: int) -> str:
        """Where the picture of a row is, for visitors."""

    def read(self, row: int) -> tuple[bytes, str]:
        """The encoded picture and its media type; raises FrameUnreadable with the cause."""


@dataclass(frozen=True)
class RowFrames:
    """A FrameSource: the pictures of some rows."""

    pictures: RowPictures
    rows: tuple[int, ...]
    names: tuple[str, ...]
    is_being_recorded = False
    may_be_recording = False

    def read(self, index: int) -> tuple[bytes, str]:
        """The encoded picture of a frame and its media type; raises FrameUnreadable with the cause."""
        return self.pictures.read(self.rows[index])


@dataclass(frozen=True, eq=False)
class VideoPictures:
    """Frames of a video, encoded anew; ``places`` int64 (R,) in it by row."""

    video: Video
    places: np.ndarray

    def name(self, row: int) -> str:
        return f"{self.video.path} frame {self.places[row]}"

    def read(self, row: int) -> tuple[bytes, str]:
        try:
            picture = self.video.picture(int(self.places[row]))
        except BadVideo as error:
            raise FrameUnreadable(f"its video {error}") from error
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
        return buffer.getvalue(), JPEG


@dataclass(frozen=True, eq=False)
class TablePictures:
    """Pictures in a column of the data file, as they are; row 0 of the episode is row ``first`` of the file.

    ``order`` int64 (R,) is the place of each row after the first. A picture that is only named is looked for in
    ``folder``.
    """

    files: DatasetFiles
    path: str
    column: str
    first: int
    order: np.ndarray
    folder: str

    def name(self, row: int) -> str:
        return f"{self.path} row {self.first + int(self.order[row])}"

    def read(self, row: int) -> tuple[bytes, str]:
        try:
            entry = read_value(self.files, self.path, self.column, self.first + int(self.order[row]))
        except BadTable as error:
            raise FrameUnreadable(f"its table {error}") from error
        content = entry.get("bytes") if isinstance(entry, Mapping) else entry
        if isinstance(content, bytes):
            return _checked(content)
        path = entry.get("path") if isinstance(entry, Mapping) else None
        if not isinstance(path, str):
            raise FrameUnreadable("its table holds no picture there")
        return read_file(self.files, f"{self.folder}/{path.replace(chr(92), '/').rpartition('/')[2]}")


@dataclass(frozen=True)
class FilePictures:
    """Picture files, by path, of each row."""

    files: DatasetFiles
    paths: tuple[str, ...]

    def name(self, row: int) -> str:
        return self.paths[row]

    def read(self, row: int) -> tuple[bytes, str]:
        return read_file(self.files, self.paths[row])


@dataclass(frozen=True)
class GreyPictures:
    """A grey picture in place of every one."""

    def name(self, row: int) -> str:
        return f"no picture, row {row}"

    def read(self, row: int) -> tuple[bytes, str]:
        return _grey(), PNG


def read_file(files: DatasetFiles, path: str) -> tuple[bytes, str]:
    """A picture file of a dataset and its media type; raises FrameUnreadable with the cause."""
    try:
        with files.open(path) as file:
            return _checked(read_at_most(file, MAX_FRAME_BYTES))
    except FileNotFoundError:
        raise FrameUnreadable("its file is gone") from None
    except OSError as error:
        raise FrameUnreadable(describe(error)) from error


def _checked(content: bytes) -> tuple[bytes, str]:
    media_type = media_type_of(content)
    if len(content) > MAX_FRAME_BYTES:
        raise FrameUnreadable(f"it is larger than {MAX_FRAME_BYTES >> 20} MB")
    if media_type is None:
        raise FrameUnreadable(f"it {foreign_content(content[:HEAD_BYTES]) or NO_PICTURE}")
    return content, media_type


@cache
def _grey() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", GREY_SIZE, GREY).save(buffer, "PNG")
    return buffer.getvalue()
