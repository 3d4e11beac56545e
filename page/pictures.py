"""Pictures with captions as HTML. The pixels are embedded as PNG: exact, and without a cache on disk that other
visitors could read."""

import re
from dataclasses import dataclass
from html import escape

import numpy as np

from page.figures import data_address, picture_link, png_of

PNG = "image/png"

MOST_COLUMNS = range(4, 8)


@dataclass(frozen=True)
class Picture:
    """A picture with its caption. `pixels`: uint8 (H, W, 3). `marks`: badges ("recorded", "best"). `beneath`: another
    picture, which shows left of a movable divider, with its title."""

    pixels: np.ndarray
    title: str
    detail: str = ""
    marks: tuple[str, ...] = ()
    beneath: tuple[np.ndarray, str] | None = None


def picture_row(pictures: list[Picture], elem_id: str, columns: int = 3) -> str:
    """HTML of a few pictures to compare: always side by side, all in the same size; `columns` fit into a row."""
    figures = "".join(map(_figure, pictures))
    return f'<div class="pictures row" id="{escape(elem_id)}" style="--columns: {columns}">{figures}</div>'


def picture_grid(pictures: list[Picture], elem_id: str) -> str:
    """HTML of any number of pictures in the same size, side by side as far as they fit, in rows of about one length."""
    # The most columns: the number that leaves the fewest places empty, so that 8 pictures are 4 + 4, and not 7 + 1.
    most = min(MOST_COLUMNS, key=lambda columns: (-len(pictures) % columns, -columns))
    figures = "".join(map(_figure, pictures))
    return f'<div class="pictures" id="{escape(elem_id)}" style="--most: {most}">{figures}</div>'


def colour_bar(strip: np.ndarray, low: str, high: str, meaning: str) -> str:
    """Legend of a heat map. `strip`: uint8 (1, N, 3), the colours from low to high."""
    return (
        f'<div class="colour-bar"><span>{escape(low)}</span>'
        f'<img src="{data_address(png_of(strip), PNG)}" alt="Colour scale from {escape(low)} to {escape(high)}">'
        f"<span>{escape(high)}</span><span>{escape(meaning)}</span></div>"
    )


def _figure(picture: Picture) -> str:
    badges = "".join(f'<span class="badge">{escape(mark)}</span>' for mark in picture.marks)
    kind = ' class="marked"' if picture.marks else ""
    return (
        f"<figure{kind}>{_image(picture)}"
        f"<figcaption><b>{escape(picture.title)}</b>{badges}<span>{escape(picture.detail)}</span>"
        f"{picture_link(_file_name(picture.title), 'PNG')}</figcaption></figure>"
    )


def _image(picture: Picture) -> str:
    """The picture, or both with a divider, which the page's JavaScript and a hidden slider move."""
    image = f'<img src="{_address(picture.pixels)}" alt="{escape(picture.title)}">'
    if picture.beneath is None:
        return image
    pixels, title = picture.beneath
    label = f"Divider: {title} on its left, {picture.title} on its right"
    return (
        f'<div class="wipe" title="Drag: {escape(title)} left of the divider">{image}'
        f'<img class="beneath" src="{_address(pixels)}" alt="{escape(title)}"><i></i>'
        f'<input type="range" min="0" max="100" step="2" value="0" aria-label="{escape(label)}"></div>'
    )


def _address(pixels: np.ndarray) -> str:
    return data_address(png_of(pixels), PNG)


def _file_name(title: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "_", title.lower()).strip("_")[:80] + ".png"
