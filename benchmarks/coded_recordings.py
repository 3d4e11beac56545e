"""Recordings with pictures that encode their owner and frame, so that an answer to the wrong visitor is detected.

A picture is a grid of black and white squares: owner, frame and a checksum as bits, in four copies. The squares are as
large as the models' patches, far larger than the blur of JPEG.
"""

import io
import re
import zlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from session import SessionRecorder
from session.recorder.selectors import RandomSelector
from session.recorder.simulation import SimulatedClock
from session.robots.registry import make_robot
from session.robots.simulator import SimulatorEntry

SQUARE, ACROSS = 16, 14
OWNER_BITS, FRAME_BITS, CHECK_BITS = 12, 16, 16
COPIES = 4
CODE_BITS = OWNER_BITS + FRAME_BITS + CHECK_BITS
FIRST_DAY, DAY_S = datetime(2025, 1, 1, 12, tzinfo=UTC).timestamp(), 86_400
IMAGE = re.compile(r'<img src="([^"]+)" alt="([^"]*)"')


def coded_picture(owner: int, frame: int) -> np.ndarray:
    """A picture, uint8 (224, 224, 3), that `read_code` can read."""
    code = (owner << FRAME_BITS | frame) << CHECK_BITS
    code |= _check(code)
    bits = [code >> position & 1 for position in range(CODE_BITS)] * COPIES
    squares = np.resize(np.array(bits, dtype=np.uint8), ACROSS**2).reshape(ACROSS, ACROSS)
    return np.repeat(np.kron(squares * 255, np.ones((SQUARE, SQUARE), np.uint8))[:, :, None], 3, axis=2)


def read_code(picture: Image.Image) -> tuple[int, int] | None:
    """Owner and frame of a coded picture, or None for any other, or if one of the four copies differs."""
    grey = np.asarray(picture.convert("L").resize((ACROSS, ACROSS), Image.Resampling.BOX))
    bits = (grey > 127).flatten()[: CODE_BITS * COPIES].reshape(COPIES, CODE_BITS)
    code = sum(int(bit) << position for position, bit in enumerate(bits[0]))
    if (bits != bits[0]).any() or _check(code >> CHECK_BITS << CHECK_BITS) != code % (1 << CHECK_BITS):
        return None
    return code >> (FRAME_BITS + CHECK_BITS), code >> CHECK_BITS & (1 << FRAME_BITS) - 1


def _check(code: int) -> int:
    return zlib.crc32(code.to_bytes(8, "big")) % (1 << CHECK_BITS)


def read_file(content: bytes) -> tuple[int, int] | None:
    """Owner and frame of a picture's file, or None."""
    return read_code(Image.open(io.BytesIO(content)))


def pictures_of(html: str) -> dict[str, str]:
    """The addresses of the pictures of an answer, by their names on the page ("Input, frame 3")."""
    return {name: address for address, name in IMAGE.findall(html)}


def record_coded(sessions_folder: Path, owner: int, frames: int, robot: str) -> str:
    """Record a session of `owner` with a simulated robot's actions, each on a different day; returns its id."""
    clock, simulated = SimulatedClock(), make_robot(SimulatorEntry(robot, owner))
    clock.advance(FIRST_DAY + owner * DAY_S - clock())
    space = simulated.action_space
    selector = RandomSelector(space, owner)
    with SessionRecorder(sessions_folder, type(simulated).__name__, space, clock=clock) as recorder:
        for frame in range(frames):
            if frame:
                recorder.record_action(selector.next_action())
                clock.advance(0.1)
            recorder.record_observation(coded_picture(owner, frame))
            clock.advance(0.1)
    return recorder.session_id
