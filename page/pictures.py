"""Pictures with captions as HTML, and the store from which browsers fetch them: exact pixels, and no cache on disk.

A sweep of nine actions is 1.6 MB of text if its pictures are part of the answer, which a browser parses, compares and
clones before it shows anything.
"""

import hashlib
import re
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from html import escape

import numpy as np

from page.figures import PNG, data_address, picture_link, png_of

MOST_COLUMNS = range(4, 8)
ROUTE = "recorded/picture/"
MOST_SHOWN = 320  # of 224 × 224 pixels, 20 to 48 MB; a browser fetches them as soon as it has the answer


class PictureStore:
    """The pictures of the last answers as PNG, by the digest of their pixels: nobody can name one without its answer.

    They are encoded in the background, while the answer is on its way.
    """

    def __init__(self, most: int = MOST_SHOWN) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._files: OrderedDict[str, Future[bytes]] = OrderedDict()
        self._encoding = ThreadPoolExecutor(1, "encode pictures")

    def add(self, pixels: np.ndarray) -> str:
        """Hold a picture, uint8 (H, W, 3), which is not changed afterwards; returns its address on the server."""
        digest = hashlib.sha256(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).data).hexdigest()
        with self._lock:
            if digest not in self._files:
                self._files[digest] = self._encoding.submit(png_of, pixels)
            self._files.move_to_end(digest)
            while len(self._files) > self._most:
                self._files.popitem(last=False)
        return f"{ROUTE}{digest}"

    def get(self, digest: str) -> bytes | None:
        """The PNG of a picture, or None if it is unknown, or no longer held."""
        with self._lock:
            file = self._files.get(digest)
        return None if file is None else file.result()

    def embed(self, html: str) -> str:
        """HTML with the pictures themselves in place of their addresses, for a document that leaves the server."""
        return re.sub(f"{ROUTE}([0-9a-f]{{64}})", lambda match: data_address(self.get(match[1]) or b"", PNG), html)


SHOWN = PictureStore()


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
        f'<img src="{SHOWN.add(strip)}" alt="Colour scale from {escape(low)} to {escape(high)}">'
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
    image = f'<img src="{SHOWN.add(picture.pixels)}" alt="{escape(picture.title)}">'
    if picture.beneath is None:
        return image
    pixels, title = picture.beneath
    label = f"Divider: {title} on its left, {picture.title} on its right"
    return (
        f'<div class="wipe" title="Drag: {escape(title)} left of the divider">{image}'
        f'<img class="beneath" src="{SHOWN.add(pixels)}" alt="{escape(title)}"><i></i>'
        f'<input type="range" min="0" max="100" step="2" value="0" aria-label="{escape(label)}"></div>'
    )


def _file_name(title: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "_", title.lower()).strip("_")[:80] + ".png"
