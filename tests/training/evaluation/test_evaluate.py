import numpy as np
import pytest
import torch

from models import AdaptiveWorldModelConfig, NotFinite, SharedWorldModel, run_prediction, run_reconstruction
from session import FrameUnreadable, HistoryLengthError, NoHistory, load_session
from session.batch import build_batch, frame_tensor, scaled_candidates
from tests.cases import every_case
from tests.models.reference import randomize
from tests.session.session_files import RIGHT, STAY, events_of, write_session
from tests.training.tiny import AUTOENCODER, PREDICTOR, evaluate_all, shared_model
from training.evaluation.evaluate import FrameErrorsBuilder, _Pass, evaluate_frames, last_targets
from training.evaluation.frame_errors import FrameErrors

# Repeated observations, two successive actions, a missing step, and histories of all lengths from none to four.
LETTERS = "oaoaooaoaoaaoaoaoaooaoa.oaoaoao"


def open_letters(folder, letters):
    """A recording whose actions alternate."""
    events, actions = events_of(letters), 0
    for event in events:
        if event["type"] == "action":
            event["data"] = (STAY, RIGHT)[actions % 2]
            actions += 1
    return load_session(write_session(folder / "jetbot" / "session_1", events))


@pytest.fixture
def odd(tmp_path):
    return open_letters(tmp_path, LETTERS)


@pytest.fixture
def shared():
    shared = SharedWorldModel(AdaptiveWorldModelConfig(3, AUTOENCODER, PREDICTOR), torch.device("cpu"))
    randomize(shared.model, torch.Generator().manual_seed(4))
    return shared


def one_by_one(shared, recording, length):
    """The errors that Run Autoencoder and Run Predictor show for each frame."""
    reconstruction, prediction, context = [], [], []
    for index in range(recording.frame_count):
        try:
            reconstruction.append(run_reconstruction(shared, frame_tensor(recording, index)).mse)
        except FrameUnreadable:
            reconstruction.append(np.nan)
        try:
            history = recording.history(index, length)
            batch = build_batch(recording, history)
            result = run_prediction(
                shared, batch.frames, batch.actions, batch.target, scaled_candidates(recording)[:0], None
            )
            prediction.append(result.mse)
            context.append(len(history.frames))
        except (NoHistory, FrameUnreadable):
            prediction.append(np.nan)
            context.append(0)
    return FrameErrors(np.array(reconstruction), np.array(prediction), np.array(context), len(context))


def assert_same(errors, expected):
    np.testing.assert_allclose(errors.reconstruction, expected.reconstruction, rtol=1e-5)
    np.testing.assert_allclose(errors.prediction, expected.prediction, rtol=1e-5)
    assert errors.context.tolist() == list(expected.context)


@every_case(("length", "batch_size"), [(2, 1), (3, 4), (4, 32), (8, 5)])
def test_every_error_equals_the_one_that_the_page_shows(shared, odd, length, batch_size):
    expected = one_by_one(shared, odd, length)
    assert len(set(expected.context.tolist())) >= min(length, 4) and np.isnan(expected.prediction).sum() >= 2
    errors = evaluate_all(shared.model, odd, length, batch_size)
    assert_same(errors, expected)
    assert errors.reconstruction.dtype == errors.prediction.dtype == np.float32 and errors.context.dtype == np.int8
    assert errors.is_complete and errors.unreadable == 0


def test_a_frame_deleted_during_the_run_is_skipped_also_as_context(shared, odd):
    (odd.folder / odd.frame_names[6]).unlink()
    (odd.folder / odd.frame_names[9]).write_bytes(b"\xff\xd8\xff no picture \xff\xd9")
    expected = one_by_one(shared, odd, 3)
    used = [i for i in range(odd.frame_count) if odd.previous[i] in (6, 9)]
    assert used and np.isnan(expected.prediction[used]).all()
    errors = evaluate_all(shared.model, odd, 3, batch_size=4)
    assert_same(errors, expected)
    assert np.flatnonzero(np.isnan(errors.reconstruction)).tolist() == [6, 9] and errors.unreadable == 2


def test_a_recording_without_readable_frames_is_all_nan(shared, odd):
    for name in odd.frame_names:
        (odd.folder / name).unlink()
    errors = evaluate_all(shared.model, odd, 3)
    assert np.isnan(errors.reconstruction).all() and np.isnan(errors.prediction).all() and not errors.context.any()


