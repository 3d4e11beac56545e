import json
from html import escape
from types import SimpleNamespace

from page.facts import session_facts
from page.opening import refresh_sessions
from page.readings import label, readings
from page.visitor import Visitor
from session import SessionNotFound, list_sessions, load_session
from tests.session.dataset_files import write_v2
from tests.session.session_files import events_of, write_session
from tests.session.tub_files import record, write_tub


def test_the_other_readings_are_links_that_keep_the_moment(tmp_path):
    tub = write_tub(tmp_path / "tub", [record(index) for index in range(9)])
    shown = readings(load_session(tub), "any/tub")
    assert '<b aria-current="true">2.9</b>' in shown and "Camera" not in shown and "Action" not in shown
    assert '<a href="?session=any/tub%40stride%3D1" data-go-session="any/tub@stride=1" data-scale="7">20</a>' in shown
    other = readings(load_session(tmp_path / "tub@stride=2"), "any/tub@stride=2")
    assert 'data-go-session="any/tub" data-scale="0.285714">2.9</a>' in other and ">10</b>" in other


def test_a_recording_that_is_read_in_one_way_offers_none(tmp_path):
    assert readings(load_session(write_session(tmp_path / "one", events_of("oao"))), "one") == ""


def test_the_list_names_the_reading():
    text = label("Arm · one", "arm/one", "arm/one@camera=left,stride=1")
    assert text == "Arm · one · camera=left, stride=1"


def test_the_list_takes_no_name_of_a_folder_for_a_reading(tmp_path):
    for name in ("run", "run@home"):
        write_tub(tmp_path / name, [record(0)])
    unlisted = "empty/episode_000009"

    def get(session_id: str) -> None:
        if session_id != unlisted:
            raise SessionNotFound

    sessions = SimpleNamespace(list=lambda: list_sessions(tmp_path), get=get)
    backend = SimpleNamespace(sessions=sessions, is_read_only=True)
    for opened, values in (
        ("run@home", ["run@home", "run"]),
        ("run@stride=1", ["run@home", "run", "run@stride=1"]),
        (unlisted, ["run@home", "run", unlisted]),
    ):
        picker = refresh_sessions(backend, Visitor(opened))["sessions.picker"]
        assert sorted(value for _, value in picker.choices) == sorted(values) and picker.value == opened
    assert refresh_sessions(backend, Visitor("deleted"))["sessions.picker"].value in ("run", "run@home")


def test_words_of_a_dataset_are_shown_as_words(tmp_path):
    harm = "<img src=x onerror=alert(1)>"
    folder = write_v2(tmp_path / "arm", lengths=(4,), cameras={harm: "video"}, robot_type=harm)
    (folder / "meta" / "tasks.jsonl").write_text(json.dumps({"task_index": 0, "task": harm}))
    recording = load_session(folder / "episode_000000")
    shown = session_facts(recording) + readings(recording, "arm/episode_000000")
    assert f"Task: {escape(harm)}" in shown and "<img" not in shown
    assert recording.choices.cameras == ("_img_src_x_onerror_alert_1_",)
