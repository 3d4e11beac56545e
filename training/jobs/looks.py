"""Looks at a run: what the networks make of a few fixed frames while they learn, kept as pictures beside its log.

A folder with the name of the log holds `true.jpg`, the frames side by side, and one picture like it for each look.
There are at most 60: then the one in the narrowest gap goes. If the folder cannot be written, training goes on.
"""

import io
import logging
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from session.files import describe, open_folder, open_regular, open_subfolder, read_at_most, replace_file
from session.spread import spread
from training.jobs.run_log import RUNS_FOLDER

logger = logging.getLogger(__name__)

FRAMES = 4
MAX_LOOKS = 60
MAX_RUNS = 10  # with looks, in a robot's folder; each takes some 3 MB
TRUE = "true.jpg"
RUN = re.compile(r"\d{8}_\d{6}_[a-z]{1,20}(_\d{1,4})?", re.ASCII)
FILE = re.compile(r"true\.jpg|(\d{8})_([a-z]{1,20})\.jpg", re.ASCII)
MAX_BYTES = 4 << 20
QUALITY = 90
STRIP_LOOKS, STRIP_CELL, STRIP_TOP = 8, 112, 18


@dataclass(frozen=True)
class Look:
    """The outputs of a phase for the fixed frames at a step of the run, in the picture `file`."""

    step: int
    phase: str
    file: str


@dataclass(frozen=True)
class RunLooks:
    """All looks of a run, by step; `frames` is the number of pictures side by side."""

    run: str
    looks: tuple[Look, ...]


class LookFolder:
    """Writes the looks of the run with a log at this path."""

    def __init__(self, log: Path) -> None:
        self._folder = log.with_suffix("")
        self._is_broken = False
        self._kept = _looks_in(self._folder)

    def is_due(self, step: int, phase: str) -> bool:
        """True if the step is far enough from the last look of the phase: a sixtieth of the run."""
        if self._is_broken:
            return False
        last = max((look.step for look in self._kept if look.phase == phase), default=None)
        return last is None or step - last > step // MAX_LOOKS

    def begin(self, frames: Sequence[np.ndarray]) -> None:
        """Write the true frames, uint8 (H, W, 3)."""
        if not self._folder.exists():
            self._write(TRUE, frames)
            _remove_oldest(self._folder.parent)

    def add(self, step: int, phase: str, frames: Sequence[np.ndarray]) -> None:
        """Write what a phase makes of them at a step."""
        look = Look(step, phase, f"{step:08d}_{phase}.jpg")
        self._write(look.file, frames)
        self._kept = _ordered({*self._kept, look})
        if len(self._kept) > MAX_LOOKS:
            gaps = [self._kept[place + 1].step - self._kept[place - 1].step for place in range(1, MAX_LOOKS)]
            removed = self._kept.pop(1 + gaps.index(min(gaps)))
            (self._folder / removed.file).unlink(missing_ok=True)

    def _write(self, name: str, frames: Sequence[np.ndarray]) -> None:
        buffer = io.BytesIO()
        Image.fromarray(np.concatenate(list(frames), axis=1)).save(buffer, "JPEG", quality=QUALITY)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._folder / name, buffer.getvalue(), is_synced=False)
        except OSError as problem:
            self._is_broken = True
            logger.warning("no further pictures of this run are kept: %s", describe(problem))


def continue_looks(log: Path, earlier: str) -> None:
    """Let the run with this log continue the looks of the run with the log named `earlier`."""
    try:
        os.rename(log.with_name(earlier).with_suffix(""), log.with_suffix(""))
    except OSError:
        logger.info("the run before has no pictures to continue")


def newest_looks(directory: Path) -> RunLooks | None:
    """The looks of the newest run in a robot's folder that has any, or None."""
    for run in sorted(_runs_in(directory / RUNS_FOLDER), reverse=True):
        looks = _looks_in(directory / RUNS_FOLDER / run)
        if looks:
            return RunLooks(run, tuple(looks))
    return None


def read_look(directory: Path, run: str, file: str) -> bytes | None:
    """A picture of a run in a robot's folder, JPEG, or None if there is no such regular file."""
    if not RUN.fullmatch(run) or not FILE.fullmatch(file):
        return None
    try:
        with (
            open_folder(directory) as folder,
            open_subfolder(folder, f"{RUNS_FOLDER}/{run}") as pictures,
            open_regular(pictures, file) as opened,
        ):
            return read_at_most(opened, MAX_BYTES)
    except OSError:
        return None


def draw_strip(directory: Path, run: str) -> bytes | None:
    """A PNG of the looks of a run: a row for each frame, the true one first, then up to eight steps; None without."""
    looks = _looks_in(directory / RUNS_FOLDER / run) if RUN.fullmatch(run) else []
    chosen = [looks[place] for place in spread(len(looks), STRIP_LOOKS)] if looks else []
    pictures = [("true", TRUE), *((f"{look.phase} {look.step:,}", look.file) for look in chosen)]
    contents = [(title, read_look(directory, run, file)) for title, file in pictures]
    columns = [(title, Image.open(io.BytesIO(content))) for title, content in contents if content is not None]
    if not chosen or not columns:
        return None
    count = max(1, round(columns[0][1].width / columns[0][1].height))
    strip = Image.new("RGB", (len(columns) * STRIP_CELL, STRIP_TOP + count * STRIP_CELL), "white")
    for place, (title, picture) in enumerate(columns):
        ImageDraw.Draw(strip).text((place * STRIP_CELL + 2, 3), title, fill="black")
        width = picture.width // count
        for row in range(count):
            cell = picture.crop((row * width, 0, (row + 1) * width, picture.height)).resize((STRIP_CELL - 2,) * 2)
            strip.paste(cell, (place * STRIP_CELL, STRIP_TOP + row * STRIP_CELL))
    buffer = io.BytesIO()
    strip.save(buffer, "PNG")
    return buffer.getvalue()


def _looks_in(folder: Path) -> list[Look]:
    try:
        names = os.listdir(folder) if not folder.is_symlink() else []
    except OSError:
        return []
    matches = [match for name in names if (match := FILE.fullmatch(name)) and match[1]]
    return _ordered(Look(int(match[1]), match[2], match[0]) for match in matches)


def _ordered(looks: Iterable[Look]) -> list[Look]:
    """By step; where two phases meet, that which began earlier comes first."""
    by_step = sorted(looks, key=lambda look: look.step)
    began: dict[str, int] = {}
    for look in by_step:
        began.setdefault(look.phase, look.step)
    return sorted(by_step, key=lambda look: (look.step, began[look.phase]))


def _runs_in(runs: Path) -> list[str]:
    try:
        with os.scandir(runs) as entries:
            return [
                entry.name for entry in entries if RUN.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []


def _remove_oldest(runs: Path) -> None:
    for run in sorted(_runs_in(runs))[:-MAX_RUNS]:
        shutil.rmtree(runs / run, ignore_errors=True)
