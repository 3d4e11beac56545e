import dataclasses
from dataclasses import dataclass, field

import numpy as np
import pytest

from models import WeightsSource
from page.tabs import imagine_view
from page.tabs.imagine import COMMANDS, ImaginePad, PadInput, parse_command, parse_mode
from page.tabs.imagine_view import CHANGED, action_names, imagine_answer, imagine_refusal, rollout_view
from session import SimulatorEntry, load_session
from session.ground_truth import TrueFrame
from session.robots.toroidal_dot import DotPosition
from tests.cases import every_case
from tests.session.session_files import STAY, action, events_of, meta_of, observation, write_session
from training import InvalidValue

HARM = "<img src=x onerror=canary()>"


def grey(shade=100, size=224):
    return np.full((size, size, 3), shade, np.uint8)


@dataclass
class Step:
    number: int = 1
    action: np.ndarray = field(default_factory=lambda: np.array([0, 0.12, 0.1], np.float32))
    version: int = 0
    mse: float | None = 0.01
    distance_px: float | None = None
    repeat_mse: float | None = 0.02
    repeat_px: float | None = None
    is_lost: bool = False
    known: int = 1
    near: int = 0
    mse_sum: float = 0.01
    thumb: np.ndarray = field(default_factory=lambda: grey(90, 56))
    true_thumb: np.ndarray | None = field(default_factory=lambda: grey(80, 56))


@dataclass
class Imagined:
    steps: list
    start: int = 4
    problem: str = "It names no simulator."
    truth: TrueFrame | None = None
    picture: np.ndarray = field(default_factory=grey)

    @property
    def is_simulated(self):
        return not self.problem

    @property
    def actions(self):
        return tuple(step.action for step in self.steps)


@pytest.fixture
def jetbot(tmp_path):
    return load_session(write_session(tmp_path / "jetbot" / "session_1", events_of("oaoaoao")))


def answer(recording, imagination, pad_input=PadInput(1, 7), is_trained=True, mean_mses=None):
    weights = {"predictor": WeightsSource("predictor_0.pth", 5) if is_trained else WeightsSource()}
    return imagine_answer(recording, "jetbot/session_1", imagination, pad_input, weights, mean_mses)


def test_before_the_first_step_the_truth_is_the_recorded_frame_itself(jetbot):
    reply = answer(jetbot, Imagined([]))
    assert reply["truth"] == reply["imagined"] and reply["truth"].startswith("data:image/png;base64,")
    assert (reply["answered"], reply["steps"], reply["can_undo"], reply["strip"]) == (7, 0, False, [])
    assert reply["summary"] == "Starts at frame 4. Press an action: the model imagines the next frame."


def test_of_a_simulator_the_steps_near_the_truth_are_counted(jetbot):
    steps = [Step(i, distance_px=0.4 * i, repeat_px=22.4 * i, known=i, near=min(i, 5)) for i in range(1, 11)]
    truth = TrueFrame(grey(50), None, DotPosition(1.0, 2.0))
    reply = answer(jetbot, Imagined(steps, problem="", truth=truth), mean_mses=[0.03])
    assert reply["summary"] == "10 steps from frame 4: 5 of 10 within 2 px of the simulator."
    assert reply["truth_text"] == (
        "Simulated · heading error 4.0 px, MSE 0.0100; repeating the start frame: heading error 224.0 px, "
        "MSE 0.0200; mean image: MSE 0.0300"
    )
    assert [step["number"] for step in reply["strip"]] == list(range(3, 11)) and reply["strip"][0]["error"] == "1.2 px"
    assert reply["truth"] != reply["imagined"]


def test_a_lost_heading_is_shown(jetbot):
    truth = TrueFrame(grey(50), None, DotPosition(1.0, 2.0))
    reply = answer(jetbot, Imagined([Step(is_lost=True)], problem="", truth=truth))
    assert (
        reply["strip"][0]["error"] == "heading not recognisable"
        and "heading not recognisable, MSE 0.01" in reply["truth_text"]
    )


def test_a_simulator_that_cannot_follow_is_told_and_a_missing_one_is_nothing_special(jetbot):
    assert answer(jetbot, Imagined([Step()]))["notice"] == ""
    named = dataclasses.replace(jetbot, simulator=SimulatorEntry("jetbot_sim", 1))
    notice = answer(named, Imagined([Step()], problem="It shows another picture."))["notice"]
    assert notice == "What other actions lead to is not known. It shows another picture."


def test_recorded_truth_is_named_by_its_frame_and_what_is_unknown_is_said(jetbot):
    reply = answer(jetbot, Imagined([Step()], truth=TrueFrame(grey(50), 5, None)))
    assert reply["truth_text"] == "Recorded frame 5 · MSE 0.0100; repeating the start frame: MSE 0.0200"
    assert reply["summary"] == "1 step from frame 4: mean MSE 0.0100 over 1 step with ground truth."
    unknown = Step(2, mse=None, known=1, true_thumb=None)
    reply = answer(jetbot, Imagined([Step(), unknown]))
    assert reply["truth"] is None and "No ground truth" in reply["truth_text"]
    assert reply["strip"][1]["truth"] is None and reply["strip"][1]["error"] == "unknown"
    assert "no ground truth" in answer(jetbot, Imagined([Step(known=0, mse=None)]))["summary"]


def test_untrained_and_changing_weights_are_shown(jetbot):
    assert answer(jetbot, Imagined([Step()]))["notice"] == ""
    assert answer(jetbot, Imagined([Step()]), is_trained=False)["notice"].startswith("Untrained")
    assert answer(jetbot, Imagined([Step(version=3), Step(2, version=4)]))["notice"] == CHANGED


