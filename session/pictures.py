"""Encoded pictures, JPEG or PNG: what they show, and files that browsers show in the same way.

`decode_picture` decides for everybody. It turns a picture upright by its EXIF orientation, puts transparent pixels on
black, and scales samples of 16 bits by 257. Colour profiles and gamma are not applied. A file that a browser could show
otherwise is sent without its metadata, or encoded anew.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from session.errors import FrameUnreadable

MAX_FRAME_PIXELS = 32_000_000
# Scans of a progressive JPEG, usually about ten: each decodes all pixels again, so a file of 1 MB could take minutes.
MAX_SCANS, SCAN = 100, b"\xff\xda"
JPEG, PNG = "image/jpeg", "image/png"
STARTS = ((b"\xff\xd8\xff", JPEG), (b"\x89PNG\r\n\x1a\n", PNG))
ENDS = {JPEG: b"\xff\xd9", PNG: b"IEND\xaeB`\x82"}
# Errors that Pillow raises for damaged pictures.
DECODING_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError, MemoryError,
    struct.error, zlib.error, Image.DecompressionBombError,
)  # fmt: skip

ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)
# A PNG without any of these words has no orientation; to search for one, Pillow would decode the whole picture.
ORIENTED_PNG = re.compile(rb"exif|xmp", re.IGNORECASE)
GROUND = (0, 0, 0, 255)

# A marker of a JPEG that is neither stuffing nor a restart of entropy-coded data.
MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])", re.DOTALL)
START, END, FIRST_SCAN, ADOBE, COMMENT = 0xD8, 0xD9, 0xDA, 0xEE, 0xFE
STANDALONE = (0x01, START)
FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
USUAL_FRAME_HEADERS = (0xC0, 0xC1, 0xC2)  # Huffman-coded; browsers do not decode others
METADATA = frozenset(range(0xE1, 0xF0)) - {ADOBE} | {COMMENT}
# Chunks of a PNG that change no pixel in any browser; others carry transparency, orientation, profiles or animations.
PLAIN_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"pHYs", b"bKGD")
PLAIN_COLOURS = (0, 2, 3)  # grey, RGB, palette: no alpha
DEPTH_AT, COLOUR_AT = 24, 25


def media_type_of(content: bytes) -> str | None:
    """The media type by the first bytes, or None for anything but JPEG and PNG."""
    return next((media_type for start, media_type in STARTS if content.startswith(start)), None)


def is_whole(content: bytes) -> bool:
    """True if a JPEG or PNG reaches its end mark, whatever follows it: some cameras pad their files."""
    if media_type_of(content) == PNG:
        return any(name == b"IEND" for name, _ in _chunks(content))
    return any(marker == END for marker, _, _ in _markers(content))


def decode_picture(content: bytes) -> Image.Image:
    """Decode a JPEG or PNG to a fully loaded RGB picture; raises FrameUnreadable, without naming the frame."""
    return _decode(content)[0]


def picture_size(content: bytes) -> tuple[int, int]:
    """Width and height of the decoded picture, by its header alone; raises FrameUnreadable."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            size = picture.size
            return size[::-1] if _orientation(picture, content) in SIDEWAYS else size
    except DECODING_ERRORS as error:
        raise FrameUnreadable("its picture is damaged or cut short") from error


def browser_file(content: bytes) -> tuple[bytes, str]:
    """A file that every browser shows as `decode_picture` does, and its media type; raises FrameUnreadable."""
    picture, is_turned = _decode(content)
    if media_type_of(content) == JPEG:
        plain = None if is_turned else _plain_jpeg(content)
        if plain is not None:
            return plain, JPEG
    elif not is_turned and _is_plain_png(content):
        return content, PNG
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue(), PNG


def _decode(content: bytes) -> tuple[Image.Image, bool]:
    """The picture, and True if it was turned or mirrored."""
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > MAX_FRAME_PIXELS:
                raise FrameUnreadable(f"it has more than {MAX_FRAME_PIXELS // 1_000_000} million pixels")
            if media_type_of(content) == JPEG and content.count(SCAN) > MAX_SCANS:
                raise FrameUnreadable(f"it has more than {MAX_SCANS} scans")
            turn = UPRIGHT.get(_orientation(picture, content))
            rgb = _to_rgb(picture, content)
            return (rgb if turn is None else rgb.transpose(turn)), turn is not None
    except DECODING_ERRORS as error:
        raise FrameUnreadable("its picture is damaged or cut short") from error


def _orientation(picture: Image.Image, content: bytes) -> object:
    if media_type_of(content) == PNG and not ORIENTED_PNG.search(content):
        return None
    try:
        return picture.getexif().get(ORIENTATION)
    except DECODING_ERRORS:  # the picture itself may be sound
        return None


def _to_rgb(picture: Image.Image, content: bytes) -> Image.Image:
    if picture.mode.startswith("I"):
        return _grey_of_16_bits(picture)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    key = picture.info.get("transparency")
    if picture.mode in ("1", "L", "RGB"):
        picture.load()
        picture.info["transparency"] = _as_8_bits(key, content[DEPTH_AT])
    ground = Image.new("RGBA", picture.size, GROUND)
    ground.alpha_composite(picture.convert("RGBA"))
    return ground.convert("RGB")


def _as_8_bits(key: int | tuple[int, ...], depth: int) -> int | tuple[int, ...]:
    """The transparent colour of a picture of `depth` bits a sample, in the samples that Pillow makes of them."""
    if isinstance(key, tuple):
        return tuple(_as_8_bits(part, depth) for part in key)
    return key >> 8 if depth == 16 else min(255, key * 255 // ((1 << depth) - 1))


def _grey_of_16_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture).astype(np.uint32)
    grey = ((values * 255 + 32_895) >> 16).astype(np.uint8)  # rounded quotient by 257, as libpng does it
    if "transparency" in picture.info:
        grey[values == picture.info["transparency"]] = GROUND[0]
    return Image.fromarray(grey).convert("RGB")


def _markers(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Markers of a JPEG with begin and end of their segments; entropy-coded data between them is passed over."""
    at = 0
    while found := MARKER.search(content, at):
        marker, begin, at = found[1][0], found.start(), found.end()
        if marker not in (*STANDALONE, END):
            at += max(2, int.from_bytes(content[at : at + 2]))
        yield marker, begin, at


def _plain_jpeg(content: bytes) -> bytes | None:
    """The same JPEG without metadata, or None if browsers may not show it as it is."""
    kept = []
    for marker, begin, end in _markers(content):
        if marker == FIRST_SCAN:
            return b"".join([*kept, content[begin:]])
        if marker in FRAME_HEADERS and not _is_usual_frame(marker, content[begin:end]):
            return None
        if marker not in METADATA:
            kept.append(content[begin:end])
    return None


def _is_usual_frame(marker: int, segment: bytes) -> bool:
    """True for 8 bits a sample, grey or of three colours. Browsers show print colours in ways of their own."""
    return marker in USUAL_FRAME_HEADERS and len(segment) > 9 and segment[4] == 8 and segment[9] in (1, 3)


def _chunks(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Names of the whole chunks of a PNG, and where they end."""
    at = len(STARTS[1][0])
    while len(content) >= at + 12:
        name, at = content[at + 4 : at + 8], at + 12 + int.from_bytes(content[at : at + 4])
        if at > len(content):
            return
        yield name, at
        if name == b"IEND":
            return


def _is_plain_png(content: bytes) -> bool:
    is_plain = content[DEPTH_AT] <= 8 and content[COLOUR_AT] in PLAIN_COLOURS
    return is_plain and all(name in PLAIN_CHUNKS for name, _ in _chunks(content))
