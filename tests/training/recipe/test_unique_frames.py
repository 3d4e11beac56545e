import numpy as np
import pytest

from session import FlaggedFrames, load_session, record_demo
from session.batch import build_batch
from session.robots.toroidal_dot import locate_dot
from training.recipe import UniqueFrames, is_held_out
from training.values import InvalidValue


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    return [load_session(folder / record_demo(folder, "toroidal_dot", 40, seed)) for seed in (3, 4)]


def nothing(recording, frame):
    return False


def place_of(tensor):
    return locate_dot((tensor.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))


def test_equal_pictures_of_a_recording_are_counted_once(recordings):
    pictures = UniqueFrames(recordings, nothing)
    places = {
        (number, round(locate_dot(np.asarray(recording.picture(index))).x))
        for number, recording in enumerate(recordings)
        for index in range(recording.frame_count)
    }
    assert len(pictures) == len(places) < 80
    assert len(pictures.learned) == len(pictures)


def test_windows_are_the_histories_of_the_recordings(recordings):
    pictures = UniqueFrames(recordings, nothing)
    windows = pictures.windows(4)
    expected = [build_batch(one, one.history(target, 3)) for one in recordings for target in range(3, 40)]
    assert len(windows) == len(expected) == 74
    for row in (0, 36, 37, 73):
        assert np.allclose(pictures.tensors(windows.pictures[row, :3]), expected[row].frames[0], atol=1e-6)
        assert np.array_equal(windows.actions[row], expected[row].actions[0])
        assert np.allclose(pictures.tensors(windows.pictures[row, 3:]), expected[row].target, atol=1e-6)


def test_nothing_held_out_is_drawn(recordings):
    pictures = UniqueFrames(recordings, is_held_out)
    windows = pictures.learned_windows(3)
    drawn = {*pictures.learned.tolist(), *windows.pictures.ravel().tolist()}
    columns = {round(place_of(pictures.tensors([number])[0]).x) % 5 for number in drawn}
    assert columns == {0, 1, 2, 4}
    assert 0 < len(windows) < len(pictures.windows(3))


def test_flagged_frames_are_in_no_window_and_hold_nothing_else_out(recordings):
    flagged = [np.zeros(one.frame_count, dtype=bool) for one in recordings]
    flagged[0][10:13] = True
    every, frames = (
        UniqueFrames(recordings, is_held_out, FlaggedFrames(masks=masks)) for masks in ((), tuple(flagged))
    )
    assert frames.describe() == "2 Toroidal Dot recordings, without 3 flagged frames"
    assert len(every.windows(4)) - len(frames.windows(4)) == 6  # those that begin at frames 7 to 12
    sources = [(one.name, index) for one, index in map(frames.source, range(len(frames)))]
    assert not {(recordings[0].name, index) for index in (10, 11, 12)} & set(sources)
    for is_out in (False, True):
        targets = {(one, found.target) for one, _, found in frames._histories(3, is_out)}
        expected = {(one, found.target) for one, _, found in every._histories(3, is_out)}
        assert targets == {place for place in expected if place[0] is recordings[1] or place[1] not in range(10, 16)}
    with pytest.raises(InvalidValue, match="All frames of these recordings are flagged"):
        UniqueFrames(recordings, is_held_out, FlaggedFrames(masks=tuple(mask | True for mask in flagged)))


def test_the_background_is_what_most_pictures_show(recordings):
    background = UniqueFrames(recordings, nothing).background
    assert background.shape == (3, 224, 224) and background.max() < 0.05


def test_without_pictures_or_histories_nothing_can_be_learned(recordings):
    with pytest.raises(InvalidValue, match="no frames"):
        UniqueFrames([], nothing)
    with pytest.raises(InvalidValue, match="held out"):
        UniqueFrames(recordings, lambda *frame: True)


def test_a_short_recording_has_short_windows_and_one_without_actions_is_refused(tmp_path):
    short = load_session(tmp_path / record_demo(tmp_path, "toroidal_dot", 3, 0))
    assert UniqueFrames([short], nothing).longest_window(9) == 3
    still = load_session(tmp_path / record_demo(tmp_path, "toroidal_dot", 1, 0))
    with pytest.raises(InvalidValue, match="joined by an action"):
        UniqueFrames([still], nothing).longest_window(9)
