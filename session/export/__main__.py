"""Command: write recordings as a dataset that other programs train on.

``python -m session.export --help`` lists the options. Exit codes: 0 written, 2 wrong usage or not written, 130 ended by
a signal. Except after 0 nothing is left of the dataset.
"""

import argparse
import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tqdm import tqdm

from session.command_line import (
    SESSIONS,
    end_signals,
    path_option,
    run_command,
    session_option,
    terminal_words,
    whole_number,
)
from session.data_folder import data_option
from session.errors import SessionError
from session.export.export import Written, export_dataset
from session.export.lerobot.videos import CODECS
from session.export.new_folder import require_free
from session.export.plan import MAX_FPS, Plan, make_plan
from session.export.sources import find_sources
from session.export.states import AUTO, KINDS
from session.files import describe, is_plain
from session.lerobot_format.libraries import require_installed

FORMATS = ("lerobot",)
DEFAULT_DATA = Path("saved")
MAX_TASK_LENGTH = 500
MAX_SIDE = 8192
MAX_LINES, MAX_NAMES = 20, 4

DESCRIPTION = """Write recordings as a LeRobotDataset of version 3.0.

Each recording becomes an episode: a row for each frame with the action that was decided after it. The last frame, after
which nothing was decided, is left out. A recording with gaps or resets becomes several episodes. Of a recording that
can be read with a stride every row is written, unless its name chooses another, as tub@stride=2."""
STATES = """observation.state: auto, the recorded one or else the action before the frame (default; the first frame of
an episode, before which none is known, is left out); last-action; or none"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the dataset and print what it holds; ends the process with exit code 2 and a plain sentence on an error."""
    logging.basicConfig(level=logging.INFO)
    parser = _make_parser()
    options = parser.parse_intermixed_args(arguments)
    with _signals_interrupt():
        try:
            sys.stdout.write(f"{_export(options)}\n")
        except SessionError as error:
            parser.error(terminal_words(error))
        except OSError as error:
            parser.error(f"The dataset cannot be written ({describe(error)}); nothing is left of it.")


def _export(options: argparse.Namespace) -> str:
    """Write the dataset that the options ask for; returns a sentence on it."""
    require_installed()
    place = options.out.absolute()
    require_free(place)
    sources = find_sources(options.data / SESSIONS, options.sessions, options.state)
    plan = make_plan(sources, options.fps, options.size)
    _tell(plan.notes)
    with tqdm(total=plan.row_count, unit="frame", disable=None) as bar:
        written = export_dataset(plan, place, options.task or "", options.codec, bar.update)
    _tell([str(one) for one in written if not one.is_as_usual])
    return _summary(options.out, plan, written)


def _tell(lines: Sequence[str]) -> None:
    """Write lines beside the answer, not hundreds of them."""
    more = [f"… and {len(lines) - MAX_LINES:,} more such lines."] if len(lines) > MAX_LINES else []
    sys.stderr.write("".join(f"{line}\n" for line in [*lines[:MAX_LINES], *more]))


def _summary(out: Path, plan: Plan, written: Sequence[Written]) -> str:
    rows, episodes = (sum(getattr(one, name) for one in written) for name in ("rows", "episodes"))
    state = f", states: {_named(plan.state_names)}" if plan.state_names else ""
    return (
        f"{out}: {episodes:,} episode{'s' * (episodes != 1)}, {rows:,} frames of {plan.size[0]}\N{MULTIPLICATION SIGN}"
        f"{plan.size[1]} at {plan.fps} a second, actions: {_named(plan.action_names)}{state}"
    )


def _named(names: Sequence[str]) -> str:
    return (
        ", ".join(names)
        if len(names) <= MAX_NAMES
        else f"{', '.join(names[:MAX_NAMES])} and {len(names) - MAX_NAMES} more"
    )


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m session.export", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--format", choices=FORMATS, required=True, help="of the dataset")
    help_text = "id of a session as the page shows it, or a robot, a dataset or a folder for all of its sessions"
    parser.add_argument("sessions", nargs="+", type=session_option, metavar="SESSION", help=help_text)
    parser.add_argument("out", type=path_option, metavar="OUT", help="new folder of the dataset")
    parser.add_argument("--task", type=_task_text, help="what was to be done (default: as recorded)")
    fps_help = "frames a second that the dataset says, whatever they were (default: as recorded, rounded)"
    parser.add_argument("--fps", type=whole_number(1, MAX_FPS), help=fps_help)
    parser.add_argument("--size", type=_picture_size, metavar="WxH", help="of the pictures (default: as recorded)")
    parser.add_argument("--state", choices=KINDS, default=AUTO, help=STATES)
    codec_help = "of the videos (default av1, as LeRobot records; every browser plays h264)"
    parser.add_argument("--codec", choices=tuple(CODECS), default="av1", help=codec_help)
    parser.add_argument("--data", type=data_option, default=DEFAULT_DATA, help="folder of sessions/ (default saved)")
    return parser


def _task_text(text: str) -> str:
    if not text.strip() or len(text) > MAX_TASK_LENGTH or not is_plain(text):
        raise argparse.ArgumentTypeError(f"give 1 to {MAX_TASK_LENGTH} characters in one line")
    return text.strip()


def _picture_size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2:
        raise argparse.ArgumentTypeError("give width and height, such as 640x480")
    width, height = map(whole_number(16, MAX_SIDE), sides)
    return width, height


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Have the signals to end raise KeyboardInterrupt, so that nothing unfinished is left."""
    before = {number: signal.signal(number, _interrupt) for number in end_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    run_command(main)
