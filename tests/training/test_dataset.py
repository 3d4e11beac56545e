import math

import numpy as np
import pytest
import torch

from session import (
    FlaggedFrames,
    FrameOutOfRange,
    HistoryLengthError,
    NoHistory,
    RecordedSession,
    load_session,
    record_demo,
)
from tests.cases import every_case
from tests.training.tiny import are_equal
from training import FrameDataset, FrameSelection, InvalidValue
from training.dataset import DecodedPictures, JoinedDataset
from training.jobs.recipe_estimate import first_frames


def made(recording, subject, needs_history=True):
    return FrameDataset(recording, subject, needs_history)


def drawn(frames, seed=0):
    return frames.draw(torch.Generator().manual_seed(seed))


def test_a_single_frame_may_have_a_shorter_history(recording):
    frames = made(recording, FrameSelection(1, 1, history_length=3))
    batch = drawn(frames)
    assert frames.targets == (1,) and batch.frames.shape == (1, 1, 3, 224, 224) and batch.actions.shape == (1, 1, 1)


def test_a_single_frame_without_history_is_refused_with_advice(recording):
    with pytest.raises(NoHistory, match="choose frame 1 instead"):
        made(recording, FrameSelection(0, 0))


def test_a_range_leaves_out_targets_without_the_whole_history(recording):
    assert made(recording, FrameSelection(0, 11, history_length=3)).targets == tuple(range(3, 12))
    assert made(recording, FrameSelection(0, 11, history_length=8)).targets == (8, 9, 10, 11)


def test_the_autoencoder_needs_no_history(recording):
    frames = made(recording, FrameSelection(0, 11, batch_size=4), needs_history=False)
    batch = drawn(frames)
    assert frames.targets == tuple(range(12))
    assert batch.target.shape == (4, 3, 224, 224) and batch.frames.shape == (4, 0, 3, 224, 224)


def test_a_picture_is_decoded_once_and_gives_the_same_batches(recording, monkeypatch):
    decoded, picture = [], RecordedSession.picture
    monkeypatch.setattr(RecordedSession, "picture", lambda self, index: decoded.append(index) or picture(self, index))
    frames = made(recording, FrameSelection(0, 11, batch_size=3))
    batches = [drawn(frames, seed) for seed in range(20)]
    assert sorted(decoded) == list(range(12)) and len(frames.evaluation_batches()) == 9 and len(decoded) == 12
    for seed in (3, 19):
        fresh = drawn(made(recording, FrameSelection(0, 11, batch_size=3)), seed)
        assert are_equal(vars(fresh), vars(batches[seed]))


def test_few_decoded_pictures_are_held_those_used_last(recording, monkeypatch):
    decoded, picture = [], RecordedSession.picture
    monkeypatch.setattr(RecordedSession, "picture", lambda self, index: decoded.append(index) or picture(self, index))
    pictures = DecodedPictures(most=2)
    for index in (0, 1, 0, 2, 0, 1):
        assert np.array_equal(pictures.get(recording, index), picture(recording, index))
    assert decoded == [0, 1, 2, 1]


def test_the_tail_is_held_out(recording):
    frames = made(recording, FrameSelection(0, 11, history_length=3, held_out=0.4))
    assert (frames.targets, frames.held_out) == ((3, 4, 5, 6, 7, 8), (9, 10, 11))
    seen = set()
    for seed in range(200):
        seen.add(torch.randint(len(frames.targets), (1,), generator=torch.Generator().manual_seed(seed)).item())
    assert len(seen) == 6


def test_at_least_one_target_is_left_to_learn_from(recording):
    for last in range(3, 12):
        assert made(recording, FrameSelection(3, last, held_out=0.9)).targets


def test_a_range_without_a_usable_target_is_refused(recording):
    with pytest.raises(InvalidValue, match="No frame from 0 to 2 has 3 context frames"):
        made(recording, FrameSelection(0, 2, history_length=3))


def test_a_frame_that_is_not_there_is_refused(recording):
    with pytest.raises(FrameOutOfRange):
        made(recording, FrameSelection(12, 12))


@every_case("length", [None, 1, 9, 2.5, "3", math.nan])
def test_a_bad_history_length_is_refused(recording, length):
    for subject in (FrameSelection(5, 5, history_length=length), FrameSelection(0, 11, history_length=length)):
        with pytest.raises(HistoryLengthError):
            made(recording, subject)


