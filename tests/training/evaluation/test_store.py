import io
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.cases import every_case
from tests.session.session_files import contents_of
from training.evaluation.frame_errors import FrameErrors
from training.evaluation.results import DamagedResult, EvaluationKey, EvaluationResult, pack, unpack
from training.evaluation.store import MAX_KEPT, MAX_SESSIONS, EvaluationStore, session_folder

KEY = EvaluationKey("jetbot/session_1", "3-0badcafe", 3, "a" * 64, "b" * 64)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAN = float("nan")


def result_of(minute=0, evaluated=3, **changes):
    """A result computed some minutes after noon."""
    reconstruction, prediction = np.full((2, 3), NAN, dtype=np.float32)
    context = np.zeros(3, dtype=np.int8)
    reconstruction[:evaluated], prediction[1:evaluated], context[1:evaluated] = 0.5, 0.25, 2
    track = FrameErrors(reconstruction, prediction, context, evaluated)
    weights = {"autoencoder": "autoencoder.pth, step 7", "predictor": "untrained"}
    when = (NOON + timedelta(minutes=minute)).isoformat()
    return EvaluationResult(replace(KEY, **changes), weights, when, 1.5, track)


def assert_same(actual, expected):
    assert (actual.depends_on, actual.weights, actual.made_at, actual.seconds, actual.track.evaluated) == (
        expected.depends_on,
        expected.weights,
        expected.made_at,
        expected.seconds,
        expected.track.evaluated,
    )
    for name in ("reconstruction", "prediction", "context"):
        first, second = getattr(actual.track, name), getattr(expected.track, name)
        assert first.dtype == second.dtype and np.array_equal(first, second, equal_nan=name != "context")


def file_of(root, errors):
    return session_folder(root, errors.session_id) / f"{errors.key}.npz"


def test_a_result_names_what_it_depends_on():
    errors = result_of()
    assert (errors.session_id, errors.version, errors.history_length) == ("jetbot/session_1", "3-0badcafe", 3)
    assert errors.digests == {"autoencoder": "a" * 64, "predictor": "b" * 64} and errors.key == KEY.text


def test_every_change_of_what_a_result_depends_on_changes_the_key():
    changes = [
        {},
        {"session_id": "jetbot/session_2"},
        {"version": "4-0badcafe"},
        {"history_length": 4},
        {"autoencoder": "b" * 64},
        {"predictor": "a" * 64},
    ]
    assert len({replace(KEY, **change).text for change in changes}) == len(changes)


def test_a_stored_result_is_found_again_even_after_a_restart(tmp_path):
    store = EvaluationStore(tmp_path)
    assert store.find(KEY) is None and store.put(result_of()) == ""
    assert_same(store.find(KEY), result_of())
    assert_same(EvaluationStore(tmp_path).find(KEY), result_of())
    assert [path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.npz")] == ["jetbot"]


def test_a_longer_part_replaces_a_shorter_one(tmp_path):
    store = EvaluationStore(tmp_path)
    store.put(result_of(evaluated=1))
    store.put(result_of(minute=1))
    for one in (store, EvaluationStore(tmp_path)):
        assert [errors.track.evaluated for errors in one.kept(KEY.session_id, KEY.version)] == [3]


def test_results_of_a_recording_come_newest_first_and_only_of_its_version(tmp_path):
    store = EvaluationStore(tmp_path)
    for minute, length in ((2, 2), (9, 3), (5, 4)):
        store.put(result_of(minute, history_length=length))
    store.put(result_of(7, version="4-0badcafe"))
    store.put(result_of(8, session_id="jetbot/session_2"))
    for one in (store, EvaluationStore(tmp_path)):
        assert [errors.history_length for errors in one.kept(KEY.session_id, KEY.version)] == [3, 4, 2]


def test_without_a_folder_results_are_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = EvaluationStore(None)
    assert store.put(result_of()) == ""
    assert_same(store.find(KEY), result_of())
    assert contents_of(tmp_path) == {} and EvaluationStore(None).find(KEY) is None


@pytest.mark.parametrize("is_on_disk", [True, False])
def test_the_oldest_results_of_a_session_are_dropped(tmp_path, is_on_disk):
    store = EvaluationStore(tmp_path if is_on_disk else None)
    store.put(result_of(0, session_id="jetbot/session_2"))
    for minute in range(MAX_KEPT + 3):
        store.put(result_of(minute, autoencoder=f"{minute:064}"))
    results = store.kept(KEY.session_id, KEY.version)
    # Of minutes 0 to 34 the last 32 stay: 34 down to 3.
    assert [errors.when.minute for errors in results] == list(range(MAX_KEPT + 2, 2, -1))
    assert len(list(tmp_path.rglob("*.npz"))) == (MAX_KEPT + 1 if is_on_disk else 0)
    assert store.kept("jetbot/session_2", KEY.version)


def test_a_limited_number_of_sessions_is_held_in_memory_and_others_are_read_again(tmp_path):
    store = EvaluationStore(tmp_path)
    for number in range(MAX_SESSIONS + 4):
        store.put(result_of(session_id=f"jetbot/session_{number}"))
    assert len(store._sessions) == MAX_SESSIONS
    assert all(store.kept(f"jetbot/session_{number}", KEY.version) for number in range(MAX_SESSIONS + 4))


@every_case("session_id", ["plain", "../../x", "a/../b", "robot/näme 1", "x/.", "", "r/" + "n" * 300])
def test_every_session_id_has_a_folder_of_its_own_inside(tmp_path, session_id):
    store = EvaluationStore(tmp_path / "evaluations")
    assert store.put(result_of(session_id=session_id)) == ""
    (file,) = tmp_path.rglob("*.npz")
    assert len(file.relative_to(tmp_path / "evaluations").parts) == 3
    assert EvaluationStore(tmp_path / "evaluations").find(replace(KEY, session_id=session_id))


def test_similar_session_ids_do_not_share_a_folder(tmp_path):
    ids = ["r/a b", "r/a_b", "r/a.b", "r/" + "n" * 100, "r/" + "n" * 101]
    assert len({session_folder(tmp_path, one) for one in ids}) == len(ids)


def test_foreign_files_are_not_changed_and_logged(tmp_path, caplog):
    good, other = result_of(), result_of(history_length=4)
    EvaluationStore(tmp_path).put(good)
    folder = file_of(tmp_path, good).parent
    (folder / "foreign.npz").write_bytes(b"PK\x03\x04 not really")
    (folder / "notes.txt").write_text("mine")
    (folder / "renamed.npz").write_bytes(pack(other))
    (folder / f"{other.key}.npz").symlink_to(file_of(tmp_path, good))
    (folder / "huge.npz").touch()
    with (folder / "huge.npz").open("r+b") as file:
        file.truncate(1 << 40)
    before = sorted(path.name for path in folder.iterdir())
    with caplog.at_level(logging.WARNING):
        results = EvaluationStore(tmp_path).kept(KEY.session_id, KEY.version)
    assert [errors.key for errors in results] == [good.key]
    assert sorted(path.name for path in folder.iterdir()) == before
    messages = " ".join(record.message for record in caplog.records)
    assert all(name in messages for name in ("foreign.npz", "renamed.npz", "huge.npz", other.key))


def test_a_result_of_another_session_in_this_ones_folder_is_not_used(tmp_path):
    foreign = result_of(session_id="jetbot/session_2")
    EvaluationStore(tmp_path).put(result_of())
    (file_of(tmp_path, result_of()).parent / f"{foreign.key}.npz").write_bytes(pack(foreign))
    assert len(EvaluationStore(tmp_path).kept(KEY.session_id, KEY.version)) == 1


def test_a_disk_that_cannot_be_written_is_reported_and_the_result_held(tmp_path):
    (tmp_path / "evaluations").write_text("a file, no folder")
    store = EvaluationStore(tmp_path / "evaluations")
    warning = store.put(result_of())
    assert warning.startswith("The result could not be written (") and "until the server ends" in warning
    assert store.find(KEY) is not None


def test_a_truncated_file_or_one_with_any_byte_changed_is_never_misread():
    content, expected = pack(result_of()), result_of()
    for place in range(len(content)):
        for changed in (content[:place], content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]):
            try:
                actual = unpack(changed)
            except DamagedResult:
                continue
            assert_same(actual, expected)  # a byte without effect, such as a date in the archive


