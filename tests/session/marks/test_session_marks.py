"""Marks of recordings: their file, what is refused, and what they mean in another reading."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from session import InvalidMark, MarkNotSaved, MarksUnusable, load_session
from session.formats.reading import Choices, Reading
from session.marks import LeftOut, SessionMarks
from session.marks.rows import flagged_frames, frames_of, rows_of
from tests.cases import every_case
from tests.session.session_files import events_of, write_session

ID = "jetbot/session_1"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions") / "jetbot" / "session_1"
    return load_session(write_session(folder, events_of("oa" * 10 + "o")))  # 11 frames


def of_stride(recording, stride, offset=0, count=11):
    """The recording as if it were read from a table, at a stride."""
    choices = Choices(Reading(stride=1), Reading(stride=stride, offset=offset))
    return replace(recording, rows=offset + stride * np.arange(count), choices=choices)


def content(folder):
    return json.loads((folder / "marks.json").read_text("utf-8"))


def test_marks_are_kept_in_one_readable_file_and_come_back(tmp_path, recording):
    marks = SessionMarks(tmp_path)
    assert marks.of(ID, recording) == [] and not (tmp_path / "marks.json").exists()
    marks.flag(ID, recording, 3, 5, "  bumped\ninto the wall ")
    marks.flag(f"{ID}@stride=2", recording, None, None, "wrong calibration")
    assert [one.pop("when")[:2] for one in content(tmp_path)["sessions"][ID]] == ["20", "20"]
    assert '"note": "bumped into the wall"' in (tmp_path / "marks.json").read_text()
    first, second = SessionMarks(tmp_path).of(ID, recording)
    assert (first.mark.note, first.mark.is_whole, first.first, first.last) == ("wrong calibration", True, 0, 10)
    assert (second.mark.note, second.first, second.last) == ("bumped into the wall", 3, 5)


def test_a_removed_mark_can_be_put_back_with_all_that_somebody_wrote_into_it(tmp_path, recording):
    by_hand = {"first": 2, "last": 2, "note": "dark", "who": "Ada"}
    written = {"sessions": {ID: [by_hand], "gone/session": [{"note": ""}]}, "team": "red", "version": 1}
    (tmp_path / "marks.json").write_text(json.dumps(written))
    marks = SessionMarks(tmp_path)
    (shown,) = marks.of(ID, recording)
    marks.remove(ID, shown.mark.key)
    assert marks.of(ID, recording) == [] and content(tmp_path)["removed"][0]["who"] == "Ada"
    with pytest.raises(InvalidMark, match="somebody has removed it"):
        marks.remove(ID, shown.mark.key)
    marks.restore(ID, shown.mark.key)
    assert marks.of(ID, recording) == [shown]
    kept = content(tmp_path)
    assert kept["removed"] == [] and kept["team"] == "red" and "gone/session" in kept["sessions"]


@every_case(
    ("text", "cause"),
    [
        ("{", "cannot be used"),
        ("[]", "no file of marks"),
        ('{"sessions": {}, "version": 2}', "newer program"),
        ('{"sessions": {"a": 1}}', "for a is no list"),
        ('{"sessions": {"a": [{"first": 5, "last": 2}]}}', "a mark of a has no whole numbers"),
        ('{"sessions": {"a": [{"first": true, "last": 2}]}}', "no whole numbers"),
        ('{"sessions": {"a": [{"note": 1}]}}', "no text"),
        ('{"sessions": {}, "removed": [{}]}', "names no session"),
    ],
)
def test_a_damaged_or_foreign_file_stays_and_a_sentence_says_so(tmp_path, recording, text, cause):
    (tmp_path / "marks.json").write_text(text)
    marks = SessionMarks(tmp_path)
    for use in (lambda: marks.all(), lambda: marks.flag(ID, recording, 1, 1, "")):
        with pytest.raises(MarksUnusable, match=f"{cause}.*Put it right, or move it elsewhere"):
            use()
    assert (tmp_path / "marks.json").read_text() == text
    (tmp_path / "marks.json").unlink()
    assert marks.flag(ID, recording, 1, 1, "").first == 1


@every_case(
    ("first", "last", "note", "sentence"),
    [
        (11, 11, "", "from 0 to 10"),
        (-1, 3, "", "from 0 to 10"),
        (2.5, 3, "", "whole number"),
        (True, None, "", "whole number"),
        (None, 3, "", "The first frame"),
        (5, 2, "", "must not be above"),
        (1, 1, 7, "must be text"),
        (1, 1, "x" * 301, "shorten it"),
    ],
)
def test_what_is_no_mark_is_refused_in_words(tmp_path, recording, first, last, note, sentence):
    with pytest.raises(InvalidMark, match=sentence):
        SessionMarks(tmp_path).flag(ID, recording, first, last, note)
    assert not (tmp_path / "marks.json").exists()


def test_there_is_a_limit_and_a_folder_that_cannot_be_written_is_said(tmp_path, recording, monkeypatch):
    monkeypatch.setattr("session.marks.store.MAX_OF_SESSION", 1)
    marks = SessionMarks(tmp_path)
    marks.flag(ID, recording, 1, None, "")
    with pytest.raises(InvalidMark, match="There can be 1 marks of a session"):
        marks.flag(ID, recording, 2, None, "")
    with pytest.raises(MarkNotSaved, match="No such file"):
        SessionMarks(tmp_path / "nowhere").flag(ID, recording, 1, 1, "")


def test_two_servers_and_many_visitors_lose_nothing(tmp_path, recording):
    servers = [SessionMarks(tmp_path), SessionMarks(tmp_path)]

    def flag_all(number):
        for frame in range(5):
            servers[number % 2].flag(ID, recording, frame, frame, f"{number}")

    threads = [threading.Thread(target=flag_all, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(servers[0].of(ID, recording)) == len(servers[1].of(ID, recording)) == 30


def test_rows_mean_the_same_in_every_reading(recording):
    coarse, later, fine = (
        of_stride(recording, 10),
        of_stride(recording, 10, offset=5),
        of_stride(recording, 1, count=11),
    )
    assert rows_of(coarse, 3, 4) == (30, 40) and frames_of(coarse, (30, 40)) == (3, 4)
    assert frames_of(coarse, (31, 38)) == (3, 3)  # between two frames: the one before it stands for it
    assert frames_of(later, (30, 40)) == (2, 3)
    assert frames_of(later, (0, 4)) is None and frames_of(later, (0, 5)) == (0, 0)
    assert frames_of(fine, (8, 40)) == (8, 10) and frames_of(fine, (11, 40)) is None
    assert frames_of(coarse, (105, 109)) == (10, 10) and frames_of(coarse, (110, None)) is None
    assert np.flatnonzero(flagged_frames(coarse, [[12, 25], [99, None]])).tolist() == [1, 2, 9, 10]
    assert rows_of(recording, 2, 3) == (2, 3)


def test_what_a_run_leaves_out_is_by_rows_and_does_not_change_later(tmp_path, recording):
    marks = SessionMarks(tmp_path)
    marks.flag(ID, recording, 2, 3, "")
    marks.flag("jetbot/session_2", recording, None, None, "")
    both = {ID: recording, f"{ID}@stride=10": of_stride(recording, 10), "jetbot/session_2": recording, "x": recording}
    left_out = LeftOut(json.loads(json.dumps(dict(marks.left_out(both).ranges))))
    marks.flag(ID, recording, 7, 7, "")
    rest = left_out.rest(both)
    assert list(rest) == [ID, f"{ID}@stride=10", "x"]
    frames = left_out.frames(rest)
    assert [np.flatnonzero(mask).tolist() for mask in frames.masks] == [[2, 3], [0], []]
    assert frames.describe() == ", without 3 flagged frames and 1 flagged recording"
    assert LeftOut().frames(both).describe() == ""
