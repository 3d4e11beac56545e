import re
from dataclasses import dataclass, field

import numpy as np
import pytest

from page.tabs.networks import prediction_view
from session import ActionSweep, load_session
from tests.cases import every_case
from tests.session.session_files import action, meta_of, observation, write_session

LEVELS = (0.25, 0.0, -0.5)  # the differences of three candidates


@dataclass
class Weights:
    is_trained: bool = True

    def describe(self):
        return "predictor_0.pth, step 9"


@dataclass
class Candidate:
    picture: np.ndarray
    mse: float


@dataclass
class Result:
    differences: np.ndarray
    recorded: int | None
    actual: np.ndarray = field(default_factory=lambda: grey(100))
    predicted: np.ndarray = field(default_factory=lambda: grey(90))
    error: np.ndarray = field(default_factory=lambda: np.zeros((4, 4), np.float32))
    mse: float = 0.5
    best: int = 0
    weights: dict = field(default_factory=lambda: {"predictor": Weights()})
    growth: float = 1.0  # of the error from one candidate to the next, relative to that of the first

    @property
    def candidates(self):
        return [Candidate(grey(shade), 0.1 * (1 + self.growth * shade)) for shade in range(len(self.differences))]

    @property
    def difference_top(self):
        return float(np.abs(self.differences).max(initial=0.0))


def grey(shade):
    return np.full((4, 4, 3), shade, dtype=np.uint8)


@pytest.fixture
def recording(tmp_path):
    """Three actions to choose from, 0, 1 and 2."""
    events = [observation(0), action(1, {"turn": 1}), observation(2)]
    meta = meta_of(robot_type="Turner", action_space=[{"turn": turn} for turn in range(3)])
    return load_session(write_session(tmp_path / "session_1", events, meta))


def result_of(levels, recorded, growth=1.0):
    differences = np.array(levels, dtype=np.float32).reshape(-1, 1, 1).repeat(4, axis=1).repeat(4, axis=2)
    return Result(differences, recorded, growth=growth)


def view_of(recording, result, judgement=""):
    """The whole HTML; a fourth action is one that was recorded and is none of the three."""
    turns = [0.0, 1.0, 2.0, 1.0][: len(result.differences)]
    sweep = ActionSweep(np.array(turns, np.float32)[:, None], result.recorded, (None,) * len(turns))
    return prediction_view(recording, recording.history(1, 2), sweep, result, judgement)


def maps_view(recording, levels, recorded):
    """The HTML below the sweep."""
    return view_of(recording, result_of(levels, recorded)).split('id="sweep-pictures"')[1]


@every_case(
    ("growth", "levels", "marks"),
    [
        (1.0, LEVELS, ["recorded", "lowest error"]),
        (0.0051, LEVELS, ["recorded", "tied for lowest error", "tied for lowest error"]),  # 0.51 and 1.02 % above
        (0.0049, LEVELS, ["recorded"]),
        (1.0, (0.0019, 0.0, -0.0019), ["recorded"]),  # half a grey level is 0.00196
    ],
)
def test_an_error_is_the_lowest_only_if_the_differences_mean_something(recording, growth, levels, marks):
    """The last candidate is the recorded one, so that a mark on each of two places shows."""
    html = view_of(recording, result_of(levels, 2, growth), "<p>beside</p>")
    assert sorted(re.findall(r'class="badge">(.*?)<', html), key=lambda mark: mark != "recorded") == marks
    assert ("no action predicts better than another here" in html) == (len(marks) == 1)
    assert "<p>beside</p>" in html.split('id="prediction-pictures"')[0]


def test_every_other_action_has_a_map_with_its_largest_difference(recording):
    html = maps_view(recording, LEVELS, recorded=1).split('id="difference-maps"')[1]
    captions = re.findall(r"<b>(.*?)</b><span>(.*?)</span>", html)
    assert captions == [("turn 0", "At most 0.250"), ("turn 2", "At most 0.500")]


def test_a_recorded_action_outside_the_action_space_is_swept_as_well(recording):
    html = maps_view(recording, (*LEVELS, 0.0), recorded=3)
    assert re.findall(r"<b>(turn.*?)</b>", html.split('id="difference-maps"')[0])[-1] == "turn 1"  # as it was recorded
    assert re.findall(r"<b>(.*?)</b>", html.split('id="difference-maps"')[1]) == ["turn 0", "turn 1", "turn 2"]


def test_the_scale_of_differences_is_the_same_on_both_sides_of_zero(recording):
    bar = maps_view(recording, LEVELS, recorded=1).split('class="colour-bar"')[1]
    assert "<span>−0.500</span>" in bar and "<span>+0.500</span>" in bar


def test_predictions_that_are_all_the_same_are_shown_instead_of_drawn(recording):
    html = maps_view(recording, (0.0, 0.0, 0.0), recorded=1)
    assert "All predictions are the same: the model ignores the action here." in html
    assert "colour-bar" not in html and "At most" not in html


@pytest.mark.parametrize(("top", "is_shown"), [(0.003, True), (0.004, False)])
def test_differences_too_small_to_see_in_the_pictures_are_shown(recording, top, is_shown):
    """One level of a picture is 1/255 = 0.0039."""
    assert ("below 1/256" in maps_view(recording, (top, 0.0, -top), recorded=1)) is is_shown


def test_without_another_action_nothing_is_compared(recording):
    html = view_of(recording, result_of((0.0,), 0))
    assert "difference-maps" not in html and "Effect of each action" not in html


def test_untrained_networks_are_not_praised_for_sharp_predictions(recording):
    result = result_of(LEVELS, 0)
    assert "sharper than a reconstruction" in view_of(recording, result)
    result.weights = {"predictor": Weights(is_trained=False)}
    assert "sharper than a reconstruction" not in view_of(recording, result)