def archive(compressed=False, **changes):
    """A file like `pack`'s with some of its arrays replaced."""
    arrays = dict(np.load(io.BytesIO(pack(result_of())))) | changes
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def header(old, new):
    """The header of `pack`'s file with some of its text replaced."""
    text = np.load(io.BytesIO(pack(result_of())))["header"].tobytes().decode()
    assert old in text
    return np.frombuffer(text.replace(old, new).encode(), dtype=np.uint8)


@every_case(
    "changes",
    [
        {"reconstruction": np.zeros(3)},
        {"reconstruction": np.zeros(4, np.float32)},
        {"prediction": np.zeros((3, 1), np.float32)},
        {"prediction": np.full(3, -1, np.float32)},
        {"prediction": np.full(3, np.inf, np.float32)},
        {"context": np.zeros(3, np.int32)},
        {"context": np.full(3, 9, np.int8)},
        {"context": np.array(0, np.int8)},
        {"context": np.array([{}, {}, {}], dtype=object)},
        {"more": np.zeros(3)},
        {"compressed": True},
        {"header": np.zeros(9, np.uint8)},
        {"header": header('"evaluated": 3', '"evaluated": 4')},
        {"header": header('"evaluated": 3', '"evaluated": 1')},
        {"header": header('"evaluated": 3', '"evaluated": true')},
        {"header": header('"seconds": 1.5', '"seconds": NaN')},
        {"header": header('"seconds": 1.5', '"seconds": -1.5')},
        {"header": header('"history_length": 3', '"history_length": 9')},
        {"header": header("+00:00", "")},
        {"header": header("2026-05", "yesterday")},
        {"header": header('"untrained"', "null")},
        {"header": header('"seconds"', '"minutes"')},
    ],
)
def test_a_complete_file_with_invalid_content_is_refused(changes):
    with pytest.raises(DamagedResult):
        unpack(archive(**changes))


def test_an_unchanged_archive_is_read():
    assert_same(unpack(archive()), result_of())


@pytest.mark.parametrize("level", ["robot", "session"])
def test_a_link_in_place_of_a_folder_is_neither_read_nor_written_through(tmp_path, level):
    elsewhere = tmp_path / "elsewhere"
    EvaluationStore(elsewhere).put(result_of())
    folder = session_folder(tmp_path / "evaluations", KEY.session_id)
    link = folder.parent if level == "robot" else folder
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere / link.relative_to(tmp_path / "evaluations"))
    before = contents_of(elsewhere)
    store = EvaluationStore(tmp_path / "evaluations")
    assert store.find(KEY) is None
    assert "its folder is a link to elsewhere" in store.put(result_of(minute=1, version="4-0badcafe"))
    assert contents_of(elsewhere) == before
