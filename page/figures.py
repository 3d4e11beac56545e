"""Figures and tables with download links: drawings as PNG inside the page, tables as CSV.

Owns the size, resolution and white background of figures and the links. In dark mode the page inverts the brightness of
drawn figures; a downloaded one is white. The modules named *figures draw.
"""

import base64
import csv
import io
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from page.fonts import font_families, replace_undrawable, text_of, undrawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PNG, PNG_SIGNATURE, FILTER_UP = "image/png", b"\x89PNG\r\n\x1a\n", 2
WIDTH_IN = 6.4
RESOLUTION = 150  # dots an inch: 960 wide, for sharp figures in a column of 640
# matplotlib's font library is not thread-safe; and matplotlib keeps fonts, with their files open, for every thread that
# has drawn.
DRAWING = ThreadPoolExecutor(1, "draw figures")


def render_figure(draw: Callable[["Figure"], None], height_in: float) -> bytes:
    """A PNG of an empty figure after `draw`."""
    return DRAWING.submit(_draw, draw, height_in).result()


def drawable_labels(labels: Sequence[str]) -> list[str]:
    """The labels of actions as a figure can show them: numbered if no font on this machine has all of their letters."""
    if all(label.isascii() for label in labels) or not DRAWING.submit(undrawable, "".join(labels)).result():
        return list(labels)
    return [f"action {number}" for number in range(1, len(labels) + 1)]


def _draw(draw: Callable[["Figure"], None], height_in: float) -> bytes:
    import matplotlib  # takes a few tenths of a second at the start of the server
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a style of the user's own is for figures of the user's own
        figure = _figure(draw, height_in)
        matplotlib.rcParams["font.family"] = families = font_families(text_of(figure))
        if len(families) > 1:
            figure = _figure(draw, height_in)  # text gets its font when it is made
        replace_undrawable(figure)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # `savefig` would draw twice, the first time for the layout alone
    return png_of(np.asarray(canvas.buffer_rgba())[..., :3])


def _figure(draw: Callable[["Figure"], None], height_in: float) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=RESOLUTION, layout="constrained", facecolor="white")
    draw(figure)
    return figure


def figure_card(png: bytes, title: str, sentence: str, file_name: str, is_map: bool = False) -> str:
    """HTML of a figure: title, sentence on how to read it, picture, and a link to download it as `file_name`.png.
    `is_map`: brightness has a meaning in it, and stays as it is in dark mode."""
    kind = "chart" if is_map else "chart drawn"
    picture = f'<img src="{data_address(png, "image/png")}" alt="{escape(title)}. {escape(sentence)}">'
    return (
        f'<figure class="{kind}"><h3>{escape(title)}</h3><p class="fine">{escape(sentence)}</p>'
        f'<div class="paper">{picture}</div>'
        f"<figcaption>{picture_link(f'{file_name}.png')}</figcaption></figure>"
    )


def picture_card(pixels: np.ndarray, title: str, sentence: str, file_name: str) -> str:
    """The same for a picture, uint8 (H, W, 3)."""
    return figure_card(png_of(pixels), title, sentence, file_name, is_map=True)


def png_of(pixels: np.ndarray) -> bytes:
    """A PNG of a picture, uint8 (H, W, 3): each row as its difference from the one above.

    A camera frame takes 1.7 ms instead of Pillow's 3.2 at the same level, mostly without Python's lock, so that the
    server goes on answering; the file is a fifteenth larger.
    """
    h, w, _ = pixels.shape
    rows = pixels.reshape(h, 3 * w)
    filtered = np.empty((h, 1 + 3 * w), np.uint8)
    filtered[:, 0], filtered[0, 1:] = FILTER_UP, rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    content = zlib.compress(filtered, 1)
    header = struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)  # 8 bits of three colours, not interlaced
    return PNG_SIGNATURE + b"".join(_chunk(*one) for one in ((b"IHDR", header), (b"IDAT", content), (b"IEND", b"")))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def measure_row(title: str, numbers: str, sentence: str, columns: int) -> str:
    """Two rows of a table: a measure with its cells of `numbers` (HTML), and a sentence across on how to read it."""
    return (
        f'<tr><th scope="row">{escape(title)}</th>{numbers}</tr>'
        f'<tr class="how"><td colspan="{columns}">{escape(sentence)}</td></tr>'
    )


def picture_link(file_name: str, label: str = "Download PNG") -> str:
    """A link that downloads the picture of the figure around it. The script in page/assets/links.js sets its target, so
    the picture is sent once."""
    return f'<a class="keep-picture" href="#" download="{escape(file_name)}">{escape(label)}</a>'


def table_link(
    header: Sequence[str], rows: Iterable[Sequence[object]], file_name: str, label: str = "Download CSV"
) -> str:
    """A link that downloads rows as `file_name`.csv."""
    text = io.StringIO()
    writer = csv.writer(text)  # ends lines with \r\n, and so quotes a \r in a cell, which may not begin a line
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    address = data_address(text.getvalue().encode("utf-8"), "text/csv;charset=utf-8")
    return f'<a href="{address}" download="{escape(file_name)}.csv">{label}</a>'


def _cell(value: object) -> object:
    """A cell of a table: floats with nine digits (the precision of float32), empty for NaN, and no text that a
    spreadsheet would run."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.9g}"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def data_address(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
