"""The same small scene as picture files of every mode that a JPEG or PNG can have."""

import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image, PngImagePlugin

from session.pictures import ORIENTATION

WIDTH, HEIGHT = 48, 32


def scene() -> np.ndarray:
    """uint8 (32, 48, 3): smooth colours that differ in every corner, so that no turn or mirror image is the same."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack((5 * x, 7 * y, 40 + 2 * x + 2 * y), axis=2).astype(np.uint8)


def grey() -> np.ndarray:
    return scene()[..., 0]


def alpha() -> np.ndarray:
    """uint8 (32, 48): transparent at the left, half in the middle, opaque at the right."""
    return np.repeat(np.array([[0, 128, 255]], dtype=np.uint8), WIDTH // 3, axis=1).repeat(HEIGHT, axis=0)


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def oriented(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(Image.fromarray(scene()), kind, exif=exif.tobytes(), **({"quality": 95} if kind == "JPEG" else {}))


def raw_png(depth: int, colour: int, rows: np.ndarray, chunks: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """A PNG from its packed bytes, uint8 (H, bytes of a row), with further chunks before the pixels."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )


def of_16_bits(values: np.ndarray) -> np.ndarray:
    """Packed rows of uint16 (H, W) or (H, W, channels)."""
    return values.astype(">u2").reshape(HEIGHT, -1).view(np.uint8)


def profile_chunks() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", 100_000))
    return info


@cache
def picture_files() -> dict[str, bytes]:
    """Files by a name for each mode."""
    rgb, rgba = Image.fromarray(scene()), Image.fromarray(np.dstack((scene(), alpha())))
    palette = rgb.quantize(16)
    wide = scene().astype(np.uint16) * 257
    files = {f"{kind} turned {turn}": oriented(kind, turn) for kind in ("JPEG", "PNG") for turn in range(1, 9)}
    return files | {
        "JPEG": encoded(rgb, "JPEG", quality=95),
        "JPEG progressive": encoded(rgb, "JPEG", quality=95, progressive=True),
        "JPEG grey": encoded(Image.fromarray(grey()), "JPEG", quality=95),
        "JPEG RGB": encoded(rgb, "JPEG", quality=95, keep_rgb=True),
        "JPEG CMYK": encoded(rgb.convert("CMYK"), "JPEG", quality=95),
        "JPEG gamma profile": encoded(rgb, "JPEG", quality=95, icc_profile=wide_profile()),
        "PNG": encoded(rgb, "PNG"),
        "PNG grey": encoded(Image.fromarray(grey()), "PNG"),
        "PNG 1 bit": encoded(rgb.convert("1"), "PNG"),
        "PNG 2 bits": raw_png(2, 0, np.full((HEIGHT, WIDTH // 4), 0b00011011, dtype=np.uint8)),
        "PNG palette": encoded(palette, "PNG"),
        "PNG palette transparent": encoded(palette, "PNG", transparency=bytes(range(0, 256, 17))),
        "PNG RGB key": encoded(rgb, "PNG", transparency=tuple(scene()[3, 4].tolist())),
        "PNG grey key": encoded(Image.fromarray(grey()), "PNG", transparency=int(grey()[0, 4])),
        "PNG 1 bit key": encoded(rgb.convert("1"), "PNG", transparency=1),
        "PNG 2 bits key": raw_png(
            2, 0, np.full((HEIGHT, WIDTH // 4), 0b00011011, dtype=np.uint8), ((b"tRNS", b"\0\3"),)
        ),
        "PNG RGBA": encoded(rgba, "PNG"),
        "PNG LA": encoded(rgba.convert("LA"), "PNG"),
        "PNG grey 16": raw_png(16, 0, of_16_bits(grey().astype(np.uint16) * 257)),
        "PNG dark 16": raw_png(16, 0, of_16_bits(grey().astype(np.uint16) * 12)),
        "PNG grey key 16": raw_png(16, 0, of_16_bits(grey().astype(np.uint16) * 257), ((b"tRNS", b"\x14\x14"),)),
        "PNG RGB 16": raw_png(16, 2, of_16_bits(wide)),
        "PNG RGB key 16": raw_png(16, 2, of_16_bits(wide), ((b"tRNS", of_16_key(wide[3, 4])),)),
        "PNG RGBA 16": raw_png(16, 6, of_16_bits(np.dstack((wide, alpha().astype(np.uint16) * 257)))),
        "PNG LA 16": raw_png(16, 4, of_16_bits(np.dstack((wide[..., 0], alpha().astype(np.uint16) * 257)))),
        "PNG gamma": encoded(rgb, "PNG", pnginfo=profile_chunks()),
        "PNG animated": encoded(rgb, "PNG", save_all=True, append_images=[Image.new("RGB", rgb.size, "red")]),
    }


def of_16_key(values: np.ndarray) -> bytes:
    return values.astype(">u2").tobytes()


def wide_profile() -> bytes:
    """An ICC profile that is not sRGB: colours of CIE XYZ without a curve."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
