import base64
import io
import re

import numpy as np
from PIL import Image

from page.pictures import Picture, picture_grid, picture_row


def test_pixels_arrive_exactly():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    html = picture_row([Picture(pixels, "Input")], "grid")
    encoded = re.search(r"base64,([^\"]+)", html).group(1)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded)))), pixels)


def test_text_from_files_are_escaped():
    pixels = np.zeros((1, 1, 3), np.uint8)
    html = picture_grid([Picture(pixels, "<img src=x onerror=alert(1)>", "<b>", ("<i>",))], "grid")
    assert "<img src=x" not in html and "<b>&lt;" in html and "<i>" not in html
