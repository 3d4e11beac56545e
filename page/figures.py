"""Figures and tables for download: drawings as PNG inside the page with a link, tables as CSV.

Owns size, resolution and background of the figures (white in the dark mode too, so that a downloaded figure looks the
same as on the page) and the links. The callers draw the content.
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
RESOLUTION = 150  # dots an inch: 960 pixels wide, sharp in a column that is 640 wide on the screen
# matplotlib's font library is not safe for several threads; and matplotlib keeps fonts, with their files open, for
# every thread that ever drew.
DRAWING = ThreadPoolExecutor(1, "draw figures")


def render_figure(draw: Callable[["Figure"], None], height_in: float) -> bytes:
    """A PNG of a new figure after `draw`."""
    return DRAWING.submit(_render, draw, height_in).result()


def _render(draw: Callable[["Figure"], None], height_in: float) -> bytes:
    from matplotlib.figure import Figure  # takes a few tenths of a second, which would delay the start of the server

    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=RESOLUTION, layout="constrained", facecolor="white")
    draw(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def figure_card(png: bytes, title: str, sentence: str, file_name: str) -> str:
    """HTML of a figure: title, a sentence on how to read it, the picture, and a download link for `file_name`.png."""
    picture = f'<img src="{data_address(png, "image/png")}" alt="{escape(title)}. {escape(sentence)}">'
    return (
        f'<figure class="chart"><h3>{escape(title)}</h3><p class="fine">{escape(sentence)}</p>'
        f'<div class="paper">{picture}</div>'
        f"<figcaption>{picture_link(f'{file_name}.png')}</figcaption></figure>"
    )


def picture_card(pixels: np.ndarray, title: str, sentence: str, file_name: str) -> str:
    """HTML of a picture, uint8 (H, W, 3), in the layout of a figure."""
    return figure_card(png_of(pixels), title, sentence, file_name)


def png_of(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    # Level 1: a camera frame takes 4 ms instead of 25, and is a tenth larger.
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def measure_row(title: str, numbers: str, sentence: str, columns: int) -> str:
    """Two table rows: a measure with its cells of `numbers` (HTML), and a full-width sentence on how to read it."""
    return (
        f'<tr><th scope="row">{escape(title)}</th>{numbers}</tr>'
        f'<tr class="how"><td colspan="{columns}">{escape(sentence)}</td></tr>'
    )


def picture_link(file_name: str, words: str = "Download PNG") -> str:
    """A download link for the picture of the enclosing figure. The script in page/assets/links.js sets its target, so
    that the bytes are sent once."""
    return f'<a class="keep-picture" href="#" download="{escape(file_name)}">{escape(words)}</a>'


def table_link(
    header: Sequence[str], rows: Iterable[Sequence[object]], file_name: str, words: str = "Download CSV"
) -> str:
    """A download link for a table as `file_name`.csv."""
    text = io.StringIO()
    writer = csv.writer(text)  # ends lines with \r\n, so it quotes a \r in a cell, which must not begin a line
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    address = data_address(text.getvalue().encode("utf-8"), "text/csv;charset=utf-8")
    return f'<a href="{address}" download="{escape(file_name)}.csv">{words}</a>'


def _cell(value: object) -> object:
    """A value for a table: floats with nine digits (the precision of float32), "" for NaN, no text that a spreadsheet
    would run as a formula."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.9g}"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def data_address(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