def test_a_recording_without_frames_has_no_errors(shared, tmp_path):
    assert evaluate_all(shared.model, open_letters(tmp_path, "aa"), 3).frame_count == 0


def test_a_recording_without_actions_has_reconstructions_only(shared, tmp_path):
    errors = evaluate_all(shared.model, open_letters(tmp_path, "ooo"), 3)
    assert np.isnan(errors.prediction).all() and not np.isnan(errors.reconstruction).any()


@every_case("start", [1, 5, 8, 14])
def test_a_pass_can_continue_an_interrupted_one(shared, odd, start):
    whole = evaluate_all(shared.model, odd, 4)
    before = FrameErrorsBuilder(odd.frame_count)
    for batch in evaluate_frames(shared.model, odd, 4, batch_size=1):
        if before.evaluated == start:
            break
        before.add(batch)
    after = FrameErrorsBuilder(odd.frame_count, before.build())
    for batch in evaluate_frames(shared.model, odd, 4, start=start, batch_size=3):
        after.add(batch)
    assert before.evaluated == start and np.isnan(before.build().reconstruction[start:]).all()
    assert_same(after.build(), whole)


def test_every_frame_is_read_and_encoded_once(shared, odd, monkeypatch):
    reads, encoded = [], []
    picture, encode = type(odd).picture, shared.model.encode
    monkeypatch.setattr(type(odd), "picture", lambda self, index: reads.append(index) or picture(self, index))
    monkeypatch.setattr(shared.model, "encode", lambda images: encoded.append(len(images)) or encode(images))
    evaluate_all(shared.model, odd, 8, batch_size=4)
    assert sorted(reads) == list(range(odd.frame_count)) and sum(encoded) == odd.frame_count


def test_memory_does_not_grow_with_the_length_of_the_recording(shared, tmp_path):
    """After each batch only latents that later frames need remain: at most the last frames of one history."""
    long = open_letters(tmp_path, "oa" * 40)
    frames, held = _Pass(shared.model, long, 3), []
    for first in range(0, 40, 4):
        frames.evaluate(first, [frame_tensor(long, index) for index in range(first, first + 4)])
        held.append(sorted(frames._encoded))
    # After frames 0 to 3, frame 4 needs 1, 2 and 3; after the last frame nothing is needed.
    assert held[0] == [1, 2, 3] and held[5] == [21, 22, 23] and held[-1] == []


def test_the_last_target_of_a_frame_is_the_last_that_has_it_as_context():
    # Frames 0 → 1 → 2 → 3; 4 begins anew, and 5 and 6 are one moment after it.
    previous = np.array([-1, 0, 1, 2, -1, 4, 4])
    # With two context frames 0 serves 1 and 2, 1 serves 2 and 3, 2 serves 3, and 4 serves 5 and 6.
    assert last_targets(previous, 2).tolist() == [2, 3, 3, -1, 6, -1, -1]
    assert last_targets(previous, 3).tolist() == [3, 3, 3, -1, 6, -1, -1]


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_weights_with_outputs_that_are_not_finite_are_refused_by_name(shared, odd, network):
    with torch.no_grad():
        next(shared.network(network).parameters()).fill_(float("nan"))
    with pytest.raises(NotFinite) as refused:
        evaluate_all(shared.model, odd, 3)
    assert refused.value.network == network


def test_a_history_length_out_of_range_is_refused(odd, shared):
    with pytest.raises(HistoryLengthError):
        evaluate_all(shared.model, odd, 9)


def test_a_model_in_training_mode_is_evaluated_without_dropout(recording):
    model = shared_model().model
    expected = evaluate_all(model, recording, 3)
    model.train()
    assert np.array_equal(evaluate_all(model, recording, 3).prediction, expected.prediction, equal_nan=True)


def test_built_errors_never_change(recording):
    builder = FrameErrorsBuilder(12)
    batches = evaluate_frames(shared_model().model, recording, 3, batch_size=4)
    builder.add(next(batches))
    errors = builder.build()
    builder.add(next(batches))
    batches.close()
    assert errors.evaluated == 4 and np.isnan(errors.reconstruction[4:]).all() and builder.evaluated == 8
    with pytest.raises(ValueError, match="read-only"):
        errors.reconstruction[0] = 1
