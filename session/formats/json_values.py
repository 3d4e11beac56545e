"""Parsing of JSON of which single values may be broken: each costs only itself.

Broken values (NaN, Infinity, None, 01, a text with a wrong escape …) become `Broken`. A text whose structure is broken,
such as a line that was cut short, is no JSON at all.
"""

import json
import re
from collections.abc import Iterator

import orjson

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAX_DEPTH = 30
MAX_DIGITS = 20
# A string, a punctuation mark, or a word; each with the space before it.
TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([{}\[\]:,])|([^\s{}\[\]:,"]+))', re.DOTALL)
OPENING, CLOSING = ("{", "["), ("}", "]")


class NotJson(ValueError):
    """The text is no JSON value, or its structure is broken."""


class Broken:
    """The place of a value that cannot be read."""

    def __repr__(self) -> str:
        return "Broken()"


def parse_json(content: bytes, is_thorough: bool = True) -> object:
    """A JSON value, with `Broken` in place of broken parts; raises NotJson.

    Not `is_thorough`: only with what Python's own parser accepts, which takes a hundredth of the time.
    """
    content = content.removeprefix(BYTE_ORDER_MARK)
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        text = content.decode("utf-8", "replace")
    try:
        value = _printable(_PYTHON.decode(text.strip()))
    except (ValueError, RecursionError):
        if not is_thorough:
            raise NotJson from None
        value = _printable(_Parser(text).whole())
    if isinstance(value, Broken):
        raise NotJson
    return value


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)


# Not strict: with tabs and the like inside strings.
LENIENT = {"parse_constant": lambda _: Broken(), "parse_int": _integer, "strict": False}
_PYTHON = json.JSONDecoder(**LENIENT)


def _printable(value: object) -> object:
    """The value without halves of surrogate pairs, which cannot be written anywhere."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_printable(one) for one in value]
    if isinstance(value, dict):
        return {_printable(name): _printable(one) for name, one in value.items()}
    return value


class _Parser:
    """A parser that passes over what it cannot read, up to the next comma or bracket of the same level."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._token = next(self._tokens, "")

    def whole(self) -> object:
        value = self._value(0)
        if self._token:
            raise NotJson
        return value

    def _next(self) -> str:
        token = self._token
        if not token:
            raise NotJson  # cut short
        self._token = next(self._tokens, "")
        return token

    def _value(self, depth: int) -> object:
        if self._token in OPENING and depth >= MAX_DEPTH:
            value: object = Broken()
        elif self._token == "{":
            value = self._object(depth)
        elif self._token == "[":
            value = self._list(depth)
        elif self._token in (",", ":", *CLOSING):
            value = Broken()  # nothing where a value should be
        else:
            value = _scalar(self._next())
        return Broken() if self._skips_rest(depth) else value

    def _object(self, depth: int) -> dict[str, object]:
        self._next()
        members: dict[str, object] = {}
        while self._token != "}":
            name = _scalar(self._next())
            if self._next() != ":":
                raise NotJson
            members[str(name)] = self._value(depth + 1)
            if self._token == ",":
                self._next()
        self._next()
        return members

    def _list(self, depth: int) -> list[object]:
        self._next()
        values = []
        while self._token != "]":
            if self._token == "}":
                raise NotJson
            values.append(self._value(depth + 1))
            if self._token == ",":
                self._next()
        self._next()
        return values

    def _skips_rest(self, depth: int) -> bool:
        """Pass over what follows a value before the next comma or bracket of its level; True if there was anything."""
        if depth == 0 or self._token in (",", *CLOSING):
            return False
        opened = 0
        while opened or self._token not in (",", *CLOSING):
            token = self._next()
            opened += (token in OPENING) - (token in CLOSING)
        return True


def _tokens(text: str) -> Iterator[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None:
            raise NotJson  # a string without an end
        yield found[1] or found[2] or found[3]
        at = found.end()


def _scalar(token: str) -> object:
    try:
        return orjson.loads(token)
    except orjson.JSONDecodeError:
        pass
    try:
        return _PYTHON.decode(token)
    except ValueError:
        return Broken()
