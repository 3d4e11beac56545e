import math

import pytest

from tests.cases import every_case
from training import FrameSelection, InvalidValue, TrainingConfig
from training.options import ADVANCED, ONE_FRAME, RANGE, STANDARD, WHOLE, read_config, read_selection, whole

FIELDS = {"train_on": ONE_FRAME, "first": 2, "last": 7, "batch_size": 4, "held_out": 0.25, "history_length": 3}
NOT_GIVEN = dict.fromkeys(ADVANCED)


def read(frame=5, frame_count=20, **changes):
    return read_selection(FIELDS | changes, frame, frame_count)


def test_one_frame_is_the_selected_one():
    assert read(held_out=None, batch_size=None) == FrameSelection(5, 5, 1, 3, 0.0)


def test_a_range_and_the_whole_recording():
    assert read(train_on=RANGE) == FrameSelection(2, 7, 4, 3, 0.25)
    assert read(train_on=WHOLE, first=None, last=None) == FrameSelection(0, 19, 4, 3, 0.25)


def test_whole_numbers_may_come_as_floats():
    subject = read(train_on=RANGE, first=2.0, last=7.0, batch_size=4.0, history_length=3.0)
    assert subject == FrameSelection(2, 7, 4, 3, 0.25)
    assert [type(value) for value in vars(subject).values()] == [int, int, int, int, float]
    assert read_config(NOT_GIVEN | {"warmup_steps": 10.0}).warmup_steps == 10


BAD = [None, math.nan, math.inf, -1, 20, 2.5, "2", "", True, [], {}]


@every_case("value", BAD)
@every_case("name", ["first", "last"])
def test_ends_of_a_range_that_are_no_frames_are_refused_by_name(name, value):
    with pytest.raises(InvalidValue, match=f"The {name} frame must be a whole number from 0 to 19"):
        read(train_on=RANGE, **{name: value})


@every_case("value", [None, 0, -1, 65, 1.5, math.nan, math.inf, "4", True, []])
def test_a_batch_size_that_is_none_is_refused(value):
    with pytest.raises(InvalidValue, match="batch size"):
        read(train_on=RANGE, batch_size=value)


def test_an_empty_range_is_refused():
    with pytest.raises(InvalidValue, match="range of frames is empty"):
        read(train_on=RANGE, first=8)


def test_what_was_not_given_is_standard():
    assert read_config(NOT_GIVEN) == TrainingConfig()
    assert read_config(NOT_GIVEN | {"predictor_lr": 3e-4}) == TrainingConfig(predictor_lr=3e-4)
    assert STANDARD.keys() == ADVANCED.keys()


@every_case("value", [math.nan, math.inf, -1, "0.1", "", True, []])
@every_case("name", list(ADVANCED))
def test_advanced_values_that_cannot_be_are_refused(name, value):
    with pytest.raises(InvalidValue):
        read_config(NOT_GIVEN | {name: value})


@every_case("value", [None, "3", math.nan, math.inf, -math.inf, 2.5, True, [1]])
def test_what_is_no_whole_number_stays_as_it_is(value):
    assert whole(value) is value
