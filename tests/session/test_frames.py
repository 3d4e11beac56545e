import numpy as np
from PIL import Image

from session.frames import resize_picture, to_channels_first, to_pixels


def test_a_picture_of_the_right_size_stays_as_it_is():
    picture = Image.new("RGB", (224, 224), (10, 20, 30))
    assert resize_picture(picture) is picture
    assert np.array_equal(to_pixels(picture)[0, 0], np.array([10, 20, 30], dtype=np.float32) / 255)


def test_other_sizes_are_resized_with_the_bilinear_filter():
    random = np.random.default_rng(3)
    picture = Image.fromarray(random.integers(0, 256, (120, 160, 3), dtype=np.uint8))
    expected = np.asarray(picture.resize((224, 224), Image.Resampling.BILINEAR)) / 255.0
    assert np.abs(to_pixels(picture) - expected).max() < 1e-6


def test_pixels_are_float32_between_zero_and_one():
    pixels = to_channels_first(Image.new("RGB", (30, 20), (0, 128, 255)))
    assert pixels.shape == (3, 224, 224) and pixels.dtype == np.float32
    assert pixels.flags.c_contiguous
    assert (pixels[0].max(), pixels[2].min()) == (0.0, 1.0)
