"""Checks of numbers that a person typed, and text of unknown origin made fit for a message.

All values that training takes from a page, a command line or a program are checked here, by name and value.
"""

MAX_TEXT = 80
MAX_NUMBER = 1e15  # larger ones would fill a message with digits


class InvalidValue(ValueError):
    """A number that training cannot work with; the message says which and what would do."""


def check_number(value: object, name: str, low: float, high: float) -> None:
    """Raise InvalidValue where `value` is no finite number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or not low <= value <= high:
        raise _not_this(f"{_words(name)} must be a number from {low:g} to {high:g}", value)


def check_whole(value: object, name: str, low: int, high: int) -> None:
    """Raise InvalidValue where `value` is no int in [low, high]."""
    if type(value) is not int or not low <= value <= high:
        raise _not_this(f"{_words(name)} must be a whole number from {low} to {high}", value)


def _words(name: str) -> str:
    return name if " " in name else "The " + name.replace("_lr", " learning rate").replace("_", " ")


def _not_this(expected: str, value: object) -> InvalidValue:
    """The refusal of a value: shown where it is what a person types, and never longer than a line."""
    if value is None or isinstance(value, str):
        typed = "".join(letter if letter.isprintable() else " " for letter in (value or "")[:20])
        return InvalidValue(f"{expected}, not {' '.join(typed.split()) or 'empty'}.")
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return InvalidValue(f"{expected}; what arrived is not a number.")
    shown = f"{value:.15g}" if abs(value) < MAX_NUMBER else "a number of that size"
    return InvalidValue(f"{expected}, not {shown}.")


def printable(text: str) -> str:
    """Text of unknown origin, fit for one line of a message: printable and short."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in text[: MAX_TEXT + 1])
    return printable if len(printable) <= MAX_TEXT else printable[: MAX_TEXT - 1] + "…"
