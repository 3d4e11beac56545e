"""Frames of videos: each is decoded once while it is kept, and many threads get what they asked for."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from session.lerobot_format import video
from session.lerobot_format.dataset_files import DatasetFiles
from tests.session.dataset_files import decoded, frame_shown, picture, write_video

COUNT = 20


@pytest.fixture
def film(tmp_path):
    """A video of one group of pictures, with frames that depend on later ones."""
    write_video(tmp_path / "film.mp4", [picture(1, frame) for frame in range(COUNT)], "libx264", gop=250)
    return video.find_video(DatasetFiles(tmp_path), "film.mp4")


def test_frames_that_are_kept_are_not_decoded_again(film, monkeypatch):
    places: list[int] = []
    real = video._FramePool._keep
    monkeypatch.setattr(video._FramePool, "_keep", lambda pool, *one: places.append(one[1]) or real(pool, *one))
    for place in (COUNT - 1, *range(COUNT - 1), 7):
        film.picture(place)
    assert places == list(range(COUNT))


def test_threads_get_the_frames_that_they_asked_for_however_few_are_kept(film, monkeypatch):
    monkeypatch.setattr(video, "MAX_BYTES", 20_000)  # of 4 frames
    true = decoded(film.folder / film.path)
    places = random.Random(3).choices(range(COUNT), k=80)
    with ThreadPoolExecutor(4) as pool:
        shown = list(pool.map(lambda place: np.asarray(film.picture(place)), places))
    assert all(np.array_equal(one, np.asarray(true[place])) for place, one in zip(places, shown, strict=True))
    assert video._pool()._bytes <= 20_000


def test_more_videos_than_stay_open_are_read_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "MAX_OPEN", 2)
    monkeypatch.setattr(video, "MAX_BYTES", 1)
    for episode in range(5):
        write_video(tmp_path / f"{episode}.mp4", [picture(episode, frame) for frame in range(6)])
    films = [video.find_video(DatasetFiles(tmp_path), f"{episode}.mp4") for episode in range(5)]
    places = [(index % 5, index * 7 % 6) for index in range(60)]
    with ThreadPoolExecutor(4) as pool:
        shown = list(pool.map(lambda one: frame_shown(films[one[0]].picture(one[1])), places))
    assert shown == places and len(video._pool()._decoders) <= 2


def test_the_index_tells_times_keys_and_rate(film):
    index = film.index
    assert index.times == pytest.approx(np.arange(COUNT) / 30) and index.rate == pytest.approx(30)
    assert index.is_key.tolist() == [True] + [False] * (COUNT - 1) and index.key_before(COUNT - 1) == 0


def test_a_list_of_files_and_a_missing_file_are_refused(film, tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"ffconcat version 1.0\nfile other.mp4\n")
    with pytest.raises(video.BadVideo, match="is no MP4 file, or was cut off"):
        video.find_video(DatasetFiles(tmp_path), "film.mp4").picture(0)
    with pytest.raises(video.BadVideo, match="is not here"):
        video.find_video(DatasetFiles(tmp_path), "other.mp4")
