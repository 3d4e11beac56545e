"""Writing a session while it happens, so that a crash loses at most the event in flight.

Frames are written whole before the event that names them, events are appended one by one without a buffer, and the
metadata is replaced atomically. A power cut may cost more, depending on the operating system.
"""

import io
import itertools
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import orjson
from PIL import Image

from session.errors import DiskBudgetError, RecordingError
from session.files import describe, open_file, replace_file, write_all, write_file
from session.jsonl_format.events import RESET
from session.jsonl_format.folder import FRAMES_FOLDER
from session.jsonl_format.lock import LOCK_FILE, lock_new_session
from session.jsonl_format.metadata import META_FILE
from session.jsonl_format.shards import shard_name
from session.recorder.disk_budget import SESSION_PREFIX, DiskBudget
from session.robots.actions import checked_action
from session.robots.detection import profile_of
from session.robots.gymnasium_robot import EnvironmentEntry
from session.robots.simulator import SimulatorEntry

JPEG_QUALITY = 95
GIGABYTE = 1_000_000_000
# Reserved once for the metadata, which grows by its last two keys.
METADATA_BYTES = 4096


class SessionRecorder:
    """A recorder of one session, into a new folder below ``root_folder``/<robot>; use it in a ``with`` statement.

    ``robot_type`` is the robot's class name, ``action_space`` the actions it chooses from. When the sessions of that
    robot would exceed ``max_disk_gb`` (10^9 bytes each), the oldest that are not being recorded are deleted. ``clock``
    gives Unix seconds. ``simulator``: what made the robot, if it is a simulated one at its start; observations and
    actions must then alternate. ``environment``: the same of an environment of Gymnasium. Of a robot that
    ``is_continuous`` the recording states the ranges of its actions in place of the actions. Raises RecordingError
    when the folder cannot be written.
    """

    def __init__(
        self,
        root_folder: str | os.PathLike[str],
        robot_type: str,
        action_space: Sequence[Mapping[str, float]],
        shard_size: int = 1000,
        max_disk_gb: float = 10.0,
        clock: Callable[[], float] = time.time,
        simulator: SimulatorEntry | None = None,
        environment: EnvironmentEntry | None = None,
        is_continuous: bool = False,
    ) -> None:
        if shard_size < 1 or not max_disk_gb > 0:
            raise RecordingError("A recording needs a shard size of at least 1 and a disk budget above 0 GB.")
        self._clock = clock
        self._action_space: list[dict[str, float]] | None = [checked_action(action) for action in action_space]
        self._shard_size = shard_size
        self._step = 0
        self._shard: int | None = None
        self._is_closed = False
        self.profile = profile_of(robot_type, self._action_space)
        try:
            self.folder = _make_folder(Path(root_folder) / self.profile.name, clock())
            self._lock = lock_new_session(self.folder)
            self._budget = DiskBudget(self.folder, max_disk_gb * GIGABYTE)
            self._metadata = {
                "session_name": self.folder.name,
                "start_time": self._local_time(),
                "shard_size": shard_size,
                "max_disk_gb": max_disk_gb,
                "action_space": None,
                "robot_type": robot_type,
                "total_shards": 0,
            }
            for key, entry in (("simulator", simulator), ("gymnasium", environment)):
                if entry is not None:
                    self._metadata[key] = entry.as_json()
            if is_continuous:
                self._action_space = None
                self._metadata["channels"] = {one.name: (one.low, one.high) for one in self.profile.channels}
            self._begin()
        except OSError as error:
            raise _cannot_write(error) from error

    @property
    def session_id(self) -> str:
        """The name under which list_sessions() lists the session."""
        return f"{self.profile.name}/{self.folder.name}"

    @property
    def total_events(self) -> int:
        return self._step

    def record_observation(self, picture: Image.Image | np.ndarray) -> str:
        """Record an RGB picture, or uint8 (H, W, 3), and return the path of its file below ``folder``.

        Raises RecordingError, also when the disk budget is used up.
        """
        path = f"{FRAMES_FOLDER}/frame_{self._step:06d}.jpg"
        self._record("observation", {"frame_path": path}, path, _encode(picture))
        return path

    def record_action(self, action: Mapping[str, float]) -> None:
        """Record an action; raises InvalidAction, and RecordingError, also when the disk budget is used up."""
        self._record("action", checked_action(action))

    def record_reset(self) -> None:
        """Record that another episode begins: no action leads to the next observation. Raises RecordingError."""
        self._record(RESET, {})

    def close(self) -> None:
        """Finish the recording: its end and length are written to the metadata. Closing twice does nothing."""
        if self._is_closed:
            return
        self._metadata |= {"end_time": self._local_time(), "total_steps": self._step}
        try:
            self._save_metadata()
            os.unlink(self.folder / LOCK_FILE)
        except OSError as error:
            raise _cannot_write(error) from error
        finally:
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Also after an error: all events up to it are complete, and only a killed recording has no end.
        self.close()

    def _record(self, kind: str, data: dict[str, object], frame_path: str = "", frame: bytes = b"") -> None:
        if self._is_closed:
            raise RecordingError("This recording has ended; start a new one.")
        event = {"step": self._step, "type": kind, "data": data, "timestamp": self._clock()}
        line = orjson.dumps(event) + b"\n"
        self._budget.reserve(len(line) + len(frame))
        try:
            if frame_path:
                write_file(self.folder / frame_path, frame, is_new=True)
            self._append(line)
        except OSError as error:
            self._release()
            raise _cannot_write(error) from error
        self._step += 1

    def _append(self, line: bytes) -> None:
        is_new_shard = self._step % self._shard_size == 0
        if is_new_shard:
            self._open_shard(self._step // self._shard_size)
        before = os.fstat(self._shard).st_size
        try:
            write_all(self._shard, line)
        except OSError:
            # An incomplete line at the end would also damage the line that is appended to it.
            with suppress(OSError):
                os.ftruncate(self._shard, before)
            raise
        if is_new_shard:
            self._metadata |= {"action_space": self._action_space, "total_shards": self._step // self._shard_size + 1}
            self._save_metadata()

    def _open_shard(self, number: int) -> None:
        if self._shard is not None:
            os.close(self._shard)
            self._shard = None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._shard = open_file(self.folder / shard_name(number), flags)

    def _begin(self) -> None:
        try:
            self._budget.reserve(METADATA_BYTES + len(orjson.dumps(self._action_space)))
        except DiskBudgetError:
            self._release()
            shutil.rmtree(self.folder)
            raise
        self._save_metadata()

    def _save_metadata(self) -> None:
        replace_file(self.folder / META_FILE, orjson.dumps(self._metadata, option=orjson.OPT_INDENT_2))

    def _release(self) -> None:
        self._is_closed = True
        if self._shard is not None:
            os.close(self._shard)
            self._shard = None
        os.close(self._lock)

    def _local_time(self) -> str:
        return datetime.fromtimestamp(self._clock()).isoformat()


def _make_folder(robot_folder: Path, now: float) -> Path:
    name = f"{SESSION_PREFIX}{datetime.fromtimestamp(now):%Y%m%d_%H%M%S}"
    robot_folder.mkdir(parents=True, exist_ok=True)
    for attempt in itertools.count(1):
        folder = robot_folder / (name if attempt == 1 else f"{name}_{attempt}")
        # Another recorder may have started in the same second.
        with suppress(FileExistsError):
            folder.mkdir()
            (folder / FRAMES_FOLDER).mkdir()
            return folder
    raise AssertionError("counting never ends")


def _encode(picture: Image.Image | np.ndarray) -> bytes:
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
            raise RecordingError("A picture needs height, width and three colours of 8 bits each.")
        picture = Image.fromarray(picture)
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _cannot_write(error: OSError) -> RecordingError:
    return RecordingError(f"The recording stopped as it cannot be written ({describe(error)}); make room and retry.")
