"""Episodes of LeRobotDatasets open as recordings, each with its own rows and pictures, exactly."""

import io
import json

import av
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from session import SessionCache, SessionNotFound, find_session, list_sessions, load_session
from tests.cases import every_case
from tests.session.dataset_files import (
    FPS,
    JOINTS,
    TASK,
    actions_of,
    change_info,
    columns_of,
    decoded,
    frame_shown,
    picture,
    png,
    write_table,
    write_v2,
    write_v3,
)

LENGTHS = (7, 5, 9)


def opened(folder, episode, reading="stride=1"):
    return load_session(folder / f"episode_{episode:06d}{'@' if reading else ''}{reading}")


def as_jpeg(image):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@every_case(
    "write, options",
    [
        (write_v3, {}),
        (write_v3, {"by_episode": False, "codec": "libx264", "gop": 250}),
        (write_v3, {"codec": "libx264", "gop": 4}),
        (write_v2, {}),
        (write_v2, {"version": "v2.0"}),
    ],
)
def test_every_frame_of_every_episode_is_its_own(tmp_path, write, options):
    write(tmp_path / "arm", **options)
    for episode, length in enumerate(LENGTHS):
        recording = opened(tmp_path / "arm", episode)
        order = [*range(length), length - 1, 0, length - 2, 1]  # forwards, and back and forth
        shown = [frame_shown(recording.picture(index)) for index in order]
        assert shown == [(episode, index) for index in order]
        assert np.array_equal(recording.actions, actions_of(episode, length)[:-1])
        assert recording.history(3, 3).frames == (0, 1, 2) and recording.history(3, 3).actions == (0, 1, 2)
        assert recording.times == pytest.approx(np.arange(length) / FPS) and recording.start_time is None
        assert recording.task == TASK and not recording.skipped, recording.skipped_summary()
        assert (recording.profile.name, recording.profile.channel_names) == ("so101_follower", tuple(JOINTS))


def test_pictures_equal_the_decoded_frames(tmp_path):
    write_v3(tmp_path / "arm", codec="libx264", gop=5)
    frames = decoded(tmp_path / "arm" / "videos" / "observation.images.front" / "chunk-000" / "file-001.mp4")
    recording = opened(tmp_path / "arm", 1)
    for index in (4, 0, 3, 1, 2):
        content, media_type = recording.frame_bytes(index)
        assert (content, media_type) == (as_jpeg(frames[LENGTHS[0] + index]), "image/jpeg")
        assert recording.picture(index).tobytes() == Image.open(io.BytesIO(content)).tobytes()


def test_depth_is_shown_as_grey_levels_and_is_never_the_usual_camera(tmp_path):
    """12 bits a pixel, whose darkest level is the nearest: the frames hold 0, 1000, 2000 …"""
    folder = write_v2(tmp_path / "arm", cameras={"depth": "video", "wrist": "video"})
    path = folder / "videos" / "chunk-000" / "observation.images.depth" / "episode_000001.mp4"
    levels = [np.full((48, 64), 1000 * frame, np.uint16) for frame in range(4)]
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("ffv1", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray12le"
        for level in levels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(level, format="gray12le")))
        container.mux(stream.encode(None))
    features = json.loads((folder / "meta" / "info.json").read_text())["features"]
    features["observation.images.depth"]["info"] = {"is_depth_map": True}
    change_info(folder, features=features)
    assert opened(folder, 1).choices.cameras == ("wrist", "depth")
    recording = opened(folder, 1, "stride=1,camera=depth")
    shades = [np.asarray(recording.picture(index)) for index in range(4)]
    assert [int(np.ptp(shade)) for shade in shades] == [0, 0, 0, 0]
    assert [int(shade[0, 0, 0]) for shade in shades] == pytest.approx([255 * 1000 * i / 4095 for i in range(4)], abs=2)


@every_case("write, by_episode", [(write_v3, True), (write_v3, False), (write_v2, None)])
def test_pictures_in_tables_are_their_original_bytes(tmp_path, write, by_episode):
    options = {} if by_episode is None else {"by_episode": by_episode}
    write(tmp_path / "arm", cameras={"top": "image", "wrist": "image"}, **options)
    recording = opened(tmp_path / "arm", 1, "stride=1,camera=wrist")
    expected = [(png(picture(1, frame, camera=1)), "image/png") for frame in range(LENGTHS[1])]
    assert [recording.frame_bytes(index) for index in range(LENGTHS[1])] == expected


def test_episodes_are_listed_by_name_and_found_only_so(tmp_path):
    write_v3(tmp_path / "someone" / "arm")
    write_v2(tmp_path / "arm2", lengths=(4,))
    summaries = list_sessions(tmp_path)
    names = [f"someone/arm/episode_{index:06d}" for index in range(3)]
    assert [one.session_id for one in summaries] == ["arm2/episode_000000", *names]
    assert (summaries[1].robot, summaries[1].robot_title) == ("so101_follower", "so101_follower")
    assert summaries[1].duration_s == pytest.approx(7 / FPS) and summaries[1].start_time is None
    assert find_session(tmp_path, names[2]) == tmp_path / names[2]
    others = ("someone/arm", "arm2", "arm2/episode_000001", "arm2/episode_0", "arm2/data", "arm2/data/chunk-000")
    for other in (*others, "arm2/../arm2/episode_000000", "someone/arm/episode_000000/x", "arm2/episode_000000/"):
        with pytest.raises(SessionNotFound):
            find_session(tmp_path, other)


