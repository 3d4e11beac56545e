"""Figures and numbers to take along: drawings as PNG inside the page with a link to keep them, tables as CSV.

Owns the paper that rooms draw on (size, resolution, white ground, also in the dark: what is kept looks like what is
seen) and the links. What is drawn is decided elsewhere.
"""

import base64
import csv
import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_IN = 6.4
RESOLUTION = 150  # dots an inch: 960 wide, sharp where a column is 640 wide on the screen
# matplotlib's font library is not made for several threads at once; and matplotlib keeps fonts, with their files open,
# for every thread that ever drew.
DRAWING = ThreadPoolExecutor(1, "draw figures")


def render_figure(draw: Callable[["Figure"], None], height_in: float) -> bytes:
    """A PNG of what `draw` puts on a fresh figure."""
    return DRAWING.submit(_drawn, draw, height_in).result()


def _drawn(draw: Callable[["Figure"], None], height_in: float) -> bytes:
    from matplotlib.figure import Figure  # takes a few tenths of a second, which the start of the server does not need

    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=RESOLUTION, layout="constrained", facecolor="white")
    draw(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def figure_card(png: bytes, title: str, sentence: str, file_name: str) -> str:
    """HTML of a figure: what it shows, how to read it, the picture, and a link that keeps it as `file_name`.png."""
    picture = f'<img src="{data_address(png, "image/png")}" alt="{escape(title)}. {escape(sentence)}">'
    return (
        f'<figure class="chart"><h3>{escape(title)}</h3><p class="fine">{escape(sentence)}</p>'
        f'<div class="paper">{picture}</div>'
        f"<figcaption>{picture_link(f'{file_name}.png')}</figcaption></figure>"
    )


def picture_card(pixels: np.ndarray, title: str, sentence: str, file_name: str) -> str:
    """The same for a picture, uint8 (H, W, 3)."""
    return figure_card(png_of(pixels), title, sentence, file_name)


def png_of(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    # Level 1: a camera frame takes 4 ms instead of 25, and is a tenth larger.
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def measure_row(title: str, numbers: str, sentence: str, columns: int) -> str:
    """Two rows of a table: a measure with its cells of `numbers` (HTML), and below, all across, how to read it."""
    return (
        f'<tr><th scope="row">{escape(title)}</th>{numbers}</tr>'
        f'<tr class="how"><td colspan="{columns}">{escape(sentence)}</td></tr>'
    )


def picture_link(file_name: str, words: str = "Download PNG") -> str:
    """A link that keeps the picture of the figure around it; the script in page/assets/links.js gives it its target,
    so the bytes travel once."""
    return f'<a class="keep-picture" href="#" download="{escape(file_name)}">{escape(words)}</a>'


def table_link(
    header: Sequence[str], rows: Iterable[Sequence[object]], file_name: str, words: str = "Download CSV"
) -> str:
    """A link that keeps numbers as `file_name`.csv."""
    text = io.StringIO()
    writer = csv.writer(text)  # ends lines with \r\n, and so quotes a \r in a cell, which may not begin a line
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    address = data_address(text.getvalue().encode("utf-8"), "text/csv;charset=utf-8")
    return f'<a href="{address}" download="{escape(file_name)}.csv">{words}</a>'


def _cell(value: object) -> object:
    """Floats with nine digits (all that float32 holds), nothing for NaN, and no text that a spreadsheet would run."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.9g}"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def data_address(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
