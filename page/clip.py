"""Animated pictures of actual and predicted frames side by side.

Owns the layout of a clip and its encoding, with Pillow alone. The frames and their predictions come from the caller.

Both formats repeat without end and have the requested duration, though not always the requested number of frames:
neither stores a frame that equals the one before it, which is displayed longer instead. GIF counts in hundredths of a
second, so the durations of its frames alternate (70, 60, 70 ms at 15 frames a second).
"""

import io
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training import invalid_value, is_number

PANEL = 224
GAP = 8
CAPTION_HEIGHT, TITLE_HEIGHT = 26, 28
SIZE = (2 * PANEL + GAP, CAPTION_HEIGHT + PANEL + TITLE_HEIGHT)
CORNERS = ((0, CAPTION_HEIGHT), (PANEL + GAP, CAPTION_HEIGHT))
CAPTIONS = ("actual", "predicted")
FONT_SIZE = 15
# Dark in both themes, as films are: a clip is one file, and a white one glares beside dark pictures.
PAPER, INK, NEUTRAL = (17, 24, 39), (229, 231, 235), (55, 65, 81)
MAX_FRAMES = 300
# Browsers treat durations below 20 ms as a mistake, and display such frames for 100 ms.
MIN_FRAMES_PER_S, MAX_FRAMES_PER_S = 0.1, 50
WEBP_QUALITY, WEBP_METHOD = 85, 2
# Pillow's own font has no glyphs for these.
REPLACEMENTS = str.maketrans({"×": "x", "−": "-", "–": "-", "—": "-"})

Kind = Literal["webp", "gif"]
Pair = tuple[np.ndarray, np.ndarray | None]


class ClipTooLong(ValueError):
    """More frames than one clip may have."""

    def __init__(self, count: int) -> None:
        super().__init__(f"A clip has at most {MAX_FRAMES} frames, not {count:,}; choose fewer frames.")


class ClipEmpty(ValueError):
    """A clip without frames."""

    def __init__(self) -> None:
        super().__init__("A clip needs at least one frame; choose some frames.")


def animated_clip(
    pairs: Sequence[Pair],
    titles: Sequence[str],
    frames_per_s: float,
    kind: Kind,
    captions: tuple[str, str] = CAPTIONS,
) -> bytes:
    """The content of a file with one frame for every pair of actual and predicted pictures, and its title below.

    Pictures are uint8 (224, 224, 3), None if there is no prediction for a frame. Raises ClipTooLong,
    ClipEmpty, and InvalidValue for a speed that browsers do not show.
    """
    assert len(pairs) == len(titles), f"{len(pairs)} pairs and {len(titles)} titles"
    if not pairs:
        raise ClipEmpty
    if len(pairs) > MAX_FRAMES:
        raise ClipTooLong(len(pairs))
    unit_ms = {"webp": 1, "gif": 10}[kind]
    durations = _durations(len(pairs), frames_per_s, unit_ms)
    font = ImageFont.load_default(size=FONT_SIZE)
    empty = _empty_frame(font, captions)
    frames = [_draw(empty, pair, title, font) for pair, title in zip(pairs, titles, strict=True)]
    return _encode(frames, durations, kind)


def check_speed(frames_per_s: object) -> None:
    """Raise InvalidValue for a value that is not a number, or for a speed that browsers do not show."""
    if not (is_number(frames_per_s) and MIN_FRAMES_PER_S <= frames_per_s <= MAX_FRAMES_PER_S):
        expected = f"The speed must be {MIN_FRAMES_PER_S} to {MAX_FRAMES_PER_S} frames a second"
        raise invalid_value(expected, frames_per_s)


def _durations(count: int, frames_per_s: float, unit_ms: int) -> list[int]:
    """Milliseconds of each frame in whole units: every frame begins within half a unit of its time."""
    check_speed(frames_per_s)
    unit_per_frame = 1000 / frames_per_s / unit_ms
    begins = [math.floor(number * unit_per_frame + 0.5) * unit_ms for number in range(count + 1)]
    return [end - begin for begin, end in pairwise(begins)]


def _empty_frame(font: ImageFont.FreeTypeFont, captions: tuple[str, str]) -> Image.Image:
    """The background of all frames: the captions, and the panel of a missing prediction."""
    frame = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(frame)
    for (left, top), caption in zip(CORNERS, captions, strict=True):
        draw.text((left + PANEL / 2, top / 2), caption, fill=INK, font=font, anchor="mm")
    left, top = CORNERS[1]
    draw.rectangle((left, top, left + PANEL - 1, top + PANEL - 1), fill=NEUTRAL)
    draw.text((left + PANEL / 2, top + PANEL / 2), "no history", fill=INK, font=font, anchor="mm")
    return frame


def _draw(empty: Image.Image, pair: Pair, title: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    frame = empty.copy()
    for pixels, corner in zip(pair, CORNERS, strict=True):
        if pixels is not None:
            assert pixels.shape == (PANEL, PANEL, 3) and pixels.dtype == np.uint8, f"{pixels.dtype} {pixels.shape}"
            frame.paste(Image.fromarray(pixels), corner)
    middle = (SIZE[0] / 2, CAPTION_HEIGHT + PANEL + TITLE_HEIGHT / 2)
    ImageDraw.Draw(frame).text(middle, _fit(title, font), fill=INK, font=font, anchor="mm")
    return frame


def _fit(title: str, font: ImageFont.FreeTypeFont) -> str:
    """The title on one line that is no wider than the clip."""
    line = " ".join(title.translate(REPLACEMENTS).split())[: SIZE[0]]
    if font.getlength(line) <= SIZE[0]:
        return line
    while font.getlength(f"{line}…") > SIZE[0]:
        line = line[:-1]
    return f"{line}…"


def _encode(frames: list[Image.Image], durations: list[int], kind: Kind) -> bytes:
    buffer = io.BytesIO()
    save = dict(save_all=True, duration=durations, loop=0)
    if kind == "webp":
        quality = dict(quality=WEBP_QUALITY, method=WEBP_METHOD)
        frames[0].save(buffer, "WEBP", append_images=frames[1:], **quality, **save)
    else:
        # 256 colours a frame: 5 ms a frame with this method, up to 300 with Pillow's default, for colours that
        # differ from the true ones by 2.7 levels instead of 2.2.
        first, *rest = (frame.quantize(256, method=Image.Quantize.FASTOCTREE) for frame in frames)
        first.save(buffer, "GIF", append_images=rest, **save)
    return buffer.getvalue()
