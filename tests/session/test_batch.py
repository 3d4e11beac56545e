import subprocess
import sys

import numpy as np
import pytest
import torch

from session import FrameUnreadable, load_session
from session.batch import build_batch, frame_tensor, scaled_actions, scaled_candidates
from tests.session.session_files import RIGHT, STAY, action, observation, write_session


@pytest.fixture
def session(tmp_path):
    events = [observation(0), action(1, STAY), observation(2), action(3, RIGHT), observation(4)]
    return load_session(write_session(tmp_path / "jetbot" / "session_1", events))


def test_a_batch_has_the_promised_shapes_and_ranges(session):
    batch = build_batch(session, session.history(2, 4))
    assert batch.frames.shape == (1, 2, 3, 224, 224) and batch.target.shape == (1, 3, 224, 224)
    assert batch.actions.shape == (1, 2, 3)
    for tensor in (batch.frames, batch.actions, batch.target):
        assert tensor.dtype == torch.float32 and tensor.is_contiguous()
    assert batch.frames.min() >= 0 and batch.frames.max() <= 1


def test_a_batch_holds_the_frames_and_actions_of_the_history_in_order(session):
    batch = build_batch(session, session.history(2, 4))
    for place, index in enumerate((0, 1)):
        assert torch.equal(batch.frames[:, place], frame_tensor(session, index))
    assert torch.equal(batch.target, frame_tensor(session, 2))
    assert batch.actions[0].tolist() == [[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]]


def test_actions_by_index_are_scaled_and_there_may_be_none(session):
    assert scaled_actions(session, [1, 0]).tolist() == [[0.0, 1.0, 0.0], [0.0, -1.0, 0.0]]
    assert scaled_actions(session, np.array([1])).tolist() == [[0.0, 1.0, 0.0]]
    assert scaled_actions(session, ()).shape == (0, 3)


def test_candidates_are_scaled_like_recorded_actions(session):
    assert scaled_candidates(session).tolist() == [[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]]


def test_a_frame_whose_file_was_deleted_is_reported(session):
    history = session.history(2, 2)
    (session.folder / session.frame_names[0]).unlink()
    with pytest.raises(FrameUnreadable, match="Frame 0 cannot be read"):
        build_batch(session, history)


def test_importing_the_package_imports_neither_torch_nor_matplotlib():
    code = "import sys, session; sys.exit(bool({'torch', 'matplotlib', 'gradio'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