def test_actions_have_their_usual_names_and_the_values_beside(jetbot):
    assert action_names(jetbot) == [
        {"name": "stay", "label": "motor_right 0"},
        {"name": "turn left", "label": "motor_right 0.12"},
    ]


@every_case("number", [None, "7", 1.5, [1]])
def test_only_a_count_of_the_browser_is_answered_to(jetbot, number):
    assert answer(jetbot, Imagined([]), PadInput("begin", number))["answered"] is None


def test_a_refusal_has_the_form_of_an_answer():
    assert imagine_refusal(InvalidValue("No such action.")) == {"answered": None, "problem": "No such action."}
    assert imagine_refusal(InvalidValue("\ud800."))["problem"] == "?."


@every_case(
    ("sent", "what"), [(0, 0), (1.0, 1), ("1", 1), (None, "begin"), ("", "begin"), *((one, one) for one in COMMANDS)]
)
def test_a_press_is_an_action_or_a_command(jetbot, sent, what):
    assert parse_command(ImaginePad().preprocess(sent), jetbot) == what
    assert parse_command(ImaginePad().preprocess({"press": sent, "number": 3}), jetbot) == what
    assert parse_command(None, jetbot) == "begin"


@every_case("values", [[0.1, 0.2, 0.3], {"duration": 0.3, "motor_left": 0.1, "motor_right": 0.2}])
def test_a_press_may_hold_the_values_of_an_own_action(jetbot, values):
    own = parse_command(ImaginePad().preprocess({"press": values, "number": 3}), jetbot)
    assert own.tolist() == pytest.approx([0.1, 0.2, 0.3])


@every_case("sent", [2, -1, 0.5, float("nan"), True, "move", "-1", "٣", "9" * 30])
def test_anything_else_is_refused(jetbot, sent):
    with pytest.raises(InvalidValue, match="The action must be a whole number from 0 to 1"):
        parse_command(ImaginePad().preprocess(sent), jetbot)


@every_case(
    "own", [[0.1], [0, 1, 2, 3], [0, 1, float("nan")], [0, 1, True], [0, 1, "1"], {}, {"motor_left": 1}, [1e39] * 3]
)
def test_an_own_action_needs_a_number_for_each_channel(jetbot, own):
    with pytest.raises(InvalidValue, match="a number for each channel: motor_left, motor_right, duration"):
        parse_command(PadInput(own), jetbot)


def test_ways_to_go_on():
    assert (parse_mode(None), parse_mode("pictures")) == ("latents", "pictures")
    for other in ("", "Latents", 1, ["latents"], {}):
        with pytest.raises(InvalidValue, match="one of: latents, pictures"):
            parse_mode(other)


@dataclass
class Rolled:
    number: int
    version: int = 0
    repeat_px: float | None = None
    near_px: float | None = None
    frame: int = 1
    action: int = 0
    repeat_mse: float = 0.5
    actual: np.ndarray = field(default_factory=grey)

    @property
    def imagined(self):
        return {"latents": grey(), "pictures": grey()}

    @property
    def mse(self):
        return {"latents": 0.1 * self.number, "pictures": 0.2}

    @property
    def distance_px(self):
        return {"latents": self.near_px, "pictures": None}


def rolled_view(recording, steps, requested=3):
    charts = []

    def draw(curves, threshold, is_log, what, unit=""):
        charts.append((curves, is_log, what, unit))
        return f"<svg>{what}</svg>"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imagine_view, "loss_chart", draw)
        mean_mses = [0.5] * len(steps)
        return rollout_view(recording, 4, steps, requested, 3, "pictures", {}, mean_mses), charts


def test_a_rollout_draws_both_ways_and_the_baseline(jetbot):
    view, charts = rolled_view(jetbot, [Rolled(number) for number in (1, 2, 3)])
    ((curves, is_log, what, _),) = charts
    assert what == "MSE" and is_log and list(curves)[-2:] == ["repeating the start frame", "mean image"]
    assert curves["mean image"] == [(1, 0.5), (2, 0.5), (3, 0.5)] and "mean image: 0.500" in view
    assert curves["latents"] == [(1, 0.1), (2, 0.2), (3, pytest.approx(0.3))]
    assert 'data-frame="4"' in view and view.count(">0.200</td>") == 2 and "Within" not in view
    assert "notice" not in view and 'download="rollout_session_1_4.csv"' in view and 'id="rollout-clip"' in view


def test_distances_are_drawn_if_they_are_known(jetbot):
    view, charts = rolled_view(jetbot, [Rolled(1, repeat_px=27.0, near_px=1.0), Rolled(2, repeat_px=54.0)])
    assert [what for _, _, what, _ in charts] == ["MSE", "Distance"]
    assert charts[1][0]["latents"] == [(1, 1.0)] and "Within 2 px" in view and ">1 of 2<" in view and ">0 of 2<" in view
    assert "No point: the imagined frame shows no" in view  # the second step, which would look as good as the first


def test_a_short_rollout_and_changed_weights_are_shown(jetbot):
    view, _ = rolled_view(jetbot, [Rolled(1), Rolled(2, version=1)], requested=30)
    assert "Only 2 steps of 30" in view and CHANGED in view


def test_names_of_channels_stay_text(tmp_path):
    events = [observation(0), action(1, {HARM: 1.0, **STAY}), observation(2), action(3, {HARM: 0.0, **STAY})]
    meta = meta_of(robot_type="Arm", action_space=[{HARM: 0.0, **STAY}, {HARM: 1.0, **STAY}])
    recording = load_session(write_session(tmp_path / "arm" / "session_1", events, meta))
    assert HARM in action_names(recording)[0]["label"]  # the pad writes it as text
    assert HARM not in rolled_view(recording, [Rolled(1)])[0]
