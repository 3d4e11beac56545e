import os

import numpy as np
import pytest

from session import JETBOT, TOROIDAL_DOT, RecordingError, list_sessions, load_session, record_demo
from tests.cases import every_case
from tests.session.session_files import meta_of, write_session


@pytest.mark.parametrize("robot, profile", [("toroidal_dot", TOROIDAL_DOT), ("jetbot_sim", JETBOT)])
def test_a_demo_is_a_complete_recording_with_both_actions(tmp_path, robot, profile):
    session = load_session(tmp_path / record_demo(tmp_path, robot, 60, seed=0))
    assert session.profile == profile and session.skipped == () and session.is_finished
    assert (session.frame_count, session.action_count) == (60, 59)
    assert len(np.unique(session.actions, axis=0)) == 2
    assert (session.previous == np.arange(-1, 59)).all()
    assert session.picture(0).size == (224, 224)


@pytest.mark.parametrize("frames", [1, 3, 2000])
def test_a_demo_has_the_requested_number_of_frames(tmp_path, frames):
    session = load_session(tmp_path / record_demo(tmp_path, "toroidal_dot", frames, seed=0))
    assert session.frame_count == frames and session.skipped == ()


def test_time_passes_in_the_recording_as_it_would_for_the_robot(tmp_path):
    session = load_session(tmp_path / record_demo(tmp_path, "jetbot_sim", 11, seed=0))
    assert session.duration_s == pytest.approx(10 * 0.3, abs=1e-3)
    assert (np.diff(session.times) > 0).all()


def test_the_seed_decides_all_pictures_and_actions(tmp_path):
    first, same, other = (
        load_session(tmp_path / record_demo(tmp_path, "toroidal_dot", 20, seed)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.actions, same.actions) and first.frame_bytes(9) == same.frame_bytes(9)
    assert first.frame_bytes(9) != other.frame_bytes(9)


def test_a_demo_deletes_no_recording(tmp_path):
    folder = write_session(tmp_path / "toroidal_dot" / "session_20200101_000000", [], meta=meta_of(max_disk_gb=0.001))
    with (folder / "frames" / "frame_000000.jpg").open("wb") as file:
        file.truncate(20 << 30)
    os.utime(folder, (0, 0))
    record_demo(tmp_path, "toroidal_dot", 3, seed=0)
    assert folder.exists() and len(list_sessions(tmp_path)) == 2


@every_case("robot, frames, seed", [("spot", 3, 0), ("toroidal_dot", 0, 0), ("toroidal_dot", 10**9, 0),
                                                 ("toroidal_dot", 2.5, 0), ("toroidal_dot", 3, -1)])  # fmt: skip
def test_impossible_parameters_are_refused_and_leave_nothing(tmp_path, robot, frames, seed):
    with pytest.raises(RecordingError):
        record_demo(tmp_path, robot, frames, seed)
    assert list_sessions(tmp_path) == []
