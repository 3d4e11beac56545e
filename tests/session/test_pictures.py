import io

import numpy as np
import pytest
from PIL import Image

from session import FrameUnreadable, decode_picture
from session.pictures import browser_file, is_whole, picture_size
from tests.cases import every_case
from tests.session.picture_files import alpha, encoded, grey, picture_files, scene

TURNED = {
    1: scene(),
    2: scene()[:, ::-1],
    3: scene()[::-1, ::-1],
    4: scene()[::-1],
    5: scene().transpose(1, 0, 2),
    6: np.rot90(scene(), -1),
    7: scene()[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(scene()),
}
ON_BLACK = np.round(scene() * (alpha() / 255.0)[..., None])
GREY_ON_BLACK = np.repeat(
    np.round(np.asarray(Image.fromarray(scene()).convert("L")) * (alpha() / 255.0))[..., None], 3, 2
)
GREY = np.repeat(grey()[..., None], 3, axis=2)
WITHOUT_KEY = np.where((scene() == scene()[3, 4]).all(axis=2, keepdims=True), 0, scene())
GREY_WITHOUT_KEY = np.where(grey()[0, 4] == GREY, 0, GREY)
TWO_BITS = np.repeat(np.tile(np.array([0, 85, 170, 255]), (32, 12))[..., None], 3, axis=2)

RIGHT = {
    **{f"PNG turned {turn}": pixels for turn, pixels in TURNED.items()},
    "PNG": scene(),
    "PNG grey": GREY,
    "PNG 2 bits": TWO_BITS,
    "PNG RGB key": WITHOUT_KEY,
    "PNG grey key": GREY_WITHOUT_KEY,
    "PNG 2 bits key": np.where(TWO_BITS == 255, 0, TWO_BITS),
    "PNG 1 bit key": np.zeros_like(scene()),
    "PNG RGBA": ON_BLACK,
    "PNG LA": GREY_ON_BLACK,
    "PNG grey 16": GREY,
    "PNG dark 16": np.round(GREY * (12 / 257.0)),
    "PNG grey key 16": np.where(GREY == 0x14, 0, GREY),
    "PNG RGB 16": scene(),
    "PNG RGB key 16": WITHOUT_KEY,
    "PNG RGBA 16": ON_BLACK,
    "PNG LA 16": np.repeat(np.round(grey() * (alpha() / 255.0))[..., None], 3, axis=2),
    "PNG gamma": scene(),
    "PNG animated": scene(),
    "JPEG": scene(),
    "JPEG progressive": scene(),
    "JPEG grey": GREY,
    "JPEG RGB": scene(),
    "JPEG CMYK": scene(),
    "JPEG gamma profile": scene(),
    **{f"JPEG turned {turn}": pixels for turn, pixels in TURNED.items()},
}


def distance(picture: Image.Image, pixels: np.ndarray) -> int:
    assert picture.mode == "RGB" and picture.size == pixels.shape[1::-1]
    return int(np.abs(np.asarray(picture).astype(int) - pixels).max())


@every_case("mode", RIGHT)
def test_a_picture_of_any_mode_shows_its_scene(mode):
    picture = decode_picture(picture_files()[mode])
    assert distance(picture, RIGHT[mode]) <= (14 if mode.startswith("JPEG") else 1)
    assert picture_size(picture_files()[mode]) == picture.size


@every_case("mode", picture_files())
def test_a_file_for_browsers_holds_the_same_pixels_and_nothing_that_browsers_could_apply(mode):
    content = picture_files()[mode]
    shown, media_type = browser_file(content)
    with Image.open(io.BytesIO(shown)) as plain:
        assert f"image/{plain.format.lower()}" == media_type
        assert plain.mode in ("RGB", "L", "1", "P") and not plain.getexif()
        assert not plain.info.keys() & {"icc_profile", "gamma", "transparency", "exif"}
    assert distance(decode_picture(shown), np.asarray(decode_picture(content))) == 0


def test_usual_pictures_are_sent_as_they_are():
    for content in (encoded(Image.fromarray(scene()), "PNG"), encoded(Image.fromarray(scene()), "JPEG")):
        assert browser_file(content)[0] == content


def test_a_picture_whose_exif_is_damaged_is_shown_as_stored():
    content = encoded(Image.fromarray(scene()), "JPEG", exif=b"Exif\0\0MM no EXIF")
    assert decode_picture(content).size == (48, 32) and browser_file(content)[1] == "image/jpeg"


@every_case("mode, padding", [(mode, n) for mode in ("JPEG", "PNG", "JPEG turned 6") for n in (1, 62, 63, 5000)])
def test_a_padded_file_is_whole_and_a_cut_one_is_not(mode, padding):
    content = picture_files()[mode]
    for filler in (b"\0", b"\xff", b"\x20\xff"):
        padded = content + filler * padding
        assert is_whole(padded)
        assert distance(decode_picture(padded), np.asarray(decode_picture(content))) == 0
        assert not is_whole(content[: len(content) * 2 // 3] + filler * padding)
    with pytest.raises(FrameUnreadable):
        decode_picture(content[: len(content) * 2 // 3])


def test_the_end_of_an_embedded_thumbnail_is_not_the_end_of_the_picture():
    exif = b"Exif\0\0" + encoded(Image.new("RGB", (8, 8)), "JPEG")
    content = encoded(Image.fromarray(scene()), "JPEG", exif=exif)
    assert is_whole(content) and not is_whole(content[: len(content) // 2])
