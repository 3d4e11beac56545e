"""Pictures as the arrays that the models take: 224×224 RGB in [0, 1].

Legend: H height, W width.
"""

import numpy as np
from PIL import Image

IMAGE_SIZE = 224


def resize(picture: Image.Image, size: int = IMAGE_SIZE) -> Image.Image:
    """Bring an RGB picture to ``size`` × ``size`` with Pillow's bilinear filter; one of that size stays as it is."""
    if picture.size == (size, size):
        return picture
    return picture.resize((size, size), Image.Resampling.BILINEAR)


def to_pixels(picture: Image.Image, size: int = IMAGE_SIZE) -> np.ndarray:
    """An RGB picture as float32 (H, W, 3) in [0, 1], H = W = ``size``."""
    return np.asarray(resize(picture, size), dtype=np.float32) / np.float32(255.0)


def to_channels_first(picture: Image.Image, size: int = IMAGE_SIZE) -> np.ndarray:
    """An RGB picture as contiguous float32 (3, H, W) in [0, 1], H = W = ``size``."""
    return np.ascontiguousarray(to_pixels(picture, size).transpose(2, 0, 1))
