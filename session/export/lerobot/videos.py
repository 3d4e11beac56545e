"""The videos of a camera: episodes one after another, in files up to a size.

Every second frame is a keyframe, and the first of an episode: training reads frames in random order. Frame k of a file
is shown at k / fps seconds exactly.
"""

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from PIL import Image

from session.errors import ExportError
from session.export.lerobot.files import FileNumber, Limits, is_full
from session.lerobot_format.libraries import video
from session.lerobot_format.templates import VIDEO_V3, fill

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

PIXELS = "yuv420p"
MIN_AV1_SIDE = 64  # libsvtav1 hangs, deaf to signals, at pictures such as 80×16
BYTES_PER_PIXEL = 0.1  # of pictures with much noise; a quiet camera needs a third

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg with its options; ``name`` is that of the codec."""

    name: str
    encoder: str
    options: Mapping[str, str]


# What LeRobot's recorder uses, and one that every browser plays. Frames in order (bf=0): times are those of the file.
CODECS = MappingProxyType(
    {
        "av1": Codec("av1", "libsvtav1", MappingProxyType({"g": "2", "crf": "30", "preset": "12"})),
        "h264": Codec("h264", "libx264", MappingProxyType({"g": "2", "crf": "23", "bf": "0", "preset": "fast"})),
    }
)


class VideoFiles:
    """Writes the pictures of a camera; ``number`` and ``count`` are those of the current file and its frames."""

    def __init__(self, folder: Path, key: str, fps: int, size: tuple[int, int], codec: Codec, limits: Limits) -> None:
        _require_fitting(codec, size)
        self._folder, self._key, self._fps, self._size, self._codec = folder, key, fps, size, codec
        self._limits = limits
        self._bytes = 0
        self._begins_episode = True
        self._opened: tuple[OutputContainer, VideoStream] | None = None
        self.number, self.count = FileNumber(), 0

    def begin_episode(self, rows: int) -> None:
        """Go on to the next file if the current one has no room for an episode of about so many rows."""
        if is_full(self._bytes, self.count, rows, self._limits.video_bytes):
            self.close()
            self.number, self.count, self._bytes = self.number.following(self._limits.files_in_chunk), 0, 0
        self._begins_episode = True

    def write(self, picture: Image.Image) -> None:
        """Add the next picture; raises OSError."""
        container, stream = self._opened = self._opened or self._open()
        frame = video().VideoFrame.from_image(picture)
        frame.pts, frame.time_base = self.count, Fraction(1, self._fps)
        if self._begins_episode:
            frame.pict_type = video().video.frame.PictureType.I
        self._begins_episode = False
        self._mux(container, stream, frame)
        self.count += 1

    def close(self) -> None:
        """Finish the current file; raises OSError."""
        if self._opened is not None:
            container, stream = self._opened
            self._mux(container, stream, None)
            self._opened = None
            container.close()

    def abandon(self) -> None:
        """Close the current file as far as possible, after an error."""
        if self._opened is not None:
            container, self._opened = self._opened[0], None
            with suppress(OSError, ValueError, video().error.FFmpegError):
                container.close()

    def info(self) -> dict[str, object]:
        """The description of the videos in the dataset's features."""
        width, height = self._size
        encoding = {f"video.{name}": int(value) for name, value in self._codec.options.items() if value.isdecimal()}
        return {
            "video.height": height,
            "video.width": width,
            "video.codec": self._codec.name,
            "video.pix_fmt": PIXELS,
            "video.fps": self._fps,
            "video.channels": 3,
            "is_depth_map": False,
            "has_audio": False,
            **encoding,
        }

    def _open(self) -> tuple["OutputContainer", "VideoStream"]:
        path = self._folder / fill(VIDEO_V3, {"video_key": self._key, **self.number.fields})
        path.parent.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("SVT_LOG", "0")  # the encoder writes to the terminal by itself, also after Ctrl-C
        container = video().open(str(path), "w", format="mp4")
        try:
            stream = container.add_stream(self._codec.encoder, rate=self._fps, options=dict(self._codec.options))
        except ValueError as problem:
            container.close()
            raise ExportError(
                f"This build of PyAV has no encoder {self._codec.encoder}; choose another --codec."
            ) from problem
        stream.width, stream.height, stream.pix_fmt = *self._size, PIXELS
        stream.codec_context.time_base = Fraction(1, self._fps)
        return container, stream

    def _mux(self, container: "OutputContainer", stream: "VideoStream", frame: object) -> None:
        try:
            packets = stream.encode(frame)
        except video().error.FFmpegError as problem:
            raise ExportError(
                f"The encoder {self._codec.encoder} does not take these pictures ({problem.strerror}); choose another "
                "--codec, or another --size."
            ) from problem
        for packet in packets:
            self._bytes += packet.size
            container.mux(packet)


def _require_fitting(codec: Codec, size: tuple[int, int]) -> None:
    """Raise ExportError for pictures that an encoder refuses, or that it never returns from."""
    if codec.name == "h264" and (size[0] % 2 or size[1] % 2):
        raise ExportError("H.264 takes even widths and heights only: choose --codec av1, or another --size.")
    if codec.name == "av1" and min(size) < MIN_AV1_SIDE:
        raise ExportError(
            f"AV1 takes pictures of {MIN_AV1_SIDE} pixels or more a side: choose --codec h264, or another --size."
        )
