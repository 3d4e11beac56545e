"""Fonts for figures with names in any script: of those on this machine, the ones that have the letters.

Letters that no font has are not drawn as boxes: they become question marks.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

USUAL_FONT = "DejaVu Sans"  # comes along with matplotlib
LACKING = "?"


def font_families(text: str) -> list[str]:
    """The names of fonts that together have as many letters of a text as possible, the usual one first."""
    letters, families = _unusual(text), [USUAL_FONT]
    while letters:
        family, letters_of_it = max(_coverage(letters), key=lambda one: len(one[1]), default=("", frozenset()))
        if not letters_of_it:
            break
        families.append(family)
        letters -= letters_of_it
    return families


def text_of(figure: "Figure") -> str:
    """All text of a figure."""
    from matplotlib.text import Text

    texts = [one.get_text() for one in figure.findobj(Text)]
    return "".join([*texts, *(label for formatter in _tick_formatters(figure) for label in formatter.seq)])


def replace_undrawable(figure: "Figure") -> None:
    """Replace the letters that no font on this machine has."""
    from matplotlib.text import Text

    letters = undrawable(text_of(figure))
    if not letters:
        return
    replacements = str.maketrans(dict.fromkeys(letters, LACKING))
    for text in figure.findobj(Text):
        text.set_text(text.get_text().translate(replacements))
    for formatter in _tick_formatters(figure):
        formatter.seq = [label.translate(replacements) for label in formatter.seq]


def _tick_formatters(figure: "Figure") -> list:
    """The formatters that hold the labels of ticks, which become text only when the figure is drawn."""
    from matplotlib.ticker import FixedFormatter

    formatters = [axis.get_major_formatter() for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    return [one for one in formatters if isinstance(one, FixedFormatter)]


def undrawable(text: str) -> frozenset[str]:
    """The letters of a text that no font on this machine has."""
    letters = _unusual(text)
    return letters.difference(*(found for _, found in _coverage(letters))) if letters else letters


def _unusual(text: str) -> frozenset[str]:
    """The visible characters of a text that the usual font does not have."""
    from matplotlib.font_manager import findfont

    characters = frozenset(letter for letter in text if not letter.isspace() and not letter.isascii())
    return characters - _letters_in(findfont(USUAL_FONT), characters)


@lru_cache(maxsize=64)
def _coverage(letters: frozenset[str]) -> tuple[tuple[str, frozenset[str]], ...]:
    """The fonts on this machine that have any of the letters, by name, with those that they have."""
    from matplotlib.font_manager import fontManager

    regular = {font.name: font.fname for font in fontManager.ttflist if font.style == "normal" and font.weight == 400}
    found = ((name, _letters_in(path, letters)) for name, path in sorted(regular.items()))
    return tuple((name, those) for name, those in found if those)


@lru_cache(maxsize=256)
def _letters_in(path: str, letters: frozenset[str]) -> frozenset[str]:
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
        return frozenset(letter for letter in letters if font.scalable and font.get_char_index(ord(letter)))
    except (OSError, RuntimeError):  # a font that is gone or damaged, or of coloured pictures
        return frozenset()