@every_case(
    ("changes", "words"),
    [
        ({"first": 5, "last": 4}, "range of frames is empty: it goes from 5 to 4"),
        ({"batch_size": 0}, "batch size"),
        ({"batch_size": 65}, "batch size"),
        ({"batch_size": 1.5}, "batch size"),
        ({"batch_size": None}, "batch size must be a whole number from 1 to 64, not empty"),
        ({"held_out": 1.0}, "held-out share"),
        ({"held_out": -0.1}, "held-out share"),
        ({"held_out": math.nan}, "held-out share"),
        ({"held_out": None}, "held-out share"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_by_name(changes, words):
    with pytest.raises(InvalidValue, match=words):
        FrameSelection(**({"first": 0, "last": 9} | changes))


def test_a_batch_holds_each_target_with_its_own_history(recording):
    frames = made(recording, FrameSelection(0, 11, batch_size=5, history_length=3))
    batch = frames.batch((4, 9))
    assert batch.frames.shape == (2, 3, 3, 224, 224) and batch.actions.shape == (2, 3, 1)
    for place, target in enumerate((4, 9)):
        alone = made(recording, FrameSelection(target, target)).batch((target,))
        for part in ("frames", "actions", "target"):
            assert torch.equal(getattr(batch, part)[place], getattr(alone, part)[0])


def test_draws_come_from_the_generator_alone(recording):
    frames = made(recording, FrameSelection(0, 11, batch_size=3))
    first, other, again = (vars(drawn(frames, seed)) for seed in (1, 2, 1))
    assert are_equal(first, again) and not are_equal(first, other)


def test_evaluated_targets_are_few_spread_out_and_always_the_same(recording):
    frames = made(recording, FrameSelection(0, 11))
    assert [batch.target.shape[0] for batch in frames._spread((3, 4, 5))] == [1, 1, 1]
    many = frames._spread(tuple(range(3, 12)) * 5)
    assert len(many) == 16
    assert torch.equal(many[0].target, frames.batch((3,)).target)


def test_a_set_says_what_it_is(recording):
    assert made(recording, FrameSelection(5, 5)).describe() == f"frame 5 of {recording.name}"
    assert made(recording, FrameSelection(3, 9)).describe() == f"frames 3 to 9 of {recording.name}"


def test_several_recordings_are_drawn_from_and_each_keeps_its_end_apart(recording, tmp_path):
    other = load_session(tmp_path / record_demo(tmp_path, "toroidal_dot", 9, seed=2))
    frames = JoinedDataset([recording, other], FrameSelection(0, 0, batch_size=3, held_out=0.2), needs_history=True)
    assert frames.describe() == "2 Toroidal Dot recordings" and frames.shown_frame == 3
    assert drawn(frames).frames.shape == (3, 3, 3, 224, 224)
    assert len(frames.evaluation_batches()) == 8 + 5 and len(frames.held_out_batches()) == 1 + 1
    with pytest.raises(InvalidValue, match="long enough"):
        JoinedDataset([first_frames(other, 3)], FrameSelection(0, 0), needs_history=True)


def flags(count, *frames):
    return np.isin(np.arange(count), frames)


def test_flagged_frames_are_left_out_as_targets_and_in_histories(recording):
    selection = FrameSelection(0, 11, history_length=3, held_out=0.4)
    frames = FrameDataset(recording, selection, True, flags(12, 4, 11))
    assert (frames.targets, frames.held_out) == ((3, 8), (9, 10))  # the others are held out as without flags
    assert frames.describe() == f"frames 0 to 11 of {recording.name}, 5 left out as flagged"
    alone = FrameDataset(recording, selection, False, flags(12, 4))
    assert alone.targets == (0, 1, 2, 3, 5, 6, 7) and alone.left_out == 1


@every_case(
    ("selection", "flagged", "sentence"),
    [
        (FrameSelection(5, 5), [4], "Frame 5 is flagged, or a frame of the history is"),
        (FrameSelection(4, 6), [3, 6], "All frames from 4 to 6 are flagged"),
        (FrameSelection(0, 11, held_out=0.2), [10], "All frames that are held out for validation are flagged"),
    ],
)
def test_where_all_is_flagged_a_sentence_says_what_to_do(recording, selection, flagged, sentence):
    with pytest.raises(InvalidValue, match=sentence):
        FrameDataset(recording, selection, True, flags(12, *flagged))


def test_of_several_recordings_one_may_be_flagged_to_its_end(recording, tmp_path):
    other = load_session(tmp_path / record_demo(tmp_path, "toroidal_dot", 9, seed=2))
    selection, is_flagged = FrameSelection(0, 0, held_out=0.2), flags(9, *range(6, 9))
    masks = FlaggedFrames(masks=(flags(12), is_flagged))
    frames = JoinedDataset([recording, other], selection, True, masks)
    assert frames.describe() == "2 Toroidal Dot recordings, without 3 flagged frames"
    assert [len(part.targets) for part in frames._parts] == [8, 3] and len(frames.held_out_batches()) == 1
    with pytest.raises(InvalidValue, match="long enough without a flagged frame"):
        JoinedDataset([other], selection, True, FlaggedFrames(masks=(flags(9, *range(9)),)))
