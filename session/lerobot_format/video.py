"""Frames of videos by their place in presentation order, exactly, also if they are asked for out of order.

A decoder goes on where it stopped, or begins at the keyframe before; decoded frames are kept, the least used ones go
first. Videos are opened as files of ours and as MP4 only: by their content alone, a list of other files would open.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from session.files import HEAD_BYTES, describe, foreign_content
from session.lerobot_format.dataset_files import DatasetFiles, State
from session.lerobot_format.libraries import video, video_errors
from session.pictures import MAX_FRAME_PIXELS

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

CONTAINER = "mp4"
TOO_LARGE = f"has more than {MAX_FRAME_PIXELS // 1_000_000} million pixels"
MAX_PACKETS = 10_000_000
MAX_OPEN = 12  # videos
MAX_BYTES = 192 << 20  # of decoded frames, of all videos together


class BadVideo(Exception):
    """A video, or a frame of it, that cannot be decoded; the text is the reason, without its name."""


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """The F frames of a video in presentation order: ``pts``, int64 (F,), in units of ``unit_s`` seconds, and which of
    them are keyframes. ``problem``: why there may be more frames, empty if there are not."""

    pts: np.ndarray
    is_key: np.ndarray
    unit_s: float
    problem: str

    @property
    def times(self) -> np.ndarray:
        """Seconds from the first frame on, float64 (F,)."""
        return (self.pts - self.pts[:1]) * self.unit_s

    @property
    def rate(self) -> float:
        """Frames a second; 0 if there are too few to tell."""
        span = float(self.times[-1]) if len(self.pts) > 1 else 0.0
        return (len(self.pts) - 1) / span if span > 0 else 0.0

    def key_before(self, place: int) -> int:
        """The place of the last keyframe up to ``place``, 0 if there is none."""
        keys = np.flatnonzero(self.is_key[: place + 1])
        return int(keys[-1]) if len(keys) else 0


@dataclass(frozen=True)
class Video:
    """A video file of a dataset in one state."""

    folder: Path
    path: str
    state: State

    @property
    def index(self) -> VideoIndex:
        """Raises BadVideo."""
        return _index(self)

    def picture(self, place: int) -> Image.Image:
        """The RGB picture at a place of the index; raises BadVideo."""
        frame = _pool().frame(self, place)
        if frame.width * frame.height > MAX_FRAME_PIXELS:
            raise BadVideo(TOO_LARGE)
        # A converter of its own: the one that belongs to the frame would be used by several threads at once.
        converter = video().video.reformatter.VideoReformatter()
        try:
            return converter.reformat(frame, format="rgb24").to_image()
        except video_errors() as error:
            raise BadVideo(_reason(error)) from error


def find_video(files: DatasetFiles, path: str) -> Video:
    """The video in a file; raises BadVideo if there is none."""
    problem = files.problem(path)
    state = files.state(path)
    if problem or state is None:
        raise BadVideo(problem or "is not here")
    return Video(files.folder, path, state)


def _open(one: Video) -> tuple["InputContainer", ExitStack]:
    """The opened container, and what closes it and its file; raises BadVideo for whatever is wrong with it."""
    with ExitStack() as opened:
        try:
            file = opened.enter_context(open(DatasetFiles(one.folder).descriptor(one.path), "rb"))
            problem = foreign_content(file.read(HEAD_BYTES))
            if problem:
                raise BadVideo(problem)
            file.seek(0)
            container = opened.enter_context(video().open(file, format=CONTAINER))
            _require_fitting(container)
        except video_errors() as error:
            raise BadVideo(_reason(error)) from error
        return container, opened.pop_all()


def _require_fitting(container: "InputContainer") -> None:
    if not container.streams.video:
        raise BadVideo("holds no pictures")
    codec = container.streams.video[0].codec_context
    if codec is None:
        raise BadVideo("has a codec that is not known")
    if codec.width * codec.height > MAX_FRAME_PIXELS:
        raise BadVideo(TOO_LARGE)
    codec.thread_count = 1  # several would hold back as many frames, and videos are decoded side by side


@lru_cache(maxsize=128)
def _index(one: Video) -> VideoIndex:
    container, opened = _open(one)
    with opened:
        stream = container.streams.video[0]
        pts, keys, problem = [], [], ""
        try:
            for packet in container.demux(stream):
                if packet.pts is not None and packet.size and not packet.is_discard:
                    pts.append(packet.pts)
                    keys.append(packet.is_keyframe)
                if len(pts) > MAX_PACKETS:
                    raise BadVideo("holds more frames than any recording")
        except video_errors() as error:
            problem = _reason(error)
        if not pts:
            raise BadVideo(problem or "holds no pictures")
        order = np.argsort(np.array(pts, dtype=np.int64), kind="stable")
        unit = float(stream.time_base) if stream.time_base else 0.0
        return VideoIndex(np.array(pts, dtype=np.int64)[order], np.array(keys, dtype=bool)[order], unit, problem)


class _Decoder:
    """One opened video, and where it is in decoding: the place after the last frame that came out."""

    def __init__(self, one: Video) -> None:
        self.lock = threading.Lock()
        self._video, self._index = one, one.index
        self._container, self._opened = _open(one)
        self._frames: Iterator[VideoFrame] | None = None
        self._next = 0
        self.is_closed = False

    def frames_to(self, place: int) -> Iterator[tuple[int, "VideoFrame"]]:
        """Decode on to the frame at ``place``; yields each frame on the way with its place."""
        key = self._index.key_before(place)
        if self._frames is None or not key <= self._next <= place:
            stream = self._container.streams.video[0]
            self._container.seek(int(self._index.pts[key]), stream=stream, backward=True)
            self._frames, self._next = self._container.decode(stream), key
        for frame in self._frames:
            at = int(np.searchsorted(self._index.pts, frame.pts)) if frame.pts is not None else -1
            is_known = 0 <= at < len(self._index.pts) and self._index.pts[at] == frame.pts
            if is_known and not frame.is_corrupt:
                self._next = at + 1
                yield at, frame
            if is_known and at >= place:
                return

    def close(self) -> None:
        self._frames, self.is_closed = None, True
        self._opened.close()


class _FramePool:
    """Decoded frames and opened videos that were used last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decoders: OrderedDict[Video, _Decoder] = OrderedDict()
        self._frames: OrderedDict[tuple[Video, int], VideoFrame] = OrderedDict()
        self._bytes = 0

    def frame(self, one: Video, place: int) -> "VideoFrame":
        """The frame at a place; raises BadVideo."""
        known = self._known(one, place)
        if known is not None:
            return known
        try:
            return self._decode(one, place)
        except video_errors() as error:
            self._drop(one)
            raise BadVideo(_reason(error)) from error

    def _decode(self, one: Video, place: int) -> "VideoFrame":
        while True:
            decoder, dropped = self._decoder(one)
            for old in dropped:
                with old.lock:
                    old.close()
            with decoder.lock:
                if not decoder.is_closed:  # by another thread that needed room
                    return self._decode_by(decoder, one, place)

    def _decode_by(self, decoder: _Decoder, one: Video, place: int) -> "VideoFrame":
        known = self._known(one, place)  # another thread may have decoded it meanwhile
        if known is not None:
            return known
        wanted = None
        for at, frame in decoder.frames_to(place):
            self._keep(one, at, frame)
            wanted = frame if at == place else wanted
        if wanted is None:
            raise BadVideo("cannot be decoded there")
        return wanted

    def _known(self, one: Video, place: int) -> "VideoFrame | None":
        with self._lock:
            frame = self._frames.get((one, place))
            if frame is not None:
                self._frames.move_to_end((one, place))
            return frame

    def _keep(self, one: Video, place: int, frame: "VideoFrame") -> None:
        with self._lock:
            if (one, place) in self._frames:
                return
            self._frames[one, place] = frame
            self._bytes += _size(frame)
            while self._bytes > MAX_BYTES and len(self._frames) > 1:
                self._bytes -= _size(self._frames.popitem(last=False)[1])

    def _decoder(self, one: Video) -> tuple[_Decoder, list[_Decoder]]:
        """The decoder of a video, and those that are to be closed for it."""
        with self._lock:
            known = self._decoders.get(one)
            if known is not None:
                self._decoders.move_to_end(one)
                return known, []
        made = _Decoder(one)
        with self._lock:
            known = self._decoders.setdefault(one, made)
            dropped = [] if known is made else [made]
            while len(self._decoders) > MAX_OPEN:
                dropped.append(self._decoders.popitem(last=False)[1])
            return known, dropped

    def _drop(self, one: Video) -> None:
        with self._lock:
            self._decoders.pop(one, None)


@cache
def _pool() -> _FramePool:
    """One for all recordings, so that its bounds hold for all of them together."""
    return _FramePool()


def _size(frame: "VideoFrame") -> int:
    return sum(plane.buffer_size for plane in frame.planes)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is not here"
    if isinstance(error, video().error.InvalidDataError):
        return "is no MP4 file, or was cut off"
    return describe(error) if isinstance(error, OSError) and error.strerror else "is damaged"
