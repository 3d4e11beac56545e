import io

import numpy as np
from PIL import Image

from training.jobs.looks import FRAMES, MAX_LOOKS, TRUE, LookFolder, continue_looks, draw_strip, newest_looks, read_look

RUN = "20251123_140211_predictor"


def grey(value):
    return [np.full((8, 8, 3), value, dtype=np.uint8)] * FRAMES


def folder_with(directory, steps, phase="predict", run=RUN):
    folder = LookFolder(directory / "runs" / f"{run}.jsonl")
    folder.begin(grey(255))
    for step in steps:
        if folder.is_due(step, phase):
            folder.add(step, phase, grey(step % 200))
    return folder


def test_a_long_run_keeps_a_bounded_number_of_looks_evenly_spread(tmp_path):
    folder_with(tmp_path, range(0, 4001, 10))
    looks = newest_looks(tmp_path).looks
    steps = [look.step for look in looks]
    gaps = np.diff(steps)
    assert MAX_LOOKS / 2 < len(looks) <= MAX_LOOKS and steps[0] == 0 and steps[-1] > 3900
    assert gaps.max() <= 4 * 4000 / MAX_LOOKS
    on_disk = {path.name for path in (tmp_path / "runs" / RUN).iterdir()}
    assert on_disk == {TRUE, *(look.file for look in looks)}


def test_where_two_phases_meet_both_are_kept_in_their_order(tmp_path):
    folder = folder_with(tmp_path, [0, 50], "reconstruct")
    folder.add(50, "predict", grey(3))
    kept = newest_looks(tmp_path)
    assert [(look.step, look.phase) for look in kept.looks] == [
        (0, "reconstruct"),
        (50, "reconstruct"),
        (50, "predict"),
    ]


def test_pictures_are_read_by_name_alone_and_drawn_as_a_strip(tmp_path):
    folder_with(tmp_path, range(0, 200, 10))
    (tmp_path / "runs" / f"{RUN}.jsonl").write_text("secret")
    with Image.open(io.BytesIO(read_look(tmp_path, RUN, TRUE))) as picture:
        assert picture.size == (8 * FRAMES, 8)
    for run, file in ((RUN, "00000001_predict.jpg"), (RUN, f"../{RUN}.jsonl"), ("..", TRUE), (f"{RUN}/x", TRUE)):
        assert read_look(tmp_path, run, file) is None
    with Image.open(io.BytesIO(draw_strip(tmp_path, RUN))) as strip:
        assert strip.width == 9 * 112 and strip.height > FRAMES * 112
    assert draw_strip(tmp_path, "..") is None and draw_strip(tmp_path, "20251123_140212_predictor") is None


def test_a_run_that_goes_on_continues_the_looks_and_the_oldest_runs_lose_theirs(tmp_path):
    for day in range(10, 22):
        folder_with(tmp_path, [0, 5], run=f"202511{day}_140211_predictor")
    runs = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert len(runs) == 10 and runs[0].startswith("20251112")
    log = tmp_path / "runs" / "20251122_140211_predictor.jsonl"
    continue_looks(log, f"{runs[-1]}.jsonl")
    folder = LookFolder(log)
    assert not folder.is_due(5, "predict") and folder.is_due(6, "predict")
    assert newest_looks(tmp_path).run == log.stem


def test_a_folder_that_cannot_be_written_costs_the_pictures_alone(tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    folder = LookFolder(tmp_path / "runs" / f"{RUN}.jsonl")
    folder.begin(grey(1))
    assert not folder.is_due(0, "predict") and newest_looks(tmp_path) is None
