import numpy as np
import pytest
import torch

from models import AdaptiveWorldModelConfig, NotFinite, SharedWorldModel, run_prediction
from models.inference import to_uint8
from session import HistoryLengthError, load_session
from session.batch import build_batch, frame_tensor, scaled_candidates
from tests.cases import every_case
from tests.models.reference import randomize
from tests.session.session_files import events_of, write_session
from tests.training.tiny import AUTOENCODER, PREDICTOR, are_equal, tensors_of
from training.evaluation.predicted_frames import MAX_FRAMES, predicted_frames
from training.values import InvalidValue


@pytest.fixture(scope="module")
def shared():
    shared = SharedWorldModel(AdaptiveWorldModelConfig(3, AUTOENCODER, PREDICTOR), torch.device("cpu"))
    randomize(shared.model, torch.Generator().manual_seed(6))
    return shared


def open_letters(folder, letters):
    return load_session(write_session(folder / "jetbot" / "session_1", events_of(letters)))


@pytest.fixture
def recording(tmp_path):
    """Eight frames; no action leads to the first or, because of a missing step, to the sixth."""
    return open_letters(tmp_path, "oaoaoaoao.oaoao")


def test_every_frame_equals_the_result_of_run_predictor(shared, recording):
    candidates = scaled_candidates(recording)
    for one in predicted_frames(shared, recording, 1, 4, 3):
        history = recording.history(one.frame, 3)
        batch = build_batch(recording, history)
        recorded = recording.candidate_index(history.actions[-1])
        expected = run_prediction(shared, batch.frames, batch.actions, batch.target, candidates, recorded)
        assert one.mse == pytest.approx(expected.mse, rel=1e-5)
        assert np.array_equal(one.actual, expected.actual) and one.actual.dtype == np.uint8
        # Alone or with other actions in one batch: rounding may differ.
        assert np.abs(one.predicted.astype(int) - expected.predicted).max() <= 1
        assert one.predicted.shape == one.actual.shape == (224, 224, 3)


def test_frames_come_in_order_with_both_ends(shared, recording):
    assert [one.frame for one in predicted_frames(shared, recording, 2, 4, 2)] == [2, 3, 4]
    assert [one.frame for one in predicted_frames(shared, recording, 7, 7, 2)] == [7]
    assert len(list(predicted_frames(shared, recording, 0, 7, 2))) == 8


def test_a_frame_without_history_is_shown_without_a_prediction(shared, recording):
    frames = list(predicted_frames(shared, recording, 0, 7, 3))
    assert [one.frame for one in frames if one.predicted is None] == [0, 5]
    assert all((one.mse is None) == (one.predicted is None) for one in frames)
    assert np.array_equal(frames[5].actual, to_uint8(frame_tensor(recording, 5)[0]))


def test_unreadable_frames_and_those_that_need_them_are_skipped(shared, recording):
    """Frame 2 is unreadable: with a history of two, frames 3 and 4 have it as context."""
    (recording.folder / "frames/frame_000004.jpg").write_bytes(b"no picture")
    assert [one.frame for one in predicted_frames(shared, recording, 0, 7, 2)] == [0, 1, 5, 6, 7]


def test_a_recording_of_one_frame_can_be_shown(shared, tmp_path):
    (only,) = predicted_frames(shared, open_letters(tmp_path, "o"), 0, 0, 3)
    assert only.frame == 0 and only.predicted is None


def test_predicting_changes_nothing(shared, recording):
    before, version = tensors_of(shared.model), shared.version
    list(predicted_frames(shared, recording, 0, 7, 3))
    assert are_equal(before, tensors_of(shared.model)) and shared.version == version
    assert not any(part.training for part in shared.model.modules())


@every_case("value", [None, "", "3", True, 2.5, float("nan"), float("inf"), -1, 8, 10**30, [1]])
@every_case("is_first", [True, False])
def test_an_invalid_end_is_refused_before_anything_is_computed(shared, recording, value, is_first):
    ends = (value, 7) if is_first else (0, value)
    name = "first" if is_first else "last"
    with pytest.raises(InvalidValue, match=rf"^The {name} frame of the clip must be a whole number from 0 to 7[,;]"):
        predicted_frames(shared, recording, *ends, 3)


def test_a_range_that_runs_backwards_is_refused(shared, recording):
    with pytest.raises(InvalidValue, match=r"A clip shows 1 to 300 frames; this range has 0\."):
        predicted_frames(shared, recording, 5, 4, 3)


def test_more_frames_than_a_clip_has_are_refused(shared, tmp_path):
    recording = open_letters(tmp_path, "o" * (MAX_FRAMES + 1))
    with pytest.raises(InvalidValue, match=r"A clip shows 1 to 300 frames; this range has 301\."):
        predicted_frames(shared, recording, 0, MAX_FRAMES, 3)
    assert next(predicted_frames(shared, recording, 1, MAX_FRAMES, 3)).frame == 1  # 300 are the maximum


def test_a_recording_without_frames_is_refused(shared, tmp_path):
    with pytest.raises(InvalidValue, match="no frames; choose another session"):
        predicted_frames(shared, open_letters(tmp_path, "aa"), 0, 0, 3)


@pytest.mark.parametrize("length", [0, 1, 9])
def test_a_history_length_out_of_range_is_refused(shared, recording, length):
    with pytest.raises(HistoryLengthError):
        list(predicted_frames(shared, recording, 0, 3, length))


def test_weights_with_outputs_that_are_not_finite_are_refused(recording):
    broken = SharedWorldModel(AdaptiveWorldModelConfig(3, AUTOENCODER, PREDICTOR), torch.device("cpu"))
    with torch.no_grad():
        broken.model.predictor.output_head.weight.fill_(float("nan"))
    with pytest.raises(NotFinite, match="predictor"):
        list(predicted_frames(broken, recording, 1, 3, 3))
