"""Checks of typed numbers, conversion of text of unknown origin for a message, and losses and durations as text.

All values that training takes from a page, a command line or a program are checked here, by name and value.
"""

import math
from collections.abc import Sequence

from session.files import is_plain

MAX_TEXT = 80
NO_BREAK = "\u00a0"  # does not break a line
MAX_NUMBER = 1e15  # larger ones would fill a message with digits


class InvalidValue(ValueError):
    """A value that cannot be used; the message names it and what is expected."""


def check_number(value: object, name: str, low: float, high: float) -> None:
    """Raise InvalidValue if `value` is not a finite number in [low, high]."""
    if not is_number(value) or not low <= value <= high:
        raise invalid_value(f"{_words(name)} must be a number from {low:g} to {high:g}", value, is_text_shown=True)


def check_whole(value: object, name: str, low: int, high: int) -> None:
    """Raise InvalidValue if `value` is not an int in [low, high]."""
    if type(value) is not int or not low <= value <= high:
        raise invalid_value(f"{_words(name)} must be a whole number from {low} to {high}", value, is_text_shown=True)


def whole_number(value: object, name: str, low: int, high: int) -> int:
    """`value` as an int in [low, high], also if a browser sent it as a float; raises InvalidValue for anything else."""
    if not is_number(value) or not low <= value <= high or value != int(value):
        raise invalid_value(f"{name} must be a whole number from {low} to {high}", value)
    return int(value)


def check_choice(value: object, name: str, choices: Sequence[str]) -> None:
    """Raise InvalidValue if `value` is not one of `choices`."""
    if value not in choices:
        raise invalid_value(f"{_words(name)} must be one of {', '.join(choices)}", value, is_text_shown=True)


def is_number(value: object) -> bool:
    """True if the value can be compared with other numbers: neither a bool nor NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def invalid_value(expected: str, value: object, is_text_shown: bool = False) -> InvalidValue:
    """The error for a value; `expected` is the requirement as text.

    `is_text_shown`: the message repeats a value that is text, such as a typed one of a command line. A number field of
    the page sends none.
    """
    if is_text_shown and (value is None or isinstance(value, str)):
        typed = "".join(letter if letter.isprintable() else " " for letter in (value or "")[:20])
        return InvalidValue(f"{expected}, not {' '.join(typed.split()) or 'empty'}.")
    if value is None or value == "":
        return InvalidValue(f"{expected}; it is empty.")
    if not is_number(value):
        return InvalidValue(f"{expected}; what arrived is not a number.")
    text = f"{value:.15g}" if abs(value) < MAX_NUMBER else "a number of that size"
    return InvalidValue(f"{expected}, not {text}.")


def _words(name: str) -> str:
    return name if " " in name else "The " + name.replace("_lr", " learning rate").replace("_", " ")


def printable(text: str, limit: int = MAX_TEXT) -> str:
    """Text of unknown origin as one line of a message: printable, and of at most `limit` letters."""
    line = "".join(letter if is_plain(letter) else "?" for letter in text[: limit + 1])
    return line if len(line) <= limit else line[: limit - 1] + "…"


def typed_line(value: object, name: str, limit: int) -> str:
    """Typed text as one line of at most `limit` printable letters, "" for None; raises InvalidValue for other types."""
    if value is not None and not isinstance(value, str):
        raise InvalidValue(f"{name} must be text.")
    return printable(" ".join((value or "").split()), limit)


def loss_text(loss: float) -> str:
    """Three significant digits, scientific below 0.01: 0.0249, 7.39e-4. The player's error track writes the same."""
    if not math.isfinite(loss):
        return "not finite"
    if loss != 0 and abs(loss) < 0.01:
        digits, _, exponent = f"{loss:.2e}".partition("e")
        return f"{digits}e{int(exponent)}"
    return f"{loss:#.3g}".rstrip(".") if loss else "0"


def duration_text(seconds: float) -> str:
    """12.3 s, 4 min 05 s, 2 h 03 min; number and unit stay on one line."""
    if seconds < 60:
        return f"{seconds:.1f}{NO_BREAK}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{NO_BREAK}min{NO_BREAK}{rest:02d}{NO_BREAK}s"
    return f"{minutes // 60}{NO_BREAK}h{NO_BREAK}{minutes % 60:02d}{NO_BREAK}min"
