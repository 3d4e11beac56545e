"""The routes that serve recorded frames and timelines."""

import io

import httpx
import numpy as np
from PIL import Image

from session import load_session
from tests.cases import every_case


def test_a_frame_arrives_as_the_bytes_on_disk_and_may_be_cached(server, data, session_ids):
    answer = httpx.get(f"{server}recorded/frame/7/{session_ids['jetbot']}")
    recording = load_session(data / "sessions" / session_ids["jetbot"])
    assert answer.content == recording.frame_bytes(7)[0]
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    assert np.asarray(Image.open(io.BytesIO(answer.content))).shape == (224, 224, 3)


def test_the_timeline_has_frames_actions_and_their_order(server, session_ids):
    timeline = httpx.get(f"{server}recorded/timeline/{session_ids['dot']}").json()
    assert timeline["frames"] == len(timeline["steps"]) == len(timeline["times"]) == 40
    assert timeline["previous"][:3] == [-1, 0, 1]
    assert timeline["channels"] == [{"name": "action", "low": 0.0, "high": 1.0}]


@every_case(
    "path",
    [
        "recorded/frame/40/{}",
        "recorded/frame/0/nowhere",
        "recorded/timeline/nowhere",
        "recorded/timeline/..%2f..%2fcheckpoints",
        "recorded/frame/0/..%2f{}",
        "recorded/timeline/%2fetc",
    ],
)
def test_what_is_not_there_gets_a_sentence(server, data, session_ids, path):
    answer = httpx.get(server + path.format(session_ids["jetbot"]))
    assert answer.status_code == 404
    assert answer.json()["error"].endswith(".")
    assert str(data) not in answer.text