def test_an_episode_is_opened_again_only_if_its_files_changed(tmp_path):
    write_v3(tmp_path / "arm", lengths=(4, 4))
    sessions = SessionCache(tmp_path)
    recording = sessions.get("arm/episode_000001")
    assert sessions.get("arm/episode_000001") is recording
    assert sessions.get("arm/episode_000001@stride=1") is not recording
    write_v3(tmp_path / "arm", lengths=(4, 6))
    assert sessions.get("arm/episode_000001@stride=1").frame_count == 6


def test_camera_stride_and_action_are_chosen_by_the_address(tmp_path):
    write_v3(tmp_path / "arm", lengths=(25, 25), cameras={"wrist": "video", "front": "video"})
    usual = opened(tmp_path / "arm", 1, "")
    choices = usual.choices
    assert (choices.cameras, choices.strides, choices.actions) == (
        ("front", "wrist"),
        (1, 3, 10, 30),
        ("target", "change"),
    )
    assert (choices.current.camera, choices.current.stride, choices.current.action) == ("front", 10, "target")
    assert [frame_shown(usual.picture(index)) for index in range(3)] == [(1, 0), (1, 10), (1, 20)]
    assert usual.rows.tolist() == [0, 10, 20]
    assert usual.actions.tolist() == actions_of(1, 25)[[9, 19]].tolist()  # the last target before the next picture
    asked = choices.session_id("arm/episode_000001", {"camera": "wrist", "action": "change"})
    assert asked == "arm/episode_000001@camera=wrist,action=change"
    other = load_session(find_session(tmp_path, asked))
    assert usual.picture(0).getpixel((5, 5))[0] > 240 > 100 > other.picture(0).getpixel((5, 5))[0]
    # Each target is 2 above its own state, and 9 rows later than the state at the picture.
    assert other.actions.tolist() == [[11, 11, -7], [11, 11, -7]]
    assert other.profile.channel_names == tuple(f"{name} change" for name in JOINTS)
    assert other.profile.name != usual.profile.name and other.version != usual.version
    assert other.choices.session_id(asked, {"camera": "front", "action": "target"}) == "arm/episode_000001"


@every_case(
    "reading, sentence", [("camera=left", "no camera left; choose one of these: front"), ("action=x", "no action x")]
)
def test_what_there_is_not_is_refused_with_a_sentence(tmp_path, reading, sentence):
    write_v3(tmp_path / "arm", lengths=(3,))
    with pytest.raises(SessionNotFound, match=sentence):
        opened(tmp_path / "arm", 0, reading)


@every_case(
    "names, expected",
    [
        ({"motors": ["a", "b", "c"]}, ("a", "b", "c")),
        ([["a", "b", "c"]], ("a", "b", "c")),
        ({"a": 0, "b": 1, "c": 2}, ("a", "b", "c")),
        (["action"], ("action_0", "action_1", "action_2")),
        (None, ("action_0", "action_1", "action_2")),
        (["x", "gripper", "gripper"], ("x", "gripper", "gripper_2")),
        (["x\n", "\u202e", ""], ("x", "channel_1", "channel_2")),
    ],
)
def test_channels_have_printable_names_each_once(tmp_path, names, expected):
    features = {"action": {"dtype": "float32", "shape": [3], "names": names}}
    write_v2(tmp_path / "arm", lengths=(3,), cameras={}, features=features)
    assert opened(tmp_path / "arm", 0).profile.channel_names == expected


def test_other_layouts_of_actions_and_bounds_by_statistics(tmp_path):
    folder = write_v2(tmp_path / "arm", lengths=(4,), cameras={})
    columns = columns_of(0, 4, 0)
    del columns["action"], columns["observation.state"]
    columns["action.arm"] = pa.array([[1.0, 2.0]] * 4, type=pa.list_(pa.float32()))
    columns["action.hand"] = pa.array([0, 1, 0, 1])
    write_table(folder / "data" / "chunk-000" / "episode_000000.parquet", columns)
    one, two = ({"dtype": kind, "shape": [], "names": None} for kind in ("float32", "int64"))
    change_info(folder, features={"action.arm": one, "action.hand": two})
    stats = {"action.arm": {"min": [0, 0], "max": [4, 4]}, "action.hand": {"min": [0], "max": [1]}}
    (folder / "meta" / "stats.json").write_text(json.dumps(stats))
    recording = opened(folder, 0)
    channels = [(one.name, one.low, one.high) for one in recording.profile.channels]
    assert channels == [("arm.arm_0", 0, 4), ("arm.arm_1", 0, 4), ("hand", 0, 1)]
    assert recording.actions.tolist() == [[1, 2, 0], [1, 2, 1], [1, 2, 0]]
    assert recording.choices.actions == ("target",) and "no camera" in recording.notes[0]
    stats["action.arm"] = {"min": [90, 0], "max": [91, 4]}  # of another robot, after a merge
    (folder / "meta" / "stats.json").write_text(json.dumps(stats))
    assert [one.high for one in opened(folder, 0).profile.channels] == [1, 2, 1]
