import numpy as np
import pytest
from PIL import Image

from session import FrameOutOfRange, FrameUnreadable, load_session
from tests.cases import every_case
from tests.session.session_files import contents_of, events_of, jpeg, png, write_session


@pytest.fixture
def folder(tmp_path):
    return write_session(tmp_path / "jetbot" / "session_1", events_of("oaoao"))


def test_frame_bytes_are_the_file_itself_with_its_media_type(folder):
    session = load_session(folder)
    assert session.frame_bytes(1) == (jpeg(2), "image/jpeg")
    assert session.frame_bytes(np.int64(2)) == (jpeg(4), "image/jpeg")


def test_the_media_type_is_that_of_the_content_not_of_the_name(folder):
    (folder / "frames" / "frame_000002.jpg").write_bytes(png())
    assert load_session(folder).frame_bytes(1)[1] == "image/png"


def test_a_picture_is_loaded_rgb(folder):
    picture = load_session(folder).picture(0)
    assert (picture.mode, picture.size) == ("RGB", (16, 16))
    assert np.asarray(picture)[8, 8].astype(float) == pytest.approx((0, 100, 200), abs=4)


@every_case("mode", ["L", "RGBA", "P", "1", "I;16", "LA"])
def test_pictures_of_other_modes_become_rgb(folder, mode):
    Image.new(mode, (9, 7)).save(folder / "frames" / "frame_000000.jpg", "PNG")
    picture = load_session(folder).picture(0)
    assert (picture.mode, picture.size) == ("RGB", (9, 7))


@every_case("index", [3, -1, 99, 10**40])
def test_a_frame_beyond_the_range_is_refused_with_the_range(folder, index):
    session = load_session(folder)
    for method in (session.picture, session.frame_bytes):
        with pytest.raises(FrameOutOfRange, match=r"does not exist; choose 0 to 2\."):
            method(index)


@every_case("index", [1.0, "1", None, True, float("nan"), [0]])
def test_a_frame_that_is_no_whole_number_is_refused(folder, index):
    with pytest.raises(FrameOutOfRange, match=r"is not a whole number; choose 0 to 2\."):
        load_session(folder).picture(index)


def test_an_empty_session_has_no_frame_to_choose(tmp_path):
    with pytest.raises(FrameOutOfRange, match="This session has no frames"):
        load_session(write_session(tmp_path / "session_1", [])).picture(0)


def test_a_frame_that_is_deleted_later_is_reported(folder):
    session = load_session(folder)
    (folder / "frames" / "frame_000002.jpg").unlink()
    with pytest.raises(FrameUnreadable, match=r"^Frame 1 cannot be read: its file is gone; choose another frame\.$"):
        session.picture(1)


def test_a_frame_that_becomes_a_link_or_another_kind_of_file_is_reported(folder, tmp_path):
    session = load_session(folder)
    path = folder / "frames" / "frame_000002.jpg"
    path.rename(tmp_path / "outside.jpg")
    path.symlink_to(tmp_path / "outside.jpg")
    with pytest.raises(FrameUnreadable, match="Frame 1 cannot be read") as caught:
        session.frame_bytes(1)
    assert str(tmp_path) not in str(caught.value)
    (folder / "frames" / "frame_000000.jpg").write_bytes(b"GIF89a")
    with pytest.raises(FrameUnreadable, match="it is not a JPEG or PNG picture"):
        session.frame_bytes(0)


def test_a_frame_larger_than_the_limit_is_reported(folder):
    session = load_session(folder)
    with (folder / "frames" / "frame_000002.jpg").open("r+b") as file:
        file.truncate(10 << 30)
    with pytest.raises(FrameUnreadable, match="larger than 32 MB"):
        session.frame_bytes(1)


def test_a_picture_with_too_many_pixels_is_not_decoded(folder):
    Image.new("1", (8000, 8000)).save(folder / "frames" / "frame_000002.jpg", "PNG")
    with pytest.raises(FrameUnreadable, match="more than 32 million pixels"):
        load_session(folder).picture(1)


def test_pictures_with_one_byte_changed_open_or_are_reported(folder):
    """400 mutated pictures, half of them JPEG, half PNG."""
    path = folder / "frames" / "frame_000002.jpg"
    random = np.random.default_rng(7)
    outcomes = set()
    for whole in (jpeg(size=32), png(size=32)):
        for _ in range(200):
            content = bytearray(whole)
            content[random.integers(len(content))] ^= int(random.integers(1, 256))
            path.write_bytes(content)
            session = load_session(folder)
            assert session.frame_count + len(session.skipped) == 3
            try:
                outcomes.add(session.picture(session.frame_count - 2).mode)
            except FrameUnreadable as error:
                outcomes.add(str(error))
    assert "RGB" in outcomes and len(outcomes) > 1


def test_the_last_bytes_of_a_decoded_picture_cannot_be_missing(folder):
    whole = jpeg(size=64)
    session = load_session(folder)
    (folder / "frames" / "frame_000002.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FrameUnreadable, match="damaged or cut short; choose another frame"):
        session.picture(1)


def test_mutated_recordings_open_and_keep_every_untouched_event(tmp_path):
    """120 recordings with one line damaged by random bytes: the other lines are all there."""
    random = np.random.default_rng(11)
    folder = write_session(tmp_path / "jetbot" / "session_1", events_of("oa" * 10))
    shard = folder / "events_shard_000.jsonl"
    lines = shard.read_bytes().splitlines(keepends=True)
    for _ in range(120):
        victim = int(random.integers(len(lines)))
        damaged = bytearray(lines[victim][:-1])
        for _ in range(int(random.integers(1, 6))):
            damaged[random.integers(len(damaged))] = int(random.choice(list(b'\x00\xff{}[]",:019-.eaZ/\\')))
        shard.write_bytes(b"".join([*lines[:victim], bytes(damaged), b"\n", *lines[victim + 1 :]]))
        before = contents_of(folder)
        session = load_session(folder)
        steps = {*session.steps.tolist(), *session.action_steps.tolist()}
        skipped_lines = {entry.line for entry in session.skipped}
        assert steps >= {step for step in range(20) if step != victim and step + 1 not in skipped_lines}
        assert skipped_lines <= {line + 1 for line in range(20)} and len(skipped_lines) <= 2
        assert contents_of(folder) == before


def test_the_version_stays_while_nothing_changes_and_goes_with_frames_and_actions(folder, tmp_path):
    version = load_session(folder).version
    assert load_session(folder).version == version
    longer = write_session(tmp_path / "jetbot" / "session_2", events_of("oaoaoao"))
    shorter = write_session(tmp_path / "jetbot" / "session_3", events_of("oaoo"))
    assert len({version, load_session(longer).version, load_session(shorter).version}) == 3
