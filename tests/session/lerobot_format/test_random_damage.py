"""Datasets whose files are damaged at random open or are refused with a sentence."""

import random
from collections import Counter

import pytest

from session import FrameUnreadable, SessionError, find_session, list_sessions, load_session
from tests.promises import count
from tests.session import damaged
from tests.session.dataset_files import write_v2, write_v3

PROMISE = pytest.mark.promise("any recording opens")
CHANGES = (damaged.flip, damaged.flip, damaged.cut, damaged.behead, damaged.insert, damaged.repeat, damaged.blank)
READINGS = ("@stride=1", "@stride=2,camera=top,action=change")


@PROMISE
def test_randomly_damaged_datasets_open_or_are_refused_with_a_sentence(tmp_path, figure):
    write_v3(tmp_path / "3" / "arm", cameras={"front": "video", "top": "image"}, lengths=(4, 3), codec="libx264")
    write_v2(tmp_path / "2" / "arm", lengths=(4, 3))
    contents = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    chance, seen, number = random.Random(6), Counter(), count(12, 2000)
    for _ in range(number):
        path = chance.choice(list(contents))
        path.write_bytes(chance.choice(CHANGES)(contents[path], chance))
        root = tmp_path / path.relative_to(tmp_path).parts[0]
        for summary in list_sessions(root):
            for reading in READINGS if summary.is_readable else ():
                open_all_frames(root, summary.session_id + reading, seen)
        path.write_bytes(contents[path])
    assert seen["opened"] > number and seen["frames"] > 2 * number
    figure(f"{number} damaged datasets: 0 uncaught errors, {seen['opened']} episodes opened")


def open_all_frames(root, session_id, seen):
    try:
        recording = load_session(find_session(root, session_id))
    except SessionError:
        return
    seen["opened"] += 1
    assert recording.action_count <= max(0, 4 - 1) and len(recording.previous) == recording.frame_count
    for index in range(recording.frame_count):
        try:
            recording.picture(index)
            seen["frames"] += 1
        except FrameUnreadable:
            seen["unreadable"] += 1
