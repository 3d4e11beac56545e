"""Readings of a recording that can be opened in several ways: its camera, its stride, and the kind of its actions.

What differs from the usual reading is the end of the session's id: ``arm/episode_000028@camera=left,stride=1``. This
module alone knows that form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from session.errors import SessionNotFound
from session.spread import spread

MARK = "@"
VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)
MAX_STRIDE_DIGITS = 4
TARGET, CHANGE = "target", "change"  # kinds of actions: as recorded, or the target minus the state
NO_CHOICES = (
    "This recording is read in one way only; leave out what follows the last {mark} of its name, or press Refresh and "
    "pick one from the list."
)


@dataclass(frozen=True)
class Reading:
    """How a recording is read. An empty text, or a stride of 0, stands for the usual choice.

    ``camera`` and ``action`` are names; ``stride`` is the number of rows from one frame to the next, ``offset``, below
    it, that of the first frame.
    """

    camera: str = ""
    stride: int = 0
    action: str = ""
    offset: int = 0

    def __str__(self) -> str:
        """The end of a session's id, such as "@stride=1"; empty for the usual reading."""
        parts = [f"{name}={value}" for name, value in self.given().items()]
        return MARK + ",".join(parts) if parts else ""

    def given(self) -> dict[str, str | int]:
        """What differs from the usual reading, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name)}


USUAL = Reading()
KEYS = tuple(one.name for one in fields(Reading))


@dataclass(frozen=True)
class Choices:
    """The readings that a recording offers, the ``usual`` and the ``current`` one, both with every value given.

    A tuple with fewer than two entries offers no choice. ``rate``: rows a second, so that a frame is one row of
    ``stride`` at ``rate / stride`` frames a second.
    """

    usual: Reading
    current: Reading
    cameras: tuple[str, ...] = ()
    strides: tuple[int, ...] = ()
    actions: tuple[str, ...] = ()
    rate: float = 0.0

    def session_id(self, session_id: str, choice: Mapping[str, str | int]) -> str:
        """The id under which the recording of ``session_id`` is opened with another choice, such as {"stride": 1}."""
        wanted = replace(self.current, **{"offset": 0} | dict(choice))
        other = {name: value for name, value in wanted.given().items() if value != getattr(self.usual, name)}
        return plain_id(session_id) + str(Reading(**other))

    def with_offsets(self, session_id: str, most: int) -> list[str]:
        """The ids of up to ``most`` readings that begin at different rows, evenly spread, the one at row 0 first: other
        frames of the same recording, at the same stride."""
        stride = self.current.stride
        return [self.session_id(session_id, {"offset": one}) for one in spread(stride, most)]


def choose(
    asked: Reading,
    rate: float,
    cameras: tuple[str, ...] = (),
    actions: tuple[str, ...] = (),
) -> Choices:
    """The choices of a recording whose rows come at ``rate`` a second, the usual camera and kind of actions first, with
    what was asked for; raises SessionNotFound for something that there is not."""
    for name, offered in (("camera", cameras), ("action", actions)):
        value = getattr(asked, name)
        if value and value not in offered:
            raise SessionNotFound(_no_such(name, value, offered))
    usual = Reading(next(iter(cameras), ""), usual_stride(rate), next(iter(actions), ""))
    current = replace(usual, **asked.given())
    if current.offset >= current.stride:
        raise SessionNotFound(
            f"The offset must be below the stride, {current.stride}; choose another, or leave it out."
        )
    strides = tuple(sorted({*_stride_choices(rate), current.stride}))
    return Choices(usual, current, cameras, strides, actions, rate)


def split_reading(name: str) -> tuple[str, str]:
    """The name of a recording, or its id, without the end that tells the reading, and that end without its mark."""
    start, _, end = name.rpartition(MARK)
    return (start, end) if start and "=" in end and "/" not in end else (name, "")


def plain_id(session_id: str) -> str:
    """The id without its reading; in that of a folder such as "tub@speed=0.5" the end is no reading, but its name."""
    name, end = split_reading(session_id)
    return name if all(part.partition("=")[0] in KEYS for part in end.split(",")) else session_id


def parse_reading(text: str, keys: tuple[str, ...] = KEYS) -> Reading:
    """The reading that the end of an id names; ``keys``: what can be chosen. Raises SessionNotFound with a sentence."""
    values: dict[str, str] = {}
    for part in text.split(",") if text else ():
        name, _, value = part.partition("=")
        if not keys:
            raise SessionNotFound(NO_CHOICES.format(mark=MARK))
        if name not in keys or name in values or not VALUE.fullmatch(value):
            raise SessionNotFound(_not_understood(part, keys))
        values[name] = value
    numbers = {name: _number(name, values[name], keys) for name in ("stride", "offset") if name in values}
    return Reading(**values | numbers)


def _number(name: str, value: str, keys: tuple[str, ...]) -> int:
    """A number above 0: the usual one is left out."""
    if not (value.isdecimal() and len(value) <= MAX_STRIDE_DIGITS and int(value) > 0):
        raise SessionNotFound(_not_understood(f"{name}={value}", keys))
    return int(value)


def usual_stride(rate: float) -> int:
    """The stride that takes about 3 steps a second of rows that come at ``rate`` a second."""
    return max(1, min(10**MAX_STRIDE_DIGITS - 1, round(rate / 3)))


def _stride_choices(rate: float) -> tuple[int, ...]:
    """Every row, and strides of about 10, 3 and 1 steps a second."""
    return tuple(sorted({1, max(1, round(rate / 10)), usual_stride(rate), max(1, min(9999, round(rate)))}))


def _no_such(name: str, value: str, offered: tuple[str, ...]) -> str:
    known = ", ".join(offered) or "none"
    return f"This recording has no {name} {value}; choose one of these: {known}."


def _not_understood(part: str, keys: tuple[str, ...]) -> str:
    return f"{part[:40]!r} is no way to read this recording; after the {MARK} can follow: {', '.join(keys)}."
