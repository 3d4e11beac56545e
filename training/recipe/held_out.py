"""The frames of a recording that are never learned from."""

import zlib

import numpy as np

from session import RecordedSession
from session.robots.toroidal_dot import locate_dot

EVERY, FIRST = 5, 3


def is_held_out(recording: RecordedSession, frame: int) -> bool:
    if recording.profile.name == "toroidal_dot":
        position = locate_dot(np.asarray(recording.picture(frame)))
        return position is not None and round(position.x) % EVERY == FIRST
    if recording.profile.name == "jetbot":
        return zlib.crc32(recording.frame_bytes(frame)[0]) % 10 == 0
    return frame >= 0.8 * recording.frame_count
