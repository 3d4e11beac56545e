"""Frames of every picture mode in a browser: the player and the filmstrip show the pixels that the networks get."""

import base64
import json
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from page.server.settings import Settings
from session import load_session
from tests.app.conftest import serving
from tests.session.picture_files import picture_files
from tests.session.session_files import action, meta_of, observation

JPEG_TOLERANCE = 3  # levels: a browser may compute colours of a JPEG on its own

# Pixels of all frames: drawn from a bitmap, as the player does it, and from an image element, as the filmstrip does.
TEXT = "const text = ({data}) => btoa(Array.from(data, (one) => String.fromCharCode(one)).join(''));"
PIXELS = (
    f"async (address) => {{ {TEXT}"
    + """
  const pixels = (source, width, height) => {
    const canvas = new OffscreenCanvas(width, height), context = canvas.getContext('2d');
    context.fillStyle = 'magenta';
    context.fillRect(0, 0, width, height);
    context.drawImage(source, 0, 0);
    return [width, height, text(context.getImageData(0, 0, width, height))];
  };
  const bitmap = await createImageBitmap(await (await fetch(address)).blob());
  const image = new Image();
  image.src = address;
  await image.decode();
  return [pixels(bitmap, bitmap.width, bitmap.height), pixels(image, image.naturalWidth, image.naturalHeight)];
}"""
)
PLAYER_PIXELS = (
    f"() => {{ {TEXT}"
    + """
  const canvas = document.querySelector('#player canvas.frame'), [w, h] = [canvas.width, canvas.height];
  return [w, h, text(canvas.getContext('2d').getImageData(0, 0, w, h))];
}"""
)


def write_recording(folder: Path) -> None:
    (folder / "frames").mkdir(parents=True)
    events = []
    for number, content in enumerate(picture_files().values()):
        path = f"frames/frame_{2 * number:06d}.jpg"
        (folder / path).write_bytes(content)
        events += [observation(2 * number, path), action(2 * number + 1)]
    (folder / "events_shard_000.jsonl").write_text("\n".join(map(json.dumps, events)))
    (folder / "session_meta.json").write_text(json.dumps(meta_of()))


def array_of(drawn: tuple[int, int, str]) -> np.ndarray:
    width, height, text = drawn
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4).astype(int)
    assert (pixels[..., 3] == 255).all(), "not opaque"
    return pixels[..., :3]


def step_to(page: Page, index: int) -> None:
    page.locator("#player .slider").fill(str(index))
    page.wait_for_selector(f'#player canvas.frame[data-frame="{index}"]')


def test_player_filmstrip_and_networks_see_the_same_pixels(open_tab, tmp_path):
    folder = tmp_path / "sessions" / "jetbot" / "session_1"
    write_recording(folder)
    recording = load_session(folder)
    assert recording.frame_count == len(picture_files())
    with serving(Settings(data=tmp_path)) as address:
        page = open_tab("?session=jetbot/session_1", address, tab="session")  # where no network follows
        for index, mode in enumerate(picture_files()):
            expected = np.asarray(recording.picture(index)).astype(int)
            step_to(page, index)
            drawn = page.evaluate(PIXELS, f"{address}recorded/frame/{index}/jetbot/session_1?version=v")
            for pixels in map(array_of, [*drawn, page.evaluate(PLAYER_PIXELS)]):
                assert pixels.shape == expected.shape, mode
                assert np.abs(pixels - expected).max() <= JPEG_TOLERANCE * mode.startswith("JPEG"), mode
        open_tab.leave(page)
