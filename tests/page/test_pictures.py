import io
import re

import numpy as np
from PIL import Image

from page.figures import png_of
from page.pictures import ROUTE, SHOWN, Picture, PictureStore, picture_grid, picture_row


def random_pixels(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def pixels_of(file):
    return np.asarray(Image.open(io.BytesIO(file)))


def test_pixels_arrive_exactly():
    pixels = random_pixels()
    html = picture_row([Picture(pixels, "Input")], "grid")
    digest = re.search(rf'src="{ROUTE}([0-9a-f]{{64}})"', html).group(1)
    assert np.array_equal(pixels_of(SHOWN.get(digest)), pixels)


def test_pictures_of_any_size_and_layout_are_whole_files():
    for pixels in (random_pixels()[:1, :1], random_pixels()[::-1, ::2], random_pixels(1).transpose(1, 0, 2)):
        Image.open(io.BytesIO(png_of(pixels))).verify()  # lengths and checksums
        assert np.array_equal(pixels_of(png_of(pixels)), pixels)


def test_text_from_files_are_escaped():
    pixels = np.zeros((1, 1, 3), np.uint8)
    html = picture_grid([Picture(pixels, "<img src=x onerror=alert(1)>", "<b>", ("<i>",))], "grid")
    assert "<img src=x" not in html and "<b>&lt;" in html and "<i>" not in html


def test_the_store_holds_the_pictures_that_were_shown_last_each_once():
    store = PictureStore(most=2)
    first, second, third = (store.add(random_pixels(seed)).removeprefix(ROUTE) for seed in range(3))
    assert store.get(first) is None and np.array_equal(pixels_of(store.get(second)), random_pixels(1))
    assert store.add(random_pixels(1)) == ROUTE + second  # shown again: now the third one is the oldest
    store.add(random_pixels(4))
    assert store.get(third) is None and store.get(second) is not None


def test_the_same_bytes_in_another_shape_are_another_picture():
    store, pixels = PictureStore(), random_pixels()
    addresses = {store.add(pixels), store.add(pixels.reshape(7, 5, 3)), store.add(pixels[:, ::-1])}
    assert len(addresses) == 3 and store.add(pixels[:, ::-1][:, ::-1]) in addresses
