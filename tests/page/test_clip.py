import io

import numpy as np
import pytest
from PIL import Image

from page.clip import CORNERS, GAP, MAX_FRAMES, NEUTRAL, PANEL, SIZE, ClipEmpty, ClipTooLong, animated_clip
from tests.cases import every_case
from training import InvalidValue

KINDS = pytest.mark.parametrize("kind", ["webp", "gif"])


def shade(red, green, blue):
    return np.full((PANEL, PANEL, 3), (red, green, blue), dtype=np.uint8)


def decoded(clip):
    """Pictures (H, W, 3) as int, and durations in ms, of all frames of a file; how often it runs; its format."""
    picture = Image.open(io.BytesIO(clip))
    frames, durations = [], []
    for number in range(picture.n_frames):
        picture.seek(number)
        frames.append(np.asarray(picture.convert("RGB")).astype(int))
        durations.append(picture.info["duration"])
    return frames, durations, picture.info["loop"], picture.format


def halves(frame):
    """The actual and the predicted picture of a frame, without the pixels at their borders."""
    return [frame[top + 4 : top + PANEL - 4, left + 4 : left + PANEL - 4] for left, top in CORNERS]


def below(frame):
    return frame[CORNERS[0][1] + PANEL + 2 :]


@KINDS
def test_a_clip_shows_every_frame_side_by_side_and_runs_for_ever(kind):
    pairs = [(shade(200, 20 * number, 0), shade(0, 20 * number, 200)) for number in range(12)]
    titles = [f"frame {number} · MSE 0.0{number}" for number in range(12)]
    clip = animated_clip(pairs, titles, 10, kind)
    frames, durations, loop, picture_format = decoded(clip)
    assert picture_format == kind.upper() and loop == 0
    assert len(frames) == 12 and durations == [100] * 12
    for number, frame in enumerate(frames):
        assert frame.shape == (SIZE[1], SIZE[0], 3) and SIZE[0] == 2 * 224 + GAP
        actual, predicted = halves(frame)
        assert np.abs(actual - (200, 20 * number, 0)).mean() < 4
        assert np.abs(predicted - (0, 20 * number, 200)).mean() < 4


@KINDS
def test_a_frame_without_history_has_a_grey_panel_with_text(kind):
    (frame, *_), *_ = decoded(animated_clip([(shade(0, 0, 0), None)], ["frame 0"], 5, kind))
    actual, panel = halves(frame)
    assert actual.mean() < 4
    text = panel[95:121]
    assert text.min() < 100  # dark letters in the middle, the panel's colour everywhere else
    for empty in (panel[:90], panel[126:]):
        assert np.abs(empty - NEUTRAL).max() < 12


@KINDS
def test_captions_and_title_are_readable_on_dark(kind):
    pairs = [(shade(90, 90, 90), shade(90, 90, 90))] * 2
    frames, *_ = decoded(animated_clip(pairs, ["frame 12 · MSE 0.0123", ""], 5, kind))
    for left, _ in CORNERS:
        caption = frames[0][:22, left : left + PANEL]
        assert caption.max() > 165 and np.median(caption) < 45
    assert below(frames[0]).max() > 165 and np.median(below(frames[0])) < 45
    assert below(frames[1]).max() < 60


@KINDS
@pytest.mark.parametrize(("count", "frames_per_s", "total_ms"), [(30, 15, 2000), (7, 3, 2330), (50, 50, 1000)])
def test_the_whole_lasts_as_long_as_requested(kind, count, frames_per_s, total_ms):
    """7 frames at 3 a second are 2333 ms: 2330 in hundredths of a second."""
    random = np.random.default_rng(0)
    pairs = [(random.integers(0, 256, (PANEL, PANEL, 3), dtype=np.uint8), None) for _ in range(count)]
    frames, durations, *_ = decoded(animated_clip(pairs, [str(n) for n in range(count)], frames_per_s, kind))
    assert len(frames) == count
    assert abs(sum(durations) - total_ms) <= (3 if kind == "webp" else 0)
    assert min(durations) >= 20
    if kind == "gif":
        assert all(duration % 10 == 0 for duration in durations)


@KINDS
def test_frames_that_are_the_same_last_together_as_long_as_each_alone(kind):
    """Two of five differ from the one before: a merged frame is displayed longer."""
    pairs = [(shade(level, level, level), None) for level in (0, 0, 0, 200, 200)]
    frames, durations, *_ = decoded(animated_clip(pairs, ["same"] * 5, 10, kind))
    assert sum(durations) == 500
    levels = [int(halves(frame)[0].mean() > 100) for frame in frames]
    began = np.cumsum([0, *durations[:-1]])
    assert int(began[levels.index(1)]) == 300


@KINDS
def test_a_title_too_long_for_the_clip_is_cut_and_stays_on_one_line(kind):
    frames, *_ = decoded(animated_clip([(shade(9, 9, 9), None)], ["frame\u00a01\n" + "wide " * 5000], 5, kind))
    line = below(frames[0]).max(axis=(1, 2)) > 128
    assert line.any() and not line[:3].any() and not line[-3:].any()


def test_more_frames_than_a_clip_may_have_are_refused():
    pair = (shade(0, 0, 0), None)
    with pytest.raises(ClipTooLong, match=r"^A clip has at most 300 frames, not 301; choose fewer frames\.$"):
        animated_clip([pair] * (MAX_FRAMES + 1), [""] * (MAX_FRAMES + 1), 10, "webp")
    with pytest.raises(ClipEmpty, match="choose some frames"):
        animated_clip([], [], 10, "webp")


@every_case("speed", [0, -1, 51, float("nan"), float("inf")])
def test_a_speed_that_browsers_do_not_show_is_refused(speed):
    with pytest.raises(InvalidValue, match=r"The speed must be 0\.1 to 50 frames a second"):
        animated_clip([(shade(0, 0, 0), None)], [""], speed, "gif")
